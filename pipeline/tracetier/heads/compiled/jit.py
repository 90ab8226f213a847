"""How kernels are compiled, and where their machine code is kept between processes.

The only file that imports numba. It is imported lazily, by those who asked for acceleration:
numba takes about a second to load.

numba keeps compiled code in a folder, and notices a change of the file that a kernel stands in, not
of what that file calls. So the folder is named after the content of all that is compiled.

What lies in that folder is run: numba unpickles it, and it is machine code. So it is trusted as
Python's own ``__pycache__`` is, and only where nobody else can have put it there: the folder and
the one above it belong to the user of this process, and no other may write in them. Where that is
not so, where no folder can be written, or where `NO_CACHE_VARIABLE` is set, kernels are compiled
anew in each process, which takes some fifteen seconds instead of one.
"""

import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from numba.core import config as numba_config

from tracetier.features import shape, text, words

Function = TypeVar("Function", bound=Callable[..., Any])

LOGGER: Final = logging.getLogger("tracetier.heads")

NO_CACHE_VARIABLE: Final = "TRACETIER_NO_CODE_CACHE"
"""Environment variable that has no compiled code read or kept, where it is not empty."""

Number = Any
"""A scalar in a kernel, where Python's numbers and numpy's are the same."""


def kernel(function: Function) -> Function:
    """Compile a function at its first call with arguments of new types; called as before."""
    with _own_folder() as is_kept:
        try:
            compiled = _compiled(function, is_kept=is_kept)
        except (RuntimeError, OSError):  # numba found no folder that it may write
            compiled = _compiled(function, is_kept=False)
    return cast("Function", compiled)


def _compiled(function: Function, *, is_kept: bool) -> object:
    # "numpy": a division by zero gives inf or nan, as in the plain code, and costs no branch.
    return numba.njit(cache=is_kept, error_model="numpy")(function)


@cache
def code_folder() -> Path:
    """Where the machine code of these sources lies.

    Below ``NUMBA_CACHE_DIR`` where that is set, else below the user's folder for such things.
    """
    digest = blake2b(digest_size=8)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    for module in (shape, text, words):  # their tables are compiled in
        digest.update(Path(cast("str", module.__file__)).read_bytes())
    digest.update(f"{numba.__version__} {sys.version}".encode())
    return _base_folder() / "tracetier" / digest.hexdigest()


def _base_folder() -> Path:
    given = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    return Path(given) if given else Path.home() / ".cache"


@contextmanager
def _own_folder() -> Iterator[bool]:
    """Have numba keep its code in our folder meanwhile; tells whether it may."""
    settings: Any = numba_config  # its names are made when it loads
    before = settings.CACHE_DIR
    try:
        folder = code_folder()
        is_ours = not os.environ.get(NO_CACHE_VARIABLE) and _made_private(folder)
    except (OSError, RuntimeError):  # cannot be written, or there is no home
        yield False
        return
    if not is_ours:
        yield False
        return
    settings.CACHE_DIR = str(folder)
    try:
        yield os.access(folder, os.W_OK | os.X_OK)
    finally:
        settings.CACHE_DIR = before


def _made_private(folder: Path) -> bool:
    """Make a folder, and the one above it, for this user alone; tells whether they are so."""
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    for each in (folder.parent, folder):
        each.mkdir(mode=0o700, exist_ok=True)
        if not is_private(each):
            _warn_once(each)
            return False
    return True


def is_private(folder: Path) -> bool:
    """Whether a folder is this user's own, no link, and nobody else may write in it.

    Always so on systems without such owners, where a user's folders are theirs anyhow.
    """
    if not hasattr(os, "geteuid"):
        return True
    found = folder.lstat()
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not others_write


@cache
def _warn_once(folder: Path) -> None:
    LOGGER.warning(
        "compiled code is not kept in %s: others may write there, or it is a link or another's; "
        "chmod 700 it, or set NUMBA_CACHE_DIR to a folder of your own",
        folder,
    )
