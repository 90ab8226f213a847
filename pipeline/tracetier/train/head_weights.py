"""The weight of each head, chosen from what the heads said of tasks that they had not seen."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.train.blend import (
    LEVEL_AND_COST_WITH_TYPES,
    LEVEL_AND_COST_WITHOUT_TYPES,
    WITH_TYPES,
    WITHOUT_TYPES,
    choose_blend,
    choose_cost,
)
from tracetier.train.calibrate import smearing_factors
from tracetier.train.targets import join_log_cost, join_quality

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

MIN_FULL_TASKS = 100
"""Tasks with every tier's outcome below which the default blends are not questioned."""


class HeadWeights(NamedTuple):
    """Weights of H heads.

    Attributes
    ----------
    blend : str
        Name of the quality blend.
    quality, level, cost : (H,) array
        For the differences between tiers, the level, and log costs.
    """

    blend: str
    quality: Vector
    level: Vector
    cost: Vector

    def per_target(self, n_tiers: int) -> Matrix:
        """Weight of each head for each target, ``(H, 2 * n_tiers + 1)``."""
        return np.repeat([self.quality, self.level, self.cost], [n_tiers, 1, n_tiers], axis=0).T


def choose_weights(
    predicted: Matrix,
    outcomes: tuple[Matrix, Matrix],
    folds: NDArray[np.int64],
    cost_ref: float,
    *,
    has_types: bool,
) -> HeadWeights:
    """Choose the blends by the decisions that they lead to, on tasks with every outcome.

    Parameters
    ----------
    predicted : (H, n, T) array
        Out of fold, of each head.
    outcomes : pair of (n, K) arrays
        Quality in [0, 1] and USD, ``nan`` where not seen.
    folds : (n,) array
    cost_ref : float
        USD.
    has_types : bool
        At least two. Else the buckets are made from the outcomes, or there is one for all tasks,
        and their means have no weight.
    """
    qualities = WITH_TYPES if has_types else WITHOUT_TYPES
    costs = LEVEL_AND_COST_WITH_TYPES if has_types else LEVEL_AND_COST_WITHOUT_TYPES
    full = np.flatnonzero(~(np.isnan(outcomes[0]) | np.isnan(outcomes[1])).any(axis=1))
    if len(full) < MIN_FULL_TASKS:
        return _weights("default", qualities["default"], costs["default"], costs["default"])
    seen = outcomes[0][full], outcomes[1][full]
    costs_hat = {
        name: _cost_hat(predicted, np.array(weights), outcomes[1], cost_ref)[full]
        for name, weights in costs.items()
    }
    quality_hat = join_quality(predicted[:, full])
    by_default = np.tensordot(np.array(qualities["default"]), quality_hat, 1)
    cost = choose_cost(costs_hat, by_default, seen)
    name = choose_blend(qualities, quality_hat, costs_hat[cost], seen, folds[full])
    return _weights(name, qualities[name], costs["default"], costs[cost])


def _weights(name: str, *weights: tuple[float, ...]) -> HeadWeights:
    quality, level, cost = map(np.array, weights)
    return HeadWeights(name, quality, level, cost)


def _cost_hat(predicted: Matrix, weights: Vector, cost_usd: Matrix, cost_ref: float) -> Matrix:
    """Blended cost in units of ``cost_ref``, capped as the reward caps it, ``(n, K)``."""
    log_cost = np.tensordot(weights, join_log_cost(predicted), 1)
    return np.minimum(1.0, np.exp(log_cost) * smearing_factors(log_cost, cost_usd) / cost_ref)
