"""The manifest: what an artifact is, and a hash of everything in it.

Two digests with two purposes. ``checksum`` covers the manifest's own bytes, so that a changed
byte in it is noticed like one in any other file. ``artifact_id`` covers what decides a route
(tiers, λ, cost scale, features, weights), and not the date, the report or the library versions:
two artifacts of one id route alike, and a bandit state belongs to an id.
"""

import hashlib
import platform
import re
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import TypeVar

import msgspec
from msgspec import Struct

from tracetier.errors import ArtifactError, TracetierError
from tracetier.tiers import LIMITS, TierSet

FORMAT = 2
"""The format number that this version writes, and the newest that it reads."""

MANIFEST = "manifest.json"

MIB = 2**20
SIZE_LIMITS: dict[str, int] = {
    MANIFEST: MIB,
    "features.json": 64 * MIB,
    "heads.npz": 512 * MIB,
    "trees.txt": 512 * MIB,
    "prior.npz": 64 * MIB,
    "oof.npz": 512 * MIB,
    "metrics.json": 16 * MIB,
    "CARD.md": 4 * MIB,
}
"""Every file of an artifact, and the most bytes that are read of it."""

OPTIONAL_FILES = frozenset({"trees.txt"})
"""Left out where no tree ensemble has weight in the blend."""

_DESCRIPTIVE_FILES = frozenset({"metrics.json", "CARD.md"})
_LIBRARIES = ("tracetier", "numpy", "scikit-learn", "lightgbm", "pyarrow", "msgspec")
_T = TypeVar("_T", bound=Struct)
_CHECKSUM = re.compile(r"[0-9a-f]{64}")


class FileEntry(Struct, frozen=True, kw_only=True):
    """Size and SHA-256 (64 hex digits) of one file."""

    sha256: str
    size_bytes: int


class Manifest(Struct, frozen=True, kw_only=True):
    """What ``manifest.json`` holds.

    Attributes
    ----------
    format : int
        Format number of the artifact.
    artifact_id : str
        16 hex digits, the hash of what decides a route.
    created : datetime
        When it was saved, in UTC.
    tiers : TierSet
        Cheap to dear.
    feature_fingerprint : str
        Of the extractor that made the training rows.
    table_fingerprint : str
        Of the training table.
    seed : int
        Of the training run.
    lam : float
        Default λ, reward per unit of cost, at least 0.
    cost_ref : float
        USD that count as reward cost 1, above 0.
    libraries : dict of str to str
        Versions at the time of training; information only.
    files : dict of str to FileEntry
        Every file beside the manifest.
    checksum : str
        SHA-256 of the manifest's own bytes without these 64 digits.
    """

    format: int
    artifact_id: str
    created: datetime
    tiers: TierSet
    feature_fingerprint: str
    table_fingerprint: str
    seed: int
    lam: float
    cost_ref: float
    libraries: dict[str, str]
    files: dict[str, FileEntry]
    checksum: str = ""


class _Head(Struct, frozen=True):
    """What is asked of a manifest of any format, before its format is known."""

    format: int
    checksum: str = ""


def sha256(content: bytes) -> str:
    """Return the 64 hex digits of a content's SHA-256."""
    return hashlib.sha256(content).hexdigest()


def content_id(manifest: Manifest) -> str:
    """Return the id that belongs to a manifest's content: 16 hex digits."""
    deciding = sorted(
        (name, entry.sha256)
        for name, entry in manifest.files.items()
        if name not in _DESCRIPTIVE_FILES
    )
    tiers: dict[str, list[dict[str, object]]] = msgspec.to_builtins(manifest.tiers)
    for tier in tiers["tiers"]:
        for limit in LIMITS:  # predictions do not change with what a tier is declared to take
            tier.pop(limit, None)
    content = (tiers, manifest.feature_fingerprint, manifest.lam, manifest.cost_ref)
    return sha256(msgspec.json.encode((*content, deciding)))[:16]


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of ``manifest.json``, with id and checksum filled in."""
    named = msgspec.structs.replace(manifest, artifact_id=content_id(manifest), checksum="")
    blank = msgspec.json.format(msgspec.json.encode(named), indent=2) + b"\n"
    head, field, tail = blank.rpartition(b'"checksum": "')
    return head + field + sha256(blank).encode() + tail


def decode_format(raw: bytes, where: str) -> int:
    """Return the format number of a manifest whose other fields may be of any format.

    Raises
    ------
    ArtifactError
        If this is no manifest, its format is newer than ``FORMAT``, or its checksum is wrong.
    """
    head = _decoded(raw, _Head, where)
    if head.format > FORMAT:
        raise ArtifactError(
            f"{where}: format {head.format} is newer than this version reads ({FORMAT}); "
            "upgrade tracetier"
        )
    if not (_CHECKSUM.fullmatch(head.checksum) and _fits(raw, head.checksum)):
        raise ArtifactError(
            f"{where}: the content does not match its checksum; the file was changed or damaged, "
            "save the artifact again"
        )
    return head.format


def _fits(raw: bytes, checksum: str) -> bool:
    before, _, after = raw.rpartition(checksum.encode())
    return sha256(before + after) == checksum


def decode_manifest(raw: bytes, where: str) -> Manifest:
    """Return the manifest of a sound ``manifest.json`` of format ``FORMAT``.

    Raises
    ------
    ArtifactError
        If a field is missing, of another type, or out of its range.
    """
    manifest = _decoded(raw, Manifest, where)
    if not (isfinite(manifest.lam) and manifest.lam >= 0):
        raise ArtifactError(f"{where}: lam is {manifest.lam:g}, expected a number >= 0")
    if not (isfinite(manifest.cost_ref) and manifest.cost_ref > 0):
        raise ArtifactError(f"{where}: cost_ref is {manifest.cost_ref:g} USD, expected > 0")
    if content_id(manifest) != manifest.artifact_id:
        raise ArtifactError(
            f"{where}: artifact_id is {manifest.artifact_id!r}, the content has "
            f"{content_id(manifest)!r}; the manifest was edited, save the artifact again"
        )
    return manifest


def _decoded(raw: bytes, kind: type[_T], where: str) -> _T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, TracetierError, UnicodeDecodeError, RecursionError) as error:
        raise ArtifactError(f"{where}: {error}; this is no manifest, or it is damaged") from error


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that a training run rests on."""
    versions: Mapping[str, str | None] = {name: _version(name) for name in _LIBRARIES}
    known = {name: number for name, number in versions.items() if number is not None}
    return {"python": platform.python_version(), **known}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # as when run from a checkout
        return None
