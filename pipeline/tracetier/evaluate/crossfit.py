"""The honest operating point: calibrated on some tasks, told on others.

A point read off a frontier has seen the outcomes it is told on. Here each fold's point is solved
on the other folds alone, so the mean over all tasks is what the same recipe gives on new ones.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.folds import grouped_folds
from tracetier.measures.operating_point import Calibration, OperatingPoint

Matrix = NDArray[np.float64]

N_FOLDS = 5


def cross_fitted(
    q_hat: Matrix,
    c_hat: Matrix,
    quality: Matrix,
    cost_usd: Matrix,
    *,
    groups: NDArray[np.int64],
    solve: Callable[[Calibration], OperatingPoint],
    seed: int = 0,
) -> Matrix:
    """Probability of each tier under the point that was solved without the task's fold.

    Parameters
    ----------
    q_hat, c_hat : (n, K) arrays
        Predictions, out of fold: quality in [0, 1], and reward cost.
    quality, cost_usd : (n, K) arrays
        Outcomes, in [0, 1] and USD.
    groups : (n,) array of int
        At least two different ones; never parted.
    solve : callable
        From a calibration to its point.
    seed : int
        Of the folds.

    Returns
    -------
    (n, K) array
        Rows sum to 1.
    """
    folds = grouped_folds(groups, N_FOLDS, seed)
    found = np.empty_like(q_hat)
    for fold in np.unique(folds):
        here, seen = folds == fold, folds != fold
        calibration = Calibration.fit(q_hat[seen], c_hat[seen], quality[seen], cost_usd[seen])
        found[here] = solve(calibration).probabilities(q_hat[here], c_hat[here])
    return found
