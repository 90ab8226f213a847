"""What could not be read, kept: one issue per rejected record or damaged file.

An issue tells where and why. It never holds the text of a task: logs carry secrets, and
``issues.parquet`` is what people send to one another.
"""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from tracetier.table.arrays import array_of

if TYPE_CHECKING:
    import pyarrow as pa

EXCERPT_CHARS = 80
_BATCH = 5_000


class Fault(ValueError):
    """One value that cannot be what it should be: the reader turns it into an `Issue`.

    Attributes
    ----------
    pointer : str
        The column or field, as the file calls it where that is known.
    reason : str
        A short code, the same for all faults of its kind.
    value : object
        What was found.
    """

    def __init__(self, reason: str, message: str, *, pointer: str = "", value: object = None):
        super().__init__(message)
        self.reason, self.pointer, self.value = reason, pointer, value


class Issue(Struct, frozen=True, kw_only=True):
    """Why a record was rejected, or what is wrong with a whole file.

    Parameters
    ----------
    file : str
        Path as it was given.
    line : int, optional
        Line of the file from 1, in CSV the last of the record, in Parquet the record's number;
        ``None`` for a whole file.
    pointer : str
        Column or JSON path within the record.
    reason : str
        Short code: ``not_json``, ``missing``, ``bad_value``, ``duplicate``, ...
    message : str
        What was given, what was expected, and the mend.
    value : str
        The value found, at most 80 characters, never a text or a container.
    """

    file: str
    reason: str
    message: str
    line: int | None = None
    pointer: str = ""
    value: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        at = f" (at {self.pointer})" if self.pointer else ""
        return f"{place}: {self.message}{at}"

    @property
    def is_duplicate(self) -> bool:
        """Whether the record is good, but was read before."""
        return self.reason == "duplicate"


def excerpt(value: object) -> str:
    """Return a value as an issue may show it.

    Examples
    --------
    >>> excerpt(-0.5), excerpt("yesterday"), excerpt({"a": 1}), excerpt("x" * 1000)
    ('-0.5', "'yesterday'", 'dict of 1', 'str of 1000')
    """
    if value is None or isinstance(value, bool | float):
        return "" if value is None else repr(value)
    if isinstance(value, int):
        return repr(value) if abs(value) < 10**EXCERPT_CHARS else "int of many digits"
    shown = repr(value) if isinstance(value, str) and len(value) < EXCERPT_CHARS else ""
    if shown and len(shown) <= EXCERPT_CHARS:
        return shown
    size = f" of {len(value)}" if isinstance(value, str | bytes | list | dict) else ""
    return type(value).__name__ + size


class IssueLog:
    """Writes issues to a Parquet file as they come, in flat memory.

    The file exists after `close` even where there was no issue. Leaving a ``with`` block without
    `close` abandons it: there another error is on its way.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pending: list[Issue] = []
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            # A full disk refuses the footer too, or Arrow has closed the file already.
            with contextlib.suppress(OSError, ValueError):
                self._writer.close()

    def add(self, issue: Issue) -> None:
        """Keep one issue."""
        self._pending.append(issue)
        if len(self._pending) >= _BATCH:
            self._flush()

    def close(self) -> None:
        """Write what is left; a second call does nothing."""
        if self._writer is None or self._pending:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = _schema()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, schema, compression="zstd")
        columns = [
            array_of([getattr(issue, field.name) for issue in self._pending], str(field.type))
            for field in schema
        ]
        self._writer.write_table(pa.table(columns, schema=schema))
        self._pending.clear()


def _schema() -> "pa.Schema":
    import pyarrow as pa

    texts = [(name, pa.string()) for name in ("pointer", "reason", "message", "value")]
    return pa.schema([("file", pa.string()), ("line", pa.int64()), *texts])
