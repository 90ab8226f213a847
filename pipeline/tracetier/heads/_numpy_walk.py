"""The plain tree walk: all trees at once, one level a step, in numpy alone.

It stands in where LightGBM's library is missing, and it is the second opinion that every
loaded ensemble is compared with.
"""

import numpy as np

from tracetier.heads._forest import (
    DEFAULT_LEFT_BIT,
    MISSING_NAN,
    MISSING_SHIFT,
    MISSING_ZERO,
    ZERO_THRESHOLD,
    Floats,
    Forest,
    Ints,
)

_MAX_CELLS = 2**18  # rows x trees of one chunk, so that a batch's memory stays flat


class NumpyWalk:
    """Backend that walks the trees level by level.

    Splits and leaves share one numbering, splits first. A leaf leads to itself, so that
    after as many steps as the deepest tree has levels every walk stands on its leaf.
    """

    name = "numpy"

    def __init__(self, forest: Forest) -> None:
        n_splits, n_leaves = len(forest.threshold), len(forest.leaf_value)
        leaves = np.arange(n_splits, n_splits + n_leaves)
        at_leaf = np.zeros(n_leaves, dtype=np.int64)
        nan_left, zero_left = left_when_missing(forest)
        self._n_outputs = forest.n_outputs
        self._n_features = forest.n_features
        self._feature = np.concatenate((forest.split_feature, at_leaf))
        self._threshold = np.concatenate((forest.threshold, np.full(n_leaves, np.inf)))
        self._nan_left = np.concatenate((nan_left, at_leaf > 0))
        self._zero_left = np.concatenate((zero_left, at_leaf > 0))
        self._has_zero_missing = bool(np.any(missing_type(forest) == MISSING_ZERO))
        self._left = np.concatenate((_global_child(forest, forest.left), leaves))
        self._right = np.concatenate((_global_child(forest, forest.right), leaves))
        self._value = np.concatenate((np.zeros(n_splits), forest.leaf_value))
        self._roots = np.where(
            forest.n_leaves > 1, forest.split_starts[:-1], n_splits + forest.leaf_starts[:-1]
        )
        self._depth = _depth(self._roots, self._left, self._right)

    def predict_one(self, row: Floats) -> Floats:
        """Return the (n_outputs,) raw scores of one (n_features,) row."""
        scores: Floats = self._predict_chunk(row[None, :])[0]
        return scores

    def predict(self, rows: Floats) -> Floats:
        """Return the (n, n_outputs) raw scores of (n, n_features) rows."""
        step = max(1, _MAX_CELLS // len(self._roots))
        scores = np.empty((len(rows), self._n_outputs))
        for start in range(0, len(rows), step):
            scores[start : start + step] = self._predict_chunk(rows[start : start + step])
        return scores

    def _predict_chunk(self, rows: Floats) -> Floats:
        leaf = self._walk(np.where(np.abs(rows) <= ZERO_THRESHOLD, 0.0, rows))
        parts = self._value[leaf].reshape(len(rows), -1, self._n_outputs)
        # A running sum adds tree by tree whatever the shape, as LightGBM does; ``sum`` may
        # pair terms up, and then one row and a batch differ in the last bit.
        scores: Floats = np.add.accumulate(parts, axis=1)[:, -1]
        return scores

    def _walk(self, rows: Floats) -> Ints:
        """Return the (n, n_trees) leaves in which the rows end."""
        values = rows.ravel()
        row_start = (np.arange(len(rows)) * self._n_features)[:, None]
        has_nan = bool(np.isnan(values).any())
        node = np.broadcast_to(self._roots, (len(rows), len(self._roots)))
        for _ in range(self._depth):
            value = values[row_start + self._feature[node]]
            with np.errstate(invalid="ignore"):
                goes_left = value <= self._threshold[node]
            if has_nan:
                goes_left |= np.isnan(value) & self._nan_left[node]
            if self._has_zero_missing:
                goes_left = np.where(value == 0.0, self._zero_left[node], goes_left)
            node = np.where(goes_left, self._left[node], self._right[node])
        return node


def missing_type(forest: Forest) -> Ints:
    kind: Ints = forest.decision_type >> MISSING_SHIFT & 3
    return kind


def left_when_missing(forest: Forest) -> tuple[np.ndarray, np.ndarray]:
    """Return per split whether NaN goes left, and whether zero does.

    Where a split does not know NaN, NaN is read as zero, as LightGBM has it.
    """
    kind = missing_type(forest)
    default_left = forest.decision_type & DEFAULT_LEFT_BIT > 0
    zero_left = np.where(kind == MISSING_ZERO, default_left, forest.threshold >= 0.0)
    nan_left = np.where(kind == MISSING_NAN, default_left, zero_left)
    return nan_left, zero_left


def _global_child(forest: Forest, child: Ints) -> Ints:
    tree = np.repeat(np.arange(forest.n_trees), forest.n_leaves - 1)
    leaf = len(forest.threshold) + forest.leaf_starts[tree] - 1 - child
    return np.where(child >= 0, forest.split_starts[tree] + child, leaf)


def _depth(roots: Ints, left: Ints, right: Ints) -> int:
    """Return the largest number of splits between a root and a leaf."""
    depth = 0
    level = roots[left[roots] != roots]
    while level.size:
        depth += 1
        below = np.concatenate((left[level], right[level]))
        level = below[left[below] != below]
    return depth
