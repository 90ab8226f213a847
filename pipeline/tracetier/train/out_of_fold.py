"""Predictions of rows by models that had not seen them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tracetier.train.fit import HEADS, TrainingData, fit_heads, predict_heads

Matrix = NDArray[np.float64]


def out_of_fold(
    data: TrainingData,
    folds: NDArray[np.int64],
    *,
    alphas: NDArray[np.float64],
    seed: int,
    n_jobs: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> Matrix:
    """Predict every row with each head fitted on the other folds.

    Buckets, means, scalings and weights are all fitted inside the training folds. A target that
    only the held-out fold has seen cannot be learned from the others; there every head predicts
    the target's mean over all rows.

    Parameters
    ----------
    data : TrainingData
        n rows, T targets.
    folds : (n,) array of int
        Fold of each row.

    Returns
    -------
    (H, n, T) array
    """
    predicted = np.empty((len(HEADS), *data.targets.shape))
    for fold in range(int(folds.max()) + 1):
        predicted[:, folds == fold] = predict_fold(
            data, folds, fold, alphas=alphas, seed=seed, n_jobs=n_jobs, advance=advance
        )
    return predicted


def predict_fold(
    data: TrainingData,
    folds: NDArray[np.int64],
    fold: int,
    *,
    alphas: NDArray[np.float64],
    seed: int,
    n_jobs: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> Matrix:
    """Predict the m rows of one fold, ``(H, m, T)``, as `out_of_fold` says."""
    others = data.take(np.flatnonzero(folds != fold))
    heads = fit_heads(others, alphas=alphas, seed=seed, n_jobs=n_jobs, advance=advance)
    found = predict_heads(heads, data.take(np.flatnonzero(folds == fold)))
    unlearned = np.isnan(others.targets).all(axis=0)
    found[:, :, unlearned] = _means(data.targets[:, unlearned])
    return found


def _means(targets: Matrix) -> NDArray[np.float64]:
    seen = ~np.isnan(targets)
    return np.asarray(np.where(seen, targets, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1))
