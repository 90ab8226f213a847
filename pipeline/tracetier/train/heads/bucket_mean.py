"""The plainest head: the mean of each target in the task's bucket."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

SHRINKAGE = 10.0
"""Pseudo-tasks at the overall mean: success per bucket is shrunk by n / (n + 10)."""


def fit_bucket_means(bucket: NDArray[np.intp], y: Matrix, n_buckets: int) -> Matrix:
    """Mean target per bucket, shrunk towards the overall mean.

    Parameters
    ----------
    bucket : (n,) array of int
    y : (n, T) array
        Targets, ``nan`` where not seen.
    n_buckets : int

    Returns
    -------
    (n_buckets, T) array
        Finite; a target that was never seen is 0.

    Examples
    --------
    >>> fit_bucket_means(np.array([0, 0, 1]), np.array([[1.0], [1.0], [0.0]]), 2).round(3)
    array([[0.722], [0.606]])
    """
    seen = ~np.isnan(y)
    filled = np.where(seen, y, 0.0)
    overall = filled.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    total = np.zeros((n_buckets, y.shape[1]))
    count = np.zeros_like(total)
    np.add.at(total, bucket, filled)
    np.add.at(count, bucket, seen)
    return np.asarray((total + SHRINKAGE * overall) / (count + SHRINKAGE))
