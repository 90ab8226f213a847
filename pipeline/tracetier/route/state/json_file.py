"""A state in one JSON file, replaced as a whole or not at all.

A write goes to a temporary file in the same directory, is forced to the disk, takes the old file's
name, and then the directory is forced to the disk; whoever reads sees the old document or the new
one, also after a crash.

The file has **one writer**. A short lock keeps two writes apart, and a writer that finds the file
replaced since it last read or wrote it refuses to overwrite, since that would lose the other's
reports. Several writers need a store that merges.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracetier.errors import StateError, StorageError

_Signature = tuple[int, int, int, int]


class JsonFileStore:
    """Keeps the document in a file; its directory is made at the first save.

    Parameters
    ----------
    path : str or path
        The file. A symbolic link is followed, so that the link stays.
    """

    is_durable = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.realpath(path))
        self.name = f"state {str(self.path)!r}"
        self._seen: _Signature | None = None
        self._is_locked = False

    def load(self) -> bytes | None:
        """Return the file's bytes, ``None`` where there is no file.

        Raises
        ------
        StorageError
            If the file is there but cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                self._seen = _signature(os.fstat(file.fileno()))
                return file.read()
        except FileNotFoundError:
            self._seen = None
            return None
        except OSError as error:
            raise StorageError(
                f"{self.name} cannot be read: {error}; check the path and its permissions"
            ) from error

    def save(self, data: bytes) -> None:
        """Replace the file, wholly or not at all.

        Raises
        ------
        StorageError
            If the disk refuses (full, read-only); the old file stands.
        StateError
            If another writer replaced the file since this store last read or wrote it.
        """
        try:
            with self.exclusive():
                self._refuse_if_replaced()
                self._replace(data)
        except OSError as error:
            raise self._refused(error) from error

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock file beside the state, waiting for another holder; may be nested."""
        if self._is_locked:
            yield
            return
        lock = self._open_lock()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._is_locked = True
            yield
        finally:
            self._is_locked = False
            os.close(lock)

    def _open_lock(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._beside("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> StorageError:
        return StorageError(
            f"{self.name} cannot be written: {error}; the file holds the last state that was saved "
            "whole, and what was learned is still in memory: make room or mend the permissions, "
            "then save again"
        )

    def _refuse_if_replaced(self) -> None:
        try:
            now: _Signature | None = _signature(self.path.stat())
        except FileNotFoundError:
            return
        if now != self._seen:
            raise StateError(
                f"{self.name} was written by another process since it was read here, and a JSON "
                "state has one writer; it was not overwritten. Load the router again to go on from "
                "the file (reports made here since then must be given again), and keep one state "
                "file for each process"
            )

    def _replace(self, data: bytes) -> None:
        temporary = self._beside("tmp")
        try:
            # The lock is held, so a temporary file that exists is left over from a crash.
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            try:
                _write_all(file, data)
                os.fsync(file)
                signature = _signature(os.fstat(file))
            finally:
                os.close(file)
            temporary.replace(self.path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise
        self._seen = signature
        _sync_directory(self.path.parent)

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(f".{self.path.name}.{suffix}")


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _signature(stat: os.stat_result) -> _Signature:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
