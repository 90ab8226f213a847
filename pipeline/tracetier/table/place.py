"""Where a table stands: what may be replaced there, and how a new one takes the place at once."""

import os
import shutil
from pathlib import Path

from tracetier.errors import TableError
from tracetier.table.read import (
    IDS_NAME,
    INFO_NAME,
    ISSUES_NAME,
    PART_GLOB,
    SUMMARY_NAME,
    is_table,
)


def check_target(out: Path) -> None:
    """Refuse to write where anything stands that is not a table, and only a table."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not is_table(out):
        raise TableError(
            f"{str(out)!r} exists and is not a feature table, so it is not replaced; "
            "give a new directory, or remove it yourself"
        )
    own = (IDS_NAME, INFO_NAME, ISSUES_NAME, SUMMARY_NAME)
    foreign = [
        entry.name
        for entry in sorted(out.iterdir())
        if entry.name not in own and not entry.match(PART_GLOB)
    ]
    if foreign:
        raise TableError(
            f"table {str(out)!r} also holds {foreign[0]!r} ({len(foreign)} such entries), which "
            "would be lost by replacing it; move that elsewhere, or give a new directory"
        )


def move_into_place(new: Path, out: Path) -> None:
    """Rename a table that is whole to its place, and remove the one that stood there."""
    replaced = new.with_name(new.name.replace(".partial-", ".replaced-"))
    if out.exists():
        out.rename(replaced)
    try:
        new.rename(out)
    except OSError:
        if replaced.exists():
            replaced.rename(out)
        raise
    sync(out.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def write_synced(path: Path, content: bytes) -> None:
    """Write a small file and wait until the disk has it."""
    path.write_bytes(content)
    sync(path)


def sync(path: Path) -> None:
    """Wait until the disk has a file, or the entries of a directory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
