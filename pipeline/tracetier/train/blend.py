"""How to average the heads: a fixed blend, left only on evidence from the decisions it leads to.

Frontiers are noisy. Weights fitted to one (greedy, simplex search, non-negative least squares with
or without a prior) did no better on held-out tasks than a fixed blend, so another blend of quality
is taken only where its decision value is above that of the fixed one by more than 3.75 standard
errors over folds. Costs have two candidates only, and the better is taken (``choose_cost``).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.frontier import sweep
from tracetier.measures.hull import fixed_tier_hull, upper_hull
from tracetier.measures.metrics import gap_closed

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = NDArray[np.intp]

# Weights per head: bucket mean, ridge, neighbours; plain, randomised trees, randomised forest.
WITH_TYPES: Mapping[str, tuple[float, ...]] = {
    "default": (0.5, 0.25, 0.0, 0.0, 0.0, 0.25),
    "bucket means": (1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "all but means": (0.0, 0.25, 0.25, 0.0, 0.25, 0.25),
    "trees": (0.0, 0.0, 0.0, 0.4, 0.3, 0.3),
    "ridge": (0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    "neighbours": (0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
}
WITHOUT_TYPES: Mapping[str, tuple[float, ...]] = {
    "default": (0.0, 0.25, 0.25, 0.0, 0.25, 0.25),
    "trees": (0.0, 0.0, 0.0, 0.4, 0.3, 0.3),
    "ridge": (0.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    "neighbours": (0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
}
LEVEL_AND_COST_WITH_TYPES: Mapping[str, tuple[float, ...]] = {
    "default": (0.5, 0.5, 0.0, 0.0, 0.0, 0.0),
    "bucket means": (1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}
LEVEL_AND_COST_WITHOUT_TYPES: Mapping[str, tuple[float, ...]] = {
    "default": (0.0, 0.5, 0.5, 0.0, 0.0, 0.0),
}
"""Level and log costs are smooth in what is known: trees for them cost time and gave nothing."""

N_STANDARD_ERRORS = 3.75
"""Student's t at four degrees of freedom (five folds) and 1 %, for some five candidates."""

_MAX_ROWS = 4_000
_N_POINTS = 100


def choose_blend(
    candidates: Mapping[str, tuple[float, ...]],
    quality_hat: Matrix,
    cost_hat: Matrix,
    outcomes: tuple[Matrix, Matrix],
    folds: NDArray[np.int64],
) -> str:
    """Name the blend to use: ``default``, unless another is clearly better.

    Parameters
    ----------
    candidates : mapping of str to (H,) weights
        With one called ``default``.
    quality_hat : (H, n, K) array
        Out-of-fold quality per head.
    cost_hat : (n, K) array
        Blended cost in units of ``cost_ref``.
    outcomes : pair of (n, K) arrays
        Quality in [0, 1] and USD of every tier, none missing.
    folds : (n,) array
        The decision value of a blend is its gap closed, fold by fold.
    """
    values = {
        name: _values_by_fold(np.tensordot(weights, quality_hat, 1), cost_hat, outcomes, folds)
        for name, weights in candidates.items()
    }
    best = max(values, key=lambda name: float(values[name].mean()))
    gain = values[best] - values["default"]
    standard_error = gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else np.inf
    return best if gain.mean() > N_STANDARD_ERRORS * standard_error else "default"


def choose_cost(
    costs_hat: Mapping[str, Matrix], quality_hat: Matrix, outcomes: tuple[Matrix, Matrix]
) -> str:
    """Name the blend of costs whose decisions are worth most over all rows.

    The sharpest prediction of a cost need not serve the choice best: a task that costs more than
    its kind is often harder too, by more than the quality heads can see, and a sharp cost
    beside a blunt gain then turns the dear tier away from just those tasks.

    Parameters
    ----------
    costs_hat : mapping of str to (n, K) array
        Out-of-fold cost in units of ``cost_ref``; of equals the first is taken.
    quality_hat : (n, K) array
        Out of fold, blended.
    outcomes : pair of (n, K) arrays
        Quality in [0, 1] and USD of every tier, none missing.
    """
    rows = _sample(np.arange(len(quality_hat)), seed=0)
    quality, cost_usd = outcomes[0][rows], outcomes[1][rows]
    return max(
        costs_hat,
        key=lambda name: decision_value(
            quality_hat[rows], costs_hat[name][rows], quality, cost_usd
        ),
    )


def decision_value(
    quality_hat: Matrix, cost_hat: Matrix, quality: Matrix, cost_usd: Matrix
) -> float:
    """Gap closed between the hull of the fixed tiers and the oracle's; 0 where there is none.

    Parameters
    ----------
    quality_hat, cost_hat, quality, cost_usd : (n, K) array
        Predictions and outcomes of the same tasks. The fixed tiers are always candidates.
    """
    means = cost_usd.mean(axis=0)
    fixed = fixed_tier_hull(quality, cost_usd)
    # Per unit of the dearest mean, which is 0 where no tier costs anything.
    cost = cost_usd / (means.max() or 1.0)
    perfect = sweep(quality, cost, quality, cost_usd, n_points=_N_POINTS)
    oracle = upper_hull(perfect.cost_usd, perfect.quality)
    found = sweep(quality_hat, cost_hat, quality, cost_usd, n_points=_N_POINTS)
    router = upper_hull(
        np.concatenate([found.cost_usd, means]),
        np.concatenate([found.quality, quality.mean(axis=0)]),
    )
    value = gap_closed(router, fixed, oracle, float(means.min()), float(means.max()))
    return value if np.isfinite(value) else 0.0


def _values_by_fold(
    quality_hat: Matrix,
    cost_hat: Matrix,
    outcomes: tuple[Matrix, Matrix],
    folds: NDArray[np.int64],
) -> Vector:
    values = []
    for fold in np.unique(folds):
        rows = _sample(np.flatnonzero(folds == fold), seed=int(fold))
        quality, cost_usd = outcomes[0][rows], outcomes[1][rows]
        values.append(decision_value(quality_hat[rows], cost_hat[rows], quality, cost_usd))
    return np.array(values)


def _sample(rows: Index, seed: int) -> Index:
    if len(rows) <= _MAX_ROWS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, _MAX_ROWS, replace=False))
