"""Ridge weights of several targets at once, by conjugate gradients.

A large sparse matrix is read from memory twice per step, and that is what a step costs. Targets
that are solved side by side share the reading; one after the other, as libraries do, each pays it.
"""

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Matrix = NDArray[np.float64]

_MAX_STEPS: Final = 1_000


def solve_ridge(x: csr_array, y: Matrix, alphas: NDArray[np.float64], tolerance: float) -> Matrix:
    r"""Minimise ``|x w - y|² + alpha |w|²`` per target.

    The normal equations :math:`(X^\top X + \alpha I)\,w = X^\top y` are solved by the method of
    Hestenes and Stiefel (1952), one recurrence per target, all on the same products with ``x``.

    Parameters
    ----------
    x : (n, d) sparse array
    y : (n, T) array
    alphas : (T,) array
        Penalties, > 0.
    tolerance : float
        Residual of the normal equations, relative to their right side, at which a target is done.

    Returns
    -------
    (d, T) array

    Raises
    ------
    ValueError
        If ``x`` or ``y`` holds ``nan`` or an infinite number.

    Warns
    -----
    RuntimeWarning
        If a target is not done within 1,000 steps, as columns of very different sizes may need.

    Examples
    --------
    >>> x = csr_array([[1.0, 0.0], [0.0, 2.0]])
    >>> solve_ridge(x, np.array([[2.0], [5.0]]), np.array([1.0]), 1e-9).round(6).tolist()
    [[1.0], [2.0]]
    """
    back = x.T
    residual = np.asarray(back @ y)
    weights = np.zeros_like(residual)
    direction = residual.copy()
    left = np.einsum("ij,ij->j", residual, residual)
    if not np.isfinite(left).all():
        raise ValueError("expected finite numbers in x and y, got nan or an infinite one")
    aim = left
    enough = tolerance**2 * left
    for _ in range(_MAX_STEPS):
        open_ = left > enough
        if not open_.any():
            break
        image = np.asarray(back @ (x @ direction)) + alphas * direction
        along = np.einsum("ij,ij->j", direction, image)
        step = np.divide(left, along, out=np.zeros_like(left), where=open_)
        weights += step * direction
        residual -= step * image
        before, left = left, np.einsum("ij,ij->j", residual, residual)
        kept = np.divide(left, before, out=np.zeros_like(left), where=open_)
        direction = residual + kept * direction
    else:
        worst = float(np.sqrt(np.divide(left, aim, out=np.zeros_like(left), where=aim > 0).max()))
        if worst > tolerance:
            message = f"ridge weights are exact to {worst:.1g} only, {tolerance:.1g} was asked for"
            warnings.warn(message, RuntimeWarning, stacklevel=2)
    return weights
