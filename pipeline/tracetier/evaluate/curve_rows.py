"""A held-out frontier in every resample, its policies chosen again each time."""

import numpy as np
from numpy.typing import NDArray

from tracetier.evaluate.figures import CurveRows
from tracetier.evaluate.fold_means import FoldMeans, evaluation_rows
from tracetier.evaluate.held_out_curve import HeldOutCurve, mixtures, unspent

Vector = NDArray[np.float64]


def curve_rows(found: FoldMeans, targets_usd: Vector, whole: HeldOutCurve) -> CurveRows:
    """Choose each fold's policies on the other folds of a resample, and tell them on another.

    Parameters
    ----------
    found : FoldMeans
        Of D resamples.
    targets_usd : (J,)
    whole : HeldOutCurve
        Over all tasks: row 0.
    """
    n_folds, n_rows = found.weight.shape
    sums, everything = found.sums.sum(axis=1), found.weight.sum(axis=0)
    quality, cost, planned = (np.zeros((n_rows, len(targets_usd))) for _ in range(3))
    evaluated_on = evaluation_rows(n_rows)
    for fold in range(n_folds):
        others = everything - found.weight[fold]
        for row in range(1, n_rows):
            at = evaluated_on[row]
            if others[row] <= 0:  # all that was drawn is in this fold
                quality[at] = np.nan
                continue
            mean_quality, mean_cost, _ = (sums[:, row] - found.sums[:, fold, row]) / others[row]
            mix = mixtures(mean_quality, mean_cost, targets_usd)
            quality[at] += mix.of(found.sums[0, fold, at])
            cost[at] += mix.of(found.sums[1, fold, at])
            planned[at] += found.weight[fold, at] * mix.of(mean_cost)
    quality[0], cost[0] = whole.quality, whole.cost_usd
    left = unspent(targets_usd, planned)
    left[0] = whole.unspent_usd
    return CurveRows(quality, cost, left)
