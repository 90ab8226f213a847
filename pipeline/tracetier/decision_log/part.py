"""One file of a decision log while it is open: locked, and ending with a whole line, always."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class OpenPart:
    """The part that is written to.

    Parameters
    ----------
    path : Path
        Must not be there yet.
    begun_s : float
        Seconds since 1970.

    Attributes
    ----------
    n_bytes : int
        Of whole lines.
    is_torn : bool
        Whether half a line stands at its end that could not be cut off: nothing may follow it.

    Raises
    ------
    OSError
        If the disk refuses.
    """

    def __init__(self, path: Path, begun_s: float) -> None:
        self.path, self.begun_s = path, begun_s
        self.n_bytes, self.is_torn = 0, False
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o640)
        with suppress(OSError):  # a file system without locks: then it only looks finished
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def append(self, lines: bytes) -> None:
        """Add lines, all of them or none.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            self._cut()
            raise
        self.n_bytes += len(lines)

    def _cut(self) -> None:
        try:
            os.ftruncate(self._file, self.n_bytes)
        except OSError:  # then the next lines must not follow half a one
            self.is_torn = True

    def is_there(self) -> bool:
        """Whether the file is still in its folder; a tidy hand may have taken it away."""
        return os.fstat(self._file).st_nlink > 0

    def close(self) -> None:
        """Wait until the disk has it all, and end."""
        try:
            os.fsync(self._file)
        finally:
            os.close(self._file)
