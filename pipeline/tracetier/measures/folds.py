"""Folds that never part a group: no task, text or session stands on both sides."""

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]


def grouped_folds(groups: NDArray[np.int64], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Assign each row to a fold by its group, at random, folds near-equal in rows.

    Groups are shuffled, then the largest go first, each to the emptiest fold.

    Parameters
    ----------
    groups : (n,) array of int
        Group of each row.
    n_folds : int
        At least 2; fewer folds are made where there are fewer groups.
    seed : int
        Same seed, same folds.

    Returns
    -------
    (n,) array of int
        Fold of each row, in [0, n_folds).

    Examples
    --------
    >>> folds = grouped_folds(np.array([0, 0, 1, 2]), 2, seed=0)
    >>> bool(folds[0] == folds[1]), sorted(np.bincount(folds).tolist())
    (True, [2, 2])
    """
    _, of_row, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros(min(n_folds, len(sizes)), dtype=np.int64)
    fold_of_group = np.empty(len(sizes), dtype=np.int64)
    for group in order:
        fold = int(filled.argmin())
        fold_of_group[group] = fold
        filled[fold] += sizes[group]
    return fold_of_group[of_row]
