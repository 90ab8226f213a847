"""Predicted quality against what came."""

import numpy as np
import pytest

from tracetier.evaluate.calibration import calibration_of, quantile_bins
from tracetier.evaluate.resampling import Resampling


def test_bins_hold_equal_numbers_and_never_part_equal_predictions() -> None:
    """Ten of a hundred; a constant is one bin."""
    assert np.bincount(quantile_bins(np.arange(100.0))).tolist() == [10] * 10
    assert set(quantile_bins(np.full(7, 0.3)).tolist()) == {0}
    two = np.array([0.1] * 90 + [0.9] * 10)
    assert np.unique(quantile_bins(two)[two == 0.1]).size == 1


def test_figures_worked_by_hand() -> None:
    """Bins at .2 (came .5) and .8 (came .5): ECE .3, Brier (.04 + .64 + .64 + .04) / 4."""
    found = calibration_of(
        np.array([0.2, 0.2, 0.8, 0.8]),
        np.array([0.0, 1.0, 0.0, 1.0]),
        Resampling(np.arange(4), 50, 0),
    )

    assert found.ece.estimate == pytest.approx(0.3)
    assert found.brier.estimate == pytest.approx(0.34)
    assert found.brier_of_mean == pytest.approx(0.25)
    assert [each.n for each in found.bins] == [2, 2]
    assert [each.predicted for each in found.bins] == pytest.approx([0.2, 0.8])
    assert [each.observed.estimate for each in found.bins] == [0.5, 0.5]


def test_the_interval_of_a_calibrated_model_holds_its_estimate() -> None:
    """Resampling lifts the error once more; that is taken out again."""
    rng = np.random.default_rng(0)
    predicted = rng.random(400)
    observed = (rng.random(400) < predicted).astype(float)
    found = calibration_of(predicted, observed, Resampling(np.arange(400), 300, 0))

    assert found.ece.low <= found.ece.estimate <= found.ece.high
    assert found.ece.estimate < 0.08
    assert found.brier.high < found.brier_of_mean
