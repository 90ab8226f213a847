"""Which files a run reads."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tracetier.errors import InputError
from tracetier.table import is_table, part_paths

PathLike = str | os.PathLike[str]


class InputFile(NamedTuple):
    """One file to read; ``is_named`` where the user named it and not only a folder above."""

    path: Path
    is_named: bool
    n_bytes: int


def find_files(paths: PathLike | Iterable[PathLike]) -> list[InputFile]:
    """Return the files of some paths, each once, folders searched in alphabetical order.

    Hidden entries and linked folders are left out, and so are feature tables inside a folder, as a
    run over ``data/`` must not read its own result; a table that is named is read, part by part.

    Raises
    ------
    InputError
        If a path does not exist or may not be read, or there is no file at all.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found: dict[Path, InputFile] = {}
    for path in map(Path, given):
        try:
            for file in _files_of(path):
                found.setdefault(file.path.resolve(), file)
        except OSError as error:
            raise InputError(
                f"cannot read {error.filename or str(path)!r}: {error.strerror or error}; "
                "give a path that you may read"
            ) from error
    if not found:
        shown = ", ".join(repr(str(path)) for path in given) or "no path"
        raise InputError(f"nothing to read: {shown} given, no file found; name a log or a folder")
    return list(found.values())


def _files_of(path: Path) -> Iterator[InputFile]:
    if not path.exists():
        raise InputError(f"no such file or folder: {str(path)!r}; check the path")
    if path.is_dir():
        inner = part_paths(path) if is_table(path) else _walk(path)
        yield from (InputFile(file, False, file.stat().st_size) for file in inner)
    elif path.is_file():
        yield InputFile(path, True, path.stat().st_size)
    else:
        raise InputError(f"{str(path)!r} is no regular file; write the log to one and name that")


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            if not is_table(entry):
                yield from _walk(entry)
        elif entry.is_file():
            yield entry
