"""Decisions stay open until their report, come what may."""

from random import Random

import numpy as np
import pytest
from msgspec import structs

from tracetier.errors import ArtifactError, FeedbackError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.learner import Learner, start_document
from tracetier.route.outcome import Outcome

PREDICTION = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)


def _learner(prior: PriorStats, *, max_pending: int = 100, name: str = "residual") -> Learner:
    document = start_document(
        name,
        prior,
        params=None,
        artifact_id="artifact-1",
        tiers=("low", "mid", "high"),
        cost_ref_usd=0.02,
        lam=0.3,
    )
    return Learner(document, max_pending=max_pending)


def _decide(learner: Learner, decision_id: str, *, allowed: tuple[int, ...] = (0, 1, 2)) -> int:
    choice = learner.decide(
        decision_id, PREDICTION, lam=0.3, allowed=allowed, time_s=0.0, rng=Random(0)
    )
    return choice.tier


def test_a_decision_is_pending_until_its_report(prior: PriorStats) -> None:
    """It counts in its own cell, and so does the report."""
    learner = _learner(prior)
    _decide(learner, "d1", allowed=(1,))

    before = learner.snapshot().cells[1]
    assert learner.apply(Outcome("d1", 9.0, 0.004))
    after = learner.snapshot().cells[1]

    assert (before.bucket, before.tier) == ("edit", "mid")
    assert (before.n_decisions, before.n_reports, before.n_pending) == (1, 0, 1)
    assert (after.n_decisions, after.n_reports, after.n_pending) == (1, 1, 0)
    assert after.q > before.q == pytest.approx(before.prior_q)


def test_a_second_report_changes_nothing(prior: PriorStats) -> None:
    """Whatever it says; only a counter tells of it."""
    learner = _learner(prior)
    _decide(learner, "d1")
    learner.apply(Outcome("d1", 9.0, 0.004))
    before = learner.snapshot()

    assert not learner.apply(Outcome("d1", 0.0, 1.0))

    after = learner.snapshot()
    assert after.cells == before.cells
    assert (before.counts.duplicates, after.counts.duplicates) == (0, 1)
    assert after.counts.feedback == 1


def test_the_oldest_decision_expires_and_its_report_is_refused(prior: PriorStats) -> None:
    """It is counted, its cell no longer waits, and the message says how many expired."""
    learner = _learner(prior, max_pending=2)
    for number in range(3):
        _decide(learner, f"d{number}", allowed=(0,))

    with pytest.raises(FeedbackError, match=r"'d0' is known.*2 are open, 1 expired"):
        learner.apply(Outcome("d0", 9.0, None))

    snapshot = learner.snapshot()
    assert snapshot.counts.expired == 1
    assert snapshot.n_pending == snapshot.cells[0].n_pending == 2
    assert snapshot.cells[0].n_decisions == 3


def test_late_reports_in_another_order_give_nearly_the_same_q(prior: PriorStats) -> None:
    """100 decisions, reported at once or all at the end and backwards: Q differs by discounting.

    The tiers are dictated, so that both learn from the same outcomes.
    """
    world = Random(3)
    outcomes = [Outcome(f"d{i}", 10 * world.random(), 0.02 * world.random()) for i in range(100)]
    prompt, late = _learner(prior), _learner(prior)

    for i, outcome in enumerate(outcomes):
        _decide(prompt, outcome.decision_id, allowed=(i % 3,))
        prompt.apply(outcome)
        _decide(late, outcome.decision_id, allowed=(i % 3,))
    for outcome in reversed(outcomes):
        late.apply(outcome)

    for one, other in zip(prompt.snapshot().cells, late.snapshot().cells, strict=True):
        assert other.q == pytest.approx(one.q, abs=1.0)
        assert other[4:] == one[4:]


def test_reports_that_never_come_are_missing_not_zero(prior: PriorStats) -> None:
    """200 decisions without a report leave Q where the prior has it."""
    learner = _learner(prior)

    for number in range(200):
        _decide(learner, f"d{number}")

    for cell in learner.snapshot().cells:
        assert cell.q == pytest.approx(cell.prior_q)


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
        _learner(structs.replace(prior, **{field: value}))
