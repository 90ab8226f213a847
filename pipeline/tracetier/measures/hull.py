"""The upper, non-decreasing convex hull of (cost, quality) points.

What lies on a hull can be had: between two vertices by drawing one of two policies for each
task, beyond the last by paying no more. So routers are compared by their hulls, and against the
hull of the fixed tiers, which needs no router at all.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class Hull(NamedTuple):
    """Vertices, cost and quality both strictly increasing, slopes strictly falling.

    Attributes
    ----------
    cost : (V,) array
        Mean cost in USD.
    quality : (V,) array
        Mean quality in [0, 1].
    point : (V,) array of int
        Which of the given points each vertex is.
    """

    cost: Vector
    quality: Vector
    point: NDArray[np.intp]


class Mixture(NamedTuple):
    """Two given points and the probability of the dearer one."""

    cheap: int
    dear: int
    p_dear: float


def upper_hull(cost: ArrayLike, quality: ArrayLike) -> Hull:
    """Upper, non-decreasing convex hull (Andrew's monotone chain, kept while it rises).

    Parameters
    ----------
    cost, quality : (P,) arrays
        At least one point, all finite.

    Returns
    -------
    Hull
        Points on a straight line between two vertices are left out; of equal points the first
        given is kept.

    Raises
    ------
    ValueError
        If there is no point or one is not finite.

    Examples
    --------
    >>> upper_hull([1.0, 2.0, 3.0, 4.0], [0.5, 0.6, 0.9, 0.8]).cost
    array([1., 3.])
    """
    costs, qualities = np.asarray(cost, np.float64), np.asarray(quality, np.float64)
    if costs.size == 0 or not (np.isfinite(costs).all() and np.isfinite(qualities).all()):
        raise ValueError(
            f"a hull needs at least one point, all finite; got {costs.size} points, "
            f"{int((~np.isfinite(costs + qualities)).sum())} of them not finite"
        )
    order = np.lexsort((-qualities, costs))
    # Plain lists: a chain over a few hundred points is faster without array indexing.
    x, y, place = costs[order].tolist(), qualities[order].tolist(), order.tolist()
    kept: list[int] = []
    for i in range(len(x)):
        if kept and y[i] <= y[kept[-1]]:
            continue
        while len(kept) > 1 and not _turns_down(x, y, kept[-2], kept[-1], i):
            kept.pop()
        kept.append(i)
    return Hull(
        np.array([x[i] for i in kept]),
        np.array([y[i] for i in kept]),
        np.array([place[i] for i in kept], dtype=np.intp),
    )


def _turns_down(x: list[float], y: list[float], a: int, b: int, c: int) -> bool:
    """Whether the way a → b → c falls in slope at b."""
    return (y[b] - y[a]) * (x[c] - x[b]) > (y[c] - y[b]) * (x[b] - x[a])


def fixed_tier_hull(quality: Matrix, cost_usd: Matrix) -> Hull:
    """Hull of the policies that send every task to one tier, and their mixtures.

    Parameters
    ----------
    quality, cost_usd : (n, K) arrays
        Outcomes of every tier, in [0, 1] and USD.

    Returns
    -------
    Hull
        ``point`` is the tier.

    Examples
    --------
    >>> fixed_tier_hull(np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 5.0], [3.0, 7.0]]))[:2]
    (array([2., 6.]), array([0.5, 1. ]))
    """
    return upper_hull(cost_usd.mean(axis=0), quality.mean(axis=0))


def quality_at(hull: Hull, cost: ArrayLike) -> Vector:
    """Quality that a mean cost buys, by mixing; ``nan`` below the cheapest vertex.

    Parameters
    ----------
    hull : Hull
    cost : (...) array
        USD per task.

    Examples
    --------
    >>> quality_at(upper_hull([1.0, 3.0], [0.5, 0.9]), [0.5, 2.0, 9.0])
    array([nan, 0.7, 0.9])
    """
    return np.asarray(np.interp(np.asarray(cost, np.float64), hull.cost, hull.quality, left=np.nan))


def cost_at(hull: Hull, quality: float) -> float:
    """Smallest mean cost that buys a quality, by mixing; ``nan`` above the best vertex.

    Examples
    --------
    >>> cost_at(upper_hull([1.0, 3.0], [0.5, 0.9]), 0.7)
    2.0
    """
    return float(np.interp(quality, hull.quality, hull.cost, right=np.nan))


def mixture_at(hull: Hull, cost: float) -> Mixture:
    """Which two given points, and how often the dearer, make the hull at a mean cost.

    Parameters
    ----------
    hull : Hull
    cost : float
        USD per task; beyond the ends the end itself is returned.

    Examples
    --------
    >>> mixture_at(upper_hull([1.0, 3.0], [0.5, 0.9]), 1.5)
    Mixture(cheap=0, dear=1, p_dear=0.25)
    """
    high = int(np.searchsorted(hull.cost, cost, side="right"))
    if high == 0 or high == len(hull.cost):
        end = int(hull.point[0 if high == 0 else -1])
        return Mixture(end, end, 0.0)
    low = high - 1
    share = (cost - hull.cost[low]) / (hull.cost[high] - hull.cost[low])
    return Mixture(int(hull.point[low]), int(hull.point[high]), float(share))
