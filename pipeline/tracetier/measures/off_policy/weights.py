"""Importance weights of logged rows, and how many rows they are worth.

A row counts the more, the rarer the log took its tier: ``w = p_new / p_log``. Large weights rest a
value on few rows, so they are clipped, and the effective sample size tells what is left.
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.integer]

MAX_WEIGHT = 20.0
"""Weights are clipped here: a propensity of .05."""
MIN_ESS = 50.0
"""Effective sample size below which no value is claimed."""


def importance_weights(
    p_new: Matrix, tier: Index, p_log: Vector, *, max_weight: float = np.inf
) -> Vector:
    """Weight of each logged row under a new policy.

    Parameters
    ----------
    p_new : (n, K) array
        Probability with which the policy takes each tier; rows sum to 1.
    tier : (n,) array of int
        The tier that was taken.
    p_log : (n,) array
        Probability with which it was taken, in (0, 1].
    max_weight : float
        Larger weights are cut to this.

    Returns
    -------
    (n,) array
        At least 0; the mean is about 1 where the log covers what the policy does.

    Examples
    --------
    >>> always_first = np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> importance_weights(always_first, np.array([0, 1]), np.array([0.25, 0.75]))
    array([4., 0.])
    """
    taken = p_new[np.arange(len(tier)), tier]
    return np.asarray(np.minimum(taken / p_log, max_weight))


def effective_sample_size(weight: Vector) -> float:
    """How many equally weighted rows the weighted ones are worth.

    ``ESS = (sum w)^2 / sum w^2``; 0 where every weight is 0.

    Examples
    --------
    >>> effective_sample_size(np.array([2.0, 2.0, 0.0])), effective_sample_size(np.zeros(3))
    (2.0, 0.0)
    """
    # Per unit of the largest, so that no square overflows or vanishes.
    largest = float(weight.max(initial=0.0))
    if largest == 0.0:
        return 0.0
    scaled = weight / largest
    return float(scaled.sum()) ** 2 / float((scaled**2).sum())
