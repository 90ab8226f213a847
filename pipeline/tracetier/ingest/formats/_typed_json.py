"""Foreign JSON → typed records: lines, lists and documents, with a fault for what does not fit.

What the typed decoder refuses is read once more, slowly: real logs hold ``NaN``, halves of
surrogate pairs and numbers beyond range, all of which become unknown or U+FFFD.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import Raw

from tracetier.errors import RecordError
from tracetier.ingest.coerce import instant
from tracetier.ingest.head import BOM
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.lenient import load_json
from tracetier.ingest.source import Source

T = TypeVar("T")
DOCUMENT_BYTES = 512 * 1024 * 1024
_ITEMS = msgspec.json.Decoder(list[Raw])
_PLACE = re.compile(r": line \d+ column \d+ \(char (\d+)\)")
_MISSING = "missing required field "
_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)


def decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """Return a decoder that takes numbers written as text."""
    return msgspec.json.Decoder(kind, strict=False)


def typed(data: bytes | Raw, decode: "msgspec.json.Decoder[T]") -> T:
    """Return the record that some JSON holds.

    Raises
    ------
    Fault
        Where it is no JSON, or a field is of another type, with its place.
    """
    try:
        return decode.decode(data)
    except _REFUSED:
        pass
    try:
        return decode.decode(_mended(bytes(data)))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise misfit(str(error)) from None


def misfit(told: str) -> Fault:
    """Return the fault for a field that is missing or of another type, by what a decoder says."""
    said, _, at = told.partition(" - at `$")
    pointer = at.strip("`.")
    if _MISSING in said:
        name = said.partition(_MISSING)[2].strip("`")
        pointer = f"{pointer}.{name}" if pointer else name
        return Fault("missing", f"{name} is missing, every record needs one", pointer=pointer)
    return Fault("bad_value", f"{pointer or 'record'} does not fit: {said}", pointer=pointer)


def read_document(source: Source, decode: "msgspec.json.Decoder[T]") -> T | Issue:
    """Return the one document that a file holds, or the issue why it cannot be read."""
    data = read_bytes(source)
    if isinstance(data, Issue):
        return data
    source.line = 1
    try:
        return typed(data, decode)
    except Fault as fault:
        return source.issue(fault)


def read_bytes(source: Source) -> bytes | Issue:
    """Return a whole file, unzipped, without byte-order mark; longer ones than 512 MiB are told."""
    data = bytearray()
    try:
        for chunk in source.chunks():
            data += chunk
            if len(data) > DOCUMENT_BYTES:
                told = f"document is longer than {DOCUMENT_BYTES:,} bytes; split it"
                return source.issue(Fault("too_long", told), is_of_file=True)
    except RecordError as error:
        return source.issue(Fault("damaged", str(error)), is_of_file=True)
    return bytes(data.removeprefix(BOM))


def read_each(source: Source, decode: "msgspec.json.Decoder[T]") -> Iterator[T | Issue]:
    """Yield the records of JSON Lines, of a JSON list, or of one document that is the record."""
    for raw in raw_records(source):
        if isinstance(raw, Issue):
            yield raw
            continue
        try:
            yield typed(raw, decode)
        except Fault as fault:
            yield source.issue(fault)


def raw_records(source: Source) -> Iterator[bytes | Raw | Issue]:
    """Yield the JSON of each record; ``source.line`` counts lines or elements."""
    if source.head.kind == "jsonl":
        yield from source.lines()
        return
    data = read_bytes(source)
    if isinstance(data, Issue):
        yield data
        return
    for source.line, item in enumerate(_items(data), 1):
        yield item


def when(value: float | str | None, pointer: str = "") -> datetime | None:
    """Return a time in UTC, ``None`` for none.

    Raises
    ------
    Fault
        If it is no time.
    """
    if value is None or value == "":
        return None
    try:
        return instant(value)
    except Fault as fault:
        raise Fault(
            fault.reason, f"{pointer or 'time'} must be {fault}", pointer=pointer, value=value
        ) from None


def _items(data: bytes) -> list[bytes] | list[Raw]:
    if not data.lstrip().startswith(b"["):
        return [data]
    try:
        return typed(data, _ITEMS)
    except Fault:
        return [data]  # told when it is decoded as the record that it is not


def _mended(data: bytes) -> bytes:
    try:
        return msgspec.json.encode(load_json(data))
    except UnicodeDecodeError as error:
        raise Fault("not_utf8", f"byte {error.start + 1} of the record is not UTF-8") from None
    except RecursionError:
        raise Fault("too_deep", "JSON is nested too deeply to be read") from None
    except OverflowError:
        raise Fault("bad_value", "a number of the record is too large") from None
    except ValueError as error:
        told = _PLACE.sub(r" at character \1", str(error))
        raise Fault("not_json", f"{len(data):,} bytes are not JSON ({told})") from None
