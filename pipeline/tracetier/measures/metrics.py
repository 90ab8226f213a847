"""Figures of merit of a frontier: pure functions of hulls, means and costs.

All costs are USD per task, all qualities in [0, 1]. A hull that comes in here holds the fixed
tiers among its points, so that it reaches over the whole range of costs that is asked for.
"""

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.hull import Hull, cost_at, quality_at

N_LOG_COSTS = 200
# Where the cheapest tier is free, logarithms start this far below the dearest.
_SMALLEST_SHARE = 1e-4


def aiq(hull: Hull, cost_low: float, cost_high: float) -> float:
    """Average improvement in quality: the mean height of the hull over a cost range.

    ``AIQ = (1 / (c_high - c_low)) * integral of hull(c) dc`` (RouterBench, arXiv 2403.12031),
    exact for the piecewise linear hull, which stays level beyond its last vertex.

    Parameters
    ----------
    hull : Hull
    cost_low, cost_high : float
        Ends of the range, the same for all that is compared. With no width, the height there.

    Returns
    -------
    float
        In [0, 1]; ``nan`` where the hull begins only above ``cost_low``.

    Examples
    --------
    >>> from tracetier.measures.hull import upper_hull
    >>> aiq(upper_hull([1.0, 3.0], [0.5, 0.9]), 1.0, 5.0)
    0.8
    """
    if cost_high <= cost_low:
        return float(quality_at(hull, cost_low))
    inside = hull.cost[(hull.cost > cost_low) & (hull.cost < cost_high)]
    costs = np.concatenate(([cost_low], inside, [cost_high]))
    return float(np.trapezoid(quality_at(hull, costs), costs) / (cost_high - cost_low))


def aiq_gain(router: Hull, fixed: Hull, cost_low: float, cost_high: float) -> float:
    """AIQ of the router's hull above that of the fixed tiers, over the same range.

    ``gain = AIQ(router) - AIQ(fixed)``: 0 is what mixing fixed tiers at random would give.

    Examples
    --------
    >>> from tracetier.measures.hull import upper_hull
    >>> fixed = upper_hull([1.0, 3.0], [0.5, 0.9])
    >>> aiq_gain(upper_hull([1.0, 2.0, 3.0], [0.5, 0.8, 0.9]), fixed, 1.0, 3.0)
    0.05
    """
    return aiq(router, cost_low, cost_high) - aiq(fixed, cost_low, cost_high)


def cost_save(
    hull: Hull, *, reference_quality: float, reference_cost: float, fraction: float = 1.0
) -> float:
    """Largest saving at no less than a fraction of a reference tier's quality.

    ``CostSave = 1 - min{c : hull(c) >= fraction * q_ref} / c_ref`` (LLMRouterBench,
    arXiv 2601.07206; there the reference is the best fixed tier and the fraction 1).

    Parameters
    ----------
    hull : Hull
    reference_quality, reference_cost : float
        Mean quality and cost of the reference tier.
    fraction : float
        Share of the reference quality to keep, in (0, 1].

    Returns
    -------
    float
        At most 1; negative where more must be paid; ``nan`` where the quality is out of reach or
        the reference is free.

    Examples
    --------
    >>> from tracetier.measures.hull import upper_hull
    >>> hull = upper_hull([1.0, 3.0, 10.0], [0.5, 0.9, 1.0])
    >>> cost_save(hull, reference_quality=1.0, reference_cost=10.0, fraction=0.9)
    0.7
    """
    if reference_cost <= 0:
        return float("nan")
    return 1.0 - cost_at(hull, fraction * reference_quality) / reference_cost


def perf_gain(best_quality: float, best_fixed_quality: float) -> float:
    """Best quality of the router over that of the best fixed tier, at any cost.

    ``PerfGain = q_best / q_best_fixed - 1`` (LLMRouterBench, arXiv 2601.07206); ``nan`` where the
    best fixed tier has no quality at all.

    Examples
    --------
    >>> perf_gain(0.99, 0.9)
    0.1
    """
    return best_quality / best_fixed_quality - 1.0 if best_fixed_quality > 0 else float("nan")


def gap_at_oracle(oracle_quality: float, quality: float) -> float:
    """How far below the per-task best choice, as a share of it.

    ``Gap@O = (q_oracle - q) / q_oracle`` (LLMRouterBench, arXiv 2601.07206); ``nan`` where the
    oracle has no quality.

    Examples
    --------
    >>> gap_at_oracle(0.8, 0.6)
    0.25
    """
    if oracle_quality <= 0:
        return float("nan")
    return (oracle_quality - quality) / oracle_quality


def log_costs(cost_low: float, cost_high: float, n_costs: int = N_LOG_COSTS) -> NDArray[np.float64]:
    """Costs spaced evenly in their logarithm, both ends included and exact.

    Parameters
    ----------
    cost_low, cost_high : float
        USD; a low end of 0 (a free tier) starts at 1/10,000 of the high end.
    n_costs : int

    Examples
    --------
    >>> log_costs(1.0, 100.0, 3)
    array([ 1., 10., 100.])
    """
    start = max(cost_low, _SMALLEST_SHARE * cost_high)
    if cost_high <= 0 or start >= cost_high:
        return np.full(n_costs, max(cost_low, cost_high))
    costs = np.geomspace(start, cost_high, n_costs)
    # Rounding must not push the ends out of the hull.
    costs[0], costs[-1] = start, cost_high
    return costs


def gap_closed(
    router: Hull,
    fixed: Hull,
    oracle: Hull,
    cost_low: float,
    cost_high: float,
    *,
    n_costs: int = N_LOG_COSTS,
) -> float:
    """Share of the way from the fixed tiers to the oracle that the router goes.

    ``(m(router) - m(fixed)) / (m(oracle) - m(fixed))`` with ``m`` the mean height of a hull over
    costs spaced evenly in their logarithm. Every order of magnitude of cost weighs the same, so
    that one noisy point of a frontier moves it little.

    Parameters
    ----------
    router, fixed, oracle : Hull
    cost_low, cost_high : float
        Mean cost of the cheapest and of the dearest tier.
    n_costs : int

    Returns
    -------
    float
        0 for the fixed tiers, 1 for the oracle; ``nan`` where the oracle gains nothing.

    Examples
    --------
    >>> from tracetier.measures.hull import upper_hull
    >>> fixed, oracle = upper_hull([1.0, 100.0], [0.5, 0.5]), upper_hull([1.0], [0.9])
    >>> gap_closed(upper_hull([1.0], [0.6]), fixed, oracle, 1.0, 100.0)
    0.25
    """
    costs = log_costs(cost_low, cost_high, n_costs)
    low, high = (float(quality_at(hull, costs).mean()) for hull in (fixed, oracle))
    if not high > low:
        return float("nan")
    return (float(quality_at(router, costs).mean()) - low) / (high - low)
