"""The audit: everything about an artifact's files is checked before anything is built of them.

The checks see the bytes that are used later, not the files, so nothing can change in between.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tracetier.artifact._v1 import heads_of_v1
from tracetier.artifact.archive import is_archive, read_archive
from tracetier.artifact.directory import read_directory
from tracetier.artifact.manifest import (
    FORMAT,
    MANIFEST,
    OPTIONAL_FILES,
    SIZE_LIMITS,
    Manifest,
    decode_format,
    decode_manifest,
    sha256,
)
from tracetier.artifact.npz import audit_npz, decode_npz
from tracetier.artifact.prior_arrays import prior_from_arrays
from tracetier.errors import ArtifactError
from tracetier.heads.prior import PriorStats
from tracetier.heads.trees import Forest, parse_lightgbm

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class AuditedFiles:
    """The content of an artifact whose every hash, shape and number was checked.

    Attributes
    ----------
    path : Path
        Where it was read from.
    manifest : Manifest
    features : dict
        Content of ``features.json``.
    heads : dict of str to array
        Finite numbers.
    forest : Forest or None
        Trees of ``trees.txt``.
    prior : PriorStats
    oof_npz : bytes
        ``oof.npz``, whose headers are checked; NaN is allowed in it.
    metrics : dict
        Content of ``metrics.json``.
    card : str
    """

    path: Path
    manifest: Manifest
    features: dict[str, object]
    heads: dict[str, Array]
    forest: Forest | None
    prior: PriorStats
    oof_npz: bytes
    metrics: dict[str, object]
    card: str


def audit(path: str | Path, *, feature_fingerprint: str | None = None) -> AuditedFiles:
    """Read an artifact and check all of it.

    Parameters
    ----------
    path : str or Path
        Directory, or ``.tar.zst`` file.
    feature_fingerprint : str, optional
        What the artifact's features must have been made by; not checked where not given.

    Raises
    ------
    ArtifactError
        Naming the file, what is wrong with it, and the mend.
    """
    path = Path(path)
    if not path.exists():
        raise ArtifactError(f"{path} does not exist; give the path of a trained artifact")
    if not path.is_dir() and not is_archive(path):
        raise ArtifactError(f"{path} is no artifact; give its directory or its .tar.zst file")
    try:
        files = read_archive(path) if is_archive(path) else read_directory(path)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror or error}") from error
    return audit_files(files, path=path, feature_fingerprint=feature_fingerprint)


def audit_files(
    files: Mapping[str, bytes], *, path: Path, feature_fingerprint: str | None = None
) -> AuditedFiles:
    """Check the files of an artifact that are already in memory; see `audit`."""
    number = decode_format(files[MANIFEST], f"{path}/{MANIFEST}")
    if number not in _READERS:
        raise ArtifactError(
            f"{path}/{MANIFEST}: format {number} is unknown; this version reads "
            f"{', '.join(map(str, sorted(_READERS)))}"
        )
    audited = _READERS[number](files, path)
    made_by = audited.manifest.feature_fingerprint
    if feature_fingerprint is not None and made_by != feature_fingerprint:
        raise ArtifactError(
            f"{path}: its features were made by extractor {made_by}, this version has "
            f"{feature_fingerprint}, so the same task would give other features; train again, or "
            "use the tracetier version that trained it"
        )
    return audited


def _read_current(files: Mapping[str, bytes], path: Path) -> AuditedFiles:
    manifest = decode_manifest(files[MANIFEST], f"{path}/{MANIFEST}")
    _check_names(files, manifest, path)
    for name in manifest.files:
        _check_content(files[name], manifest, name, path)
    audit_npz(files["oof.npz"], f"{path}/oof.npz")
    prior = decode_npz(files["prior.npz"], f"{path}/prior.npz")
    return AuditedFiles(
        path=path,
        manifest=manifest,
        features=_object(files["features.json"], f"{path}/features.json"),
        heads=_finite(decode_npz(files["heads.npz"], f"{path}/heads.npz"), f"{path}/heads.npz"),
        forest=_forest(files.get("trees.txt"), f"{path}/trees.txt"),
        prior=prior_from_arrays(prior, n_tiers=len(manifest.tiers), where=f"{path}/prior.npz"),
        oof_npz=files["oof.npz"],
        metrics=_object(files["metrics.json"], f"{path}/metrics.json"),
        card=_text(files["CARD.md"], f"{path}/CARD.md"),
    )


def _read_v1(files: Mapping[str, bytes], path: Path) -> AuditedFiles:
    found = _read_current(files, path)
    return replace(found, heads=heads_of_v1(found.heads, f"{path}/heads.npz"))


# What a superseded format lacks is added by a file of its own (_v1.py), and it stays in this table.
_READERS: dict[int, Callable[[Mapping[str, bytes], Path], AuditedFiles]] = {
    1: _read_v1,
    FORMAT: _read_current,
}


def _check_names(files: Mapping[str, bytes], manifest: Manifest, path: Path) -> None:
    listed = set(manifest.files) | {MANIFEST}
    required = set(SIZE_LIMITS) - OPTIONAL_FILES
    for bad, what in (
        (listed - files.keys(), "is listed in the manifest but missing; restore the file"),
        (files.keys() - listed, "is not listed in the manifest; move it away"),
        (required - listed, "is not listed in the manifest, which an artifact needs"),
        (listed - set(SIZE_LIMITS), "is no file of an artifact of this format"),
    ):
        if bad:
            raise ArtifactError(f"{path}/{min(bad)} {what} ({len(bad)} such files)")


def _check_content(content: bytes, manifest: Manifest, name: str, path: Path) -> None:
    entry = manifest.files[name]
    if len(content) > SIZE_LIMITS[name]:
        raise ArtifactError(
            f"{path}/{name}: {len(content)} bytes, at most {SIZE_LIMITS[name]} are read"
        )
    if len(content) != entry.size_bytes or sha256(content) != entry.sha256:
        raise ArtifactError(
            f"{path}/{name}: the content does not match the manifest ({len(content)} bytes, "
            f"{entry.size_bytes} listed); the file was changed or damaged, save the artifact again"
        )


def _finite(arrays: dict[str, Array], where: str) -> dict[str, Array]:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            n_bad = int((~np.isfinite(array)).sum())
            raise ArtifactError(
                f"{where}: array {name!r} holds {n_bad} numbers that are not finite; train again"
            )
    return arrays


def _object(raw: bytes, where: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ArtifactError(f"{where}: {error}; save the artifact again") from error


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{where}: {error}; save the artifact again") from error


def _forest(raw: bytes | None, where: str) -> Forest | None:
    if raw is None:
        return None
    try:
        return parse_lightgbm(_text(raw, where))
    except ArtifactError as error:
        raise ArtifactError(f"{where}: {error}") from error
