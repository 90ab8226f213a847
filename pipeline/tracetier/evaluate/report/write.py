"""Reports go to disk here, and whether they can is found out before anything is computed."""

import os
from pathlib import Path

from tracetier.errors import SettingsError, StorageError


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a path whose folder does not exist, or that is a folder.

    Raises
    ------
    SettingsError
    """
    file = Path(path)
    if file.is_dir():
        raise SettingsError(f"report file {str(file)!r} is a folder; name a file in it")
    if not file.parent.is_dir():
        raise SettingsError(
            f"report file {str(file)!r} lies in a folder that does not exist; make it first"
        )


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file in UTF-8.

    Raises
    ------
    SettingsError
        If its folder does not exist.
    StorageError
        If the disk refuses.
    """
    check_writable(path)
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"report {str(path)!r} cannot be written: {error.strerror or error}"
        ) from error
