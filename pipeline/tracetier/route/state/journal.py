"""Events in a file beside a document: a line for all that are appended together.

    CRC-32 in hexadecimal, a space, ["epoch", position of the first, [event, event, ...]]

A line is forced to the disk before its append returns. A last line that is not whole was torn by
a crash, before anybody was told that it is stored, and is cut off; any other line that is not
whole is damage, and told. Lines of another epoch are left over from a state that was replaced.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from tracetier.errors import StateError
from tracetier.route.state.mark import Mark

_DECODER = msgspec.json.Decoder(tuple[str, int, list[msgspec.Raw]])
_CRC_CHARS = 9


class Lines(NamedTuple):
    """What the whole lines of a journal hold.

    Attributes
    ----------
    first : int or None
        Position of the first event, ``None`` without any.
    bodies : list of bytes
        The events, one after the other.
    n_bytes : int
        Length of the whole lines.
    """

    first: int | None
    bodies: list[bytes]
    n_bytes: int

    def after(self, position: int) -> list[bytes]:
        """Return the events after a position that is not before the first."""
        return [] if self.first is None else self.bodies[max(0, position + 1 - self.first) :]


def read_lines(data: bytes, head: Mark, where: str) -> Lines:
    """Return the events of a journal, or of its end, that belong to the epoch of ``head``.

    Raises
    ------
    StateError
        If a line that is not the last is damaged, or events are missing between two lines.
    """
    first: int | None = None
    bodies: list[bytes] = []
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1
        line = _decoded(data[start : end - 1]) if end else None
        if line is None:
            if end and end < len(data):
                raise StateError(
                    f"{where}: its journal is damaged at byte {start} ({data[start : start + 40]!r}"
                    "); it was left as it is: restore it and the document from a copy"
                )
            break
        epoch, position, raws = line
        start = end
        if epoch != head.epoch:
            continue
        if first is None:
            first = position
        elif position != first + len(bodies):
            raise StateError(
                f"{where}: its journal goes from event {first + len(bodies) - 1} to {position}; "
                "restore it and the document from a copy"
            )
        bodies += map(bytes, raws)
    return Lines(first, bodies, start)


def _decoded(line: bytes) -> tuple[str, int, list[msgspec.Raw]] | None:
    body = line[_CRC_CHARS:]
    if line[:_CRC_CHARS] != b"%08x " % crc32(body):
        return None
    try:
        return _DECODER.decode(body)
    except msgspec.MsgspecError:
        return None


class Journal:
    """The journal's file, for one who holds the lock of the state (but for reading it whole)."""

    def __init__(self, path: Path, where: str) -> None:
        self.path = path
        self.base = 0
        """Position before the first event in the file."""
        self.end = 0
        """Position after the last event that was read or written here."""
        self._where = where
        self._file = -1
        self._inode = -1
        self._size = 0
        self._is_unsynced = False

    def read(self) -> bytes:
        """Return the whole file; nothing where there is none."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""

    def is_as_read(self) -> bool:
        """Whether the file is the one that was read, and not longer."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return self._file < 0
        return (stat.st_ino, stat.st_size) == (self._inode, self._size)

    def catch_up(self, head: Mark, position: int | None) -> list[bytes]:
        """Read what is new, cut off a torn end, and return the events after ``position``."""
        if position is not None and self._file >= 0 and position == self.end:
            if self.is_as_read():
                return []
            if self.path.exists() and self.path.stat().st_ino == self._inode:
                lines = self._read_on(head)
                self.end += len(lines.bodies)
                return lines.bodies
        self.close()
        if not self.path.exists():
            self.base = self.end = head.position
            return []
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        self._inode = os.fstat(self._file).st_ino
        lines = self._read_on(head)
        first = head.position + 1 if lines.first is None else lines.first
        self.base, self.end = first - 1, first - 1 + len(lines.bodies)
        return [] if position is None else lines.after(position)

    def _read_on(self, head: Mark) -> Lines:
        wanted = os.fstat(self._file).st_size - self._size
        data = os.pread(self._file, wanted, self._size)
        lines = read_lines(data, head, self._where)
        if lines.n_bytes < len(data):
            os.ftruncate(self._file, self._size + lines.n_bytes)
        self._size += lines.n_bytes
        return lines

    def append(self, bodies: Sequence[bytes], epoch: str, *, durable: bool) -> None:
        """Append events after the last, as one line; or leave the file as it was, and raise."""
        if bodies:
            is_new = self._file < 0
            if is_new:
                self._create()
            line = _line(bodies, epoch, self.end + 1)
            try:
                write_all(self._file, line)
                if durable:
                    os.fdatasync(self._file)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._file, self._size)
                raise
            self._size += len(line)
            self.end += len(bodies)
            self._is_unsynced = not durable
        elif durable and self._is_unsynced:
            os.fdatasync(self._file)
            self._is_unsynced = False

    def replace(self, bodies: Sequence[bytes], mark: Mark) -> None:
        """Keep only these events, which come after ``mark``."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.base = self.end = mark.position
        self.append(bodies, mark.epoch, durable=True)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            if self._is_unsynced:
                with suppress(OSError):
                    os.fdatasync(self._file)
            os.close(self._file)
        self._file = self._inode = -1
        self._size = 0
        self._is_unsynced = False

    def __del__(self) -> None:
        self.close()

    def _create(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o666)
        self._inode = os.fstat(self._file).st_ino
        self._size = 0
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_all(file: int, data: bytes) -> None:
    """Write everything, however little the system takes at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _line(bodies: Sequence[bytes], epoch: str, position: int) -> bytes:
    body = msgspec.json.encode((epoch, position, [msgspec.Raw(body) for body in bodies]))
    return b"%08x %s\n" % (crc32(body), body)
