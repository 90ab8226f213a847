"""A tree ensemble as flat arrays: one array a field, all trees end to end.

Everything that touches trees (parsing, merging, rendering, walking) speaks this form. Trees
are stored iteration by iteration: tree ``t`` adds to output ``t % n_outputs``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracetier.errors import ArtifactError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CATEGORICAL_BIT = 1
DEFAULT_LEFT_BIT = 2
MISSING_SHIFT = 2
MISSING_ZERO = 1
MISSING_NAN = 2

# LightGBM's kZeroThreshold, a float32 constant: what is smaller reads as zero.
ZERO_THRESHOLD = float(np.float32(1e-35))


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Regression trees with numerical splits.

    ``S`` is the number of splits and ``L`` the number of leaves of all ``T`` trees together;
    a tree of ``n`` leaves has ``n - 1`` splits, the first of which is its root.

    Attributes
    ----------
    feature_names : tuple of str, length n_features
        Names of the columns of a row.
    n_outputs : int
        Outputs per row; ``T`` is a multiple of it.
    n_leaves : (T,) int64
        Leaves per tree, at least 1.
    split_feature : (S,) int64
        Column that the split looks at.
    threshold : (S,) float64
        A row goes left if its value is at most this.
    decision_type : (S,) int64
        LightGBM's bits: 1 categorical (never set here), 2 default left, 4 zero is missing,
        8 NaN is missing.
    left, right : (S,) int64
        Within the tree: a later split if >= 0, else the leaf ``-1 - child``.
    leaf_value : (L,) float64
        What a leaf adds to its output.
    """

    feature_names: tuple[str, ...]
    n_outputs: int
    n_leaves: Ints
    split_feature: Ints
    threshold: Floats
    decision_type: Ints
    left: Ints
    right: Ints
    leaf_value: Floats

    @property
    def n_features(self) -> int:
        """Number of columns of a row."""
        return len(self.feature_names)

    @property
    def n_trees(self) -> int:
        """Number of trees, over all outputs."""
        return len(self.n_leaves)

    @property
    def split_starts(self) -> Ints:
        """(T + 1,): where each tree's splits begin, and the end of the last."""
        return _starts(self.n_leaves - 1)

    @property
    def leaf_starts(self) -> Ints:
        """(T + 1,): where each tree's leaves begin, and the end of the last."""
        return _starts(self.n_leaves)


def _starts(lengths: Ints) -> Ints:
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def audit_forest(forest: Forest) -> None:
    """Raise unless a walk from any root ends at one leaf, whatever the row.

    Each tree must be a tree: every child is a later split or a leaf of the same tree, and
    every split but the root, and every leaf, is the child of exactly one split.

    Raises
    ------
    ArtifactError
        Naming the first bad tree and what is wrong with it.
    """
    if forest.n_trees % forest.n_outputs:
        raise ArtifactError(
            f"tree model: {forest.n_trees} trees do not divide into {forest.n_outputs} outputs"
        )
    tree_of_split = np.repeat(np.arange(forest.n_trees), forest.n_leaves - 1)
    tree_of_leaf = np.repeat(np.arange(forest.n_trees), forest.n_leaves)
    _refuse(
        (forest.split_feature < 0) | (forest.split_feature >= forest.n_features),
        tree_of_split,
        f"a split looks at a column outside 0..{forest.n_features - 1}",
    )
    _refuse(
        forest.decision_type & CATEGORICAL_BIT > 0,
        tree_of_split,
        "categorical splits are not supported; train without categorical_feature",
    )
    _refuse(
        ~np.isin(forest.decision_type, (0, 2, 4, 6, 8, 10)),
        tree_of_split,
        "unknown decision_type bits",
    )
    _refuse(~np.isfinite(forest.threshold), tree_of_split, "a threshold is not finite")
    _refuse(~np.isfinite(forest.leaf_value), tree_of_leaf, "a leaf value is not finite")
    _audit_children(forest, tree_of_split, tree_of_leaf)


def _audit_children(forest: Forest, tree_of_split: Ints, tree_of_leaf: Ints) -> None:
    split_start = forest.split_starts[tree_of_split]
    leaf_start = forest.leaf_starts[tree_of_split]
    n_leaves = forest.n_leaves[tree_of_split]
    own = np.arange(len(tree_of_split)) - split_start
    split_parents = np.zeros(len(tree_of_split), dtype=np.int64)
    leaf_parents = np.zeros(len(tree_of_leaf), dtype=np.int64)
    for child in (forest.left, forest.right):
        is_split = child >= 0
        bad = np.where(is_split, (child <= own) | (child >= n_leaves - 1), -1 - child >= n_leaves)
        _refuse(bad, tree_of_split, "a child is neither a later split nor a leaf of its tree")
        np.add.at(split_parents, (split_start + child)[is_split], 1)
        np.add.at(leaf_parents, (leaf_start - 1 - child)[~is_split], 1)
    roots = forest.split_starts[:-1][forest.n_leaves > 1]
    split_parents[roots] += 1
    _refuse(split_parents != 1, tree_of_split, "a split has no parent, or several")
    has_splits = forest.n_leaves[tree_of_leaf] > 1
    _refuse((leaf_parents != 1) & has_splits, tree_of_leaf, "a leaf has no parent, or several")


def _refuse(bad: NDArray[np.bool_], tree: Ints, what: str) -> None:
    if bad.any():
        raise ArtifactError(
            f"tree model: tree {tree[bad.argmax()]}: {what} ({int(bad.sum())} such places)"
        )
