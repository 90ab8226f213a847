"""A model of the outcomes that had not seen the rows it predicts, for the doubly robust correction.

One outcome per task is little, so the tiers share what they can: how well a task went, less its
tier's mean, is learned over the rows of all tiers together; only what is left is learned per tier.
On small tables this halves what each tier has to learn alone (docs/decisions.md).
"""

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from tracetier.train.buckets import fit_buckets
from tracetier.train.fit import TrainingData, assign_all, by_type, type_encoding
from tracetier.train.heads.boosting import fit_booster, predict_booster
from tracetier.train.heads.bucket_mean import fit_bucket_means
from tracetier.train.heads.ridge import choose_alphas, fit_ridge
from tracetier.train.logged.pairs import EVEN_QUALITY, Pairs, fill_residuals

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = NDArray[np.intp]

# Weights of bucket means, ridge, randomised trees.
_WITH_TYPES = (0.5, 0.25, 0.25)
_WITHOUT_TYPES = (0.0, 0.5, 0.5)


def weighted_tier_means(observed: Matrix, propensity: Matrix) -> Vector:
    """Mean of each tier over all tasks, each row seen weighted by 1 / propensity, ``(K,)``.

    0 where a tier was never seen.

    Examples
    --------
    >>> observed = np.array([[1.0], [0.0], [np.nan]])
    >>> weighted_tier_means(observed, np.array([[0.25], [0.75], [0.5]]))
    array([0.75])
    """
    weight = np.where(np.isnan(observed), 0.0, 1.0 / propensity)
    total = weight.sum(axis=0)
    weighted = (weight * np.where(np.isnan(observed), 0.0, observed)).sum(axis=0)
    return np.asarray(weighted / np.where(total > 0, total, 1.0))


def cross_fitted_outcomes(
    data: TrainingData,
    observed: Matrix,
    propensity: Matrix,
    folds: NDArray[np.int64],
    *,
    seed: int,
    n_jobs: int = 1,
    pairs: Pairs | None = None,
) -> Matrix:
    """Predict every tier's outcome on every row, by models that had not seen the row.

    Parameters
    ----------
    data : TrainingData
        n rows; its own targets are not used.
    observed : (n, K) array
        ``nan`` where a tier was not seen.
    propensity : (n, K) array
        In (0, 1], for the mean of each tier.
    folds : (n,) array of int
    seed : int
    n_jobs : int
    pairs : Pairs, optional
        Battles, which tell differences where nothing was seen.

    Returns
    -------
    (n, K) array
        Finite.
    """
    tier_mean = weighted_tier_means(observed, propensity)
    seen = ~np.isnan(observed)
    excess = np.where(seen, observed - tier_mean, 0.0).sum(axis=1, keepdims=True)
    n_seen = seen.sum(axis=1, keepdims=True)
    level_target = np.where(n_seen > 0, excess / np.maximum(n_seen, 1), np.nan)

    def predict(targets: Matrix) -> Matrix:
        return _predict(data._replace(targets=targets), folds, seed=seed, n_jobs=n_jobs)

    level = predict(level_target) if seen.any() else np.full_like(level_target, EVEN_QUALITY)
    residual = observed - level
    if pairs is not None:
        residual = fill_residuals(residual, pairs)
    return np.asarray(level + predict(residual))


def _predict(data: TrainingData, folds: NDArray[np.int64], *, seed: int, n_jobs: int) -> Matrix:
    """Predict every target out of fold, ``(n, T)``; its mean where others never saw it."""
    alphas = choose_alphas(data.design, type_places(data), data.targets, seed)
    seen = ~np.isnan(data.targets)
    means = np.where(seen, data.targets, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    found = np.empty(data.targets.shape)
    for fold in np.unique(folds):
        held_out, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        fitted = data.take(others)
        predicted = _fit_and_predict(fitted, data.take(held_out), alphas, seed, n_jobs)
        unlearned = np.isnan(fitted.targets).all(axis=0)
        found[held_out] = np.where(unlearned, means, predicted)
    return found


def _fit_and_predict(
    fitted: TrainingData, asked: TrainingData, alphas: Vector, seed: int, n_jobs: int
) -> Matrix:
    """Blend bucket means, ridge and randomised trees: light, since a correction follows."""
    buckets = fit_buckets(fitted.task_types, fitted.design.x, fitted.quality, fitted.columns)
    bucket, asked_bucket = assign_all(buckets, fitted), assign_all(buckets, asked)
    means = fit_bucket_means(bucket, fitted.targets, len(buckets.names))
    ridge = fit_ridge(
        fitted.design,
        by_type(buckets, bucket),
        fitted.targets,
        len(buckets.types) + 1,
        alphas,
    )
    encoding = type_encoding(buckets, means)
    features, asked_features = (
        np.concatenate([part.design.x, encoding[place]], axis=1)
        for part, place in ((fitted, bucket), (asked, asked_bucket))
    )

    def trees(target: int) -> Vector:
        text = fit_booster(features, fitted.targets[:, target], "extra", seed)
        return predict_booster(text, asked_features)

    n_targets = fitted.targets.shape[1]
    by_trees = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(trees)(target) for target in range(n_targets)
    )
    weights = _WITH_TYPES if len(buckets.types) > 1 else _WITHOUT_TYPES
    by_head = (
        means[asked_bucket],
        ridge.predict(asked.design, by_type(buckets, asked_bucket)),
        np.stack(by_trees, axis=1),
    )
    return np.asarray(sum(weight * found for weight, found in zip(weights, by_head, strict=True)))


def type_places(data: TrainingData) -> Index:
    """Return the number of each row's task type; those without one share the last number."""
    types = sorted({kind for kind in data.task_types if kind is not None})
    place = {name: i for i, name in enumerate(types)}
    return np.array(
        [len(types) if kind is None else place[kind] for kind in data.task_types], dtype=np.intp
    )
