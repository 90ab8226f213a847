"""Which traces and sessions are spread over several files, found before the files are read.

A first pass takes only the ids. What no other file names is put together by whoever reads the
file; what others name too is handed on as it was read, and put together where all of it arrives
(``join``). So files may be read side by side, and a trace counts once wherever its lines are.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import TracetierError
from tracetier.ingest.registry import Context, Item, detect_format, format_named
from tracetier.ingest.source import Source, read_head
from tracetier.ingest.span import Addition, Span

Keys: TypeAlias = NDArray[np.int64]
"""Sorted, each once."""

Name: TypeAlias = tuple[str, str]
"""``trace``, ``session``, ``span`` or ``answer``, and the id."""

NO_KEYS: Keys = np.zeros(0, np.int64)
_HELD = 200_000
_READ_BYTES = 16 * 1024 * 1024


class FileIds(Struct, kw_only=True):
    """What a file names, in 8 bytes a name.

    Attributes
    ----------
    groups : array of int64
        Traces and sessions.
    lone : array of int64
        Steps and answers that something is told of, by a record that names no trace.
    n_bytes : int
        Bytes on disk that were read since the one before.
    is_last : bool
        Whether it is whole; else only the bytes are told.
    """

    groups: Keys
    lone: Keys
    n_bytes: int = 0
    is_last: bool = True


class Sharing(Struct, frozen=True, kw_only=True):
    """What a file shares with others.

    Attributes
    ----------
    groups : array of int64
        Traces and sessions that others name too.
    lone : array of int64
        Steps and answers that any file tells something of without their trace.
    """

    groups: Keys = NO_KEYS
    lone: Keys = NO_KEYS

    def __bool__(self) -> bool:
        return bool(len(self.groups) or len(self.lone))

    def holds_group(self, name: Name) -> bool:
        """Whether others name this trace or session."""
        return _holds(self.groups, key_of(name))

    def wants(self, span: Span) -> bool:
        """Whether something is told of this step elsewhere, without its trace."""
        if not len(self.lone):
            return False
        if _holds(self.lone, key_of(("span", span.span_id))):
            return True
        id_ = span.response_id
        return bool(id_) and _holds(self.lone, key_of(("answer", id_ or "")))


ALONE = Sharing()


def key_of(name: Name) -> int:
    """Return a 64-bit hash that is the same in every process."""
    raw = f"{name[0]} {name[1]}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "little", signed=True)


class ReadIds(Struct, frozen=True):
    """`ids_of` as it travels to a worker."""

    def __call__(self, file: tuple[Path, str]) -> Iterator[FileIds]:
        """Read the ids of a file in a format."""
        return ids_of(*file)


def ids_of(path: Path, format: str) -> Iterator[FileIds]:
    """Yield how far the reading has come, and then what the file names."""
    n_read = 0

    def advance(n_bytes: int) -> None:
        nonlocal n_read
        n_read += n_bytes

    source = Source(path, on_bytes=advance)
    found = _Names()
    try:
        reader = format_named(format)
        quick = getattr(reader, "quick_names", None)
        names = None if quick is None else quick(source)
        if names is not None:
            found.add_all(names)
            yield FileIds(groups=found.groups.take(), lone=NO_KEYS, n_bytes=n_read)
            return
        for item in reader.read(source, Context()):
            found.add(item)
            if n_read >= _READ_BYTES:
                yield FileIds(groups=NO_KEYS, lone=NO_KEYS, n_bytes=n_read, is_last=False)
                n_read = 0
    except TracetierError:
        pass  # told when the file is read
    yield FileIds(groups=found.groups.take(), lone=found.lone.take(), n_bytes=n_read)


def spread_format(path: Path, format: str | None) -> str | None:
    """Return the name of a file's format, if the traces of that may be spread over files."""
    try:
        if format is not None:
            found = format_named(format)
        else:
            head = read_head(path)
            if head.kind in ("empty", "pickle") or head.packed:
                return None
            found = detect_format(head)
    except TracetierError:
        return None  # told when the file is read
    return found.name if getattr(found, "is_spread", False) else None


def sharing_of(every: Sequence[FileIds | None]) -> tuple[list[Sharing], "LastFiles"]:
    """Return what each file shares with others, and up to which file each shared name occurs.

    Parameters
    ----------
    every : sequence of FileIds or None
        By file, in order; ``None`` for one whose names do not count.
    """
    known = [(i, ids) for i, ids in enumerate(every) if ids is not None]
    groups, counts = _counted([ids.groups for _, ids in known])
    lone = np.unique(np.concatenate([ids.lone for _, ids in known] or [NO_KEYS]))
    shared = groups[counts > 1]
    last = np.full(len(shared), -1, np.int64)
    found = [ALONE] * len(every)
    for i, ids in known:
        own = np.intersect1d(ids.groups, shared, assume_unique=True)
        last[np.searchsorted(shared, own)] = i
        found[i] = Sharing(groups=own, lone=lone)
    return found, LastFiles(shared, last)


class LastFiles:
    """The last file that names each shared trace or session."""

    def __init__(self, keys: Keys, files: NDArray[np.int64]) -> None:
        self._keys, self._files = keys, files

    def __call__(self, name: Name) -> int:
        """Return its number; -1 for a name that no two files share."""
        key = key_of(name)
        at = int(np.searchsorted(self._keys, key))
        return int(self._files[at]) if at < len(self._keys) and self._keys[at] == key else -1


class _Names:
    """Names as they come."""

    def __init__(self) -> None:
        self.groups, self.lone = _Growing(), _Growing()
        self._last: tuple[str, str | None] | None = None

    def add(self, item: Item) -> None:
        if isinstance(item, Span):
            own = (item.trace_id, item.session_id)
            if own != self._last:  # the steps of a trace mostly come in a row
                self._last = own
                self.groups.add(("trace", item.trace_id))
                if item.session_id:
                    self.groups.add(("session", item.session_id))
        elif isinstance(item, Addition):
            self._add_addition(item)

    def add_all(self, names: Iterable[Name]) -> None:
        for name in names:
            self.groups.add(name)

    def _add_addition(self, told: Addition) -> None:
        if told.trace_id:
            self.groups.add(("trace", told.trace_id))
        elif told.span_id:
            self.lone.add(("span", told.span_id))
        elif told.response_id:
            self.lone.add(("answer", told.response_id))
        elif told.session_id:
            self.groups.add(("session", told.session_id))


class _Growing:
    """Keys, of which many come again."""

    def __init__(self) -> None:
        self._new: set[int] = set()
        self._kept: Keys = NO_KEYS

    def add(self, name: Name) -> None:
        self._new.add(key_of(name))
        if len(self._new) >= _HELD:
            self._kept = self.take()

    def take(self) -> Keys:
        new = np.fromiter(self._new, np.int64, len(self._new))
        self._new = set()
        self._kept = np.union1d(self._kept, new)
        return self._kept


def _holds(keys: Keys, key: int) -> bool:
    at = int(np.searchsorted(keys, key))
    return at < len(keys) and int(keys[at]) == key


def _counted(every: Sequence[Keys]) -> tuple[Keys, NDArray[np.int64]]:
    keys, counts = np.unique(np.concatenate([*every, NO_KEYS]), return_counts=True)
    return keys, counts
