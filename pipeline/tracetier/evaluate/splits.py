"""Which tasks train and which are held out: by time, by source, or at random by group.

What is tested then is the recipe, trained anew, and not the weights of the artifact at hand: a
time split asks how it does on what comes later, a source split on a kind of task never seen.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracetier.errors import SettingsError, TableError
from tracetier.measures.folds import grouped_folds

Index = NDArray[np.intp]
Labels = NDArray[np.int64]

SplitKind = Literal["time", "source", "group"]

TRAIN_SHARE = 0.7
"""Share of the tasks, from the oldest, that a time split trains on."""
N_FOLDS = 5
MAX_SOURCES = 10
"""Trainings of a source split; beyond them the rarest sources are held out together."""


class SplitPart(NamedTuple):
    """One training: its name, and the rows that it learns from and is tested on."""

    name: str
    train: Index
    test: Index


def checked_kind(kind: str) -> SplitKind:
    """Return the kind of a split.

    Raises
    ------
    SettingsError
        For an unknown name, listing the known ones.
    """
    for known in get_args(SplitKind):
        if kind == known:
            return known  # type: ignore[no-any-return]  # get_args() has no static type
    raise SettingsError(f"split {kind!r} is not known; known: {', '.join(get_args(SplitKind))}")


def by_group(groups: Labels, *, seed: int) -> list[SplitPart]:
    """Hold out a fifth of the groups at a time.

    Examples
    --------
    >>> [len(part.test) for part in by_group(np.arange(10), seed=0)]
    [2, 2, 2, 2, 2]
    """
    folds = grouped_folds(groups, N_FOLDS, seed)
    return [
        SplitPart(f"fold {fold + 1}", np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))
        for fold in np.unique(folds)
    ]


def by_time(groups: Labels, seconds: NDArray[np.float64]) -> list[SplitPart]:
    """Train on what is over before a moment, test on the rest.

    A group is as late as its latest task, so nothing that trains is younger than the moment.

    Parameters
    ----------
    groups : (n,) array of int
    seconds : (n,) array
        When each task came, ``nan`` where unknown.

    Raises
    ------
    TableError
        If times are unknown, or all the same.

    Examples
    --------
    >>> (part,) = by_time(np.array([0, 1, 2, 0]), np.array([0.0, 1.0, 2.0, 3.0]))
    >>> part.train, part.test
    (array([1, 2]), array([0, 3]))
    """
    unknown = int(np.isnan(seconds).sum())
    if unknown:
        raise TableError(
            f"{unknown:,} of {len(seconds):,} tasks have no timestamp, which a split by time "
            "needs; split by group, or ingest logs that tell the time"
        )
    _, of_row = np.unique(groups, return_inverse=True)
    latest = np.full(int(of_row.max()) + 1, -np.inf)
    np.maximum.at(latest, of_row, seconds)
    moments, counts = np.unique(latest[of_row], return_counts=True)
    if len(moments) < 2:
        raise TableError(
            "all tasks came at one time, so none is later than others; split by group instead"
        )
    n_early = int((np.cumsum(counts) <= TRAIN_SHARE * len(seconds) + 1e-9).sum())
    early = latest[of_row] <= moments[max(n_early - 1, 0)]
    return [SplitPart("later tasks", np.flatnonzero(early), np.flatnonzero(~early))]


def by_source(groups: Labels, sources: Sequence[str | None]) -> list[SplitPart]:
    """Hold out one source at a time, with all tasks that share a group with it.

    Parameters
    ----------
    groups : (n,) array of int
    sources : sequence of str or None, length n

    Raises
    ------
    TableError
        If there are not two sources that can be told apart.

    Examples
    --------
    >>> [(p.name, p.test.tolist()) for p in by_source(np.arange(3), ["a", "b", "a"])]
    [('a', [0, 2]), ('b', [1])]
    """
    named = np.array(["(none)" if each is None else each for each in sources], dtype=object)
    names, counts = np.unique(named, return_counts=True)
    if len(names) < 2:
        raise TableError(
            f"all {len(named):,} tasks are of one source ({names[0]!r}), so none can be left out; "
            "name a column that tells sources apart with --source"
        )
    order = [str(names[i]) for i in np.argsort(-counts, kind="stable")]
    alone, rest = (
        (order, []) if len(order) <= MAX_SOURCES else (order[: MAX_SOURCES - 1], order[9:])
    )
    held_out = [(name, [name]) for name in alone]
    if rest:
        held_out.append((f"{len(rest)} rarer sources", rest))
    parts = []
    for name, members in held_out:
        is_test = np.isin(named, members)
        shares_group = np.isin(groups, groups[is_test])
        parts.append(SplitPart(name, np.flatnonzero(~shares_group), np.flatnonzero(is_test)))
    return parts


def task_times(table: pa.Table, task_ids: Sequence[str]) -> NDArray[np.float64]:
    """Earliest time of each task's rows, in seconds, ``nan`` where unknown, ``(n,)``."""
    stamps = table["timestamp"].to_pylist()
    first: dict[str, float] = {}
    for task, stamp in zip(table["task_id"].to_pylist(), stamps, strict=True):
        if stamp is not None:
            seconds = stamp.timestamp()
            first[task] = min(first.get(task, seconds), seconds)
    return np.array([first.get(task, np.nan) for task in task_ids])


def task_sources(table: pa.Table, task_ids: Sequence[str], column: str) -> list[str | None]:
    """Value of a column in each task's first row, as a text.

    Raises
    ------
    SettingsError
        If the table has no such column, naming some that it has.
    """
    if column not in table.column_names:
        known = ["task_type", "agent_name", "source_file", "source_format"]
        known += [name for name in table.column_names if name.startswith("attr_")]
        raise SettingsError(
            f"source column {column!r} is not in the table; it has {', '.join(known)}"
        )
    found: dict[str, str | None] = {}
    for task, value in zip(table["task_id"].to_pylist(), table[column].to_pylist(), strict=True):
        found.setdefault(task, None if value is None else str(value))
    return [found[task] for task in task_ids]
