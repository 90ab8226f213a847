"""One run at a time: a lock that the system drops with the process, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracetier.errors import StorageError, WorkError


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock while the block runs.

    Raises
    ------
    WorkError
        If another run holds it.
    StorageError
        If the file cannot be made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        held = file.open("ab")
    except OSError as error:
        raise StorageError(
            f"cannot write {str(file)!r}: {error.strerror or error}; give an --out that you may "
            "write to"
        ) from error
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WorkError(
                f"another run holds {str(file)!r}, so this one changed nothing; wait for it to "
                "end, or give another --out"
            ) from error
        yield
