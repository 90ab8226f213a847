"""An artifact as a directory: read as one consistent set of files, replaced as a whole.

A reader holds the directory open while it reads, so a writer that puts a new artifact in its
place cannot mix two versions. A writer prepares a sibling and exchanges the two in one step.
"""

import os
import secrets
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from tracetier.artifact._exchange import exchange
from tracetier.artifact.manifest import MANIFEST, MIB, SIZE_LIMITS
from tracetier.errors import ArtifactError

MAX_FILES = 64
MAX_FILE_BYTES = 512 * MIB
MAX_TOTAL_BYTES = 1024 * MIB
_MAX_ATTEMPTS = 8


def read_directory(path: Path) -> dict[str, bytes]:
    """Return the content of every file of a directory that holds an artifact.

    Raises
    ------
    ArtifactError
        If it holds no manifest, anything but regular files, too many or too large ones, or is
        replaced again and again while it is read.
    """
    for _ in range(_MAX_ATTEMPTS):
        files = _read_attempt(path)
        if files is not None:
            return files
    raise ArtifactError(f"{path} was replaced {_MAX_ATTEMPTS} times while reading; try again")


def write_directory(path: Path, files: Mapping[str, bytes]) -> None:
    """Put the files at ``path`` as a whole, in place of an artifact that is there.

    Raises
    ------
    ArtifactError
        If something that is not an artifact is in the way.
    OSError
        As the system raises it; what was there before is then intact.
    """
    target = Path(os.path.realpath(path))  # a link keeps pointing to the artifact
    check_replaceable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        fresh.mkdir()
        for name, content in files.items():
            write_synced(fresh / name, content)
        sync_directory(fresh)
        _put(fresh, target)
        sync_directory(target.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def check_replaceable(path: Path) -> None:
    """Raise unless nothing is at ``path``, or an artifact and nothing beside it."""
    if not os.path.lexists(path):
        return
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else {path.name}
    foreign = sorted(names - set(SIZE_LIMITS))
    if foreign or (names and MANIFEST not in names):
        what = f"holds {foreign[0]!r}, which no artifact does" if foreign else "is no artifact"
        raise ArtifactError(
            f"{path} exists and {what}, so it is not replaced; choose another path, or move it away"
        )


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file and wait until the disk has it."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Wait until the disk has a directory's entries."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _put(fresh: Path, target: Path) -> None:
    """Move ``fresh`` to ``target``; what was there ends up at ``fresh``."""
    try:
        fresh.rename(target)  # succeeds where nothing, or an empty directory, is there
    except OSError:
        if not target.is_dir():
            raise
        exchange(fresh, target)


def _read_attempt(path: Path) -> dict[str, bytes] | None:
    """Read all files; ``None`` if meanwhile another directory took the path.

    A directory that lost its place is about to be deleted: whatever was or was not found in it
    says nothing about the artifact.
    """
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        files = _read_all(directory, path)
        return files if _is_still(directory, path) else None
    except (FileNotFoundError, ArtifactError):
        if _is_still(directory, path):
            raise
        return None
    finally:
        os.close(directory)


def _is_still(directory: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(directory), os.stat(path))  # noqa: PTH116
    except FileNotFoundError:
        return False


def _read_all(directory: int, path: Path) -> dict[str, bytes]:
    names = sorted(os.listdir(directory))
    if MANIFEST not in names:
        raise ArtifactError(
            f"{path} is no artifact: it holds no {MANIFEST}; give what `tracetier train` saved"
        )
    if len(names) > MAX_FILES:
        raise ArtifactError(f"{path} holds {len(names)} files, at most {MAX_FILES} are read")
    files: dict[str, bytes] = {}
    n_left = MAX_TOTAL_BYTES
    for name in names:
        files[name] = _read(directory, name, min(n_left, MAX_FILE_BYTES), path)
        n_left -= len(files[name])
    return files


def _read(directory: int, name: str, n_most: int, path: Path) -> bytes:
    # Without O_NONBLOCK, opening a named pipe would wait for its writer.
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=directory)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - opened by descriptor
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactError(f"{path}/{name} is no regular file; an artifact holds nothing else")
        content = file.read(n_most + 1)
    if len(content) > n_most:
        raise ArtifactError(f"{path}/{name}: {status.st_size} bytes, at most {n_most} are read")
    return content
