"""Fit every head on some rows; predict other rows with it. Used per fold, then on all rows."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from tracetier.features.buckets import Buckets
from tracetier.heads.neighbours import NearPoints
from tracetier.train.buckets import fit_buckets
from tracetier.train.design import Design
from tracetier.train.heads.boosting import KINDS, fit_boosters, predict_booster
from tracetier.train.heads.bucket_mean import fit_bucket_means
from tracetier.train.heads.concepts import Concepts, fit_concepts
from tracetier.train.heads.neighbours import fit_neighbours, place
from tracetier.train.heads.ridge import RidgeWeights, Scaling, fit_ridge, fit_scaling

Matrix = NDArray[np.float64]
Index = NDArray[np.intp]

HEADS: tuple[str, ...] = (
    *("bucket_mean", "ridge", "neighbours"),
    *(f"trees_{kind}" for kind in KINDS),
)
"""Names of the heads, in the order of every array with a head axis H."""


class TrainingData(NamedTuple):
    """All that a fit needs.

    Attributes
    ----------
    task_types : list of str or None, length n
    design : Design
    targets : (n, T) array
        As ``stack_targets`` lays them out: T = 2K + 1, ``nan`` where not seen.
    quality : (n, K) array
        For the buckets.
    columns : tuple of str, length d
    """

    task_types: Sequence[str | None]
    design: Design
    targets: Matrix
    quality: Matrix
    columns: tuple[str, ...]

    def take(self, index: Index) -> "TrainingData":
        """Return the rows at ``index``."""
        types = [self.task_types[i] for i in index]
        return TrainingData(
            types,
            self.design.take(index),
            self.targets[index],
            self.quality[index],
            self.columns,
        )


class FittedHeads(NamedTuple):
    """Every head, fitted on the same rows.

    Attributes
    ----------
    buckets : Buckets
    means : (B, T) array
        The bucket-mean head; ``type_encoding`` makes of it what the trees see.
    ridge : RidgeWeights
    scaling : Scaling
        How ridge and neighbours weigh the numbers.
    concepts : Concepts
        Of the texts, for trees and neighbours.
    near : NearPoints
    boosters : list of list of str
        Model text per kind (outer) and target (inner), of the first targets only where trees do
        not learn the rest, see ``n_tree_targets``.
    """

    buckets: Buckets
    means: Matrix
    ridge: RidgeWeights
    scaling: Scaling
    concepts: Concepts
    near: NearPoints
    boosters: list[list[str]]


def fit_heads(
    data: TrainingData,
    *,
    alphas: NDArray[np.float64],
    seed: int,
    n_jobs: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> FittedHeads:
    """Fit all heads.

    Parameters
    ----------
    data : TrainingData
    alphas : (T,) array
        Ridge penalty of each target.
    seed : int
    n_jobs : int
        Threads; LightGBM computes outside the interpreter's lock.
    advance : callable
        Called after each of the ``n_fits()`` steps.
    """
    n_targets = n_tree_targets(data)
    buckets = fit_buckets(data.task_types, data.design.x, data.quality, data.columns)
    bucket = assign_all(buckets, data)
    means = fit_bucket_means(bucket, data.targets, len(buckets.names))
    n_kinds = len(buckets.types) + 1
    kind, scaling = by_type(buckets, bucket), fit_scaling(data.design)
    ridge = fit_ridge(data.design, kind, data.targets, n_kinds, alphas)
    concepts = fit_concepts(data.design)
    of_text = concepts.of(data.design)
    near = fit_neighbours(
        place(data.design.x, of_text, scaling, concepts.scale),
        kind,
        data.targets,
        means[bucket],
        n_kinds,
        seed=seed,
    )
    advance()
    features = tree_input(data.design.x, buckets, means, bucket, of_text)
    jobs = (
        delayed(fit_boosters)(features, data.targets[:, :n_targets], tree_kind, seed)
        for tree_kind in KINDS
    )
    boosters: list[list[str]] = []
    for texts in Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(jobs):
        boosters.append(texts)
        advance()
    return FittedHeads(buckets, means, ridge, scaling, concepts, near, boosters)


def n_tree_targets(data: TrainingData) -> int:
    """Count the targets that trees learn: the K differences between tiers, where there are some.

    Level and log costs are smooth in what is known; there the tree heads say what the ridge says.
    Targets of another layout than ``stack_targets`` gives are all learned.
    """
    n_tiers, n_targets = int(data.quality.shape[1]), int(data.targets.shape[1])
    return n_tiers if n_targets == 2 * n_tiers + 1 else n_targets


def n_fits() -> int:
    """How often ``fit_heads`` advances: once per kind of tree, and once for all else."""
    return 1 + len(KINDS)


def predict_heads(heads: FittedHeads, data: TrainingData) -> Matrix:
    """Predict rows with every head, ``(H, n, T)``."""
    bucket = assign_all(heads.buckets, data)
    kind = by_type(heads.buckets, bucket)
    of_text = heads.concepts.of(data.design)
    features = tree_input(data.design.x, heads.buckets, heads.means, bucket, of_text)
    coordinates = place(data.design.x, of_text, heads.scaling, heads.concepts.scale)
    linear = [
        heads.means[bucket],
        heads.ridge.predict(data.design, kind),
        heads.near.predict(coordinates, kind, len(heads.buckets.types) + 1),
    ]
    trees = []
    for texts in heads.boosters:
        by_tree = np.stack([predict_booster(text, features) for text in texts], axis=1)
        trees.append(np.concatenate([by_tree, linear[1][:, len(texts) :]], axis=1))
    return np.stack([*linear, *trees])


def by_type(buckets: Buckets, bucket: Index) -> Index:
    """Place of each row's task type; the last place for all that is rare or has none.

    Type buckets stand first. The leaves behind them are made from the outcomes of the same
    rows, so a head that took them as an input would trust them too far.
    """
    return np.minimum(bucket, len(buckets.types))


def type_encoding(buckets: Buckets, means: Matrix) -> Matrix:
    """Return what the trees see of each bucket, ``(B, T)``: its type's mean targets.

    All buckets that are no type share the plain mean of their rows' means.
    """
    n_types = len(buckets.types)
    encoding = means.copy()
    encoding[n_types:] = means[n_types:].mean(axis=0)
    return encoding


def tree_input(
    x: Matrix, buckets: Buckets, means: Matrix, bucket: Index, of_text: Matrix
) -> Matrix:
    """Join the numbers ``(n, d)``, each row's type encoding ``(n, T)`` and concepts ``(n, L)``."""
    return np.concatenate([x, type_encoding(buckets, means)[bucket], of_text], axis=1)


def assign_all(buckets: Buckets, data: TrainingData) -> Index:
    """Bucket of each row, ``(n,)``."""
    rows = map(np.ndarray.tolist, data.design.x)  # one at a time: a list takes four times the room
    return np.array(
        [buckets.assign(t, row) for t, row in zip(data.task_types, rows, strict=True)],
        dtype=np.intp,
    )
