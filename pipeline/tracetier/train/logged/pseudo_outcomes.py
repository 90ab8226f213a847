"""Doubly robust pseudo-outcomes: what to learn where only the taken tier was seen.

The model's prediction, corrected by what it missed on the tier that was taken, weighted by how
rarely the log took it:

    phi_a = q_a + 1{a seen} min(1 / p_a, 20) (r_a - q_a)

Its mean over what the log could have taken is the tier's quality, if either the propensities or
the model are right; so differences of it train the gain of one tier over another. The model must
not have seen the row. Formula: Robins, Rotnitzky and Zhao 1994; Kennedy 2023 for regressing on it.
"""

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.off_policy.weights import MAX_WEIGHT

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = NDArray[np.intp]


LEAST_SHARE = 0.5
"""Of the correction, which is taken however little it differs from noise."""


def correction_share(predicted: Matrix, observed: Matrix, propensity: Matrix) -> float:
    """How much of the correction to learn from: 1 where the model is plainly fooled by the log.

    The mean correction of each tier, over its standard error, squared and summed, is about K by
    chance alone. As James and Stein shrink, ``1 - K / chi2`` of it is kept, but at least half.

    Parameters
    ----------
    predicted, observed, propensity : (n, K) array
        As for `pseudo_outcomes`.

    Returns
    -------
    float
        In [0.5, 1].

    Examples
    --------
    >>> observed = np.ones((100, 1)) * np.nan
    >>> observed[::2] = 1.0
    >>> correction_share(np.zeros((100, 1)), observed, np.full((100, 1), 0.5))
    0.99
    >>> correction_share(np.ones((100, 1)), observed, np.full((100, 1), 0.5))
    0.5
    """
    correction = pseudo_outcomes(predicted, observed, propensity) - predicted
    variance = correction.var(axis=0) / len(correction)
    known = variance > 0
    squared = correction.mean(axis=0)[known] ** 2 / variance[known]
    chi2 = float(squared.sum())
    return max(LEAST_SHARE, 1.0 - int(known.sum()) / chi2) if chi2 > 0 else LEAST_SHARE


def pseudo_outcomes(
    predicted: Matrix, observed: Matrix, propensity: Matrix, *, max_weight: float = MAX_WEIGHT
) -> Matrix:
    """Correct predictions by what was seen.

    Parameters
    ----------
    predicted : (n, K) array
        By a model that had not seen the row.
    observed : (n, K) array
        ``nan`` where a tier was not seen.
    propensity : (n, K) array
        Probability with which each tier would be seen, in (0, 1]; 1 where every tier ran, and
        there the pseudo-outcome is the outcome. What was not seen counts for nothing.
    max_weight : float

    Returns
    -------
    (n, K) array
        Finite. May lie outside of [0, 1].

    Examples
    --------
    >>> observed, propensity = np.array([[1.0, np.nan]]), np.array([[0.25, 0.75]])
    >>> pseudo_outcomes(np.array([[0.5, 0.75]]), observed, propensity)
    array([[2.5 , 0.75]])
    """
    seen = ~np.isnan(observed)
    weight = np.minimum(1.0 / np.where(seen, propensity, 1.0), max_weight)
    return predicted + np.where(seen, weight * (np.where(seen, observed, 0.0) - predicted), 0.0)


def gains(pseudo: Matrix, base: int) -> Matrix:
    """Gain of each tier over a base tier, ``(n, K)``; the base's own is 0.

    Examples
    --------
    >>> gains(np.array([[0.5, 0.75]]), 0)
    array([[0.  , 0.25]])
    """
    return np.asarray(pseudo - pseudo[:, [base]])


def pair_differences(predicted: Matrix, pair: Index, gain: Vector, propensity: Vector) -> Matrix:
    """Each tier's difference from the mean over tiers, from comparisons of two tiers.

    A tier's difference is its mean gain over all tiers, of which a comparison shows one:

        d_a = (1 / K) sum_b g_ab        g_ab = q_a - q_b + 1{a, b compared} (g - (q_a - q_b)) / p_ab

    Parameters
    ----------
    predicted : (m, K) array
        Quality, or anything of the same differences, by a model that had not seen the row.
    pair : (m, 2) array of int
        The tiers that were compared.
    gain : (m,) array
        Of the first over the second.
    propensity : (m,) array
        Probability with which these two were compared, in (0, 1].

    Returns
    -------
    (m, K) array
        Rows sum to 0.

    Examples
    --------
    >>> pair_differences(np.zeros((1, 2)), np.array([[1, 0]]), np.array([1.0]), np.array([1.0]))
    array([[-0.5,  0.5]])
    """
    n_rows, n_tiers = predicted.shape
    found = predicted - predicted.mean(axis=1, keepdims=True)
    row, first, second = np.arange(n_rows), pair[:, 0], pair[:, 1]
    missed = gain - (predicted[row, first] - predicted[row, second])
    correction = np.minimum(1.0 / propensity, MAX_WEIGHT) * missed / n_tiers
    found[row, first] += correction
    found[row, second] -= correction
    return np.asarray(found)
