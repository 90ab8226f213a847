"""Feature table → training rows: one per task, with what was seen of each tier.

Only columns that are known before the decision become part of a task; outcomes go to matrices
of shape (n, K) with ``nan`` where a tier was not seen.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracetier.errors import TableError, TrainingError
from tracetier.features.spec import (
    BEFORE_COLUMNS,
    X_COLUMNS,
    check_known_before,
    fingerprint,
)
from tracetier.records import Task
from tracetier.table.columns import ATTR_PREFIX, FEATURES_KEY
from tracetier.tiers import TierSet
from tracetier.train.logged.pairs import SOURCE, Pairs, compared, gather_pairs

Matrix = NDArray[np.float64]

_TASK_COLUMNS = tuple(sorted(BEFORE_COLUMNS - {"task_text"}))


class Withheld(NamedTuple):
    """What a table tells of texts that it does not hold.

    Attributes
    ----------
    text_hash : list of str or None, length n
        ``None`` where the text is there.
    x : (n, len(X_COLUMNS)) array
        Features as they were extracted from the text; those of other rows count for nothing.
    """

    text_hash: list[str | None]
    x: Matrix

    @property
    def rows(self) -> NDArray[np.intp]:
        """Where the text is withheld, ascending."""
        return np.flatnonzero([known is not None for known in self.text_hash])

    def take(self, index: NDArray[np.intp]) -> "Withheld":
        """Return the rows at ``index``."""
        return Withheld([self.text_hash[i] for i in index], self.x[index])


class TaskRows(NamedTuple):
    """Outcomes by task and tier.

    Attributes
    ----------
    task_ids : list of str, length n
    tasks : list of Task, length n
    groups : (n,) array of int64
        Tasks with the same text or session share a group and never part in a split.
    quality, cost_usd : (n, K) array
        In [0, 1] and USD; the mean where a tier was seen more than once, ``nan`` where never.
    p_log : (n, K) array
        Logged propensity of the tier where it was taken and known, else ``nan``.
    models : tuple of str or None, length K
        The model seen most often behind each tier.
    withheld : Withheld, optional
        Of a table without texts.
    pairs : Pairs, optional
        Battles: which of two tiers' answers was preferred. They are no qualities.
    """

    task_ids: list[str]
    tasks: list[Task]
    groups: NDArray[np.int64]
    quality: Matrix
    cost_usd: Matrix
    p_log: Matrix
    models: tuple[str | None, ...]
    withheld: Withheld | None = None
    pairs: Pairs | None = None

    @property
    def known(self) -> NDArray[np.bool_]:
        """Of which tiers a task says something, by a quality or by a battle, ``(n, K)``."""
        known = ~np.isnan(self.quality)
        return known if self.pairs is None else known | compared(self.pairs, *known.shape)

    @property
    def tasks_by_hash(self) -> list[Task]:
        """The tasks, each withheld text told apart by its hash; they have no features."""
        if self.withheld is None:
            return self.tasks
        return [
            task if known is None else msgspec.structs.replace(task, text=known)
            for task, known in zip(self.tasks, self.withheld.text_hash, strict=True)
        ]

    def take(self, index: NDArray[np.intp]) -> "TaskRows":
        """Return the rows at ``index``."""
        return TaskRows(
            [self.task_ids[i] for i in index],
            [self.tasks[i] for i in index],
            self.groups[index],
            self.quality[index],
            self.cost_usd[index],
            self.p_log[index],
            self.models,
            None if self.withheld is None else self.withheld.take(index),
            None if self.pairs is None else self.pairs.take(index),
        )


def task_rows(table: pa.Table, tiers: TierSet, *, extra_features: Sequence[str] = ()) -> TaskRows:
    """Gather a feature table by task.

    Parameters
    ----------
    table : pyarrow.Table
        As read by ``read_table``.
    tiers : TierSet
        Rows of other tiers, or of none, are not used.
    extra_features : sequence of str
        Columns that the caller counts on as features; refused unless known before the decision.
        All that are, ``attr_*`` included, are features anyway.

    Raises
    ------
    LeakageError
        If an extra feature or an ``attr_*`` column is an outcome by its name.
    TableError
        If a row has no ``task_id``, an ``attr_*`` column holds neither numbers nor texts, or texts
        are withheld whose features were extracted by another version.
    TrainingError
        If no row has a tier and a quality.
    """
    attrs = [name for name in table.column_names if name.startswith(ATTR_PREFIX)]
    check_known_before([*attrs, *extra_features])
    _check_attr_types(table, attrs)
    place = {name: k for k, name in enumerate(tiers.names)}
    row_tier = np.array([place.get(t, -1) for t in table["tier"].to_pylist()], dtype=np.int64)
    ids, first, of_row = _distinct(table["task_id"])
    n, k = len(ids), len(tiers)
    used = row_tier >= 0
    cell = of_row[used] * k + row_tier[used]
    by_battle = used & _is(table["y_quality_source"], SOURCE)

    def mean_of(column: str, battles: bool = False) -> Matrix:
        values = _floats(table[column])[used]
        known = ~np.isnan(values)
        if not battles:
            known &= ~by_battle[used]
        total = np.bincount(cell[known], weights=values[known], minlength=n * k)
        count = np.bincount(cell[known], minlength=n * k)
        with np.errstate(invalid="ignore"):
            return np.asarray((total / np.where(count, count, np.nan)).reshape(n, k))

    quality = mean_of("y_quality")
    pairs = _pairs(table, of_row, row_tier, by_battle)
    if n == 0 or (np.isnan(quality).all() and pairs is None):
        raise TrainingError(
            f"none of the {table.num_rows} rows has both a tier of "
            f"{', '.join(tiers.names) or '(no tiers)'} and a quality; "
            "join outcomes to the logs, or map the score column with --map"
        )
    texts = _take(table["task_text"], first)
    withheld = _withheld(table, first, texts)
    named = texts if withheld is None else _names(texts, withheld.text_hash)
    return TaskRows(
        task_ids=ids,
        tasks=list(_tasks(table, attrs, first, texts)),
        groups=_groups(named, _take(table["session_id"], first)),
        quality=quality,
        cost_usd=mean_of("y_cost_usd", battles=True),
        p_log=mean_of("p_log"),
        models=_models(table, row_tier, k),
        withheld=withheld,
        pairs=pairs,
    )


def _is(column: pa.ChunkedArray, name: str) -> NDArray[np.bool_]:
    return np.array([value == name for value in column.to_pylist()], dtype=np.bool_)


def _pairs(
    table: pa.Table,
    of_row: NDArray[np.int64],
    row_tier: NDArray[np.int64],
    by_battle: NDArray[np.bool_],
) -> Pairs | None:
    """Join the rows of battles; ``None`` where no two tiers met."""
    if not by_battle.any():
        return None
    score = _floats(table["y_quality"])
    places = np.flatnonzero(by_battle & ~np.isnan(score))
    names = _take(table["trace_id"], places)
    found = gather_pairs(names, of_row[places], row_tier[places], score[places])
    return found if len(found.row) else None


def _check_attr_types(table: pa.Table, attrs: Sequence[str]) -> None:
    kinds = pa.types
    allowed = [kinds.is_floating, kinds.is_integer, kinds.is_boolean, kinds.is_decimal]
    allowed += [kinds.is_string, kinds.is_large_string, kinds.is_dictionary, kinds.is_null]
    for name in attrs:
        kind = table.schema.field(name).type
        if not any(is_kind(kind) for is_kind in allowed):
            raise TableError(
                f"column {name!r} is {kind}, an attribute must hold numbers, texts or truth "
                "values; cast it, or leave it out"
            )


def _distinct(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct values in order of appearance, where each stands first, and each row's place."""
    place: dict[str, int] = {}
    first: list[int] = []
    of_row = np.empty(len(column), dtype=np.int64)
    for row, value in enumerate(column.to_pylist()):
        if value is None:
            raise TableError(f"row {row} has no task_id, every row needs one; ingest again")
        of_row[row] = place.setdefault(value, len(place))
        if len(first) < len(place):
            first.append(row)
    return list(place), np.array(first, dtype=np.int64), of_row


