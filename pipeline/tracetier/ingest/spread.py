"""Which traces and sessions are spread over several files.

What no other file names is put together by whoever reads the file; what others name too is handed
on as it was read, and put together where all of it arrives (``join``). So files may be read side by
side, and a trace counts once wherever its lines are.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.ingest.seen import SeenKeys
from tracetier.ingest.span import Span

Keys: TypeAlias = NDArray[np.int64]
"""Sorted, each once."""

Name: TypeAlias = tuple[str, str]
"""``trace``, ``session``, ``span`` or ``answer``, and the id."""

NO_KEYS: Keys = np.zeros(0, np.int64)


class FileIds(Struct, kw_only=True):
    """What a file names, in 8 bytes a name.

    Attributes
    ----------
    groups : array of int64
        Traces and sessions.
    lone : array of int64
        Steps and answers that something is told of, by a record that names no trace.
    format : str, optional
        Its format; ``None`` where that keeps its traces in one file, so that nothing is named.
    n_bytes : int
        Bytes on disk that were read since the one before.
    is_last : bool
        Whether it is whole; else only the bytes are told.
    """

    groups: Keys
    lone: Keys
    format: str | None = None
    n_bytes: int = 0
    is_last: bool = True

    def with_others(self, other: "FileIds | None") -> "FileIds":
        """Return what this part of a file names, and another part."""
        if other is None:
            return self
        return FileIds(
            groups=distinct(self.groups, other.groups),
            lone=distinct(self.lone, other.lone),
            format=self.format,
        )


class Sightings:
    """Tells when the first trace or session turns up that two files name."""

    def __init__(self) -> None:
        self._seen, self._n_files, self._has_lone, self._has_twice = SeenKeys(), 0, False, False

    @property
    def are_shared(self) -> bool:
        """Whether any file shares anything with another."""
        return self._has_twice or (self._has_lone and self._n_files > 1)

    def add(self, ids: FileIds) -> None:
        """Take what one more file names."""
        self._n_files += 1
        self._has_lone |= bool(len(ids.lone))
        self._has_twice |= not self._seen.add_hashes(ids.groups).all()


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


def distinct(*every: Keys) -> Keys:
    """Return all keys, sorted, each once."""
    keys = np.sort(np.concatenate([NO_KEYS, *every]))
    return keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys


def key_of(name: Name) -> int:
    """Return a 64-bit hash that is the same in every process."""
    raw = f"{name[0]} {name[1]}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "little", signed=True)


def sharing_of(every: Sequence[FileIds | None]) -> tuple[list[Sharing], "LastFiles"]:
    """Return what each file shares with others, and up to which file each shared name occurs.

    Parameters
    ----------
    every : sequence of FileIds or None
        By file, in order; ``None`` for one whose names do not count.
    """
    known = [(i, ids) for i, ids in enumerate(every) if ids is not None]
    groups, counts = _counted([ids.groups for _, ids in known])
    lone = distinct(*(ids.lone for _, ids in known))
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


def _holds(keys: Keys, key: int) -> bool:
    at = int(np.searchsorted(keys, key))
    return at < len(keys) and int(keys[at]) == key


def _counted(every: Sequence[Keys]) -> tuple[Keys, NDArray[np.int64]]:
    keys, counts = np.unique(np.concatenate([*every, NO_KEYS]), return_counts=True)
    return keys, counts
