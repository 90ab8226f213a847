"""Which of several artifacts is in use: a link, moved in one step, to a folder that never changes.

    models/prod -> prod-20260105T080000Z-4f1c8a2b          models/prod-20260104T..., older ones

Whoever opens the link sees the old one or the new one, and an artifact that a running service holds
stays where it is.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tracetier.artifact._exchange import exchange
from tracetier.artifact.directory import sync_directory
from tracetier.errors import ArtifactError, StorageError


def version_name(link: Path, artifact_id: str, made: datetime) -> str:
    """Return the name of an artifact's folder: sorted by name they are sorted by time.

    Examples
    --------
    >>> from datetime import UTC
    >>> version_name(Path("models/prod"), "4f1c8a2b9d0e", datetime(2026, 1, 5, 8, tzinfo=UTC))
    'prod-20260105T080000Z-4f1c8a2b'
    """
    return f"{link.name}-{made:%Y%m%dT%H%M%SZ}-{artifact_id[:8]}"


def check_link(link: Path) -> None:
    """Refuse to publish at a path that holds neither a folder nor a link to one.

    Raises
    ------
    ArtifactError
        If it is one file; such an artifact cannot be a link's target under the same name.
    """
    if link.is_file():
        raise ArtifactError(
            f"{str(link)!r} is one file, and what is in use must be a folder or a link to one; "
            "unpack it: tar --zstd -xf FILE"
        )


def publish(version: Path, link: Path, *, previous: Path) -> None:
    """Let a link lead to a version from now on.

    Parameters
    ----------
    version : Path
        Folder of the artifact to use.
    link : Path
        What leads to the one in use: a link, a folder, or nothing yet.
    previous : Path
        Where a folder that stands at ``link`` goes; on the same disk.

    Raises
    ------
    StorageError
        If the disk refuses; the link then leads where it led.
    """
    fresh = link.with_name(f".{link.name}.{os.getpid()}-{secrets.token_hex(4)}.link")
    with _storing(link):
        fresh.symlink_to(os.path.relpath(version.resolve(), link.parent.resolve()))
    try:
        with _storing(link):
            if link.is_symlink() or not link.exists():
                fresh.replace(link)
            else:
                exchange(fresh, link)
                fresh.rename(previous)
            sync_directory(link.parent)
    finally:
        if fresh.is_symlink():
            fresh.unlink()


def drop_old(folder: Path, link: Path, *, keep: int) -> list[Path]:
    """Delete all but the newest versions of a link; the one that it leads to always stays.

    Returns
    -------
    list of Path
        What was deleted.
    """
    used = link.resolve()
    found = sorted(path for path in folder.glob(f"{link.name}-*Z-*") if path.is_dir())
    old = [path for path in found[: max(0, len(found) - keep)] if path.resolve() != used]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return old


@contextmanager
def _storing(link: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot let {str(link)!r} lead to the new artifact: {error.strerror or error}; it "
            "leads where it led. Make room, or give a folder that you may write to"
        ) from error
