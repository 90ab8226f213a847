"""Calibration on predictions of rows that were not seen."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracetier.train.calibrate import (
    fit_lines,
    prior_stats,
    reward_cost_scales,
    smearing_factors,
)

nan = np.nan
COLUMN = arrays(np.float64, (9, 1), elements=st.floats(0.01, 2))


def test_a_line_on_paper() -> None:
    """(0, .25), (1, .75): slope .5; the row without outcome is left out."""
    lines = fit_lines(np.array([[0.0], [1.0], [9.0]]), np.array([[0.25], [0.75], [nan]]))

    assert (lines.intercept.tolist(), lines.slope.tolist()) == ([0.25], [0.5])
    assert lines.apply(np.array([[2.0]])).tolist() == [[1.25]]


@pytest.mark.parametrize(
    ("y", "slope"),
    [
        pytest.param([0.0, -1.0], 0.0, id="never downwards"),
        pytest.param([0.0, 9.0], 1.5, id="never steeper than 1.5"),
        pytest.param([1.0, 1.0], 0.0, id="nothing to explain"),
    ],
)
def test_a_slope_keeps_within_reason(y: list[float], slope: float) -> None:
    """Whatever the slope, the mean is met."""
    lines = fit_lines(np.array([[0.0], [1.0]]), np.array(y)[:, None])

    assert lines.slope.tolist() == [slope]
    assert lines.apply(np.array([[0.5]]))[0, 0] == pytest.approx(np.mean(y))


@given(COLUMN, COLUMN, st.integers(0, 1))
def test_calibrated_predictions_have_no_bias(
    blended: np.ndarray, y: np.ndarray, n_differences: int
) -> None:
    """Over the rows they were fitted on, with a slope and without one."""
    lines = fit_lines(blended, y, n_differences)

    assert lines.apply(blended).mean() == pytest.approx(y.mean())


def test_differences_keep_their_slope_and_a_target_never_seen_its_prediction() -> None:
    """A slope each would tilt one tier against another on noise."""
    x = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    y = np.array([[0.25, 0.25, nan], [0.75, 0.75, nan]])

    lines = fit_lines(x, y, n_differences=1)

    assert lines.intercept == pytest.approx([0.0, 0.25, 0.0])
    assert lines.slope == pytest.approx([1.0, 0.5, 1.0])


@given(COLUMN, COLUMN)
def test_smeared_costs_add_up_to_the_true_ones(log_cost: np.ndarray, cost: np.ndarray) -> None:
    """That is what the factor is for."""
    factor = smearing_factors(log_cost, cost)

    assert (factor * np.exp(log_cost)).sum() == pytest.approx(cost.sum())


def test_smearing_looks_at_seen_rows_and_leaves_a_free_tier_alone() -> None:
    """(1 + 3) / (e^0 + e^0) = 2; no cost at all: 1."""
    log_cost = np.zeros((3, 3))
    cost = np.array([[1.0, 0.0, nan], [3.0, 0.0, nan], [nan, 0.0, nan]])

    assert smearing_factors(log_cost, cost).tolist() == [2.0, 1.0, 1.0]


@given(COLUMN, COLUMN, st.floats(0.05, 3))
def test_capped_predictions_have_the_mean_of_the_capped_costs(
    predicted: np.ndarray, cost: np.ndarray, cost_ref: float
) -> None:
    """The equation is solved wherever a scale up to 16 can solve it."""
    goal = np.minimum(1.0, cost / cost_ref).mean()
    assume(np.minimum(1.0, 16.0 * predicted / cost_ref).mean() >= goal)

    scale = reward_cost_scales(predicted, cost, cost_ref)

    assert np.minimum(1.0, scale * predicted / cost_ref).mean() == pytest.approx(goal, abs=1e-9)


def test_scales_on_paper() -> None:
    """Half of the prediction; a free tier; a tier never seen."""
    cost = np.array([[0.25, 0.0, nan], [0.25, 0.0, nan]])

    got = reward_cost_scales(np.full((2, 3), 0.5), cost, 1.0)

    assert got == pytest.approx([0.5, 0.0, 1.0], abs=1e-12)


def test_prior_on_paper() -> None:
    """Residuals +.2 in one bucket and -.2 in the other, five tasks each.

    Variance .04; of a bucket's mean .04 is seen and .04/5 is chance: tau2 = .032.
    """
    bucket = np.repeat([0, 1], 5)
    predicted = np.full((10, 1), 0.5)
    observed = predicted + np.repeat([0.2, -0.2], 5)[:, None]

    prior = prior_stats(("a", "b", "other"), bucket, (predicted, predicted), (observed, predicted))

    assert prior.n.tolist() == [5.0, 5.0, 0.0]
    assert prior.quality_mean.tolist() == [[0.5]] * 3  # an empty bucket has the overall mean
    assert prior.quality_var == pytest.approx([0.04])
    assert prior.quality_tau2 == pytest.approx([0.032])
    assert prior.cost_var.tolist() == prior.cost_tau2.tolist() == [1e-6]  # never 0: it divides


def test_of_bucket_means_only_buckets_with_five_rows_tell() -> None:
    """Four rows far off in a second bucket move the variance, not tau2."""
    bucket = np.repeat([0, 1], [5, 4])
    predicted = np.zeros((9, 1))
    observed = np.repeat([0.0, 1.0], [5, 4])[:, None]

    prior = prior_stats(("a", "b"), bucket, (predicted, predicted), (observed, predicted))

    assert prior.quality_var == pytest.approx([20 / 81])
    assert prior.quality_tau2.tolist() == [1e-6]


@pytest.mark.parametrize("n_seen", [0, 1, 4])
def test_a_tier_of_a_handful_of_rows_is_as_uncertain_as_can_be(n_seen: int) -> None:
    """One row has no spread; that is no certainty."""
    observed = np.full((9, 1), nan)
    observed[:n_seen] = 0.5
    zeros = np.zeros((9, 1))

    prior = prior_stats(("other",), np.zeros(9, np.intp), (zeros, zeros), (observed, observed))

    assert prior.quality_var.tolist() == prior.cost_var.tolist() == [0.25]


def test_bucket_means_are_of_predictions_not_of_outcomes() -> None:
    """Two tiers, two buckets."""
    predicted = np.array([[0.2, 0.4], [0.4, 0.8], [1.0, 0.0]])
    observed = np.full((3, 2), nan)

    prior = prior_stats(
        ("a", "b"), np.array([0, 0, 1]), (predicted, predicted), (observed, observed)
    )

    np.testing.assert_allclose(prior.quality_mean, [[0.3, 0.6], [1.0, 0.0]])
    np.testing.assert_allclose(prior.cost_mean, [[0.3, 0.6], [1.0, 0.0]])
