"""Predictions → the same, right on average over every kind of task, as far as the log tells.

A single correction is weighted by how rarely the log took the tier, and where few rows of a kind
show it, the weights hardly add up to the number of rows: that is most of a pseudo-outcome's
noise. So the misses on a kind of task are averaged first, by the *sum* of their weights, and
shrunk like any bucket's mean; the prediction moves by that:

    q*_a = q_a + E/(E + 10) sum_b w (r_a - q_a) / sum_b w        w = min(1 / p_a, 20)

over the rows of the kind b on which tier a was seen; E is their effective sample size. The
rows themselves then correct only what is left. Formulas: Hajek 1971 for the mean; van der Laan
and Rubin 2006, Zheng and van der Laan 2011 for moving a cross-fitted model before correcting it.
"""

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.off_policy.weights import MAX_WEIGHT

Matrix = NDArray[np.float64]
Index = NDArray[np.intp]

SHRINKAGE = 10.0
"""Pseudo-rows without a miss, as bucket means are shrunk."""


def target_kinds(
    predicted: Matrix, observed: Matrix, propensity: Matrix, kind: Index, n_kinds: int
) -> Matrix:
    """Move cross-fitted predictions so that no tier is over- or underrated on a kind of task.

    Parameters
    ----------
    predicted : (n, K) array
        By a model that had not seen the row.
    observed : (n, K) array
        ``nan`` where a tier was not seen.
    propensity : (n, K) array
        Probability with which each tier would be seen, in (0, 1].
    kind : (n,) array of int
        Of the task, below ``n_kinds``; made without the outcomes.
    n_kinds : int

    Returns
    -------
    (n, K) array
        Finite; a tier that was never seen stays as predicted.

    Examples
    --------
    Two kinds, ten rows each; the model misses the first by 1/2. Shrunk by 10 / (10 + 10):

    >>> kind = np.repeat([0, 1], 10)
    >>> observed = np.where(kind == 0, 1.0, 0.5)[:, None]
    >>> found = target_kinds(np.full((20, 1), 0.5), observed, np.ones((20, 1)), kind, 2)
    >>> found[[0, 19], 0]
    array([0.75, 0.5 ])
    """
    seen = ~np.isnan(observed)
    weight = np.where(seen, np.minimum(1.0 / np.where(seen, propensity, 1.0), MAX_WEIGHT), 0.0)
    miss = np.where(seen, observed, 0.0) - predicted
    total, of_squares, of_misses = np.zeros((3, n_kinds, observed.shape[1]))
    np.add.at(total, kind, weight)
    np.add.at(of_squares, kind, weight**2)
    np.add.at(of_misses, kind, weight * miss)
    ess = total**2 / np.where(total > 0, of_squares, 1.0)
    moved = of_misses / np.where(total > 0, total, 1.0) * ess / (ess + SHRINKAGE)
    return np.asarray(predicted + moved[kind])


def drawn_to_means(
    predicted: Matrix, tier_mean: NDArray[np.float64], seen: NDArray[np.bool_], trust: float
) -> Matrix:
    """Weigh predictions against each tier's own mean; tiers never seen stay, ``(n, K)``.

    What a model tells apart rests on few rows of one outcome each; the mean rests on them all.

    Parameters
    ----------
    predicted : (n, K) array
    tier_mean : (K,) array
    seen : (n, K) array of bool
    trust : float
        Weight of the prediction, in [0, 1].

    Examples
    --------
    >>> means, seen = np.array([1.0, 0.0]), np.array([[True, False]])
    >>> drawn_to_means(np.array([[0.5, 0.5]]), means, seen, 0.5)
    array([[0.75, 0.5 ]])
    """
    drawn = trust * predicted + (1.0 - trust) * tier_mean
    return np.asarray(np.where(seen.any(axis=0), drawn, predicted))
