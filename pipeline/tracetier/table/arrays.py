"""Invocations → Arrow arrays, a column at a time and never row by row.

Arrays are put together from their buffers: Arrow's own way from Python lists imports pandas, which
takes a fifth of a second in every process.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
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
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
NO_TIME = np.iinfo(np.int64).max
_MOST_BYTES = 2**31 - 1  # of the texts in one array
_NUMBERS: dict[str, Any] = {"int64": np.int64, "float64": np.float64, "bool": np.bool_}


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
    columns = np.ascontiguousarray(block.T)
    is_known = ~np.isnan(columns)
    is_whole: NDArray[np.bool_] = np.all(is_known, axis=1)
    return {
        name: _numbers(columns[j], None if is_whole[j] else _bits(is_known[j]), "float64")
        for j, name in enumerate(x_columns)
    }


def fixed_arrays(rows: Sequence[Invocation], origins: Mapping[str, Origin]) -> dict[str, Any]:
    """Return an array for each of `COLUMNS`."""
    arrays = {}
    for spec in COLUMNS:
        values: Sequence[Any]
        if spec.name in _ORIGINS:
            given = origins[spec.name]
            values = [given] * len(rows) if given is None or isinstance(given, str) else given
        else:
            values = list(map(attrgetter(spec.name), rows))
        arrays[spec.name] = array_of(values, spec.dtype)
    return arrays


def attr_arrays(rows: Sequence[Invocation], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return an array for each ``attr_*`` column, null where a row has no such attribute."""
    found = [row.attrs or {} for row in rows]
    return {
        column: array_of([attrs.get(column.removeprefix(ATTR_PREFIX)) for attrs in found], kind)
        for column, kind in kinds.items()
    }


def array_of(values: Sequence[Any], dtype: str) -> "pa.Array":
    """Return values as an Arrow array of a type of `COLUMNS`, null where they are ``None``.

    Examples
    --------
    >>> array_of(["a", None], "string").to_pylist()
    ['a', None]
    >>> array_of([["bash", "edit"], None, []], "list<string>").to_pylist()
    [['bash', 'edit'], None, []]
    """
    import pyarrow as pa

    n_null = values.count(None)
    if n_null == len(values):
        return pa.nulls(len(values), arrow_type(dtype))
    validity = None
    if n_null:
        validity = _bits(
            np.fromiter((value is not None for value in values), np.bool_, len(values))
        )
    if dtype == "string":
        return _texts(values, validity)
    if dtype == "list<string>":
        return _lists(values, validity)
    if dtype in _NUMBERS:
        told = [0 if value is None else value for value in values]
        return _numbers(np.array(told, _NUMBERS[dtype]), validity, dtype)
    return _numbers(np.fromiter(map(_microseconds, values), np.int64), validity, dtype)


def array_of_numbers(values: NDArray[Any]) -> "pa.Array":
    """Return numbers or truth values as an Arrow array, none of them null."""
    import pyarrow as pa

    data = _bits(values) if values.dtype == np.bool_ else pa.py_buffer(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, data])


def microseconds_of(column: "pa.ChunkedArray") -> NDArray[np.int64]:
    """Return the times of a column since 1970, the largest number where there is none.

    Without Arrow's compute functions and its own conversion: to import those, and pandas for this,
    takes longer than reading 10 MB of logs.
    """
    found = [np.zeros(0, np.int64)]
    for chunk in column.chunks:
        times = np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset :][: len(chunk)]
        if chunk.null_count:
            bits = np.frombuffer(chunk.buffers()[0], np.uint8)
            is_known = np.unpackbits(bits, bitorder="little")[chunk.offset :][: len(chunk)]
            times = np.where(is_known, times, NO_TIME)
        found.append(times)
    return np.concatenate(found)


def _numbers(values: NDArray[Any], validity: "pa.Buffer | None", dtype: str) -> "pa.Array":
    import pyarrow as pa

    data = _bits(values) if dtype == "bool" else pa.py_buffer(values)
    return pa.Array.from_buffers(arrow_type(dtype), len(values), [validity, data])


def _texts(values: Iterable[str | None], validity: "pa.Buffer | None") -> "pa.Array":
    import pyarrow as pa

    raw = [b"" if value is None else value.encode() for value in values]
    ends = _ends(map(len, raw), len(raw))
    if ends[-1] > _MOST_BYTES:
        return pa.array(values, pa.string())  # in chunks
    buffers = [validity, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(raw))]
    return pa.Array.from_buffers(pa.string(), len(raw), buffers)


def _lists(values: Sequence[Sequence[str] | None], validity: "pa.Buffer | None") -> "pa.Array":
    import pyarrow as pa

    ends = _ends((0 if value is None else len(value) for value in values), len(values))
    items = list(chain.from_iterable(value for value in values if value is not None))
    buffers = [validity, pa.py_buffer(ends.astype(np.int32))]
    kind, held = pa.list_(pa.string()), array_of(items, "string")
    return pa.Array.from_buffers(kind, len(values), buffers, children=[held])


def _ends(lengths: Iterable[int], n: int) -> NDArray[np.int64]:
    """Return where each of ``n`` values begins, and where the last one ends."""
    ends = np.zeros(n + 1, np.int64)
    np.cumsum(np.fromiter(lengths, np.int64, n), out=ends[1:])
    return ends


def _bits(values: NDArray[np.bool_]) -> "pa.Buffer":
    """Return truth values as Arrow keeps them, eight to a byte."""
    import pyarrow as pa

    return pa.py_buffer(np.packbits(values, bitorder="little"))


def _microseconds(time: datetime | None) -> int:
    if time is None:
        return 0
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
