"""What the heads learn: each tier's difference, the task's level, each tier's log cost.

Which tier to take depends only on differences between tiers, and these are learned better than
levels: what makes a task hard for all tiers is noise to the choice. So, where every tier was
seen, the quality of tier a is ``q_a = d_a + s`` with ``s`` the task's mean over tiers. Rows that
show one tier only have no difference; there ``d_a`` is the quality itself and ``s`` is 0.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_MIN_COST_USD = 1e-9
_MIN_COST_SHARE = 1e-3
"""Of the tier's mean: a call that cost nothing must not pull the mean logarithm far down."""
FULL_SHARE = 0.5
"""Share of tasks with every tier seen above which differences are learned."""


def stack_targets(quality: Matrix, cost_usd: Matrix) -> Matrix:
    """Stack the targets of n tasks and K tiers.

    Parameters
    ----------
    quality, cost_usd : (n, K) array
        In [0, 1] and USD, ``nan`` where not seen.

    Returns
    -------
    (n, 2K + 1) array
        Differences, level, log costs; ``nan`` where not seen.

    Examples
    --------
    >>> stack_targets(np.array([[0.5, 1.0]]), np.array([[1.0, 1.0]]))
    array([[-0.25,  0.25,  0.75,  0.  ,  0.  ]])
    """
    full = ~np.isnan(quality).any(axis=1)
    log_cost = np.log(np.maximum(cost_usd, _cost_floor(cost_usd)))
    if full.mean() >= FULL_SHARE:
        level = quality.mean(axis=1, keepdims=True)
        difference = quality - level
    else:
        level = np.zeros((len(quality), 1))
        difference = quality
    return np.concatenate([difference, level, log_cost], axis=1)


def _cost_floor(cost_usd: Matrix) -> NDArray[np.float64]:
    seen = ~np.isnan(cost_usd)
    mean = np.where(seen, cost_usd, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    return np.asarray(np.maximum(_MIN_COST_USD, _MIN_COST_SHARE * mean))


def join_quality(predicted: Matrix) -> Matrix:
    """Quality of each tier, ``(..., K)``, from predicted targets ``(..., 2K + 1)``."""
    k = predicted.shape[-1] // 2
    return np.asarray(predicted[..., :k] + predicted[..., k : k + 1])


def join_log_cost(predicted: Matrix) -> Matrix:
    """Log cost of each tier, ``(..., K)``, from predicted targets ``(..., 2K + 1)``."""
    return np.asarray(predicted[..., predicted.shape[-1] // 2 + 1 :])
