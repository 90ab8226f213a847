"""Invocations → Arrow arrays, a column at a time and never row by row."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracetier.records import Invocation, Task
from tracetier.table.columns import ATTR_PREFIX, COLUMNS, arrow_schema, arrow_type, attr_type

if TYPE_CHECKING:
    import pyarrow as pa

Extract = Callable[[Task], NDArray[np.float64]]
Origin = Sequence[str | None] | str | None
_ORIGINS = ("source_format", "source_file")  # the only columns that are no field of an Invocation


class Features:
    """Extracted features of rows, once per task.

    In full-information logs the tiers of one task stand side by side.
    """

    def __init__(self, extract: Extract | None, n_columns: int) -> None:
        self._extract, self._n_columns = extract, n_columns
        self._last: tuple[Task, NDArray[np.float64]] | None = None

    def block(self, rows: Sequence[Invocation]) -> NDArray[np.float64]:
        """Return (n, F) features, nan where unknown."""
        if self._extract is None or not rows:
            return np.full((len(rows), self._n_columns), np.nan)
        found: list[NDArray[np.float64]] = []
        place: list[int] = []
        for row in rows:
            task = row.task
            if self._last is None or self._last[0] != task:
                self._last = (task, self._extract(task))
            if not found or found[-1] is not self._last[1]:
                found.append(self._last[1])
            place.append(len(found) - 1)
        return np.stack(found)[place]


def rows_table(
    rows: Sequence[Invocation],
    features: Features,
    x_columns: Sequence[str],
    *,
    source_format: Origin = None,
    source_file: Origin = None,
) -> "pa.Table":
    """Return rows as an Arrow table, with an ``attr_*`` column for each attribute of theirs.

    Parameters
    ----------
    rows : sequence of Invocation
        All values already checked, attributes of one name of one type.
    features : Features
        Of ``len(x_columns)`` columns; it remembers the last task.
    x_columns : sequence of str
        Names of the derived features.
    source_format, source_file : str or sequence of str, optional
        Where the rows come from: one for all, or one each.
    """
    import pyarrow as pa

    kinds = attr_kinds(rows)
    arrays = {
        **fixed_arrays(rows, {"source_format": source_format, "source_file": source_file}),
        **attr_arrays(rows, kinds),
        **feature_arrays(features.block(rows), x_columns),
    }
    schema = arrow_schema({name: arrow_type(kind) for name, kind in kinds.items()}, x_columns)
    schema = schema.remove_metadata()
    return pa.table([arrays[name] for name in schema.names], schema=schema)


def attr_kinds(rows: Sequence[Invocation]) -> dict[str, str]:
    """Return the ``attr_*`` columns of rows, each with the type of its first value."""
    kinds: dict[str, str] = {}
    for row in rows:
        if row.attrs:
            for name, value in row.attrs.items():
                kinds.setdefault(ATTR_PREFIX + name, attr_type(value))
    return kinds


def feature_arrays(block: NDArray[np.float64], x_columns: Sequence[str]) -> dict[str, Any]:
    """Return an array for each column of an (n, F) block, null where it is nan."""
    import pyarrow as pa

    is_unknown = np.isnan(block)
    return {name: pa.array(block[:, j], mask=is_unknown[:, j]) for j, name in enumerate(x_columns)}


def fixed_arrays(rows: Sequence[Invocation], origins: Mapping[str, Origin]) -> dict[str, Any]:
    """Return an array for each of `COLUMNS`."""
    import pyarrow as pa

    arrays = {}
    for spec in COLUMNS:
        values: Sequence[Any]
        if spec.name in _ORIGINS:
            given = origins[spec.name]
            values = [given] * len(rows) if given is None or isinstance(given, str) else given
        else:
            values = list(map(attrgetter(spec.name), rows))
        is_empty = values.count(None) == len(values)
        kind = arrow_type(spec.dtype)
        arrays[spec.name] = pa.nulls(len(values), kind) if is_empty else pa.array(values, kind)
    return arrays


def attr_arrays(rows: Sequence[Invocation], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return an array for each ``attr_*`` column, null where a row has no such attribute."""
    import pyarrow as pa

    found = [row.attrs or {} for row in rows]
    return {
        column: pa.array(
            [attrs.get(column.removeprefix(ATTR_PREFIX)) for attrs in found], arrow_type(kind)
        )
        for column, kind in kinds.items()
    }
