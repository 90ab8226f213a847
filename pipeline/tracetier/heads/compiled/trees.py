"""The tree walk in a flat table of nodes: eight trees at once, without a branch.

One tree after the other, each step waits for the memory of the step before; eight at once wait
together. Trees are added up in the order of the model, as LightGBM does, so sums agree to the bit.
"""

from typing import Any, NamedTuple

import numpy as np

from tracetier.heads._forest import MISSING_ZERO, ZERO_THRESHOLD, Floats, Forest, Ints
from tracetier.heads._numpy_walk import left_when_missing, missing_type
from tracetier.heads.compiled.jit import Number, kernel

NODE = np.dtype([("threshold", np.float64), ("column", np.int32), ("left", np.int32)])
Nodes = Any

_ABREAST = 8


class FlatTrees(NamedTuple):
    """A forest as the kernel walks it.

    A node's children stand side by side, so that one number finds both. A leaf leads to itself.

    Attributes
    ----------
    nodes : (N,) array of NODE
        Column, times four, plus 1 where the missing goes left, plus 2 where zero is missing too;
        place of the left child.
    roots : (R, 2) int64
        First node and number of each tree, those of like depth together; R is a multiple of 8,
        filled up with trees that are walked for nothing.
    outputs : (T,) int64
        Output of each tree, in the order of the model.
    leaf_value : (N,) float64
    """

    nodes: Nodes
    roots: Ints
    outputs: Ints
    leaf_value: Floats


NO_TREES = FlatTrees(
    np.zeros(0, NODE), np.zeros((0, 2), np.int64), np.zeros(0, np.int64), np.zeros(0)
)


