"""RouteLLM's figures for a weak and a strong tier, read off a score per task.

The score says how much the strong tier is worth on a task; a threshold sends the tasks at or
above it to the strong tier. Formulas: RouteLLM, arXiv 2406.18665.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


class Curve(NamedTuple):
    """Thresholds from strict to lax.

    Attributes
    ----------
    share : (P,) array
        Share of tasks sent to the strong tier, ascending in [0, 1].
    quality : (P,) array
        Mean quality at that share, in [0, 1].
    """

    share: Vector
    quality: Vector


def pgr(quality: float, weak: float, strong: float) -> float:
    """Return the performance gap recovered.

    ``PGR = (q - q_weak) / (q_strong - q_weak)``: 0 is the weak tier, 1 the strong one; ``nan``
    where the two are equal.

    Examples
    --------
    >>> pgr(0.8, weak=0.6, strong=1.0)
    0.5
    """
    return (quality - weak) / (strong - weak) if strong != weak else float("nan")


def threshold_masks(score: Vector, *, n_bins: int = 10) -> NDArray[np.bool_]:
    """Which tasks go to the strong tier at the edges of quantile bins of the score.

    At each edge but the last a task goes to the strong tier if ``score >= edge``; at the last no
    task does, so that the curve runs from no strong call to all of them. Edges that coincide
    count once.

    Parameters
    ----------
    score : (n,)
        Larger is more worth the strong tier.
    n_bins : int
        Quantile bins; at most ``n_bins + 1`` edges.

    Returns
    -------
    (n, P) array of bool
        From no task to all of them.

    Examples
    --------
    >>> threshold_masks(np.array([1.0, 2.0]), n_bins=2).tolist()
    [[False, False, True], [False, True, True]]
    """
    edges = np.quantile(score, np.linspace(0.0, 1.0, n_bins + 1))
    nobody = np.zeros((len(score), 1), dtype=np.bool_)
    return np.hstack([nobody, score[:, None] >= np.unique(edges[:-1])[::-1]])


def threshold_curve(
    score: Vector, quality_weak: Vector, quality_strong: Vector, *, n_bins: int = 10
) -> Curve:
    """Share of strong calls and quality at the edges of quantile bins of the score.

    Parameters
    ----------
    score : (n,)
        Larger is more worth the strong tier.
    quality_weak, quality_strong : (n,)
        Outcomes of the two tiers, in [0, 1].
    n_bins : int
        As in ``threshold_masks``.

    Examples
    --------
    >>> score = np.array([1.0, 2.0])
    >>> threshold_curve(score, np.array([0.0, 0.0]), np.array([0.0, 1.0]), n_bins=2)
    Curve(share=array([0. , 0.5, 1. ]), quality=array([0. , 0.5, 0.5]))
    """
    strong = threshold_masks(score, n_bins=n_bins)
    quality = np.where(strong, quality_strong[:, None], quality_weak[:, None])
    return Curve(strong.mean(axis=0), quality.mean(axis=0))


def apgr(curve: Curve, weak: float, strong: float) -> float:
    """Return the average performance gap recovered.

    ``APGR = area(curve - weak) / area(strong - weak)`` over the share of strong calls, by
    trapezia; .5 is a random score where the curve has many points.

    Parameters
    ----------
    curve : Curve
    weak, strong : float
        Mean quality of the two tiers.

    Returns
    -------
    float
        ``nan`` where the tiers are equal or the curve has no width.

    Examples
    --------
    >>> apgr(Curve(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.5, 0.5])), 0.0, 0.5)
    0.75
    """
    whole = (strong - weak) * (curve.share[-1] - curve.share[0])
    if whole == 0:
        return float("nan")
    return float(np.trapezoid(curve.quality - weak, curve.share) / whole)


def cpt(curve: Curve, weak: float, strong: float, *, p: float) -> float:
    """Return the smallest share of strong calls that recovers ``p`` (call-performance threshold).

    ``CPT(p) = min{share : PGR >= p}``, linear between points, on the running maximum of the
    curve (a frontier that dips may not count as not yet reached what it had reached before).

    Parameters
    ----------
    curve : Curve
    weak, strong : float
        Mean quality of the two tiers.
    p : float
        Share of the gap to recover, in [0, 1].

    Returns
    -------
    float
        In [0, 1]; ``nan`` where it is never reached or the strong tier is not better.

    Examples
    --------
    >>> curve = Curve(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.8, 1.0]))
    >>> cpt(curve, 0.0, 1.0, p=0.4), cpt(curve, 0.0, 1.0, p=0.9)
    (0.25, 0.75)
    """
    if strong <= weak:
        return float("nan")
    reached = np.maximum.accumulate((curve.quality - weak) / (strong - weak))
    at = int(np.searchsorted(reached, p, side="left"))
    if at == len(reached):
        return float("nan")
    if at == 0:
        return float(curve.share[0])
    part = (p - reached[at - 1]) / (reached[at] - reached[at - 1])
    return float(curve.share[at - 1] + part * (curve.share[at] - curve.share[at - 1]))
