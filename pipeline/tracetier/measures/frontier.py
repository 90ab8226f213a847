"""The lambda sweep: one policy for each lambda, and what it would have cost and scored.

A policy takes the tier with the largest predicted reward ``10 q - lambda c``; of equals the one
with the smaller predicted cost. As lambda grows a task only ever moves to a tier predicted to be
cheaper, so a task has at most K - 1 lambdas at which it moves, and between two neighbouring ones
of all tasks nothing changes. The sweep takes one lambda from inside each such interval.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Choices = NDArray[np.intp]

QUALITY_SCALE = 10.0
"""Quality is 0-10 in the reward and [0, 1] in all arrays."""
N_POINTS = 101


class Frontier(NamedTuple):
    """Policies in order of lambda, from quality alone to cost alone.

    Attributes
    ----------
    lam : (P,) array
        Ascending from 0.
    quality, cost_usd : (P,) array
        Mean outcome of the chosen tiers, in [0, 1] and USD.
    share : (P, K) array
        Share of tasks sent to each tier; rows sum to 1.
    """

    lam: Vector
    quality: Vector
    cost_usd: Vector
    share: Matrix


def choose_tiers(q_hat: Matrix, c_hat: Matrix, lam: float) -> Choices:
    """Tier with the largest predicted reward for each task; of equals the cheaper.

    ``argmax_a 10 q_a - lam c_a``

    Parameters
    ----------
    q_hat, c_hat : (n, K) arrays
        Predicted quality in [0, 1] and reward cost (what multiplies lambda).
    lam : float
        At least 0; ``inf`` takes the smallest cost.

    Returns
    -------
    (n,) array of int

    Examples
    --------
    >>> q_hat, c_hat = np.array([[0.8, 0.9], [0.9, 0.9]]), np.array([[0.1, 1.0], [0.1, 1.0]])
    >>> choose_tiers(q_hat, c_hat, 0.0), choose_tiers(q_hat, c_hat, 2.0)
    (array([1, 0]), array([0, 0]))
    """
    if np.isinf(lam):
        return np.asarray(c_hat.argmin(axis=1))
    score = QUALITY_SCALE * q_hat - lam * c_hat
    equal = score == score.max(axis=1, keepdims=True)
    return np.asarray(np.where(equal, c_hat, np.inf).argmin(axis=1))


def switch_lams(q_hat: Matrix, c_hat: Matrix) -> Matrix:
    """Lambdas at which each task moves to a cheaper tier.

    From tier a the next is the one that catches up first,
    ``lam = min_b 10 (q_a - q_b) / (c_a - c_b)`` over ``c_b < c_a``; of equals the cheapest.

    Parameters
    ----------
    q_hat, c_hat : (n, K) arrays
        As in ``choose_tiers``.

    Returns
    -------
    (n, K - 1) array
        Ascending in each row, ``inf`` where there is no further move.

    Examples
    --------
    >>> switch_lams(np.array([[0.5, 0.7, 0.8]]), np.array([[0.0, 0.1, 0.6]]))
    array([[ 2., 20.]])
    """
    n, k = q_hat.shape
    rows = np.arange(n)
    now = choose_tiers(q_hat, c_hat, 0.0)
    found = np.full((n, max(k - 1, 0)), np.inf)
    for move in range(k - 1):
        saved = c_hat[rows, now][:, None] - c_hat
        lost = QUALITY_SCALE * (q_hat[rows, now][:, None] - q_hat)
        at = np.full((n, k), np.inf)
        np.divide(lost, saved, out=at, where=saved > 0)
        found[:, move] = at.min(axis=1)
        first = at == found[:, move][:, None]
        following = np.where(first, c_hat, np.inf).argmin(axis=1)
        now = np.where(np.isfinite(found[:, move]), following, now)
    return found


def lam_grid(q_hat: Matrix, c_hat: Matrix, n_points: int = N_POINTS) -> Vector:
    """Lambdas that give different policies, at most ``n_points`` of them.

    Parameters
    ----------
    q_hat, c_hat : (n, K) arrays
        As in ``choose_tiers``.
    n_points : int
        At least 2. Where more policies differ, these are spread evenly over their order, so the
        spacing follows the data and not a scale of lambda chosen beforehand.

    Returns
    -------
    (P,) array
        From 0, one inside each interval between switches (their geometric mean, so that rounding
        cannot decide a tie), to twice the largest switch.

    Examples
    --------
    >>> lam_grid(np.array([[0.5, 0.7, 0.8]]), np.array([[0.0, 0.1, 0.6]]))
    array([ 0.        ,  6.32455532, 40.        ])
    """
    switches = switch_lams(q_hat, c_hat)
    switches = np.unique(switches[np.isfinite(switches) & (switches > 0)])
    n_switches = len(switches)
    keep = np.arange(n_switches + 1)
    if n_switches + 1 > n_points:
        keep = np.unique(np.linspace(0, n_switches, n_points).round().astype(np.intp))
    lams = np.zeros(n_switches + 1)
    if n_switches:
        lams[1:-1] = np.sqrt(switches[:-1] * switches[1:])
        lams[-1] = 2.0 * switches[-1]
    return lams[keep]


def sweep_choices(q_hat: Matrix, c_hat: Matrix, lams: Vector) -> Choices:
    """Tiers that each lambda chooses, ``(n, P)``; use with ``np.take_along_axis``.

    Examples
    --------
    >>> sweep_choices(np.array([[0.8, 0.9]]), np.array([[0.1, 1.0]]), np.array([0.0, 2.0]))
    array([[1, 0]])
    """
    choices = np.empty((len(q_hat), len(lams)), dtype=np.intp)
    for place, lam in enumerate(lams):
        choices[:, place] = choose_tiers(q_hat, c_hat, float(lam))
    return choices


def sweep(
    q_hat: Matrix, c_hat: Matrix, quality: Matrix, cost_usd: Matrix, *, n_points: int = N_POINTS
) -> Frontier:
    """Outcome of every policy of the sweep on tasks whose outcomes are all known.

    Parameters
    ----------
    q_hat, c_hat : (n, K) arrays
        Predictions, as in ``choose_tiers``.
    quality, cost_usd : (n, K) arrays
        Outcomes of every tier, in [0, 1] and USD.
    n_points : int
        As in ``lam_grid``.

    Examples
    --------
    >>> q_hat, c_hat = np.array([[0.8, 0.9], [0.9, 0.9]]), np.array([[0.1, 1.0], [0.1, 1.0]])
    >>> quality, cost_usd = np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 5.0], [1.0, 5.0]])
    >>> sweep(q_hat, c_hat, quality, cost_usd)[1:3]
    (array([1. , 0.5]), array([3., 1.]))
    """
    lams = lam_grid(q_hat, c_hat, n_points)
    choices = sweep_choices(q_hat, c_hat, lams)
    share = np.stack([(choices == tier).mean(axis=0) for tier in range(q_hat.shape[1])], axis=1)
    return Frontier(
        lams,
        np.take_along_axis(quality, choices, axis=1).mean(axis=0),
        np.take_along_axis(cost_usd, choices, axis=1).mean(axis=0),
        share,
    )
