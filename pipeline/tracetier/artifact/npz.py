"""Named arrays as ``.npz`` bytes, read with distrust.

The format is numpy's own and numpy can read it. Reading checks every size and type in the
headers before it allocates anything, so that a small file cannot ask for much memory, and never
unpickles.
"""

import io
import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tracetier.errors import ArtifactError

Array = NDArray[Any]

MAX_ARRAYS = 1_000
MAX_DIMENSIONS = 4
MAX_TOTAL_BYTES = 2**30
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")
_NUMBER_TYPES = frozenset({"<f8", "<f4", "<i8", "<i4", "<u8", "<u4", "|b1"})
_STRING_KINDS = frozenset({"S", "U"})
_MAGIC = b"\x93NUMPY\x01\x00"
# numpy evaluates a header as a Python literal; only one that it would write itself gets there.
_HEADER = re.compile(
    rb"\{'descr': '(?P<type>[^']{1,20})', 'fortran_order': (?:False|True), "
    rb"'shape': \((?P<shape>[0-9, ]{0,99})\), \} *\n"
)
# All that zipfile, zlib and numpy raise on damaged bytes.
_DAMAGE = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError, KeyError),
    *(ValueError, TypeError, SyntaxError, OverflowError, NotImplementedError, RuntimeError),
)


def encode_npz(arrays: Mapping[str, Array]) -> bytes:
    """Return the bytes of an ``.npz`` archive; equal arrays give equal bytes.

    Parameters
    ----------
    arrays : mapping of str to array
        Numbers, booleans, fixed-length bytes or strings; names of letters, digits, ``_.-``.

    Raises
    ------
    ArtifactError
        If a name or a type is not allowed.

    Examples
    --------
    >>> decode_npz(encode_npz({"weights": np.array([1.0, 2.0])}), "heads.npz")
    {'weights': array([1., 2.])}
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            if not _NAME.fullmatch(name):
                raise ArtifactError(f"array name {name!r}: use letters, digits, '_', '.', '-'")
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            _check_type(little.dtype, f"array {name!r}")
            # A ZipInfo of its own is dated 1980, whenever it is written.
            info = zipfile.ZipInfo(f"{name}.npy")
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, little, allow_pickle=False)
    return buffer.getvalue()


def decode_npz(raw: bytes, where: str) -> dict[str, Array]:
    """Return the arrays of an ``.npz`` archive, after an audit of all its headers.

    Raises
    ------
    ArtifactError
        Naming ``where`` and the array, if the archive is damaged, too large, or holds a type
        that is not allowed (such as Python objects).
    """
    with _damage_told(where), zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = _audited(archive, where)
        return {name: _read(archive, info) for name, info in members.items()}


def audit_npz(raw: bytes, where: str) -> None:
    """Check an archive's headers as `decode_npz` does, without reading its numbers."""
    with _damage_told(where), zipfile.ZipFile(io.BytesIO(raw)) as archive:
        _audited(archive, where)


@contextmanager
def _damage_told(where: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ArtifactError(
            f"{where}: {str(error)[:200]}; the file is damaged, save the artifact again"
        ) from error


def _audited(archive: zipfile.ZipFile, where: str) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > MAX_ARRAYS:
        raise ArtifactError(f"{where}: {len(infos)} arrays, at most {MAX_ARRAYS} are read")
    n_bytes = sum(info.file_size for info in infos)
    if n_bytes > MAX_TOTAL_BYTES:
        raise ArtifactError(
            f"{where}: unpacks to {n_bytes} bytes, at most {MAX_TOTAL_BYTES} are read"
        )
    members = {info.filename.removesuffix(".npy"): info for info in infos}
    if len(members) != len(infos):
        raise ArtifactError(f"{where}: an array is stored twice")
    for name, info in members.items():
        if not (info.filename.endswith(".npy") and _NAME.fullmatch(name)):
            raise ArtifactError(f"{where}: {info.filename[:100]!r} is no array of an artifact")
        with archive.open(info) as member:
            _audit_header(member, info, f"{where}: array {name!r}")
    return members


def _audit_header(member: IO[bytes], info: zipfile.ZipInfo, what: str) -> None:
    magic, length = member.read(len(_MAGIC)), member.read(2)
    found = _HEADER.fullmatch(member.read(int.from_bytes(length, "little")))
    if magic != _MAGIC or not found:
        raise ArtifactError(f"{what}: no header of a plain array in npy format 1.0")
    dtype = np.dtype(found["type"].decode())
    _check_type(dtype, what)
    shape = tuple(int(n) for n in found["shape"].split(b",") if n.strip())
    n_bytes = math.prod(shape) * dtype.itemsize
    if len(shape) > MAX_DIMENSIONS:
        raise ArtifactError(f"{what}: {len(shape)} dimensions, at most {MAX_DIMENSIONS} are read")
    if n_bytes != info.file_size - member.tell():
        raise ArtifactError(
            f"{what}: shape {shape} of {dtype} takes {n_bytes} bytes, "
            f"{info.file_size - member.tell()} are stored"
        )


def _check_type(dtype: np.dtype[Any], what: str) -> None:
    if dtype.hasobject:
        raise ArtifactError(f"{what}: holds Python objects, which are never unpickled")
    if dtype.kind not in _STRING_KINDS and dtype.str not in _NUMBER_TYPES:
        raise ArtifactError(
            f"{what}: type {dtype} is not allowed; use float64, float32, int64, int32, uint64, "
            "uint32, bool, or fixed-length bytes or strings"
        )


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    with archive.open(info) as member:
        array: Array = np.lib.format.read_array(member, allow_pickle=False)
        member.read()  # to the end, where zipfile checks the CRC
    return array
