r"""One input file as a stream: its head for recognition, then its bytes and lines.

gzip is recognised by its magic bytes and undone on the way. Lines end at ``\n`` only, since the
other line breaks of Unicode occur inside JSON strings of real logs. What is read before damage
is good, so damage ends a stream; it does not void it.
"""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path

from tracetier.errors import InputError, RecordError
from tracetier.ingest.head import BOM, HEAD_BYTES, Head
from tracetier.ingest.issue import Fault, Issue, excerpt

LINE_BYTES = 64 * 1024 * 1024
_HEAD_LINE_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


class Source:
    """A file under reading, and how far the reading has come.

    Parameters
    ----------
    path : Path
        A regular file.
    name : str, optional
        What tables and issues call it; by default the path as given.
    on_bytes : callable, optional
        Called with the number of bytes on disk that were read since the last call.
    line_bytes : int
        A longer line is an issue, and its bytes are not held.
    span : (int, int), optional
        The bytes on disk to read, from the first to before the second; by default all. The head
        is that of the whole file.

    Attributes
    ----------
    line : int
        Line, or number, of the record that was handed out last, from 1.
    fields : dict of str to str
        What the file calls our columns, for messages; the format fills it in.
    ignored : set of str
        Columns of the file that the format does not read.
    """

    def __init__(
        self,
        path: Path,
        *,
        name: str | None = None,
        on_bytes: Callable[[int], None] | None = None,
        line_bytes: int = LINE_BYTES,
        span: tuple[int, int] | None = None,
    ) -> None:
        self.path, self.name = path, str(path) if name is None else name
        self.line = 0
        self.fields: dict[str, str] = {}
        self.ignored: set[str] = set()
        self._on_bytes, self._line_bytes, self._span = on_bytes, line_bytes, span
        self._damage: str | None = None

    @cached_property
    def head(self) -> Head:
        """The first bytes, by which a format recognises its own."""
        return read_head(self.path)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, unzipped, in pieces of about 1 MiB.

        Raises
        ------
        InputError
            If the file cannot be opened.
        RecordError
            If the gzip stream is damaged or ends early, after all that could be unzipped.
        """
        if self._span is None:
            return _open(self.path, self.advance)
        return _raw_chunks(self.path, self.advance, _CHUNK_BYTES, self._span)

    def lines(self, *, keep_blank: bool = False) -> Iterator[bytes | Issue]:
        r"""Yield each line without its ``\n``, and an issue for what is lost.

        Blank lines are left out unless they are to be kept; `line` counts them all the same. A
        byte-order mark is taken off.
        """
        for line in _split(self._until_damage(), self._line_bytes):
            self.line += 1
            if line is None:
                yield self.fault("too_long", f"line is longer than {self._line_bytes:,} bytes")
                continue
            if self.line == 1:
                line = line.removeprefix(BOM)
            if keep_blank or (line and not line.isspace()):
                yield line
        if self._damage is not None:
            yield Issue(file=self.name, reason="damaged", message=self._damage)

    def issue(self, fault: Fault, *, is_of_file: bool = False) -> Issue:
        """Return the issue for a fault in the record at hand, or in the file as a whole."""
        return self.issue_at(None if is_of_file else self.line, fault)

    def issue_at(self, line: int | None, fault: Fault) -> Issue:
        """Return the issue for a fault in the record of a line."""
        return Issue(
            file=self.name,
            line=line,
            pointer=self.fields.get(fault.pointer, fault.pointer),
            reason=fault.reason,
            message=str(fault),
            value=excerpt(fault.value),
        )

    def fault(self, reason: str, message: str, *, pointer: str = "", value: object = None) -> Issue:
        """Return an issue for the record at hand."""
        return self.issue(Fault(reason, message, pointer=pointer, value=value))

    def advance(self, n_bytes: int) -> None:
        """Tell that so many bytes on disk were read; for formats that read the file themselves."""
        if self._on_bytes is not None:
            self._on_bytes(n_bytes)

    def _until_damage(self) -> Iterator[bytes]:
        try:
            yield from self.chunks()
        except RecordError as error:
            self._damage = str(error)


def read_head(path: Path) -> Head:
    """Read the first 64 KiB, unzipped; more only while the first line has not ended.

    Raises
    ------
    InputError
        If the file cannot be opened.
    """
    data = bytearray()
    try:
        for chunk in _open(path, None, n_bytes=HEAD_BYTES):
            is_long = len(data) >= HEAD_BYTES and b"\n" in data
            if is_long or len(data) >= _HEAD_LINE_BYTES:
                break
            data += chunk
    except RecordError:
        pass  # told when the file is read
    return Head(path=path, data=bytes(data))


def is_packed(path: Path) -> bool:
    """Whether a file is gzip, by its first bytes."""
    with path.open("rb") as file:
        return file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC


def _open(
    path: Path, on_bytes: Callable[[int], None] | None, *, n_bytes: int = _CHUNK_BYTES
) -> Iterator[bytes]:
    raw = _raw_chunks(path, on_bytes, n_bytes)
    first = next(raw, b"")
    every = _chain(first, raw)
    return _unzipped(every, n_bytes) if first.startswith(_GZIP_MAGIC) else every


def _raw_chunks(
    path: Path,
    on_bytes: Callable[[int], None] | None,
    n_bytes: int,
    span: tuple[int, int] | None = None,
) -> Iterator[bytes]:
    start, end = span or (0, sys.maxsize)
    try:
        with path.open("rb") as file:
            file.seek(start)
            while chunk := file.read(min(n_bytes, end - file.tell())):
                yield chunk
                if on_bytes is not None:
                    on_bytes(len(chunk))
    except OSError as error:
        raise InputError(
            f"cannot read {str(path)!r}: {error.strerror or error}; give a file that you may read"
        ) from error


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _unzipped(chunks: Iterable[bytes], n_bytes: int) -> Iterator[bytes]:
    """Undo gzip, member after member, holding no more than a piece of the output at a time."""
    unzip, n_read = zlib.decompressobj(wbits=31), 0
    for chunk in chunks:
        rest = chunk
        while rest:
            if unzip.eof:
                rest = rest.lstrip(b"\0")  # padding between members
                unzip = zlib.decompressobj(wbits=31)
                continue
            before = unzip.copy()
            try:
                piece = unzip.decompress(rest, n_bytes)
            except zlib.error as error:
                yield from _salvaged(before, rest)
                raise RecordError(
                    f"gzip stream is damaged after byte {n_read:,} of the file ({error}); what "
                    "could be unzipped was read and may be wrong, fetch the file again"
                ) from error
            if piece:
                yield piece
            rest = unzip.unused_data if unzip.eof else unzip.unconsumed_tail
        n_read += len(chunk)
    if piece := unzip.flush():
        yield piece
    if not unzip.eof:
        raise RecordError(
            f"gzip stream ends early, after {n_read:,} bytes of the file; "
            "the lines before were read, fetch the file again for the rest"
        )


def _salvaged(unzip: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """Yield what can be unzipped before the damaged byte."""
    for i in range(len(data)):
        try:
            yield unzip.decompress(data[i : i + 1])
        except zlib.error:
            return


def _split(chunks: Iterable[bytes], limit: int) -> Iterator[bytes | None]:
    """Yield lines, ``None`` for one that is longer than ``limit`` bytes."""
    pieces: list[bytes] = []
    size = 0
    for chunk in chunks:
        at = 0
        while (end := chunk.find(b"\n", at)) >= 0:  # one at a time: each is gone before the next
            size += end - at
            if size > limit:
                yield None
            elif pieces:
                pieces.append(chunk[at:end])
                yield b"".join(pieces)
            else:
                yield chunk[at:end]
            pieces, size, at = [], 0, end + 1
        size += len(chunk) - at
        if at < len(chunk) and size <= limit:
            pieces.append(chunk[at:])
    if size:
        yield b"".join(pieces) if size <= limit else None
