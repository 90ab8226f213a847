"""Changes of the tiers as events: the same fold for all, and late decisions find their place."""

import pytest
from msgspec import structs

from tracetier.heads.prior import PriorStats
from tracetier.route.change import TierChange, change_event, without_tier
from tracetier.route.columns import plain_columns
from tracetier.route.event import Changed, Decided, Event, Reported, decode_event, encode_event
from tracetier.route.learner import Learner, start_document
from tracetier.route.model import Base, Model
from tracetier.route.state.document import decode_document, encode_document
from tracetier.tiers import TierSet


def _model(prior: PriorStats, tiers: TierSet) -> Model:
    class Never:
        def predict(self, task: object) -> object:
            raise AssertionError("a fold needs no model")

    base = Base(
        predictor=Never(),  # type: ignore[arg-type]
        prior=prior,
        tiers=tiers,
        cost_ref=0.02,
        artifact_id="a",
    )
    return Model(base)


def _learner(prior: PriorStats, tiers: TierSet) -> Learner:
    return Learner(
        start_document(
            "residual",
            prior,
            params=None,
            artifact_id="a",
            tiers=tiers.names,
            cost_ref_usd=0.02,
            lam=0.3,
        )
    )


def _without(model: Model, name: str) -> Changed:
    changed = without_tier(model.columns, name)
    new = Model(model.base, changed.columns, layout=model.layout + 1)
    return _event(new, model, changed)


def _event(new: Model, old: Model, changed: TierChange) -> Changed:
    return change_event(
        new, old, changed, strategy="residual", lam=0.3, is_same_model=True, renamed={}
    )


def _decided(name: str, tier: int, layout: int = 0, n_tiers: int = 3) -> Decided:
    row = [0.5 + 0.1 * a for a in range(n_tiers)]
    return Decided(name, 0, tier, row, row, 0.3, 0.5, 1.0, layout=layout, usd=0.01, dear_usd=0.02)


def test_all_who_fold_the_same_events_have_the_same_state(
    prior: PriorStats, tiers: TierSet
) -> None:
    """Also one that had decisions under way, and one that began from the document in between."""
    change = _without(_model(prior, tiers), "low")
    events: list[Event] = [
        _decided("a", 2),
        Reported("a", 8.0, 0.01, 2.0),
        _decided("b", 1),
        change,
        _decided("late", 2),
        Reported("late", 6.0, None, 3.0),
        Reported("b", 7.0, 0.01, 3.0),
        _decided("new", 1, layout=1, n_tiers=2),
    ]
    one, two = _learner(prior, tiers), _learner(prior, tiers)
    two.expect(_decided("late", 2))
    for event in events[:4]:
        one.fold(event)
        two.fold(event)
    three = Learner(decode_document(encode_document(one.document()), where="here"))
    for event in events[4:]:
        for learner in (one, two, three):
            learner.fold(decode_event(encode_event(event), where="here"))

    documents = [encode_document(each.document()) for each in (one, two, three)]
    assert documents[0] == documents[1] == documents[2]
    cells = {cell.tier: cell for cell in one.snapshot().cells if cell.bucket == "edit"}
    assert list(cells) == ["mid", "high"]
    assert [cells[name].n_reports for name in ("mid", "high")] == [1, 2]
    assert [cells[name].n_decisions for name in ("mid", "high")] == [1, 3]
    assert one.snapshot().counts.decisions == 4


def test_a_late_decision_of_a_tier_that_left_is_known_and_teaches_nothing(
    prior: PriorStats, tiers: TierSet
) -> None:
    """Under way here, or made elsewhere."""
    learner = _learner(prior, tiers)
    learner.expect(_decided("mine", 0))
    learner.fold(_without(_model(prior, tiers), "low"))
    for name in ("mine", "theirs"):
        learner.fold(_decided(name, 0))
        receipt = learner.fold(Reported(name, 5.0, 0.01, 2.0))
        assert receipt is not None
        assert not receipt

    assert learner.snapshot().counts.expired == 2
    assert all(cell.n_decisions == 0 for cell in learner.snapshot().cells)


def test_a_change_that_was_made_for_another_layout_does_nothing(
    prior: PriorStats, tiers: TierSet
) -> None:
    """The second of two at once."""
    learner, model = _learner(prior, tiers), _model(prior, tiers)
    learner.fold(_without(model, "low"))
    before = encode_document(structs.replace(learner.document(), position=0))
    learner.fold(_without(model, "mid"))

    assert encode_document(structs.replace(learner.document(), position=0)) == before
    assert learner.layout == 1


@pytest.mark.parametrize("n_changes", [16, 17])
def test_a_decision_older_than_the_moves_that_are_kept_is_given_up(
    prior: PriorStats, tiers: TierSet, n_changes: int
) -> None:
    """Sixteen moves are kept."""
    learner, model = _learner(prior, tiers), _model(prior, tiers)
    columns = plain_columns(tiers)
    for _ in range(n_changes):
        new = Model(model.base, columns, layout=model.layout + 1)
        learner.fold(_event(new, model, TierChange(columns, [0, 1, 2], [1.0] * 3)))
        model = new
    learner.fold(_decided("old", 1))
    receipt = learner.fold(Reported("old", 5.0, 0.01, 2.0))

    assert bool(receipt) is (n_changes == 16)
