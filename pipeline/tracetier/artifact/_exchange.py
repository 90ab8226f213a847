"""Two directories change places.

Linux and macOS can do it in one step, so that a path never leads nowhere; where the system or
the file system cannot, two renames do it, with a moment in between.
"""

import ctypes
import os
import sys
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h; RENAME_SWAP of macOS's sys/stdio.h has the same value


def exchange(first: Path, second: Path) -> None:
    """Exchange two paths of one file system; afterwards each leads to the other's content.

    Raises
    ------
    OSError
        If neither way works; both paths are then as they were.
    """
    if not _exchange_at_once(first, second):
        _exchange_by_renames(first, second)


def _exchange_at_once(first: Path, second: Path) -> bool:
    library = ctypes.CDLL(None)
    one, other = os.fsencode(first), os.fsencode(second)
    try:
        if sys.platform == "darwin":
            code = library.renamex_np(one, other, ctypes.c_uint(_RENAME_EXCHANGE))
        else:
            flags = ctypes.c_uint(_RENAME_EXCHANGE)
            code = library.renameat2(_AT_FDCWD, one, _AT_FDCWD, other, flags)
    except AttributeError:  # a C library without the call
        return False
    return bool(code == 0)


def _exchange_by_renames(first: Path, second: Path) -> None:
    aside = first.with_name(f"{first.name}.aside")
    second.rename(aside)
    try:
        first.rename(second)
    except OSError:
        aside.rename(second)
        raise
    aside.rename(first)
