"""Records of a table or of nested JSON, in whatever holds them: lines, a list, CSV, Parquet.

A list is taken apart while it is read, so that an export of a million records in one list needs no
more memory than its largest record. Inside a broken list nothing tells where the next record
begins: it ends there, with one issue.
"""

import codecs
import json
from collections.abc import Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct

from tracetier.errors import RecordError
from tracetier.ingest.formats._json_head import paths_of
from tracetier.ingest.formats._json_values import read_values
from tracetier.ingest.formats._typed_json import misfit, typed
from tracetier.ingest.head import BOM, Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.rows import read_records
from tracetier.ingest.source import LINE_BYTES, Source

Row = TypeVar("Row", bound=Struct)
_BLANKS = " \t\r\n" + BOM.decode()
_BETWEEN = " \t\r\n,"
_scan = json.JSONDecoder().raw_decode


def read_items(
    source: Source, row_type: type[Row], *, quick: type[Row] | None = None
) -> Iterator[Row | Issue]:
    """Yield one typed record per line, row, list element or document, and an issue for each other.

    Parameters
    ----------
    source : Source
        ``source.line`` is the line or row of the record, or its number in a list.
    row_type : type of Struct
        Tolerant to other fields; numbers may be written as text.
    quick : type of Struct, optional
        Tried first on JSON: a stricter record that leaves more of it undecoded.
    """
    if source.head.kind in ("csv", "parquet"):
        for record in read_records(source):
            yield record if isinstance(record, Issue) else _converted(source, row_type, record)
        return
    decoder = msgspec.json.Decoder(row_type, strict=False)
    quickly = None if quick is None else msgspec.json.Decoder(quick, strict=False)
    for data in _json_items(source):
        if isinstance(data, Issue):
            yield data
            continue
        if quickly is not None and (found := _decoded(quickly, data)) is not None:
            yield found
            continue
        try:
            yield typed(data, decoder)
        except Fault as fault:
            yield source.issue(fault)


def as_row(value: object, row_type: type[Row]) -> Row:
    """Return a record that stands within another one.

    Raises
    ------
    Fault
        If it is of another type.
    """
    try:
        return msgspec.convert(value, row_type, strict=False)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise misfit(str(error)) from None


def record_paths(head: Head) -> frozenset[str]:
    """Return the dotted paths of a file's keys as each record has them, whatever holds the records.

    Examples
    --------
    >>> from pathlib import Path
    >>> sorted(record_paths(Head(path=Path("x"), data=b'[{"a": {"b": 1}}, {"c": [')))
    ['a', 'a.b', 'c']
    """
    if head.kind in ("csv", "parquet"):
        return frozenset(head.columns)
    if head.kind not in ("json", "jsonl"):
        return frozenset()
    return frozenset(path.removeprefix("[].") for path in paths_of(head))


def _converted(source: Source, row_type: type[Row], record: object) -> Row | Issue:
    try:
        return as_row(record, row_type)
    except Fault as fault:
        return source.issue(fault)


def _decoded(decoder: "msgspec.json.Decoder[Row]", data: bytes) -> Row | None:
    """Return a record of plain JSON, ``None`` for any other."""
    try:
        if not data.isascii():
            data.decode()  # what is left undecoded must be text, too
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _json_items(source: Source) -> Iterator[bytes | Issue]:
    is_list = source.head.data.removeprefix(BOM).lstrip()[:1] == b"["
    return _elements(source) if is_list else read_values(source)


def _elements(source: Source) -> Iterator[bytes | Issue]:
    """Yield the elements of a list, and of those that follow it: pages put into one file."""
    text = _Text(source)
    while text.skip(_BLANKS):
        if not text.step("["):
            yield source.issue(Fault("not_json", "text after the list is no list"), is_of_file=True)
            return
        while text.skip(_BETWEEN) and not text.step("]"):
            source.line += 1
            found = text.take()
            if isinstance(found, Fault):
                yield source.issue(found)
                return
            yield found.encode("utf-8", "surrogateescape")
    if text.damage is not None:
        yield Issue(file=source.name, reason="damaged", message=text.damage)
    elif not text.is_closed:
        yield source.issue(Fault("not_json", "list has no end; export it again"), is_of_file=True)


class _Text:
    """The text of a file, from where it has been read."""

    def __init__(self, source: Source) -> None:
        self.damage: str | None = None
        self.is_closed = False
        self._chunks = self._texts(source)
        self._buffer, self._at = "", 0

    def step(self, sign: str) -> bool:
        """Go past this character if it is the next one; whether it was."""
        is_next = self._buffer.startswith(sign, self._at)
        self._at += is_next
        self.is_closed = is_next and sign == "]"
        return is_next

    def skip(self, signs: str) -> bool:
        """Go to the next character that is none of these; whether there is one."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in signs:
                self._at += 1
            if self._at < len(self._buffer) or not self._more(0):
                return self._at < len(self._buffer)

    def take(self) -> str | Fault:
        """Take the JSON value that begins here."""
        while True:
            try:
                _, end = _scan(self._buffer, self._at)
            except RecursionError:
                return Fault("too_deep", "JSON is nested too deeply to be read")
            except ValueError as error:
                if (fault := self._fault(error)) is not None:
                    return fault
            else:
                # A number at the end of what is held may go on behind it.
                if end < len(self._buffer) or not self._more(end - self._at):
                    found, self._at = self._buffer[self._at : end], end
                    return found

    def _fault(self, error: ValueError) -> Fault | None:
        """Return why no value can be taken, ``None`` where there was more text to try with."""
        n_held = len(self._buffer) - self._at
        if n_held > LINE_BYTES:
            return Fault("too_long", f"list element is longer than {LINE_BYTES:,} bytes")
        if self._more(n_held):
            return None
        said = str(error).partition(":")[0]
        return Fault("not_json", f"list is not JSON from this element on ({said})")

    def _more(self, n_least: int) -> bool:
        """Read on, at least as much again as is held, so that no text is scanned often."""
        pieces, n_new = [self._buffer[self._at :]], 0
        for piece in self._chunks:
            pieces.append(piece)
            n_new += len(piece)
            if n_new > n_least:
                break
        self._buffer, self._at = "".join(pieces), 0
        return n_new > 0

    def _texts(self, source: Source) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        try:
            for chunk in source.chunks():
                yield decoder.decode(chunk)
        except RecordError as error:
            self.damage = str(error)
        yield decoder.decode(b"", final=True)
