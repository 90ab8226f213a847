"""Every policy of a sweep, resampled fold by fold: what choosing and telling on other tasks needs.

Choosing on some folds and telling on another is then arithmetic on a few means, cheap enough to be
done again in every resample.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.evaluate.held_out_curve import N_FOLDS, policy_outcomes
from tracetier.evaluate.resampling import Resampling
from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import Choices

Matrix = NDArray[np.float64]


class FoldMeans(NamedTuple):
    """What each fold weighs in each row, and the means of P policies in it.

    Attributes
    ----------
    weight : (F, 1 + D) array
        Share of the row's tasks.
    sums : (3, F, 1 + D, P) array
        Weight times mean of quality, USD and reward cost.
    share : (F, P, K) array
        Share of all tasks that are in the fold and sent to each tier.
    """

    weight: Matrix
    sums: NDArray[np.float64]
    share: NDArray[np.float64]


def fold_means(
    choices: Choices, quality: Matrix, cost_usd: Matrix, cost: Matrix, resampling: Resampling
) -> FoldMeans:
    """Resample every policy of a sweep and every fixed tier, fold by fold.

    Parameters
    ----------
    choices : (n, P) array of int
    quality, cost_usd, cost : (n, K) arrays
        Outcomes in [0, 1], USD, and reward cost.
    resampling : Resampling
        Its seed is that of the folds too.
    """
    folds = grouped_folds(resampling.groups, N_FOLDS, resampling.seed)
    n_tiers = quality.shape[1]
    tiers = np.hstack([np.broadcast_to(np.arange(n_tiers), quality.shape), choices])
    outcomes = (*policy_outcomes(choices, quality, cost_usd), _of_tiers(cost, tiers))
    weights, sums, shares = [], [], []
    for fold in np.unique(folds):
        here = (folds == fold)[:, None]
        rows = resampling.rows(np.hstack([here, *(here * outcome for outcome in outcomes)]))
        weights.append(rows[:, 0])
        sums.append(np.stack(np.split(rows[:, 1:], 3, axis=1)))
        taken = tiers[here[:, 0]]
        shares.append(
            np.stack([(taken == k).sum(axis=0) / len(folds) for k in range(n_tiers)], axis=1)
        )
    return FoldMeans(np.array(weights), np.stack(sums, axis=1), np.array(shares))


def evaluation_rows(n_rows: int) -> NDArray[np.intp]:
    """Row on which each row's choice is evaluated: row 0 on itself, others on another resample.

    What is chosen on a resample and evaluated on another, independent one varies as both the logs
    at hand and the tasks to come do.

    Examples
    --------
    >>> evaluation_rows(4)
    array([0, 3, 1, 2])
    """
    return np.asarray(np.r_[0, np.roll(np.arange(1, n_rows), 1)])


def _of_tiers(outcome: Matrix, tiers: Choices) -> Matrix:
    return np.take_along_axis(outcome, tiers, axis=1)
