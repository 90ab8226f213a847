"""What workers that are no more have counted: kept as one, however many there were.

prometheus-client has a file for each process and kind of metric, reads all of them whenever it is
asked, and deletes none. A service whose workers are renewed each night would have hundreds.
"""

import fcntl
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from prometheus_client import mmap_dict

_ALL: Final = "0"
"""Stands for a process in the names of the files that hold the sums of the dead."""

_SUMMED: Final = ("counter", "histogram")

_Numbers: Any = mmap_dict.MmapedDict  # Any: the library tells no types


@contextmanager
def without_dead(folder: Path) -> Iterator[None]:
    """Have one file of a kind for all dead processes, while no other process reads or does this.

    Their gauges go: they were of what was then.
    """
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # goes with the process that holds it
        for path in sorted(folder.glob("*_*.db")):
            kind, pid = path.name.partition("_")[0], path.stem.rpartition("_")[2]
            if pid != _ALL and pid.isdigit() and _is_dead(int(pid)):
                if kind in _SUMMED:
                    _take(path, folder / f"{kind}_{_ALL}.db")
                path.unlink(missing_ok=True)
        yield


def _take(path: Path, sums: Path) -> None:
    """Put a dead process's numbers into the sums, or lose them: they are never in there twice.

    This process may be killed after any line, and the next starts from the files as they are then.
    So its file is gone from those that are read before the new sums take the place of the old.
    """
    new, taken = sums.with_suffix(".new"), sums.with_suffix(".taken")  # not read: no .db
    new.unlink(missing_ok=True)
    if sums.exists():
        shutil.copyfile(sums, new)
    try:
        _add(path, new)
    except (struct.error, RuntimeError, ValueError):
        # Empty or torn, as of a process that was killed as it began: nothing else can be had of it,
        # and if it stayed, no page could be read again.
        new.unlink(missing_ok=True)
        return
    path.replace(taken)
    new.replace(sums)
    taken.unlink()


def _add(path: Path, to: Path) -> None:
    """Add a file's numbers to those of another."""
    read = _Numbers.read_all_values_from_file(str(path))
    sums = _Numbers(str(to))
    try:
        for key, value, _, _ in read:
            before, _ = sums.read_value(key)
            sums.write_value(key, before + value, 0.0)
    finally:
        sums.close()


def _is_dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
