"""The first bytes of a file, and what they show: enough for a format to recognise its own."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from tracetier.ingest.lenient import load_json

Kind = Literal["jsonl", "json", "csv", "parquet", "zip", "pickle", "text", "empty"]

HEAD_BYTES = 64 * 1024
BOM = b"\xef\xbb\xbf"
_N_RECORDS = 10
_DELIMITERS = ",\t;"
_OPEN = (b"{", b"[", b",", b":")  # what no line of JSON Lines ends in
_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    *((b"\x80" + bytes([protocol]), "pickle") for protocol in range(2, 6)),
)
PACKED: tuple[tuple[bytes, str], ...] = (
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""Leading bytes of what must be converted before it can be read, and its name."""


@dataclass(frozen=True)
class Head:
    """The start of a file.

    Parameters
    ----------
    path : Path
        The file; a format may look at its neighbours.
    data : bytes
        The first 64 KiB, unzipped; more where the first line is longer.
    """

    path: Path
    data: bytes

    @cached_property
    def kind(self) -> Kind:
        """The container, by its bytes; the name of the file counts for nothing."""
        for magic, kind in _MAGIC:
            if self.data.startswith(magic):
                return kind
        body = self.data.removeprefix(BOM).lstrip()
        if not body:
            return "empty"
        if self.records and not self._is_document:
            return "jsonl"
        if body[:1] in b"{[":
            return "json"
        return "csv" if len(self._csv_header) > 1 else "text"

    @cached_property
    def start(self) -> bytes:
        """The first 64 KiB without byte-order mark, for what need not see more."""
        return self.data[:HEAD_BYTES].removeprefix(BOM)

    @cached_property
    def first_line(self) -> bytes:
        """The first line that is not blank, as far as it stands in these 64 KiB."""
        return self.start.lstrip().partition(b"\n")[0]

    @cached_property
    def packed(self) -> str | None:
        """Name of a compression or encoding that has to be undone first."""
        return next((name for magic, name in PACKED if self.data.startswith(magic)), None)

    @cached_property
    def records(self) -> tuple[dict[str, object], ...]:
        """The JSON objects among the first ten lines, each a line of its own."""
        return tuple(self._objects())

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Top-level names: of the first records, of the CSV header, or of the Parquet schema."""
        if self.kind == "jsonl":
            return tuple(dict.fromkeys(name for record in self.records for name in record))
        if self.kind == "csv":
            return self._csv_header
        return _parquet_columns(self.path) if self.kind == "parquet" else ()

    def has(self, *columns: str) -> bool:
        """Whether all these columns are there."""
        return set(columns) <= set(self.columns)

    @property
    def delimiter(self) -> str:
        """What parts the cells of a CSV file: the sign that its first line holds most often."""
        line = self.data.removeprefix(BOM).partition(b"\n")[0].decode("utf-8", "replace")
        return max(_DELIMITERS, key=line.count)

    @cached_property
    def _csv_header(self) -> tuple[str, ...]:
        line = self.data.removeprefix(BOM).partition(b"\n")[0].decode("utf-8", "replace")
        line = line.rstrip("\r")
        if not line.replace("\t", "").isprintable():
            return ()
        cells = next(csv.reader([line], delimiter=self.delimiter), [])
        return tuple(cell.strip() for cell in cells)

    @property
    def _is_document(self) -> bool:
        """Whether the first line opens one JSON value that goes on below it.

        Objects within it may well stand on lines of their own.
        """
        first = self._lines[0].strip()
        return first.startswith(b"[") or (first[:1] == b"{" and first[-1:] in _OPEN)

    @cached_property
    def _lines(self) -> tuple[bytes, ...]:
        """The first ten lines that are not blank; the last may be cut, and is then no record."""
        lines = self.data.removeprefix(BOM).split(b"\n")
        return tuple(line for line in lines if line.strip())[:_N_RECORDS]

    def _objects(self) -> Iterator[dict[str, object]]:
        for line in self._lines:
            try:
                found = _read(line) if line.lstrip()[:1] == b"{" else None
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found


def _read(line: bytes) -> object:
    """Return what a line says; the first may be megabytes long, and most lines are plain."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return load_json(line)


def _parquet_columns(path: Path) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            return tuple(pq.read_schema(file).names)
    except (OSError, pa.ArrowException):
        return ()  # damage is told when the file is read
