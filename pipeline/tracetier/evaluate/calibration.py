"""Whether predicted qualities can be taken at their word.

Tasks are put into ten bins of equal size by their predicted quality; in a calibrated model the mean
outcome of a bin is its mean prediction. Formulas: Brier 1950; Naeini et al., AAAI 2015 (ECE).
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.evaluate.resampling import Resampling, interval_of, recentred
from tracetier.measures.bootstrap import Interval

Vector = NDArray[np.float64]
Labels = NDArray[np.intp]

N_BINS = 10


class CalibrationBin(Struct, frozen=True):
    """Tasks of similar prediction: how many, what was predicted, and what came."""

    n: int
    predicted: float
    observed: Interval


class TierCalibration(Struct, frozen=True, kw_only=True):
    """Calibration of one tier's predicted quality.

    Attributes
    ----------
    ece : Interval
        Expected calibration error, in [0, 1]: mean distance of a bin's outcome from its
        prediction. Chance alone lifts it above 0, by about ``sqrt(q (1 - q) / n_bin)``, and once
        more in the resamples: its draws are moved back to have the estimate as their median.
    brier : Interval
        Mean squared distance of the outcome from the prediction, in [0, 1].
    brier_of_mean : float
        The same where the tier's mean is predicted for all: what the model must beat.
    bins : tuple of CalibrationBin
        By prediction.
    """

    ece: Interval
    brier: Interval
    brier_of_mean: float
    bins: tuple[CalibrationBin, ...]


def quantile_bins(predicted: Vector, n_bins: int = N_BINS) -> Labels:
    """Bin of each prediction, from 0; equal predictions share one, so there may be fewer.

    Examples
    --------
    >>> quantile_bins(np.array([0.1, 0.9, 0.2, 0.8]), 2), quantile_bins(np.full(3, 0.5), 2)
    (array([0, 1, 0, 1]), array([0, 0, 0]))
    """
    edges = np.unique(np.quantile(predicted, np.linspace(0.0, 1.0, n_bins + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, predicted, side="left"), return_inverse=True)[1]


def calibration_of(
    predicted: Vector, observed: Vector, resampling: Resampling, *, n_bins: int = N_BINS
) -> TierCalibration:
    """Compare predictions with outcomes.

    ``ECE = sum_b n_b / n |mean observed_b - mean predicted_b|``, ``Brier = mean (p - o)^2``.

    Parameters
    ----------
    predicted, observed : (n,)
        In [0, 1], of one tier.
    resampling : Resampling
    n_bins : int

    Examples
    --------
    >>> once = Resampling(np.arange(4), n_draws=9, seed=0)
    >>> found = calibration_of(np.array([0.2, 0.2, 0.8, 0.8]), np.array([0.0, 0, 1, 1]), once)
    >>> found.ece.estimate, found.brier.estimate, found.brier_of_mean
    (0.2, 0.04, 0.25)
    """
    bins = quantile_bins(predicted, n_bins)
    member = np.eye(int(bins.max()) + 1)[bins]
    squared = ((predicted - observed) ** 2)[:, None]
    rows = resampling.rows(
        np.hstack([squared, member, member * observed[:, None], member * predicted[:, None]])
    )
    weight, came, expected = np.split(rows[:, 1:], 3, axis=1)
    with np.errstate(invalid="ignore"):
        means = came / weight
    return TierCalibration(
        ece=interval_of(np.maximum(0.0, recentred(np.abs(came - expected).sum(axis=1)))),
        brier=interval_of(rows[:, 0]),
        brier_of_mean=float(((observed - observed.mean()) ** 2).mean()),
        bins=tuple(
            CalibrationBin(
                int(member[:, b].sum()),
                float(expected[0, b] / weight[0, b]),
                interval_of(means[:, b]),
            )
            for b in range(member.shape[1])
        ),
    )
