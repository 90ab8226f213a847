"""Regret on four decisions that can be added up by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.evaluate import regret
from tracetier.evaluate.regret import checkpoints, sign_test, stream_figures, yardsticks
from tracetier.evaluate.stream import Played, Stream
from tracetier.heads.prior import Prediction, PriorStats

PRIOR = PriorStats(
    buckets=("a", "b"),
    n=np.ones(2),
    quality_mean=np.zeros((2, 2)),
    cost_mean=np.zeros((2, 2)),
    quality_var=np.ones(2),
    cost_var=np.ones(2),
    quality_tau2=np.ones(2),
    cost_tau2=np.ones(2),
)
# Rewards at lambda 1: bucket a has (10, 9) and (0, 9), bucket b (5, 9) and (5, -1).
STREAM = Stream(
    predictions=[Prediction([0.5, 0.5], [1.0, 1.0], [0.0, 1.0], b) for b in (0, 0, 1, 1)],
    quality=np.array([[1.0, 1.0], [0.0, 1.0], [0.5, 1.0], [0.5, 0.0]]),
    cost=np.tile([0.0, 1.0], (4, 1)),
    lam=np.ones(4),
    prior=PRIOR,
)


def test_the_yardsticks_are_the_best_reward_and_the_best_tier_of_the_bucket() -> None:
    """Means: a (5, 9) takes the second tier; b (5, 4) the first."""
    found = yardsticks(STREAM)

    assert found.oracle.tolist() == [10.0, 9.0, 9.0, 5.0]
    assert found.bucket.tolist() == [9.0, 9.0, 5.0, 5.0]


def test_regret_adds_up_over_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks 3, 0, 2, 1 with tiers 1, 0, 1, 0: rewards -1, 10, 9, 0."""
    monkeypatch.setattr(regret, "CHECKPOINTS", (1, 3))
    played = Played(np.array([3, 0, 2, 1]), np.array([1, 0, 1, 0]), n_explored=0)
    cost_usd = np.tile([0.1, 0.5], (4, 1))
    found = stream_figures(played, STREAM, cost_usd, yardsticks(STREAM))

    # Against the oracle 6, 0, 0, 9; against the bucket's tier 6, -1, -4, 9.
    assert found.regret_oracle.tolist() == [6.0, 6.0, 15.0]
    assert found.regret_bucket.tolist() == [6.0, 1.0, 10.0]
    assert found.reward == pytest.approx([-1.0, 6.0, 4.5])
    assert found.quality == pytest.approx([0.0, 2 / 3, 0.5])
    assert found.cost_usd == pytest.approx([0.5, 1.1 / 3, 0.3])


@pytest.mark.parametrize(
    ("n_tasks", "expected"),
    [(10, (10,)), (200, (50, 200)), (601, (50, 200, 600, 601)), (3609, (50, 200, 600, 3609))],
)
def test_the_end_is_always_a_checkpoint_and_only_once(
    n_tasks: int, expected: tuple[int, ...]
) -> None:
    """Short streams have fewer."""
    assert checkpoints(n_tasks) == expected


@pytest.mark.parametrize(
    ("n_below", "n_above", "expected"),
    [
        pytest.param(0, 0, 1.0, id="nothing to tell"),
        pytest.param(1, 0, 1.0, id="one can always be"),
        pytest.param(10, 0, 2 / 1024, id="ten of ten"),
        pytest.param(8, 2, 2 * 56 / 1024, id="1 + 10 + 45 of 1024 to either side"),
        pytest.param(3, 3, 1.0, id="even"),
    ],
)
def test_the_sign_test_counts_the_binomial_tails(
    n_below: int, n_above: int, expected: float
) -> None:
    """Two-sided, with a fair coin."""
    assert sign_test(n_below, n_above) == pytest.approx(expected)


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_is_a_symmetric_probability(a: int, b: int) -> None:
    """In (0, 1], the same whichever side is called below."""
    assert 0.0 < sign_test(a, b) <= 1.0
    assert sign_test(a, b) == sign_test(b, a)
