"""What a contender is worth at points set on its training tasks, so that chance can show.

The gap closed of a hull is never below 0, since the fixed tiers are among its points and it is
read off in hindsight. A point that was set beforehand may fall below 0, in two measures:

- above the hull of the fixed tiers, at the cost that was really paid. Who knows nothing is *below*
  0 here, not at 0: its choices mix the tiers by chance, a mixture lies below a hull that
  bends, and the luck that made the point look good is gone on other tasks;
- above the same tier shares drawn at random, which takes the bend out: who knows nothing gains
  exactly 0 on average, so this is the measure in which the interval of a control must hold 0.

The points are set by the outcomes that the contender was trained on, shuffled where these were:
set on true outcomes, even shuffled beliefs learn something, namely when to leave them alone.
"""

import numpy as np
from _contenders import Contender
from numpy.typing import NDArray

from tracetier.measures.frontier import sweep
from tracetier.measures.hull import fixed_tier_hull, quality_at, upper_hull
from tracetier.measures.metrics import log_costs
from tracetier.measures.operating_point import Calibration
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]

N_BUDGETS = 12
SET, INFORMED = "set beforehand", "above equal shares"


def above_equal_shares(taken: Matrix, quality: Matrix) -> float:
    """Quality of a policy above the same shares of the tiers dealt to tasks at random.

    Parameters
    ----------
    taken : (n, K) array
        Probability of each tier for each task.
    quality : (n, K) array

    Examples
    --------
    >>> above_equal_shares(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    0.5
    """
    return float((taken * quality).sum(axis=1).mean() - taken.mean(axis=0) @ quality.mean(axis=0))


def set_beforehand(contender: Contender, told: TaskRows) -> dict[str, float]:
    """Set points on the training tasks, tell them on the others.

    Returns
    -------
    dict of str to float
        The mean over budgets, spaced evenly in their logarithm between the cheapest and the
        dearest tier, of both measures, as a share of what the oracle has above the fixed tiers.
    """
    gains, informed, whole = [], [], []
    trained, rows = contender.trained, contender.rows
    point = Calibration.fit(trained.quality, trained.cost, rows.quality, rows.cost_usd)
    quality, cost_usd = told.quality, told.cost_usd
    fixed = fixed_tier_hull(quality, cost_usd)
    perfect = sweep(quality, cost_usd / cost_usd.mean(axis=0).max(), quality, cost_usd)
    oracle = upper_hull(perfect.cost_usd, perfect.quality)
    low, high = point.tier_cost_usd.min(), point.tier_cost_usd.max()
    for budget in log_costs(low, high, N_BUDGETS)[1:-1]:
        if budget < point.hull.cost[0]:
            continue
        taken = point.at_cost(float(budget)).probabilities(*contender.told)
        cost = max(float((taken * cost_usd).sum(axis=1).mean()), float(fixed.cost[0]))
        base = float(quality_at(fixed, cost))
        gains.append(float((taken * quality).sum(axis=1).mean()) - base)
        informed.append(above_equal_shares(taken, quality))
        whole.append(float(quality_at(oracle, cost)) - base)
    oracle_gain = float(np.mean(whole))
    return {
        SET: float(np.mean(gains)) / oracle_gain,
        INFORMED: float(np.mean(informed)) / oracle_gain,
    }
