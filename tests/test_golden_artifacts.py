"""Artifacts of every format that was ever released load for ever.

``tests/golden/artifact_v<format>/`` holds ``artifact/``, as saved when the format was current, and
``expected.json``: tasks with the predictions that the artifact gave then. Both are written by
``make_golden.py`` in that folder and never again.
"""

from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from tracetier.artifact.audit import audit
from tracetier.artifact.load import load_artifact
from tracetier.artifact.manifest import FORMAT
from tracetier.features.spec import fingerprint
from tracetier.records import Task

FOLDERS = sorted((Path(__file__).parent / "golden").glob("artifact_v*"))


class Expected(Struct, forbid_unknown_fields=True):
    """A task and what the artifact predicted for it."""

    task: Task
    quality: list[float]
    cost_usd: list[float]
    bucket: int


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_golden_artifact_passes_the_audit(folder: Path) -> None:
    """Its folder is named after its format."""
    manifest = audit(folder / "artifact").manifest

    assert folder.name == f"artifact_v{manifest.format}"
    assert manifest.format <= FORMAT


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_golden_artifact_predicts_as_ever(folder: Path) -> None:
    """As long as the extractor is the one that it was trained with."""
    made_by = audit(folder / "artifact").manifest.feature_fingerprint
    if made_by != fingerprint():
        pytest.skip(f"trained with extractor {made_by}, which this version does not have")
    predictor = load_artifact(folder / "artifact").predictor
    cases = msgspec.json.decode((folder / "expected.json").read_bytes(), type=list[Expected])

    assert cases
    for case in cases:
        got = predictor.predict(case.task)
        assert got.quality == pytest.approx(case.quality, abs=1e-9)
        assert got.cost_usd == pytest.approx(case.cost_usd, rel=1e-9)
        assert got.bucket == case.bucket
