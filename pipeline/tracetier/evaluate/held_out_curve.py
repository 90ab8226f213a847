"""What a frontier's policies give on tasks that did not choose them.

A hull drawn over a hundred policies on the very tasks that it is told on is lifted by chance: even
predictions that know nothing seem to beat the fixed tiers. Here the policies of each fifth of the
tasks (which two are mixed, and how, for each mean cost) are chosen on the other four fifths.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import Choices
from tracetier.measures.hull import upper_hull

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Labels = NDArray[np.int64]

N_FOLDS = 5
N_REPEATS = 4
"""Divisions into folds whose policies are averaged: where a fold's edge lies is chance too."""


class HeldOutCurve(NamedTuple):
    """Means under one policy for each of J targeted mean costs, ``(J,)`` each.

    Attributes
    ----------
    quality, cost_usd : (J,) arrays
        Expected outcomes, of policies that were chosen without the tasks they are told on.
    unspent_usd : (J,) array
        What of the targeted cost the chosen policies leave where more money buys nothing.
    """

    quality: Vector
    cost_usd: Vector
    unspent_usd: Vector


def policy_outcomes(choices: Choices, quality: Matrix, cost_usd: Matrix) -> tuple[Matrix, Matrix]:
    """Outcomes of the fixed tiers, then of each policy of a sweep, ``(n, K + P)`` each.

    Parameters
    ----------
    choices : (n, P) array of int
    quality, cost_usd : (n, K) arrays

    Examples
    --------
    >>> policy_outcomes(np.array([[1]]), np.array([[0.2, 0.9]]), np.array([[1.0, 4.0]]))[0]
    array([[0.2, 0.9, 0.9]])
    """
    found = [
        np.hstack([outcome, np.take_along_axis(outcome, choices, axis=1)])
        for outcome in (quality, cost_usd)
    ]
    return found[0], found[1]


def held_out_curve(
    outcomes: tuple[Matrix, Matrix],
    targets_usd: Vector,
    *,
    groups: Labels,
    seed: int,
    n_repeats: int = N_REPEATS,
) -> HeldOutCurve:
    """Choose the best mixture for each mean cost on other tasks, and apply it to these.

    Parameters
    ----------
    outcomes : pair of (n, P) arrays
        Quality in [0, 1] and USD of every policy, as ``policy_outcomes`` gives them.
    targets_usd : (J,)
        Mean costs; ``inf`` takes the best policy at any cost.
    groups : (n,) array of int
        At least two different ones; never parted.
    seed : int
        Of the folds.
    n_repeats : int

    Examples
    --------
    A policy that is the better one on all tasks is found, and keeps what it gave:

    >>> quality, cost = np.tile([0.5, 0.9], (10, 1)), np.tile([1.0, 3.0], (10, 1))
    >>> found = held_out_curve((quality, cost), np.array([2.0, 9.0]), groups=np.arange(10), seed=0)
    >>> found.quality.round(2), found.cost_usd.round(2), found.unspent_usd.round(2)
    (array([0.7, 0.9]), array([2., 3.]), array([0., 6.]))
    """
    quality, cost_usd = outcomes
    found = np.zeros((2, len(targets_usd)))
    planned = np.zeros(len(targets_usd))
    for repeat in range(n_repeats):
        folds = grouped_folds(groups, N_FOLDS, seed + 7919 * repeat)
        for fold in np.unique(folds):
            here, seen = folds == fold, folds != fold
            mean_cost = cost_usd[seen].mean(axis=0)
            mix = mixtures(quality[seen].mean(axis=0), mean_cost, targets_usd)
            for place, outcome in enumerate((quality, cost_usd)):
                found[place] += here.mean() * mix.of(outcome[here].mean(axis=0))
            planned += here.mean() * mix.of(mean_cost)
    quality_told, cost_told = found / n_repeats
    return HeldOutCurve(quality_told, cost_told, unspent(targets_usd, planned / n_repeats))


def unspent(targets_usd: Vector, planned_usd: Vector) -> Vector:
    """Return what of each targeted cost is not spent, ``(J,)``; of none targeted nothing.

    Examples
    --------
    >>> unspent(np.array([3.0, np.inf]), np.array([2.0, 2.0]))
    array([1., 0.])
    """
    return np.asarray(np.where(np.isfinite(targets_usd), targets_usd - planned_usd, 0.0))


class Mixtures(NamedTuple):
    """Which two policies are mixed for each of J costs, and how often the dearer, ``(J,)`` each."""

    cheap: NDArray[np.intp]
    dear: NDArray[np.intp]
    p_dear: Vector

    def of(self, outcome: Vector) -> Vector:
        """Return the expected outcome of each mixture, from those of the policies, ``(P,)``."""
        return (1.0 - self.p_dear) * outcome[self.cheap] + self.p_dear * outcome[self.dear]


def mixtures(mean_quality: Vector, mean_cost: Vector, targets_usd: Vector) -> Mixtures:
    """Mixtures of two policies that make the hull at each cost.

    Examples
    --------
    >>> mixtures(np.array([0.5, 0.9]), np.array([1.0, 3.0]), np.array([1.5, np.inf]))
    Mixtures(cheap=array([0, 1]), dear=array([1, 1]), p_dear=array([0.25, 0.  ]))
    """
    hull = upper_hull(mean_cost, mean_quality)
    most = len(hull.cost) - 1
    high = np.searchsorted(hull.cost, targets_usd, side="right")
    is_inside = (high > 0) & (high <= most)
    low, high = np.clip(high - 1, 0, most), np.clip(high, 0, most)
    span = hull.cost[high] - hull.cost[low]
    p_dear = np.zeros(len(targets_usd))
    np.divide(targets_usd - hull.cost[low], span, out=p_dear, where=is_inside)
    return Mixtures(hull.point[low], hull.point[np.where(is_inside, high, low)], p_dear)
