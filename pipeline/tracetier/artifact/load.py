"""Loading: audited files become a predictor. Nothing here is ever unpickled."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tracetier.artifact.audit import AuditedFiles, audit
from tracetier.artifact.manifest import Manifest
from tracetier.artifact.npz import decode_npz
from tracetier.errors import ArtifactError
from tracetier.features.spec import fingerprint
from tracetier.heads.predictor import build_predictor
from tracetier.heads.prior import Predictor, PriorStats
from tracetier.heads.trees import TreeEnsemble
from tracetier.tiers import TierSet

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Artifact:
    """A trained model, ready to predict; immutable.

    Attributes
    ----------
    path : Path
        Where it was loaded from.
    manifest : Manifest
        Versions, fingerprints, hashes.
    predictor : Predictor
        Task → quality and cost per tier.
    prior : PriorStats
        What the router starts from.
    metrics : dict
        Figures of the training run.
    card : str
        Markdown for people.
    """

    path: Path
    manifest: Manifest
    predictor: Predictor = field(repr=False)
    prior: PriorStats = field(repr=False)
    metrics: dict[str, object] = field(repr=False)
    card: str = field(repr=False)
    _oof_npz: bytes = field(repr=False)

    @property
    def artifact_id(self) -> str:
        """16 hex digits; equal where tiers, weights, λ and cost scale are equal."""
        return self.manifest.artifact_id

    @property
    def tiers(self) -> TierSet:
        """The K tiers, cheap to dear."""
        return self.manifest.tiers

    @property
    def cost_ref(self) -> float:
        """USD that count as reward cost 1."""
        return self.manifest.cost_ref

    @property
    def lam(self) -> float:
        """Default λ, reward per unit of cost."""
        return self.manifest.lam

    @cached_property
    def oof(self) -> dict[str, Array]:
        """Out-of-fold predictions of the training run, unpacked when first asked for."""
        return decode_npz(self._oof_npz, f"{self.path}/oof.npz")


def load_artifact(path: str | Path) -> Artifact:
    """Load an artifact after an audit of all of it.

    Parameters
    ----------
    path : str or Path
        Directory, or ``.tar.zst`` file.

    Raises
    ------
    ArtifactError
        If anything is missing, damaged, foreign, of a future format, or made by another feature
        extractor; the message names the file and the mend.
    """
    files = audit(path, feature_fingerprint=fingerprint())
    manifest = files.manifest
    predictor = build_predictor(
        files.features,
        files.heads,
        None if files.forest is None else TreeEnsemble(files.forest),
        manifest.tiers,
        manifest.cost_ref,
    )
    _check_buckets(files, predictor.features.buckets.names)
    return Artifact(
        path=files.path,
        manifest=manifest,
        predictor=predictor,
        prior=files.prior,
        metrics=files.metrics,
        card=files.card,
        _oof_npz=files.oof_npz,
    )


def _check_buckets(files: AuditedFiles, predicted: tuple[str, ...]) -> None:
    if files.prior.buckets != predicted:
        raise ArtifactError(
            f"{files.path}: prior.npz is about {len(files.prior.buckets)} buckets, features.json "
            f"about {len(predicted)} or others; the parts are of different models, train again"
        )
