"""Many forests become one: weights go into the leaves, trees are dealt out to outputs.

One walk over one ensemble then gives every output, instead of a call per head.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tracetier.errors import ArtifactError
from tracetier.heads._forest import Forest, Ints

WeightedForest = tuple[float, Forest]


def merge_forests(outputs: Sequence[Sequence[WeightedForest]]) -> Forest:
    """Return one forest whose output ``o`` is ``sum(weight * forest)`` over ``outputs[o]``.

    Parameters
    ----------
    outputs : sequence of sequences of (float, Forest)
        Per output its weighted forests, each of one output; all on the same columns. An
        output without forests is the constant 0.

    Returns
    -------
    Forest
        ``len(outputs)`` outputs; where an output has fewer trees than the largest one, it
        is filled up with trees of a single leaf of value 0.

    Raises
    ------
    ArtifactError
        If there is nothing to merge, a forest has several outputs, the columns differ, or a
        weight or a weighted leaf is not finite.
    """
    names = _shared_names(outputs)
    pool = [_single_leaf(names)]
    members: list[Ints] = []
    n_pooled = 1
    for weighted in outputs:
        scaled = [_scaled(forest, weight) for weight, forest in weighted if weight != 0.0]
        pool += scaled
        n_trees = sum(forest.n_trees for forest in scaled)
        members.append(np.arange(n_pooled, n_pooled + n_trees))
        n_pooled += n_trees
    order = np.zeros((max(1, *map(len, members)), len(outputs)), dtype=np.int64)
    for output, trees in enumerate(members):
        order[: len(trees), output] = trees
    return replace(take_trees(_concatenated(pool), order.ravel()), n_outputs=len(outputs))


def _shared_names(outputs: Sequence[Sequence[WeightedForest]]) -> tuple[str, ...]:
    forests = [forest for weighted in outputs for _, forest in weighted]
    if not forests:
        raise ArtifactError("no tree model to merge; give at least one for some output")
    names = forests[0].feature_names
    for forest in forests:
        if forest.feature_names != names:
            raise ArtifactError(
                f"cannot merge tree models on different columns: {len(names)} columns "
                f"{_shown(names)} and {forest.n_features} columns {_shown(forest.feature_names)}; "
                "train all heads on the same columns in the same order"
            )
        if forest.n_outputs != 1:
            raise ArtifactError(
                f"cannot merge a tree model of {forest.n_outputs} outputs; train one per output"
            )
    return names


def _shown(names: tuple[str, ...]) -> str:
    return "(" + ", ".join(names[:4]) + (", …)" if len(names) > 4 else ")")


def _single_leaf(names: tuple[str, ...]) -> Forest:
    no_splits = np.zeros(0, dtype=np.int64)
    return Forest(
        feature_names=names,
        n_outputs=1,
        n_leaves=np.ones(1, dtype=np.int64),
        split_feature=no_splits,
        threshold=np.zeros(0),
        decision_type=no_splits,
        left=no_splits,
        right=no_splits,
        leaf_value=np.zeros(1),
    )


def _scaled(forest: Forest, weight: float) -> Forest:
    with np.errstate(over="ignore", invalid="ignore"):
        leaf_value = forest.leaf_value * weight
    if not np.isfinite(leaf_value).all():
        raise ArtifactError(
            f"weight {weight:g} makes leaf values that are not finite; weights must be finite"
        )
    return replace(forest, leaf_value=leaf_value)


def _concatenated(forests: Sequence[Forest]) -> Forest:
    def joined(field: str) -> Ints:
        return np.concatenate([getattr(forest, field) for forest in forests])

    return Forest(
        feature_names=forests[0].feature_names,
        n_outputs=1,
        n_leaves=joined("n_leaves"),
        split_feature=joined("split_feature"),
        threshold=np.concatenate([forest.threshold for forest in forests]),
        decision_type=joined("decision_type"),
        left=joined("left"),
        right=joined("right"),
        leaf_value=np.concatenate([forest.leaf_value for forest in forests]),
    )


def take_trees(forest: Forest, trees: Ints) -> Forest:
    """Return the trees in the given order; one tree may be taken several times."""
    n_leaves = forest.n_leaves[trees]
    splits = _ragged(forest.split_starts[trees], n_leaves - 1)
    leaves = _ragged(forest.leaf_starts[trees], n_leaves)
    return replace(
        forest,
        n_leaves=n_leaves,
        split_feature=forest.split_feature[splits],
        threshold=forest.threshold[splits],
        decision_type=forest.decision_type[splits],
        left=forest.left[splits],
        right=forest.right[splits],
        leaf_value=forest.leaf_value[leaves],
    )


def without_idle_outputs(forest: Forest) -> Forest:
    """Return the same trees without the last outputs, where nothing is ever added to those.

    At least one output stays.
    """
    output = np.arange(forest.n_trees) % forest.n_outputs
    adds = (forest.n_leaves > 1) | (forest.leaf_value[forest.leaf_starts[:-1]] != 0.0)
    n_kept = int(output[adds].max(initial=0)) + 1
    return replace(take_trees(forest, np.flatnonzero(output < n_kept)), n_outputs=n_kept)


def _ragged(starts: Ints, lengths: Ints) -> Ints:
    """Return ``start, start + 1, … start + length - 1`` of each pair, end to end."""
    ends = np.cumsum(lengths)
    places: Ints = np.arange(lengths.sum()) + np.repeat(starts - (ends - lengths), lengths)
    return places