def flatten(forest: Forest) -> FlatTrees:
    """Lay out a forest; trees that add nothing are left out."""
    nan_left, _ = left_when_missing(forest)
    column = 4 * forest.split_feature + nan_left + 2 * (missing_type(forest) == MISSING_ZERO)
    tree = np.repeat(np.arange(forest.n_trees), forest.n_leaves - 1)
    split_start, leaf_start = forest.split_starts[tree], forest.leaf_starts[tree]
    left, right = (
        np.where(child >= 0, split_start + child, child - leaf_start)
        for child in (forest.left, forest.right)
    )
    root = np.where(forest.n_leaves > 1, forest.split_starts[:-1], -1 - forest.leaf_starts[:-1])
    # First the roots, then each split's two children: a split >= 0, or the leaf -1 - what.
    what = np.concatenate((root, np.column_stack([left, right]).ravel()))
    is_split, split = what >= 0, np.maximum(what, 0)
    nodes = np.zeros(len(what), NODE)
    nodes["threshold"], nodes["left"] = np.inf, np.arange(len(what))
    leaf_value = np.where(is_split, 0.0, forest.leaf_value[np.maximum(-1 - what, 0)])
    if is_split.any():
        at = split[is_split]
        nodes["threshold"][is_split] = forest.threshold[at]
        nodes["column"][is_split] = column[at]
        nodes["left"][is_split] = forest.n_trees + 2 * at
    kept = np.flatnonzero(is_split[: forest.n_trees] | (leaf_value[: forest.n_trees] != 0.0))
    by_depth = np.argsort(_depths(root, left, right)[kept], kind="stable")
    n_walked = -(-len(kept) // _ABREAST) * _ABREAST
    roots = np.zeros((n_walked, 2), np.int64)
    roots[:, 1] = np.arange(n_walked)
    roots[: len(kept)] = np.column_stack([kept, np.arange(len(kept))])[by_depth]
    return FlatTrees(nodes, roots, kept % forest.n_outputs, leaf_value)


def _depths(root: Ints, left: Ints, right: Ints) -> Ints:
    """Return the number of splits on the longest way of each tree, ``(T,)``."""
    depths = np.zeros(len(root), np.int64)
    tree, level = np.arange(len(root)), root
    while level.size:
        tree, level = tree[level >= 0], level[level >= 0]
        depths[tree] += np.bincount(tree, minlength=len(root))[tree] > 0
        tree, level = np.tile(tree, 2), np.concatenate((left[level], right[level]))
    return depths


@kernel
def step(values: Floats, nodes: Nodes, node: Number) -> Number:
    """Return the next node on the way down; a leaf's is itself."""
    at = nodes[node]
    return at.left + np.int64(values[at.column] > at.threshold)


@kernel
def walk(
    row: Floats, scores: Floats, nodes: Nodes, roots: Ints, outputs: Ints, leaf_value: Floats
) -> None:
    """Add the leaves of one row to the scores of the outputs."""
    # Each number in four guises, by what is missing and where that goes, so that no step asks.
    values = np.empty(4 * len(row))
    for i in range(len(row)):
        value = 0.0 if abs(row[i]) <= ZERO_THRESHOLD else row[i]
        is_nan = value != value
        is_nothing = is_nan or value == 0.0
        values[4 * i] = np.inf if is_nan else value
        values[4 * i + 1] = -np.inf if is_nan else value
        values[4 * i + 2] = np.inf if is_nothing else value
        values[4 * i + 3] = -np.inf if is_nothing else value
    found = np.empty(len(roots))
    for first in range(0, len(roots), _ABREAST):
        a, b, c, d = roots[first, 0], roots[first + 1, 0], roots[first + 2, 0], roots[first + 3, 0]
        e, f, g, h = (
            roots[first + 4, 0],
            roots[first + 5, 0],
            roots[first + 6, 0],
            roots[first + 7, 0],
        )
        moved = np.int64(1)
        while moved != 0:
            a2, b2, c2 = step(values, nodes, a), step(values, nodes, b), step(values, nodes, c)
            d2, e2, f2 = step(values, nodes, d), step(values, nodes, e), step(values, nodes, f)
            g2, h2 = step(values, nodes, g), step(values, nodes, h)
            moved = (a ^ a2) | (b ^ b2) | (c ^ c2) | (d ^ d2) | (e ^ e2) | (f ^ f2)
            moved |= (g ^ g2) | (h ^ h2)
            a, b, c, d, e, f, g, h = a2, b2, c2, d2, e2, f2, g2, h2
        found[roots[first, 1]] = leaf_value[a]
        found[roots[first + 1, 1]] = leaf_value[b]
        found[roots[first + 2, 1]] = leaf_value[c]
        found[roots[first + 3, 1]] = leaf_value[d]
        found[roots[first + 4, 1]] = leaf_value[e]
        found[roots[first + 5, 1]] = leaf_value[f]
        found[roots[first + 6, 1]] = leaf_value[g]
        found[roots[first + 7, 1]] = leaf_value[h]
    for tree in range(len(outputs)):
        scores[outputs[tree]] += found[tree]


@kernel
def walk_rows(
    rows: Floats, scores: Floats, nodes: Nodes, roots: Ints, outputs: Ints, leaf_value: Floats
) -> None:
    """Walk n rows ``(n, n_features)``; their scores are added to ``(n, n_outputs)``."""
    for i in range(len(rows)):
        walk(rows[i], scores[i], nodes, roots, outputs, leaf_value)


class NumbaWalk:
    """Backend of `tracetier.heads.trees` that walks the trees in compiled code."""

    name = "numba"

    def __init__(self, forest: Forest) -> None:
        self._n_outputs = forest.n_outputs
        self._flat: tuple[Any, ...] = flatten(forest)

    def predict_one(self, row: Floats) -> Floats:
        """Return the (n_outputs,) raw scores of one (n_features,) row."""
        scores = np.zeros(self._n_outputs)
        walk(np.ascontiguousarray(row), scores, *self._flat)
        return scores

    def predict(self, rows: Floats) -> Floats:
        """Return the (n, n_outputs) raw scores of (n, n_features) rows."""
        scores = np.zeros((len(rows), self._n_outputs))
        walk_rows(np.ascontiguousarray(rows), scores, *self._flat)
        return scores