def _floats(column: pa.ChunkedArray) -> Matrix:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _take(column: pa.ChunkedArray, rows: NDArray[np.int64]) -> list[Any]:
    """Values at some rows; texts of more than 2 GB in all need 64-bit offsets to be gathered."""
    if pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    found: list[Any] = column.take(pa.array(rows)).to_pylist()
    return found


def _tasks(
    table: pa.Table, attrs: Sequence[str], rows: NDArray[np.int64], texts: Sequence[str | None]
) -> Iterator[Task]:
    names = [name.removeprefix(ATTR_PREFIX) for name in attrs]
    fields = zip(*(_take(table[name], rows) for name in _TASK_COLUMNS), strict=True)
    values_of_attrs = [_take(table[name], rows) for name in attrs]
    extras: Iterable[tuple[Any, ...]] = zip(*values_of_attrs, strict=True) if attrs else repeat(())
    for text, values, extra in zip(texts, fields, extras, strict=False):
        known = {n: v for n, v in zip(names, extra, strict=True) if v is not None}
        yield Task(
            text=text or "",
            attrs=known or None,
            **dict(zip(_TASK_COLUMNS, values, strict=True)),
        )


def _withheld(
    table: pa.Table, rows: NDArray[np.int64], texts: Sequence[str | None]
) -> Withheld | None:
    """Return what is known of texts that are not there; ``None`` where all are."""
    found = _take(table["task_text_hash"], rows)
    hashes = [None if text else known for text, known in zip(texts, found, strict=True)]
    if not any(hashes):
        return None
    if (table.schema.metadata or {}).get(FEATURES_KEY) != fingerprint().encode():
        raise TableError(
            "the table withholds texts, and their features were extracted by another version of "
            "this program; ingest the logs again with --no-text"
        )
    x = np.full((len(rows), len(X_COLUMNS)), np.nan)
    for j, name in enumerate(X_COLUMNS):
        if name in table.column_names:
            x[:, j] = _floats(table[name])[rows]
    return Withheld(hashes, x)


def _names(texts: Sequence[str | None], hashes: Sequence[str | None]) -> list[str | None]:
    return [text or known for text, known in zip(texts, hashes, strict=True)]


def _groups(*names: Sequence[str | None]) -> NDArray[np.int64]:
    """Join the rows that share a name (their text, their session); no name joins nothing."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(names[0])
    links: list[tuple[int, int]] = []
    for column in names:
        first: dict[str, int] = {}
        links += [(row, first.setdefault(name, row)) for row, name in enumerate(column) if name]
    ends = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links)), (ends[0], ends[1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _models(table: pa.Table, row_tier: NDArray[np.int64], k: int) -> tuple[str | None, ...]:
    models = np.array(table["model"].to_pylist(), dtype=object)
    found: list[str | None] = []
    for tier in range(k):
        seen = [m for m in models[row_tier == tier] if m is not None]
        values, counts = np.unique(np.array(seen, dtype=object), return_counts=True)
        found.append(str(values[counts.argmax()]) if len(values) else None)
    return tuple(found)
