"""Saving: the parts of a trained model become files, all of them or none.

What is saved was audited first, by the same code that loading runs, so a model that could not be
loaded is refused while the one it would have replaced is still there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from numpy.typing import NDArray

from tracetier.artifact.archive import is_archive, write_archive
from tracetier.artifact.audit import audit_files
from tracetier.artifact.directory import write_directory
from tracetier.artifact.manifest import (
    FORMAT,
    MANIFEST,
    FileEntry,
    Manifest,
    encode_manifest,
    library_versions,
    sha256,
)
from tracetier.artifact.npz import encode_npz
from tracetier.artifact.prior_arrays import prior_to_arrays
from tracetier.errors import ArtifactError, StorageError
from tracetier.heads.prior import PriorStats
from tracetier.tiers import TierSet

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArtifactParts:
    """What a training run hands over to be saved.

    Attributes
    ----------
    tiers : TierSet
        K tiers, cheap to dear.
    features : mapping
        Fitted features in JSON types.
    feature_fingerprint : str
        Of the extractor that made the training rows.
    table_fingerprint : str
        Of the training table.
    heads : mapping of str to array
        Weights; finite.
    trees : str or None
        LightGBM model text, as `merge_boosters` gives it; ``None`` without trees.
    prior : PriorStats
        Bucket means and variances, shapes (B,), (B, K), (K,).
    oof : mapping of str to array
        Out-of-fold predictions; NaN where there is none.
    metrics : mapping
        Figures of the training run in JSON types.
    card : str
        Markdown for people.
    seed : int
        Of the training run.
    lam : float
        Default λ, at least 0.
    cost_ref : float
        USD that count as reward cost 1, above 0.
    libraries : mapping of str to str
        Versions that were used; default: those installed.
    """

    tiers: TierSet
    features: Mapping[str, object]
    feature_fingerprint: str
    table_fingerprint: str
    heads: Mapping[str, Array]
    trees: str | None
    prior: PriorStats
    oof: Mapping[str, Array]
    metrics: Mapping[str, object]
    card: str
    seed: int
    lam: float
    cost_ref: float
    libraries: Mapping[str, str] = field(default_factory=library_versions)


def save_artifact(
    out: str | Path, *, parts: ArtifactParts, created: datetime | None = None
) -> Path:
    """Save an artifact; whoever reads ``out`` meanwhile sees the old one or the new one.

    Parameters
    ----------
    out : str or Path
        A directory, or one file if the name ends in ``.tar.zst``. An artifact that is there is
        replaced; anything else is left alone.
    parts : ArtifactParts
        What to save.
    created : datetime, optional
        The date to write into the manifest, with a time zone; default: now.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    ArtifactError
        If the parts do not fit together or hold numbers that are not finite, or ``out`` is
        something else than an artifact. Nothing was written.
    StorageError
        If the disk refused. What was at ``out`` before is intact.
    """
    out = Path(out)
    created = (created or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    files = _files(parts, created)
    audit_files(files, path=out)
    with _storage_errors(out):
        if is_archive(out):
            write_archive(out, files, mtime_s=int(created.timestamp()))
        else:
            write_directory(out, files)
    return out


def _files(parts: ArtifactParts, created: datetime) -> dict[str, bytes]:
    contents = {
        "features.json": _json(parts.features, "features.json"),
        "heads.npz": encode_npz(parts.heads),
        "prior.npz": encode_npz(prior_to_arrays(parts.prior)),
        "oof.npz": encode_npz(parts.oof),
        "metrics.json": _json(parts.metrics, "metrics.json"),
        "CARD.md": parts.card.encode(),
    }
    if parts.trees is not None:
        contents["trees.txt"] = parts.trees.encode()
    manifest = Manifest(
        format=FORMAT,
        artifact_id="",
        created=created,
        tiers=parts.tiers,
        feature_fingerprint=parts.feature_fingerprint,
        table_fingerprint=parts.table_fingerprint,
        seed=parts.seed,
        lam=float(parts.lam),
        cost_ref=float(parts.cost_ref),
        libraries=dict(parts.libraries),
        files={
            name: FileEntry(sha256=sha256(content), size_bytes=len(content))
            for name, content in sorted(contents.items())
        },
    )
    return {MANIFEST: encode_manifest(manifest), **contents}


def _json(content: Mapping[str, object], name: str) -> bytes:
    try:
        return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"
    except (TypeError, msgspec.MsgspecError) as error:
        raise ArtifactError(f"{name}: {error}; give plain JSON types") from error


@contextmanager
def _storage_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot save the artifact to {out}: {error.strerror or error}; what was there before "
            "is unchanged. Make room or choose another path, and save again"
        ) from error
