"""Quality and cost → what the heads learn, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracetier.train.targets import join_log_cost, join_quality, stack_targets

nan = np.nan


def matrices(low: float, high: float) -> st.SearchStrategy[np.ndarray]:
    """(7, 3) arrays."""
    return arrays(np.float64, (7, 3), elements=st.floats(low, high))


@given(matrices(0, 1), matrices(1e-3, 1))
def test_joining_undoes_stacking(quality: np.ndarray, cost_usd: np.ndarray) -> None:
    """Full information: difference plus level is the quality."""
    targets = stack_targets(quality, cost_usd)

    assert targets.shape == (7, 7)
    np.testing.assert_allclose(join_quality(targets), quality, atol=1e-15)
    np.testing.assert_allclose(np.exp(join_log_cost(targets)), cost_usd, rtol=1e-12)
    np.testing.assert_allclose(targets[:, :3].sum(axis=1), 0.0, atol=1e-12)


@given(matrices(0, 1), matrices(1e-3, 1), arrays(np.int64, 7, elements=st.integers(0, 2)))
def test_of_logged_rows_the_quality_itself_is_learned(
    quality: np.ndarray, cost_usd: np.ndarray, taken: np.ndarray
) -> None:
    """One tier per task has no difference to another: the level is 0."""
    unseen = taken[:, None] != np.arange(3)
    quality, cost_usd = np.where(unseen, nan, quality), np.where(unseen, nan, cost_usd)

    targets = stack_targets(quality, cost_usd)

    assert (targets[:, 3] == 0.0).all()
    np.testing.assert_array_equal(join_quality(targets), quality)
    np.testing.assert_array_equal(np.isnan(join_log_cost(targets)), unseen)


def test_with_half_of_the_tasks_complete_the_others_have_no_quality_target() -> None:
    """A task that lacks a tier has no level; its costs are learned all the same."""
    quality = np.array([[0.25, 0.75], [0.5, nan]])

    targets = stack_targets(quality, np.ones((2, 2)))

    np.testing.assert_array_equal(targets, [[-0.25, 0.25, 0.5, 0, 0], [nan, nan, nan, 0, 0]])


def test_a_free_call_counts_as_a_thousandth_of_its_tiers_mean() -> None:
    """Mean 1 USD: ln 0.001, not the minus infinity of a logarithm of 0."""
    cost_usd = np.array([[0.0, 1.0], [2.0, 1.0]])

    got = join_log_cost(stack_targets(np.ones((2, 2)), cost_usd))

    assert got[0, 0] == pytest.approx(np.log(1e-3))


def test_a_free_tier_has_finite_log_costs() -> None:
    """1e-9 USD stand for nothing."""
    got = join_log_cost(stack_targets(np.ones((2, 2)), np.zeros((2, 2))))

    np.testing.assert_allclose(got, np.log(1e-9))
