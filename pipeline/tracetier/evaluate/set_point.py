"""The honest operating point: set on some tasks, told on others, set again in every resample.

A point read off a frontier has seen the outcomes it is told on. Here each fold's point is solved
on the other folds alone, so the mean over all tasks is what the same recipe gives on new ones;
and since other traces would have led to another point, each row solves its own point on one
resample and is told on another: both the logs it is set on and the tasks to come are drawn.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.evaluate.figures import FixedTiers
from tracetier.evaluate.fold_means import FoldMeans, evaluation_rows
from tracetier.measures.hull import cost_at, mixture_at, upper_hull

Vector = NDArray[np.float64]

Solve = Callable[[Vector, Vector], tuple[int, int, float]]
"""From the mean quality and USD of every policy, ``(P,)``, the fixed tiers first, to the two that
are mixed, and how often the second is taken."""


class PointRows(NamedTuple):
    """Outcome of one recipe by row, ``(1 + D,)``, and the tiers it takes, ``(K,)``."""

    quality: Vector
    cost_usd: Vector
    cost: Vector
    share: Vector


def keep(fraction: float, fixed: FixedTiers) -> Solve:
    """Return the recipe that keeps a fraction of the best fixed tier's quality for the least cost.

    The tier whose quality is to be kept is the one that is best over all tasks.
    """

    def cheapest(quality: Vector, cost_usd: Vector) -> tuple[int, int, float]:
        hull = upper_hull(cost_usd, quality)
        # The best one where rounding exceeds it.
        wanted = min(fraction * quality[fixed.reference], float(hull.quality[-1]))
        mix = mixture_at(hull, cost_at(hull, wanted))
        return mix.cheap, mix.dear, mix.p_dear

    return cheapest


def set_point(found: FoldMeans, solve: Solve) -> PointRows:
    """Set a point on the other folds, and tell it on each.

    Row 0 is set and told on all tasks; each resample is told under the point that another one set.

    Parameters
    ----------
    found : FoldMeans
    solve : Solve
    """
    n_folds, n_rows = found.weight.shape
    whole, everything = found.sums.sum(axis=1), found.weight.sum(axis=0)
    outcome = np.zeros((3, n_rows))
    share = np.zeros(found.share.shape[2])
    evaluated_on = evaluation_rows(n_rows)
    for fold in range(n_folds):
        others = everything - found.weight[fold]
        for row in range(n_rows):
            if others[row] <= 0:  # all that was drawn is in this fold
                outcome[:, evaluated_on[row]] = np.nan
                continue
            quality, cost_usd, _ = (whole[:, row] - found.sums[:, fold, row]) / others[row]
            cheap, dear, p_dear = solve(quality, cost_usd)
            sums = found.sums[:, fold, evaluated_on[row]]
            outcome[:, evaluated_on[row]] += (1.0 - p_dear) * sums[:, cheap] + p_dear * sums[
                :, dear
            ]
            if row == 0:
                taken = found.share[fold]
                share += (1.0 - p_dear) * taken[cheap] + p_dear * taken[dear]
    quality, cost_usd, cost = outcome
    return PointRows(quality, cost_usd, cost, share)
