"""Decisions stay open until their report, come what may: a fold over events."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tracetier.errors import ArtifactError, FeedbackError, StateError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.event import (
    Configured,
    Decided,
    Event,
    Reported,
    Reset,
    TraceReported,
    decode_event,
    encode_event,
)
from tracetier.route.learner import Learner, start_document
from tracetier.route.outcome import Receipt
from tracetier.route.state.document import StateDocument, decode_document, encode_document

QUALITY, COST = [0.6, 0.7, 0.9], [0.05, 0.2, 1.0]
PREDICTION = Prediction(QUALITY, [0.001, 0.004, 0.02], COST, 0)


def _document(
    prior: PriorStats,
    name: str = "residual",
    *,
    max_pending: int | None = None,
    pending_ttl_s: float | None = None,
) -> StateDocument:
    return start_document(
        name,
        prior,
        params=None,
        artifact_id="artifact-1",
        tiers=("low", "mid", "high"),
        cost_ref_usd=0.02,
        lam=0.3,
        max_pending=max_pending,
        pending_ttl_s=pending_ttl_s,
    )


def _decided(
    name: str, tier: int = 1, time_s: float = 0.0, trace_id: str | None = None, bucket: int = 0
) -> Decided:
    return Decided(name, bucket, tier, QUALITY, COST, 0.3, 0.9, time_s, None, trace_id)


def _reported(
    name: str, quality: float | None = 9.0, cost: float | None = None, time_s: float = 0.0
) -> Reported:
    return Reported(name, quality, cost, time_s)


def test_a_decision_is_pending_until_its_report(prior: PriorStats) -> None:
    """It counts in its own cell, and so does the report."""
    learner = Learner(_document(prior))
    learner.fold(_decided("d1"))

    before = learner.snapshot().cells[1]
    assert learner.fold(_reported("d1", 1.0, 0.004)) == Receipt(new=("quality", "cost_usd"))
    after = learner.snapshot().cells[1]

    assert (before.bucket, before.tier) == ("edit", "mid")
    assert (before.n_decisions, before.n_reports, before.n_pending) == (1, 0, 1)
    assert (after.n_decisions, after.n_reports, after.n_pending) == (1, 1, 0)
    assert after.q < before.q == pytest.approx(before.prior_q)


def test_a_second_report_changes_nothing(prior: PriorStats) -> None:
    """Whatever it says; only a counter tells of it."""
    learner = Learner(_document(prior))
    learner.fold(_decided("d1"))
    learner.fold(_reported("d1", 9.0, 0.004))
    before = learner.snapshot()

    assert learner.fold(_reported("d1", 0.0, 1.0)) == Receipt()

    after = learner.snapshot()
    assert after.cells == before.cells
    assert (before.counts.duplicates, after.counts.duplicates) == (0, 1)
    assert after.counts.feedback == 1


@pytest.mark.parametrize("order", ["cost first", "quality first"])
def test_a_report_in_two_parts_teaches_what_it_teaches_whole(prior: PriorStats, order: str) -> None:
    """Quality and cost are tracked apart; each is learned from once, however often it comes."""
    whole, parts = Learner(_document(prior)), Learner(_document(prior))
    for learner in (whole, parts):
        learner.fold(_decided("d1"))
    both = [_reported("d1", None, 0.004), _reported("d1", 9.0, None)]
    whole.fold(_reported("d1", 9.0, 0.004))

    for part in both if order == "cost first" else reversed(both):
        receipt = parts.fold(part)
        assert receipt is not None
        assert len(receipt.new) == 1
        assert parts.fold(part) == Receipt()

    assert parts.snapshot().cells == whole.snapshot().cells
    assert parts.snapshot().counts.duplicates == 2


def test_a_second_part_teaches_only_what_is_new(prior: PriorStats) -> None:
    """The quality of the first report stands."""
    learner = Learner(_document(prior))
    learner.fold(_decided("d1"))
    learner.fold(_reported("d1", 9.0))
    reference = Learner(_document(prior))
    reference.fold(_decided("d1"))
    reference.fold(_reported("d1", 9.0, 0.004))

    assert learner.fold(_reported("d1", 0.0, 0.004)) == Receipt(new=("cost_usd",))
    assert learner.snapshot().cells == reference.snapshot().cells


def test_the_published_rule_joins_a_cost_that_came_before_the_quality(prior: PriorStats) -> None:
    """Its reward is quality - lambda cost: .1 (9 - .3 * 1) = .87; of a prediction .894."""
    learner = Learner(_document(prior, "seed"))
    learner.fold(_decided("d1"))
    learner.fold(_reported("d1", None, 0.02))
    learner.fold(_reported("d1", 9.0))

    assert learner.snapshot().cells[1].q == pytest.approx(0.87)


def test_a_decision_waits_until_its_quality_comes(prior: PriorStats) -> None:
    """Its cost alone does not end the wait: a burst must not look safe because it was billed."""
    learner = Learner(_document(prior))
    learner.fold(_decided("d1"))

    learner.fold(_reported("d1", None, 0.004))
    assert learner.snapshot().cells[1].n_pending == learner.snapshot().n_pending == 1
    learner.fold(_reported("d1", 9.0))
    assert learner.snapshot().cells[1].n_pending == learner.snapshot().n_pending == 0


def test_the_oldest_decision_expires_and_its_report_is_refused(prior: PriorStats) -> None:
    """It is counted, its cell no longer waits, and the message says how many expired."""
    learner = Learner(_document(prior, max_pending=2))
    for number in range(3):
        learner.fold(_decided(f"d{number}", 0))

    assert learner.fold(_reported("d0")) is None
    with pytest.raises(FeedbackError, match=r"'d0' is known.*2 are open, 1 expired"):
        learner.check_known("d0")

    snapshot = learner.snapshot()
    assert snapshot.counts.expired == 1
    assert snapshot.n_pending == snapshot.cells[0].n_pending == 2
    assert snapshot.cells[0].n_decisions == 3


def test_decisions_expire_by_the_times_of_the_events(prior: PriorStats) -> None:
    """No clock is looked at; a decision that was partly reported is not counted as unreported."""
    learner = Learner(_document(prior, pending_ttl_s=100))
    learner.fold(_decided("old", time_s=0.0))
    learner.fold(_decided("billed", time_s=10.0))
    learner.fold(_reported("billed", None, 0.004, time_s=20.0))

    learner.fold(_decided("new", time_s=100.0))
    assert learner.snapshot().n_pending == 3
    assert learner.fold(_reported("old", time_s=100.5)) is None
    learner.fold(_decided("newer", time_s=150.0))

    assert learner.snapshot().counts.expired == 1
    assert learner.snapshot().n_pending == 2
    assert learner.fold(_reported("new", time_s=150.0)) == Receipt(new=("quality",))


def test_one_clock_that_runs_ahead_does_not_make_later_decisions_expire(prior: PriorStats) -> None:
    """What it gave up is gone, but those that come after it wait as they should."""
    learner = Learner(_document(prior, pending_ttl_s=100))
    learner.fold(_decided("a", time_s=0.0))
    learner.fold(_decided("from the future", time_s=1e9))
    learner.fold(_decided("b", time_s=1.0))

    assert learner.fold(_reported("b", time_s=2.0)) == Receipt(new=("quality",))


DAY_S = 86_400.0


def test_a_process_that_started_in_another_year_has_nothing_given_up(prior: PriorStats) -> None:
    """Whatever it decides and reports, for however long, while another tells the true time."""
    learner = Learner(_document(prior))
    learner.fold(_decided("old", time_s=DAY_S))
    learner.fold(_decided("billed", time_s=DAY_S))
    learner.fold(_reported("billed", 9.0, None, time_s=DAY_S))
    for hour in range(1, 9):
        ahead_s = 400 * DAY_S + 3_600.0 * hour
        learner.fold(_decided(f"ahead {hour}", time_s=ahead_s))
        learner.fold(_reported(f"ahead {hour}", 9.0, 0.004, time_s=ahead_s + 1.0))
        learner.fold(_decided(f"right {hour}", time_s=DAY_S + 3_600.0 * hour))

    assert learner.snapshot().counts.expired == 0
    assert learner.fold(_reported("old", time_s=400 * DAY_S)) == Receipt(new=("quality",))
    billed = learner.fold(_reported("billed", None, 0.004, time_s=2 * DAY_S))
    assert billed == Receipt(new=("cost_usd",))


def test_a_state_nobody_used_for_a_year_gives_up_an_hour_later(prior: PriorStats) -> None:
    """Also where it was loaded anew meanwhile, to the bit, and where events are days apart."""
    for step_s in (1_800.0, 3 * DAY_S):
        learner = Learner(_document(prior))
        learner.fold(_decided("old", time_s=DAY_S))
        learner.fold(_decided("new 1", time_s=400 * DAY_S))
        again = Learner(decode_document(encode_document(learner.document()), where="here"))
        for each in (learner, again):
            assert each.is_known("old")
            each.fold(_decided("new 2", time_s=400 * DAY_S + step_s))
            each.fold(_decided("new 3", time_s=400 * DAY_S + 2 * step_s))
            assert not each.is_known("old")
            assert each.snapshot().counts.expired == 1
        assert encode_document(again.document()) == encode_document(learner.document())


def test_a_clock_that_is_set_back_is_followed_at_once(prior: PriorStats) -> None:
    """The first process of a state was a year ahead; those after it expire by their own times."""
    learner = Learner(_document(prior))
    learner.fold(_decided("ahead", time_s=400 * DAY_S))
    learner.fold(_decided("old", time_s=DAY_S))
    learner.fold(_reported("ahead", time_s=401 * DAY_S))
    for day in range(2, 33):
        learner.fold(_decided(f"day {day}", time_s=day * DAY_S - 1.0))

    assert not learner.is_known("old")
    assert learner.is_known("day 2")


def test_a_cost_that_comes_too_late_is_refused(prior: PriorStats) -> None:
    """It is not learned from, so it must not be taken for one that was."""
    learner = Learner(_document(prior, pending_ttl_s=100))
    learner.fold(_decided("d", time_s=1.0))
    learner.fold(_reported("d", 9.0, None, time_s=2.0))

    assert learner.fold(_reported("d", None, 0.004, time_s=102.0)) is None


def test_a_traces_outcome_is_credited_to_its_decisions(prior: PriorStats) -> None:
    """The same as a report of each; never to other traces, and not twice."""
    learner, one_by_one = Learner(_document(prior)), Learner(_document(prior))
    events = [_decided("a", 0, trace_id="t"), _decided("b", 2, trace_id="t"), _decided("c", 1)]
    for event in events:
        learner.fold(event)
        one_by_one.fold(event)

    receipt = learner.fold(TraceReported("t", 3.0, False, 0.0))
    assert receipt == Receipt(new=("quality",), credited=("a", "b"))
    for name in "ab":
        one_by_one.fold(_reported(name, 3.0))

    assert learner.snapshot().cells == one_by_one.snapshot().cells
    assert learner.fold(TraceReported("t", 9.0, False, 0.0)) == Receipt()
    assert learner.fold(TraceReported("other", 9.0, False, 0.0)) == Receipt()


@pytest.mark.parametrize(("only_unreported", "credited"), [(False, ("b", "c")), (True, ("c",))])
def test_a_decision_with_a_report_of_its_own_keeps_it(
    prior: PriorStats, only_unreported: bool, credited: tuple[str, ...]
) -> None:
    """A quality of its own always; one that was only billed is credited where the rule is equal."""
    learner = Learner(_document(prior))
    for name in "abc":
        learner.fold(_decided(name, trace_id="t"))
    learner.fold(_reported("a", 9.0))
    learner.fold(_reported("b", None, 0.001))

    receipt = learner.fold(TraceReported("t", 3.0, only_unreported, 0.0))

    assert receipt is not None
    assert receipt.credited == credited


def test_settings_change_in_the_order_of_the_log(prior: PriorStats) -> None:
    """So that every process learns each report under the same ones."""
    learner = Learner(_document(prior))
    for number in range(5):
        learner.fold(_decided(f"d{number}"))

    learner.fold(Configured(lam=2.0, max_pending=2, pending_ttl_s=50.0))

    document = learner.document()
    assert (document.lam, document.max_pending, document.pending_ttl_s) == (2.0, 2, 50.0)
    assert list(document.pending) == ["d3", "d4"]
    assert learner.snapshot().counts.expired == 3


def test_the_settings_of_a_strategy_change_what_follows(prior: PriorStats) -> None:
    """The published rule at alpha 1 takes over the last reward."""
    learner = Learner(_document(prior, "seed"))
    learner.fold(Configured(params={"epsilon": 0.1, "alpha": 1.0, "is_warm": False}))
    learner.fold(_decided("d1"))
    learner.fold(_reported("d1", 8.0, 0.0))

    assert learner.snapshot().cells[1].q == 8.0


def test_decisions_on_their_way_count_at_once_and_once(prior: PriorStats) -> None:
    """For choosing; the document holds what came through the log."""
    learner = Learner(_document(prior))
    one, other = _decided("d1"), _decided("d2")
    learner.expect(one)
    learner.expect(other)

    assert learner.snapshot().cells[1].n_decisions == learner.snapshot().counts.decisions == 2
    assert learner.snapshot().cells[1].n_pending == learner.snapshot().n_pending == 2
    assert learner.document().decisions[0][1] == 0
    learner.fold(one)
    learner.fold(one)
    learner.forget("d2")

    assert learner.snapshot().cells[1].n_decisions == learner.snapshot().counts.decisions == 1
    assert learner.snapshot().cells[1].n_pending == learner.snapshot().n_pending == 1
    assert learner.document().decisions[0][1] == 1


def test_an_impossible_decision_in_the_log_is_refused(prior: PriorStats) -> None:
    """It would be learned into another cell, or none."""
    learner = Learner(_document(prior))

    with pytest.raises(StateError, match=r"'d1' in the log .* bucket 7 .* 2 buckets and 3 tiers"):
        learner.fold(_decided("d1", bucket=7))


def test_late_reports_in_another_order_give_nearly_the_same_q(prior: PriorStats) -> None:
    """100 decisions, reported at once or all at the end and backwards: Q differs by discounting.

    The tiers are dictated, so that both learn from the same outcomes.
    """
    world = Random(3)
    reports = [_reported(f"d{i}", 10 * world.random(), 0.02 * world.random()) for i in range(100)]
    prompt, late = Learner(_document(prior)), Learner(_document(prior))

    for i, report in enumerate(reports):
        prompt.fold(_decided(report.decision_id, i % 3))
        prompt.fold(report)
        late.fold(_decided(report.decision_id, i % 3))
    for report in reversed(reports):
        late.fold(report)

    for one, other in zip(prompt.snapshot().cells, late.snapshot().cells, strict=True):
        assert other.q == pytest.approx(one.q, abs=1.0)
        assert other[4:] == one[4:]


def test_reports_that_never_come_are_missing_not_zero(prior: PriorStats) -> None:
    """200 decisions without a report leave Q where the prior has it."""
    learner = Learner(_document(prior))

    for number in range(200):
        learner.fold(_decided(f"d{number}", number % 3))

    for cell in learner.snapshot().cells:
        assert cell.q == pytest.approx(cell.prior_q)


names = st.sampled_from("abcdefgh")
times = st.floats(0, 300)
events = st.one_of(
    st.builds(
        _decided, names, st.integers(0, 2), times, st.sampled_from([None, "t"]), st.integers(0, 1)
    ),
    st.builds(_reported, names, st.none() | st.floats(0, 10), st.none() | st.floats(0, 0.1), times),
    st.builds(TraceReported, st.just("t"), st.floats(0, 10), st.booleans(), times),
    st.builds(Reset, st.none() | st.integers(0, 1), st.none() | st.integers(0, 2)),
    st.builds(Configured, st.none() | st.floats(0, 5), st.none() | st.floats(10, 100)),
)


@given(st.sampled_from(["residual", "seed", "greedy"]), st.lists(events, max_size=60), st.data())
def test_folding_goes_on_from_a_document_to_the_bit(
    name: str, log: list[Event], data: st.DataObject
) -> None:
    """Cut anywhere, written out and read back: the same state, and the same answers.

    Whatever the events are: decided twice, reported before, after or never.
    """
    prior = _some_prior()
    whole = Learner(_document(prior, name, max_pending=4))
    answers = [whole.fold(decode_event(encode_event(event), where="here")) for event in log]

    cut = data.draw(st.integers(0, len(log)))
    first = Learner(_document(prior, name, max_pending=4))
    found = [first.fold(event) for event in log[:cut]]
    second = Learner(decode_document(encode_document(first.document()), where="here"))
    found += [second.fold(event) for event in log[cut:]]

    assert found == answers
    assert encode_document(second.document()) == encode_document(whole.document())
    snapshot = whole.snapshot()
    assert snapshot.n_pending == sum(cell.n_pending for cell in snapshot.cells)
    assert min(cell.n_pending for cell in snapshot.cells) >= 0


def _some_prior() -> PriorStats:
    row = np.array([QUALITY, [0.5, 0.55, 0.6]])
    return PriorStats(
        buckets=("edit", "other"),
        n=np.array([60.0, 40.0]),
        quality_mean=row,
        cost_mean=np.array([COST, COST]),
        quality_var=np.full(3, 0.09),
        cost_var=np.full(3, 0.01),
        quality_tau2=np.full(3, 0.009),
        cost_tau2=np.full(3, 0.001),
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quality_mean", np.zeros((3, 2))),
        ("cost_var", np.array([0.1, np.nan, 0.1])),
        ("n", np.zeros(5)),
    ],
)
def test_a_prior_of_another_shape_is_refused(
    prior: PriorStats, field: str, value: np.ndarray
) -> None:
    """By name, before anything is built on it."""
    with pytest.raises(ArtifactError, match=rf"prior\.{field} is .*expected finite numbers of sh"):
        _document(structs.replace(prior, **{field: value}))


def test_what_was_settled_long_ago_is_told_in_the_error(prior: PriorStats) -> None:
    """Its id is forgotten, so it cannot be told from one that never was: the message says so."""
    learner = Learner(_document(prior))

    with pytest.raises(FeedbackError, match="settled before them was learned from, and needs no"):
        learner.check_known("never")
