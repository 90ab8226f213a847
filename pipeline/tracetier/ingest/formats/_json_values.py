r"""A file as JSON values: one a line, one document, or printed one below the other.

Files of one value per line are split there. Any other file is split where brackets outside of
strings are balanced again, which needs no more memory than one value: a string of JSON holds no
line break, so that each line can be looked at by itself.
"""

import re
from collections.abc import Iterator

import msgspec

from tracetier.ingest.issue import Issue
from tracetier.ingest.lenient import load_json
from tracetier.ingest.source import LINE_BYTES, Source

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_PAIRS = {b"{": b"}", b"[": b"]"}
_SHORT_BYTES = 1_000_000  # a longer line that opens and closes is taken for a whole value
_N_ALIKE = 12  # bytes with which two records of one kind begin
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_values(source: Source, *, value_bytes: int = LINE_BYTES) -> Iterator[bytes | Issue]:
    """Yield the bytes of each JSON value of a file, and an issue for what is none.

    ``source.line`` is the last line of the value that was handed out. Whether the bytes are JSON
    shows when they are decoded; a document that is cut is handed out as it is.

    Parameters
    ----------
    source : Source
        The file.
    value_bytes : int
        A longer value is an issue, and its bytes are not held.
    """
    if source.head.kind == "jsonl":
        return source.lines()
    return _split_values(source, value_bytes)


def loads(text: str | bytes) -> object:
    """Return what a text of JSON says, ``None`` where it is not JSON.

    Examples
    --------
    >>> loads('[{"a": NaN}]'), loads("[{")
    ([{'a': nan}], None)
    """
    try:
        return msgspec.json.decode(text)
    except _UNREADABLE:
        pass
    try:
        return load_json(text.encode("utf-8", "replace") if isinstance(text, str) else text)
    except (ValueError, RecursionError):
        return None


def _split_values(source: Source, value_bytes: int) -> Iterator[bytes | Issue]:
    value = _Value()
    n_whole = 0
    for line in source.lines():
        if isinstance(line, Issue):
            yield line
            continue
        body = line.strip()
        if value.is_empty and body[:1] not in _PAIRS:
            yield source.fault("not_json", f"line of {len(line):,} bytes is no JSON value")
            continue
        if value.is_cut_before(line, n_whole):
            source.line -= 1
            yield _taken(source, value, value_bytes)
            source.line += 1
        value.add(line, body, value_bytes)
        if value.is_whole:
            n_whole += 1
            yield _taken(source, value, value_bytes)
    if not value.is_empty:
        yield _taken(source, value, value_bytes)


def _taken(source: Source, value: "_Value", value_bytes: int) -> bytes | Issue:
    is_too_long = value.n_bytes > value_bytes
    data = value.take()
    if is_too_long:
        return source.fault("too_long", f"JSON value is longer than {value_bytes:,} bytes")
    return data


class _Value:
    """A JSON value, line by line; no lines are kept once they are too many bytes."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._opening = b""
        self._depth, self.n_bytes = 0, 0

    @property
    def is_empty(self) -> bool:
        return self.n_bytes == 0

    @property
    def is_whole(self) -> bool:
        return self._depth <= 0

    def is_cut_before(self, line: bytes, n_whole: int) -> bool:
        """Whether a line opens the next value, as others were opened, though this one is open."""
        if self.is_empty:
            return False
        if line.startswith(b'{"') and len(line) > _N_ALIKE:
            return line[:_N_ALIKE] == self._opening
        return n_whole > 0 and line.rstrip() in _PAIRS

    def add(self, line: bytes, body: bytes, limit: int) -> None:
        if not self.is_empty or len(line) <= _SHORT_BYTES or _PAIRS[body[:1]] != body[-1:]:
            bare = _STRING.sub(b"", body)
            opened = bare.count(b"{") + bare.count(b"[")
            self._depth += opened - bare.count(b"}") - bare.count(b"]")
        if self.is_empty:
            self._opening = line[:_N_ALIKE]
        self.n_bytes += len(line) + 1
        if self.n_bytes <= limit:
            self._lines.append(line)
        else:
            self._lines.clear()

    def take(self) -> bytes:
        data = b"\n".join(self._lines)
        self._lines.clear()
        self._depth, self.n_bytes = 0, 0
        return data
