"""One resampling of tasks for all that is compared, and the intervals that it gives.

Row 0 of every array is over all tasks, the rows below are the resamples; so an estimate and its
draws go through the same code.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.bootstrap import Groups, Interval, bootstrap_means, percentile_interval

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class Resampling(NamedTuple):
    """How tasks are resampled; the same values give the same draws for all that is compared."""

    groups: Groups
    n_draws: int
    seed: int

    def rows(self, values: Matrix) -> Matrix:
        """Return the means over all tasks, then over each resample, ``(1 + D, P)``."""
        found = bootstrap_means(values, self.groups, n_draws=self.n_draws, seed=self.seed)
        return np.vstack([found.means, found.draws])


def recentred(rows: Vector) -> Vector:
    """Move the draws, all but the first row, so that their median is the estimate.

    A resample holds fewer different tasks than the table, so what is chosen on it is chosen worse;
    its draws tell how far the estimate may be off, and not where it lies.

    Examples
    --------
    >>> recentred(np.array([0.5, 0.1, 0.3]))
    array([0.5, 0.4, 0.6])
    """
    draws = rows[1:]
    known = draws[np.isfinite(draws)]
    if known.size == 0:
        return rows
    return np.asarray(np.r_[rows[0], draws + (rows[0] - np.median(known))])


def interval_of(rows: Vector) -> Interval:
    """Return the interval of a statistic given by row, ``(1 + D,)``.

    Examples
    --------
    >>> interval_of(np.array([0.5, 0.5, 0.5]))
    Interval(estimate=0.5, low=0.5, high=0.5)
    """
    return percentile_interval(float(rows[0]), rows[1:])
