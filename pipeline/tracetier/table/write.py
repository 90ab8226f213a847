"""Making a feature table: it grows beside its place and is moved there whole.

A reader never meets half a table, a failed run leaves the old one as it was, and a directory that
is not a table is never removed.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from tracetier.errors import StorageError, TableError
from tracetier.records import SCHEMA_VERSION, AttrValue, Invocation
from tracetier.table.arrays import Extract, Features, Origin, rows_table
from tracetier.table.columns import ATTR_PREFIX, arrow_schema, arrow_type, attr_type, kind_of
from tracetier.table.part import Part
from tracetier.table.place import check_target, move_into_place, write_synced
from tracetier.table.read import INFO_NAME, PART_GLOB, PartInfo, PathLike, TableInfo, align

if TYPE_CHECKING:
    import pyarrow as pa


class TableWriter:
    """Writes invocations, batch by batch, as a new feature table.

    Parts grow in a directory beside ``out``; `close` moves it into place and only then removes the
    table that stood there. Leaving the ``with`` block by an exception removes what was written and
    leaves the old table as it was. (A kill between the two renames of `close` leaves the old table
    beside its place, as ``.NAME.replaced-*``.)

    Parameters
    ----------
    out : path
        A new directory, an empty one, or a table to replace.
    x_columns, extract : sequence of str, callable
        Names of the derived features, and the function from `Task` to their values, a float64
        array of the same length with nan for unknown.
    tiers : sequence of str
        Tier names, cheap to dear, where they are known beforehand; else give them to `close`.
    feature_fingerprint : str, optional
        Of the feature specification.
    rows_per_part, bytes_per_part : int
        A part is closed when it holds so many rows, or rows of so many bytes in memory, and
        whenever a new ``attr_*`` column appears.

    Attributes
    ----------
    dir : Path
        Where the new table grows. ``issues.parquet`` and ``summary.json`` may be put there.

    Raises
    ------
    TableError
        If something stands at ``out`` that is not a table, which is never deleted.
    StorageError
        If the disk refuses; what stands at ``out`` is then still the old table.
    """

    def __init__(
        self,
        out: PathLike,
        *,
        x_columns: Sequence[str] = (),
        extract: Extract | None = None,
        tiers: Sequence[str] = (),
        feature_fingerprint: str | None = None,
        rows_per_part: int = 250_000,
        bytes_per_part: int = 512 * 1024 * 1024,
    ) -> None:
        self.out = Path(out).resolve()
        check_target(self.out)
        self.dir = self.out.with_name(f".{self.out.name}.partial-{secrets.token_hex(4)}")
        self._x_columns = tuple(x_columns)
        self._features = Features(extract, len(self._x_columns))
        self._tiers, self._fingerprint = tuple(tiers), feature_fingerprint
        self._has_text = True
        self._rows_per_part, self._bytes_per_part = rows_per_part, bytes_per_part
        self._attrs: dict[str, str] = {}
        self._n_attrs = 0  # of the schema at hand
        self._parts: list[PartInfo] = []
        self._part: Part | None = None
        self._schema: Any = None
        with self.storing():
            self.dir.mkdir(parents=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.close()
        finally:
            self._discard()

    @contextlib.contextmanager
    def storing(self) -> Iterator[None]:
        """Turn an `OSError` of what is written inside into a `StorageError` that tells the mend."""
        try:
            yield
        except OSError as error:
            told = os.strerror(error.errno) if error.errno else str(error)
            raise StorageError(
                f"cannot write the table {str(self.out)!r}: {told}; what stood there is untouched, "
                "free some space or give a directory on another disk, and run again"
            ) from error

    def write(
        self,
        rows: Sequence[Invocation],
        *,
        source_format: Origin = None,
        source_file: Origin = None,
    ) -> "pa.Table":
        """Append rows as one row group, and return them as an Arrow table.

        Parameters
        ----------
        rows : sequence of Invocation
            A few thousand at a time; all values already checked.
        source_format, source_file : str or sequence of str, optional
            Where the rows come from: one for all, or one each.

        Raises
        ------
        TableError
            If an attribute has another type than its first value had.
        StorageError
            If the disk refuses.
        """
        for row in rows:
            self._learn_attrs(row.attrs or {})
        table = rows_table(
            rows,
            self._features,
            self._x_columns,
            source_format=source_format,
            source_file=source_file,
        )
        return self.write_table(table)

    def write_table(self, table: "pa.Table") -> "pa.Table":
        """Append a table as one row group, and return it with all columns of this one.

        Parameters
        ----------
        table : pa.Table
            All of `COLUMNS`, the ``x_*`` columns, and any ``attr_*`` columns, in any order.

        Raises
        ------
        TableError
            If an attribute has another type than it had before.
        StorageError
            If the disk refuses.
        """
        for field in table.schema:
            if field.name.startswith(ATTR_PREFIX):
                self._learn_attr(field.name, kind_of(field.type))
        if self._schema is None or len(self._attrs) > self._n_attrs:
            self._end_part()
            self._schema, self._n_attrs = self._make_schema(), len(self._attrs)
        whole = align(table, self._schema)
        self._has_text &= whole["task_text_hash"].null_count == len(whole)
        self._append(whole)
        return whole

    def close(self, tiers: Sequence[str] | None = None) -> TableInfo:
        """End the last part, write ``_table.json`` and put the table into its place.

        A second call does nothing but return the same facts.
        """
        if self.dir.exists():
            self._tiers = self._tiers if tiers is None else tuple(tiers)
            self._end_part()
            with self.storing():
                facts = msgspec.json.format(msgspec.json.encode(self.info))
                write_synced(self.dir / INFO_NAME, facts + b"\n")
                check_target(self.out)  # something else may have been put there meanwhile
                move_into_place(self.dir, self.out)
        return self.info

    @property
    def info(self) -> TableInfo:
        """The facts of the parts that are finished."""
        return TableInfo(
            schema_version=SCHEMA_VERSION,
            tiers=self._tiers,
            n_rows=sum(part.n_rows for part in self._parts),
            parts=tuple(self._parts),
            attrs=dict(self._attrs),
            feature_fingerprint=self._fingerprint,
            has_text=self._has_text,
        )

    def _make_schema(self) -> "pa.Schema":
        attrs = {name: arrow_type(kind) for name, kind in self._attrs.items()}
        return arrow_schema(
            attrs, self._x_columns, tiers=self._tiers, feature_fingerprint=self._fingerprint
        )

    def _learn_attrs(self, attrs: Mapping[str, AttrValue]) -> None:
        for name, value in attrs.items():
            self._learn_attr(ATTR_PREFIX + name, attr_type(value))

    def _learn_attr(self, column: str, kind: str) -> None:
        if self._attrs.setdefault(column, kind) != kind:
            raise TableError(
                f"column {column!r} holds {self._attrs[column]}, then came a {kind}; "
                "keep one type per column"
            )

    def _append(self, table: "pa.Table") -> None:
        with self.storing():
            if self._part is None:
                path = self.dir / PART_GLOB.replace("*", f"{len(self._parts):05d}")
                self._part = Part(path, self._schema)
            self._part.append(table)
        part = self._part
        if part.n_rows >= self._rows_per_part or part.n_bytes >= self._bytes_per_part:
            self._end_part()

    def describe(self, account: bytes) -> None:
        """Keep an account of the whole table, as JSON, in the footer of its last part.

        It stands under ``tracetier.summary``, where that part is still open and Arrow, from its
        version 16 on, can still add to it.
        """
        if self._part is not None:
            self._part.describe(account)

    def _end_part(self) -> None:
        if self._part is not None:
            with self.storing():
                self._parts.append(self._part.close())
            self._part = None

    def _discard(self) -> None:
        if self._part is not None:
            self._part.abandon()
            self._part = None
        shutil.rmtree(self.dir, ignore_errors=True)
