"""Predictions moved to be right on every kind of task: worked rows, and what cannot move them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.train.logged.targeting import drawn_to_means, target_kinds

SHARE = st.floats(0.06, 0.94)
UNIT = st.floats(0, 1)


def test_a_kind_moves_by_its_weighted_miss_shrunk_by_its_sample() -> None:
    """Weights 4 and 4/3, misses 1 and 0: 3/4, of an effective sample of 1.6, so 1.6/11.6 of it."""
    observed = np.array([[1.0], [0.0], [np.nan]])
    propensity = np.array([[0.25], [0.75], [0.5]])

    found = target_kinds(np.zeros((3, 1)), observed, propensity, np.zeros(3, np.intp), 1)

    assert found[:, 0] == pytest.approx([0.75 * 1.6 / 11.6] * 3)


def test_kinds_and_tiers_move_apart() -> None:
    """What tier 0 missed on kind 0 says nothing of kind 1, and nothing of tier 1."""
    observed = np.full((40, 2), np.nan)
    observed[:20, 0] = 1.0
    kind = np.repeat(np.array([0, 1]), 20)

    found = target_kinds(np.full((40, 2), 0.5), observed, np.full((40, 2), 0.5), kind, 2)

    assert found[:20, 0] == pytest.approx(0.5 + 0.5 * 20 / 30)
    assert (found[20:, 0] == 0.5).all()
    assert (found[:, 1] == 0.5).all()


@given(SHARE, UNIT, UNIT, st.floats(-2, 2))
def test_with_many_rows_the_mean_is_right_whatever_the_model(
    p_first: float, easy: float, hard: float, guess: float
) -> None:
    """A log that takes the tier at p on easy tasks and 1 - p on hard ones, half of each."""
    n = 2_000
    is_easy = np.arange(n) % 2 == 0
    propensity = np.where(is_easy, p_first, 1.0 - p_first)[:, None]
    outcome = np.where(is_easy, easy, hard)
    # Exactly p of either half was seen.
    seen = (np.arange(n) // 2) < np.round(n / 2 * propensity[:, 0])
    observed = np.where(seen, outcome, np.nan)[:, None]

    found = target_kinds(np.full((n, 1), guess), observed, propensity, np.zeros(n, np.intp), 1)

    ess = 10.0 / (10.0 + n * p_first * (1.0 - p_first) * 2.0)  # at least so much is not kept
    assert found[0, 0] == pytest.approx((easy + hard) / 2, abs=0.02 + 3.0 * ess)


def test_weights_are_clipped_at_twenty() -> None:
    """Propensities of a thousandth and of .05 count alike."""
    observed = np.array([[1.0], [0.0]])
    kind = np.zeros(2, np.intp)

    one, other = (
        target_kinds(np.zeros((2, 1)), observed, np.array([[p], [0.05]]), kind, 1)
        for p in (0.001, 0.05)
    )

    assert one.tolist() == other.tolist()


def test_a_tier_that_was_never_seen_is_not_drawn_to_a_mean_that_nobody_knows() -> None:
    """The first is drawn a quarter of the way; the second has no mean."""
    seen = np.array([[True, False], [False, False]])

    found = drawn_to_means(np.full((2, 2), 0.5), np.array([0.9, 0.0]), seen, 0.75)

    np.testing.assert_allclose(found, [[0.6, 0.5], [0.6, 0.5]])
