"""How much more than its budget a policy spends on tasks that it was not set on.

A policy that was set for a budget was taken because it did well on the tasks that it was set on,
and among others because it happened to cost little there. So it costs more elsewhere, the more so
the heavier the tail of the costs. Each fold tells by how much: its point is set on the other
folds, and its cost is told on the fold.
"""

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.operating_point import Calibration, OperatingPoint

Matrix = NDArray[np.float64]

MOST_OVERSPENDING = 1.25
"""What is believed at most: beyond it, the folds are too few to tell."""


def overspending(
    q_hat: Matrix,
    c_hat: Matrix,
    quality: Matrix,
    cost_usd: Matrix,
    folds: NDArray[np.int64],
    budget_usd: float,
) -> float:
    """Return spent / budget on held-out folds; 1 where no fold's point can be set.

    Parameters
    ----------
    q_hat, c_hat : (n, K) arrays
        Out-of-fold predictions: quality in [0, 1], and reward cost.
    quality, cost_usd : (n, K) arrays
        Outcomes of every tier, in [0, 1] and USD.
    folds : (n,) array of int
    budget_usd : float
        USD per task.
    """
    spent, n_told = 0.0, 0
    for fold in np.unique(folds):
        here, seen = folds == fold, folds != fold
        if not seen.any():
            continue
        others = Calibration.fit(q_hat[seen], c_hat[seen], quality[seen], cost_usd[seen])
        if not others.hull.cost[0] <= budget_usd <= others.hull.cost[-1]:
            continue
        taken = others.at_cost(budget_usd).probabilities(q_hat[here], c_hat[here])
        spent += float((taken * cost_usd[here]).sum())
        n_told += int(here.sum())
    return spent / (n_told * budget_usd) if n_told else 1.0


def point_within(
    calibration: Calibration,
    q_hat: Matrix,
    c_hat: Matrix,
    quality: Matrix,
    cost_usd: Matrix,
    folds: NDArray[np.int64],
    budget_usd: float,
) -> OperatingPoint:
    """Set a point that keeps the budget on new tasks, not only on those that it is set on.

    The budget is divided by ``overspending`` where that is above 1; underspending is left alone,
    for a budget is a bound.

    Parameters
    ----------
    calibration : Calibration
        Of all the tasks.
    q_hat, c_hat, quality, cost_usd, folds, budget_usd
        As in ``overspending``.

    Raises
    ------
    SettingsError
        If even the cheapest policy costs more than the budget.
    """
    over = overspending(q_hat, c_hat, quality, cost_usd, folds, budget_usd)
    cautious = budget_usd / min(max(over, 1.0), MOST_OVERSPENDING)
    cheapest = float(calibration.hull.cost[0])
    return calibration.at_cost(max(cautious, cheapest) if budget_usd >= cheapest else budget_usd)
