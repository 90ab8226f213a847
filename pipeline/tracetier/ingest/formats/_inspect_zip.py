"""Members of an ``.eval`` zip, read one at a time and never unpacked to disk.

What a zip says of its own sizes is not believed: reading stops at a limit. zstd, which newer logs
use and the zip library of older Pythons lacks, is undone here.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracetier.ingest.issue import Fault

MEMBER_BYTES = 512 * 1024 * 1024
_N_MEMBERS = 200_000
_ZSTD = 93
_LOCAL_HEADER = struct.Struct("<26xHH")
_PIECE = 1024 * 1024


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip.

    Raises
    ------
    Fault
        If it is cut off or damaged, or has too many members.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        told = f"zip cannot be read ({error}); recover it with `inspect log recover`"
        raise Fault("damaged", told) from None
    with archive:
        if len(archive.filelist) > _N_MEMBERS:
            n = len(archive.filelist)
            raise Fault("too_long", f"zip has {n:,} members, at most {_N_MEMBERS:,} are read")
        yield archive


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return one member, unpacked.

    Raises
    ------
    Fault
        If it is damaged, longer than 512 MiB, encrypted, or packed in an unknown way.
    """
    try:
        if info.compress_type == _ZSTD:
            data = _unpacked_zstd(archive, info)
        else:
            with archive.open(info) as member:
                data = member.read(MEMBER_BYTES + 1)
    except NotImplementedError:
        told = f"is packed by method {info.compress_type}; rewrite it with `inspect log convert`"
        raise Fault("packed", f"{info.filename} {told}", pointer=info.filename) from None
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, zlib.error) as error:
        told = f"{info.filename} cannot be unpacked ({error})"
        raise Fault("damaged", told, pointer=info.filename) from None
    if len(data) > MEMBER_BYTES:
        told = f"{info.filename} is longer than {MEMBER_BYTES:,} bytes"
        raise Fault("too_long", told, pointer=info.filename)
    return data


def _unpacked_zstd(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    import pyarrow as pa

    packed = _packed(archive, info)
    whole = bytearray()
    try:
        with pa.CompressedInputStream(pa.py_buffer(packed), "zstd") as stream:
            while (piece := stream.read(_PIECE)) and len(whole) <= MEMBER_BYTES:
                whole += piece
    except pa.ArrowException as error:
        raise ValueError(error) from None
    return bytes(whole)


def _packed(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a member as they stand in the file."""
    with Path(str(archive.filename)).open("rb") as file:
        file.seek(info.header_offset)
        n_name, n_extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
        file.seek(n_name + n_extra, 1)
        return file.read(min(info.compress_size, MEMBER_BYTES))
