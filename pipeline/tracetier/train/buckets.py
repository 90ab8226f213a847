"""Fitting the context buckets: frequent task types, then leaves of a difficulty tree."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracetier.features.buckets import POOLED, Buckets, Split

Matrix = NDArray[np.float64]

MIN_TASKS = 10
"""Tasks that make a task type a bucket of its own; its means are shrunk, so ten can do no harm."""
MAX_LEAVES = 8
MIN_LEAF = 40
MAX_TYPES = 200

_UNKNOWN = float(np.finfo(np.float32).max)


def difficulty(quality: Matrix) -> NDArray[np.float64]:
    """How much worse than usual a task went, per task, over the tiers that were seen.

    The mean over seen tiers of the tier's mean quality minus the task's quality; ``nan`` where
    no tier was seen. It needs no full information.

    Examples
    --------
    >>> difficulty(np.array([[0.0, 1.0], [1.0, np.nan]]))
    array([ 0.25, -0.5 ])
    """
    seen = ~np.isnan(quality)
    tier_mean = np.where(seen, quality, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    lost = np.where(seen, tier_mean - quality, 0.0).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(lost / np.where(seen.any(axis=1), seen.sum(axis=1), np.nan))


def fit_buckets(
    task_types: Sequence[str | None], x: Matrix, quality: Matrix, columns: Sequence[str]
) -> Buckets:
    """Choose the buckets from training rows.

    Parameters
    ----------
    task_types : sequence of str or None, length n
    x : (n, d) array
        Numeric features.
    quality : (n, K) array
        In [0, 1], ``nan`` where not seen.
    columns : sequence of str, length d
        Names of the features, for the names of the leaves.

    Returns
    -------
    Buckets
        Task types with at least ``MIN_TASKS`` tasks; the rest share up to ``MAX_LEAVES`` leaves
        of a regression tree on ``difficulty`` where they are enough for two leaves.
    """
    frequent = _frequent(task_types)
    types = {name: b for b, name in enumerate(frequent)}
    rest = np.array([t not in types for t in task_types], dtype=np.bool_)
    hard = difficulty(quality)
    rest &= ~np.isnan(hard)
    leaves: list[str] = []
    splits: tuple[Split, ...] = ()
    if rest.sum() >= 2 * MIN_LEAF:
        splits, leaves = _fit_leaves(x[rest], hard[rest], columns, first_bucket=len(frequent))
    pooled = POOLED
    while pooled in types:
        pooled = f"({pooled})"
    return Buckets(names=(*frequent, *leaves, pooled), types=types, splits=splits)


def _frequent(task_types: Sequence[str | None]) -> list[str]:
    """Types with enough tasks, sorted; of too many such types those with the most tasks."""
    counts = Counter(t for t in task_types if t is not None)
    by_count = sorted(counts, key=lambda name: (-counts[name], name))
    return sorted(name for name in by_count[:MAX_TYPES] if counts[name] >= MIN_TASKS)


def _fit_leaves(
    x: Matrix, hard: Matrix, columns: Sequence[str], *, first_bucket: int
) -> tuple[tuple[Split, ...], list[str]]:
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(
        max_leaf_nodes=MAX_LEAVES,
        min_samples_leaf=max(MIN_LEAF, len(x) // 50),
        random_state=0,
    )
    # Unknown goes right at every split, as in ``Buckets.assign``.
    tree.fit(np.where(np.isnan(x), _UNKNOWN, x), hard)
    fitted = tree.tree_
    inner = [node for node in range(fitted.node_count) if fitted.children_left[node] >= 0]
    if not inner:
        return (), []
    place = {node: i for i, node in enumerate(inner)}
    names: list[str] = []
    target: dict[int, int] = dict(place)

    def name_leaves(node: int, path: tuple[str, ...]) -> None:
        if node not in place:
            target[node] = -(first_bucket + len(names)) - 1
            names.append(" & ".join(path))
            return
        column = columns[fitted.feature[node]].removeprefix("x_")
        below, above = _sides(column, float(fitted.threshold[node]))
        name_leaves(int(fitted.children_left[node]), (*path, below))
        name_leaves(int(fitted.children_right[node]), (*path, above))

    name_leaves(0, ())
    splits = tuple(
        Split(
            int(fitted.feature[node]),
            float(fitted.threshold[node]),
            target[int(fitted.children_left[node])],
            target[int(fitted.children_right[node])],
        )
        for node in inner
    )
    return splits, names


def _sides(column: str, threshold: float) -> tuple[str, str]:
    """Say in words which tasks go left and right; no known number is half as large as unknown."""
    if threshold > _UNKNOWN / 4:
        return f"{column} known", f"{column} unknown"
    return f"{column} <= {threshold:.3g}", f"{column} > {threshold:.3g}"
