"""Doubly robust with weights as small as the error allows: between the model alone and DR.

The whole correction is unbiased and noisy, none of it is steady and as biased as the model. Weights
are shrunk, the large ones most, by the strength whose estimated squared error is least:

    w_s = w s / (w^2 + s)        0 is DM, infinity is DR
    error(s) = (mean((w_s - w) (y - predicted)))^2 + variance of the estimate

Formulas: Su, Dimakopoulou, Krishnamurthy and Dudik, ICML 2020 (optimistic shrinkage). The
strength is chosen again in each resample, so that an interval holds the noise of choosing; one
told at the strength chosen once leaves a quarter of the truths outside.
"""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.intp]

STRENGTHS = (0.0, *(float(s) for s in np.geomspace(0.1, 1000.0, 7)), float("inf"))
"""Candidates; in units of squared weights, whose mean is about 1 or above."""


def shrunk_weights(weight: Vector, strength: float) -> Vector:
    """Shrink importance weights, ``w s / (w^2 + s)``: at most ``sqrt(s) / 2``.

    Parameters
    ----------
    weight : (n,) array
        At least 0.
    strength : float
        At least 0.

    Examples
    --------
    >>> shrunk_weights(np.array([0.0, 1.0, 4.0]), 4.0)
    array([0. , 0.8, 0.8])
    >>> shrunk_weights(np.array([4.0]), float("inf"))
    array([4.])
    """
    if np.isinf(strength):
        return weight
    return np.asarray(weight * (strength / np.maximum(weight**2 + strength, 1e-300)))


def influences(direct: Vector, weight: Vector, residual: Vector) -> Matrix:
    """Each row's part in the estimate at each strength, ``(n, S)``."""
    return np.stack([direct + shrunk_weights(weight, s) * residual for s in STRENGTHS], axis=1)


def choose_strength(means: Matrix, mean_squares: Matrix, n_rows: int) -> Index:
    """Place of the strength of least estimated squared error.

    Parameters
    ----------
    means, mean_squares : (..., S) array
        Of the influences and their squares.
    n_rows : int

    Examples
    --------
    The model alone is off by .1, the whole correction has a standard error of .3:

    >>> means = np.linspace(0.5, 0.6, len(STRENGTHS))
    >>> squares = means**2 + np.linspace(0.0, 9.0, len(STRENGTHS))
    >>> int(choose_strength(means, squares, 100))
    0
    """
    bias = means - means[..., -1:]
    variance = np.maximum(mean_squares - means**2, 0.0) / n_rows
    return np.asarray((bias**2 + variance).argmin(axis=-1))


def take_strength(means: Matrix, mean_squares: Matrix, n_rows: int) -> Matrix:
    """Return the estimate at the strength that is chosen, ``(...)``."""
    place = choose_strength(means, mean_squares, n_rows)[..., None]
    return np.asarray(np.take_along_axis(means, place, axis=-1)[..., 0])
