"""An artifact as one ``.tar.zst`` file.

Nothing is ever extracted to disk: members are read into memory within bounds, so a member's
name can at worst be refused.
"""

import io
import os
import secrets
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from tracetier.artifact.directory import (
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_TOTAL_BYTES,
    sync_directory,
    write_synced,
)
from tracetier.artifact.manifest import MANIFEST, decode_format
from tracetier.errors import ArtifactError

SUFFIX = ".tar.zst"

_HEADERS_BYTES = 2**20  # what tar adds to the contents of an artifact's few files, generously
_PLAIN_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE)


def is_archive(path: Path) -> bool:
    """Whether a path names an artifact in one file."""
    return path.name.endswith(SUFFIX)


def read_archive(path: Path) -> dict[str, bytes]:
    """Return the content of every file of a ``.tar.zst`` that holds an artifact.

    Raises
    ------
    ArtifactError
        If it is no such archive, is cut short, or holds anything but regular files of plain
        names (in one folder at most), too many or too large ones.
    """
    pyarrow = _pyarrow()
    with (
        _damage_told(path),
        pyarrow.OSFile(str(path)) as source,
        pyarrow.CompressedInputStream(source, "zstd") as stream,
        tarfile.open(fileobj=_Bounded(stream, path), mode="r|") as archive,
    ):
        return _members(archive, path)


def write_archive(path: Path, files: Mapping[str, bytes], *, mtime_s: int) -> None:
    """Write the files as one ``.tar.zst``, in place of an artifact that is there.

    Parameters
    ----------
    path : Path
        Where to; its parents are made.
    files : mapping of str to bytes
        Content per name.
    mtime_s : int
        Modification time of the members, in seconds since 1970.

    Raises
    ------
    ArtifactError
        If something that is not an artifact is in the way.
    OSError
        As the system raises it; what was there before is then intact.
    """
    target = Path(os.path.realpath(path))  # a link keeps pointing to the artifact
    _check_replaceable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        write_synced(fresh, _packed(files, mtime_s))
        fresh.replace(target)
        sync_directory(target.parent)
    finally:
        fresh.unlink(missing_ok=True)


def _check_replaceable(path: Path) -> None:
    if not os.path.lexists(path):
        return
    try:
        decode_format(read_archive(path).get(MANIFEST, b""), MANIFEST)
    except ArtifactError as error:
        raise ArtifactError(
            f"{path} exists and is no artifact that this version reads, so it is not replaced; "
            "choose another path, or move it away"
        ) from error


def _packed(files: Mapping[str, bytes], mtime_s: int) -> bytes:
    pyarrow = _pyarrow()
    sink = pyarrow.BufferOutputStream()
    with (
        pyarrow.CompressedOutputStream(sink, "zstd") as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), mtime_s
            archive.addfile(info, io.BytesIO(content))
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _members(archive: tarfile.TarFile, path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    for count, member in enumerate(archive):
        where = f"{path}: member {member.name[:100]!r}"
        if count > MAX_FILES:
            raise ArtifactError(f"{path}: more than {MAX_FILES} members")
        folder, name = _plain_name(member, where)
        if not name:
            continue
        folders.add(folder)
        if member.size > MAX_FILE_BYTES:
            raise ArtifactError(f"{where}: {member.size} bytes, at most {MAX_FILE_BYTES} are read")
        if name in files or len(folders) > 1:
            raise ArtifactError(f"{where}: more than one file {name!r}, or more than one folder")
        content = archive.extractfile(member)
        files[name] = content.read() if content else b""
    if MANIFEST not in files:
        raise ArtifactError(
            f"{path} is no artifact: it holds no {MANIFEST}; give what `tracetier train` saved"
        )
    return files


def _plain_name(member: tarfile.TarInfo, where: str) -> tuple[str, str]:
    """Return folder and name of a regular file, an empty name for the folder itself."""
    parts = PurePosixPath(member.name).parts
    if ".." in parts or "/" in parts or len(parts) > 2:
        raise ArtifactError(f"{where}: an artifact's files have plain names, in one folder at most")
    if member.isdir() and len(parts) < 2:
        return "", ""
    if member.type not in _PLAIN_TYPES or not parts:
        raise ArtifactError(f"{where} is no regular file; an artifact holds nothing else")
    return "/".join(parts[:-1]), parts[-1]


class _Bounded(io.RawIOBase):
    """A stream that ends in an error once it gave more than an artifact can hold."""

    def __init__(self, stream: Any, path: Path) -> None:  # Any: pyarrow ships no types
        self._stream = stream
        self._path = path
        self._n_left = MAX_TOTAL_BYTES + _HEADERS_BYTES

    def read(self, n_bytes: int = -1) -> bytes:
        """Return up to so many bytes, fewer only at the end."""
        content: bytes = self._stream.read(n_bytes)
        self._n_left -= len(content)
        if self._n_left < 0:
            raise ArtifactError(
                f"{self._path} unpacks to more than {MAX_TOTAL_BYTES} bytes, the most that is read"
            )
        return content


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise ArtifactError(
            f"{path}: {str(error)[:200]}; this is no {SUFFIX} artifact, or it is damaged"
        ) from error


def _pyarrow() -> Any:  # Any: pyarrow ships no types
    """Import pyarrow, which only an artifact in one file needs."""
    try:
        import pyarrow
    except ImportError as error:
        raise ArtifactError(
            f"a {SUFFIX} artifact needs pyarrow: pip install pyarrow, or unpack the file with "
            "tar --zstd -xf FILE -C DIR and use the directory"
        ) from error
    return pyarrow
