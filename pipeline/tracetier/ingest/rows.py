"""JSON Lines, CSV and Parquet → typed records, streaming, with an issue for each that is broken.

The three containers give the same records for the same values. Well-formed JSON lines are decoded
straight into the record; what the typed decoder refuses is read once more, slowly, to say exactly
what is wrong, or to accept what is merely written in an unusual way.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from tracetier.ingest.coerce import make_row, text
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.lenient import load_json
from tracetier.ingest.source import LINE_BYTES, Source
from tracetier.table.columns import ATTR_PREFIX

Row = TypeVar("Row", bound=Struct)
Record = Mapping[str, object]
_BATCH = 5_000
_ATTR_KEY = f'"{ATTR_PREFIX}'.encode()


def read_rows(source: Source, row_type: type[Row]) -> Iterator[Row | Issue]:
    """Yield one typed record per line or row.

    Parameters
    ----------
    source : Source
        JSON Lines, CSV or Parquet.
    row_type : type of Struct
        Its fields are the columns that are read; others are left alone.
    """
    if source.head.kind == "jsonl":
        yield from _typed_lines(source, row_type)
        return
    for record in read_records(source):
        yield record if isinstance(record, Issue) else _row(source, row_type, record)


def read_records(source: Source) -> Iterator[Record | Issue]:
    """Yield one mapping of names to raw values per line or row."""
    kind = source.head.kind
    if kind == "csv":
        return _csv_records(source)
    return _parquet_records(source) if kind == "parquet" else _json_records(source)


def _typed_lines(source: Source, row_type: type[Row]) -> Iterator[Row | Issue]:
    decode = msgspec.json.Decoder(row_type, strict=False).decode
    takes_attrs = "attrs" in row_type.__struct_fields__
    for line in source.lines():
        if isinstance(line, Issue):
            yield line
            continue
        try:
            if takes_attrs and _ATTR_KEY in line:
                yield _reread(source, row_type, line)
            else:
                yield decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            yield _reread(source, row_type, line)


def _reread(source: Source, row_type: type[Row], line: bytes) -> Row | Issue:
    try:
        record = _json_object(line)
    except Fault as fault:
        return source.issue(fault)
    return _row(source, row_type, record)


def _row(source: Source, row_type: type[Row], record: Record) -> Row | Issue:
    try:
        return make_row(row_type, record)
    except Fault as fault:
        return source.issue(fault)


def _json_records(source: Source) -> Iterator[Record | Issue]:
    for line in source.lines():
        if isinstance(line, Issue):
            yield line
            continue
        try:
            yield _json_object(line)
        except Fault as fault:
            yield source.issue(fault)


def _json_object(line: bytes) -> dict[str, Any]:
    try:
        found = load_json(line)
    except RecursionError:
        raise Fault("too_deep", "JSON is nested too deeply to be read") from None
    except UnicodeDecodeError as error:
        raise Fault("not_utf8", f"byte {error.start + 1} of the line is not UTF-8") from None
    except ValueError as error:
        told = re.sub(r": line 1 column (\d+).*", r" at character \1", str(error))
        raise Fault(
            "not_json", f"line of {len(line):,} bytes is not JSON ({told}); one object per line"
        ) from None
    if not isinstance(found, dict):
        raise Fault("not_an_object", f"line holds a JSON {type(found).__name__}, not an object")
    return found


def _csv_records(source: Source) -> Iterator[Record | Issue]:
    csv.field_size_limit(LINE_BYTES)  # of the process; the default refuses prompts over 128 KiB
    broken: list[Issue] = []
    cells = csv.reader(_text_lines(source, broken), delimiter=source.head.delimiter)
    names, fault = _next_cells(cells)
    if fault is not None:  # without a header no row can be read
        yield source.issue(fault, is_of_file=True)
        return
    header = [text(cell.strip()) for cell in names or []]
    for name in sorted({name for name in header if header.count(name) > 1}):
        twice = Fault("twice", f"column {name!r} occurs twice, its last values are read")
        yield source.issue(twice, is_of_file=True)
    while True:
        row, fault = _next_cells(cells)
        yield from broken
        broken.clear()
        if fault is not None:
            yield source.issue(fault)
        elif row is None:
            return
        elif row:
            yield _csv_record(source, header, row)


def _next_cells(cells: Iterator[list[str]]) -> tuple[list[str] | None, Fault | None]:
    try:
        return next(cells, None), None
    except csv.Error as error:
        return None, Fault("not_csv", f"row is not CSV ({error})")


def _csv_record(source: Source, header: list[str], row: list[str]) -> Record | Issue:
    if len(row) != len(header):
        return source.fault(
            "cells",
            f"row has {len(row)} cells, the header {len(header)}; quote texts that hold the "
            "delimiter or a line break",
        )
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return source.fault("not_utf8", "row is not UTF-8; save the file as UTF-8")
    return {name: cell or None for name, cell in zip(header, row, strict=True)}


def _text_lines(source: Source, broken: list[Issue]) -> Iterator[str]:
    for line in source.lines(keep_blank=True):  # they may stand inside a quoted text
        if isinstance(line, Issue):
            broken.append(line)
        else:
            yield line.decode("utf-8", "surrogateescape") + "\n"


def _parquet_records(source: Source) -> Iterator[Record | Issue]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    n_told, n_bytes = 0, source.path.stat().st_size
    try:
        with source.path.open("rb") as file:
            parquet = pq.ParquetFile(file)
            n_rows = parquet.metadata.num_rows
            for batch in parquet.iter_batches(batch_size=_BATCH):
                for record in _batch_records(batch):
                    source.line += 1
                    yield record
                due = n_bytes * source.line // max(n_rows, 1)
                source.advance(due - n_told)
                n_told = due
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        damage = f"cannot be read as Parquet ({error}); write the file again"
        yield source.issue(Fault("damaged", damage), is_of_file=True)


def _batch_records(batch: Any) -> Iterator[Record]:
    import pyarrow as pa

    columns = []
    for column in batch.columns:
        if pa.types.is_timestamp(column.type):  # finer than microseconds is no Python datetime
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        columns.append(column.to_pylist())
    for values in zip(*columns, strict=True):
        yield dict(zip(batch.schema.names, values, strict=True))
