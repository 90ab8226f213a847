"""Which parts of a decision log are finished, and which of them have been kept long enough.

A part is open while its writer holds a lock on it; the system drops the lock with the process,
however it ends. So no part that is still written to is ever touched, whoever writes it, and what a
killed process left counts as finished.
"""

import contextlib
import fcntl
import gzip
import os
import re
import shutil
from pathlib import Path
from typing import Final

PART_NAME: Final = re.compile(r"decisions-\d{8}T\d{6}Z-\d+-\d+\.jsonl(\.gz)?")
"""decisions-<UTC time of its first line>-<process>-<number>.jsonl"""

_DAY_S = 86_400.0
_COPY_BYTES = 1 << 20


def parts_of(folder: Path) -> list[Path]:
    """Return the parts in a folder, the oldest first; other files are none of ours."""
    with contextlib.suppress(OSError):
        return sorted(path for path in folder.iterdir() if PART_NAME.fullmatch(path.name))
    return []


def newest_s(folder: Path, *, before_s: float) -> float | None:
    """Return when the newest of the parts last written before a time was, in s since 1970."""
    times: list[float] = []
    for path in parts_of(folder):
        with contextlib.suppress(OSError):
            times.append(path.stat().st_mtime)
    return max((time_s for time_s in times if time_s < before_s), default=None)


def prune(
    folder: Path, *, keep_days: float | None, keep_bytes: int | None, now_s: float
) -> list[Path]:
    """Delete finished parts whose last line is too old, then the oldest until the rest fits.

    Parameters
    ----------
    folder : Path
    keep_days : float, optional
        Days after a part's last line; by default for ever.
    keep_bytes : int, optional
        Of all parts together; by default without bound.
    now_s : float
        Seconds since 1970, by a clock that is not just set ahead (`tracetier.steady_clock`).

    Returns
    -------
    list of Path
        What was deleted.
    """
    kept: list[tuple[Path, int]] = []
    deleted: list[Path] = []
    for path in parts_of(folder):
        try:
            status = path.stat()
        except OSError:  # another process was faster
            continue
        is_old = keep_days is not None and now_s - status.st_mtime > keep_days * _DAY_S
        if is_old and delete_finished(path):
            deleted.append(path)
        else:
            kept.append((path, status.st_size))
    n_over = 0 if keep_bytes is None else sum(size for _, size in kept) - keep_bytes
    for path, size in kept:
        if n_over <= 0:
            break
        if delete_finished(path):
            deleted.append(path)
            n_over -= size
    return deleted


def delete_finished(path: Path) -> bool:
    """Delete a part unless it is open; return whether it is gone."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except FileNotFoundError:
        return True
    except OSError:  # open elsewhere, or not ours to delete
        return False
    return True


def pack(path: Path) -> None:
    """Put a finished part's gzip in its place.

    Raises
    ------
    OSError
        If the disk refuses; the part is then as it was.
    """
    packed = path.with_name(path.name + ".gz")
    partial = path.with_name(f".{packed.name}.partial")
    try:
        with path.open("rb") as source, partial.open("xb") as target:
            with gzip.GzipFile("", "wb", compresslevel=3, fileobj=target, mtime=0) as zipped:
                shutil.copyfileobj(source, zipped, _COPY_BYTES)
            target.flush()
            os.fsync(target.fileno())
        shutil.copystat(path, partial)  # its age is that of its last line
        partial.rename(packed)
        path.unlink()
    finally:
        partial.unlink(missing_ok=True)
