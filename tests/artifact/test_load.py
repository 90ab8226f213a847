"""Loading: the router gets the model that was trained, or one clear error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tracetier.artifact import Artifact, load_artifact
from tracetier.artifact.save import ArtifactParts, save_artifact
from tracetier.errors import ArtifactError
from tracetier.records import Task

Change = Callable[..., ArtifactParts]


def test_a_loaded_artifact_is_what_was_saved(saved: Path, parts: ArtifactParts) -> None:
    """All that a router asks for."""
    artifact = load_artifact(saved)

    assert isinstance(artifact, Artifact)
    assert (artifact.tiers, artifact.lam, artifact.cost_ref) == (parts.tiers, 0.3, 0.01)
    assert artifact.path == saved
    assert artifact.metrics == {"aiq": 0.5, "note": "naïve"}
    assert artifact.prior.buckets == ("code", "other")
    assert len(artifact.artifact_id) == 16
    assert artifact.artifact_id in repr(artifact.manifest)


@pytest.mark.parametrize("name", ["model", "model.tar.zst"])
def test_its_predictions_can_be_done_on_paper(
    name: str, parts: ArtifactParts, tmp_path: Path
) -> None:
    """Intercepts .5 and .7 for bucket 'code', where the trees add .125 and twice as much."""
    predictor = load_artifact(save_artifact(tmp_path / name, parts=parts)).predictor

    code = predictor.predict(Task(task_type="code"))
    other = predictor.predict(Task(task_type="poem"))

    assert code.quality == pytest.approx([0.625, 0.95])
    assert other.quality == pytest.approx([0.4, 0.6])
    assert code.cost_usd == pytest.approx([0.005, 0.005])
    assert (code.bucket, other.bucket) == (0, 1)


def test_without_trees_the_rest_predicts(change: Change, tmp_path: Path) -> None:
    """The blend may hold no boosters."""
    artifact = load_artifact(save_artifact(tmp_path / "model", parts=change(trees=None)))

    assert artifact.predictor.predict(Task(task_type="code")).quality == pytest.approx([0.5, 0.7])


def test_out_of_fold_predictions_are_unpacked_when_asked_for(
    saved: Path, parts: ArtifactParts
) -> None:
    """Also after the files have gone; NaN stays NaN."""
    artifact = load_artifact(saved)
    for file in saved.iterdir():
        file.unlink()

    np.testing.assert_array_equal(artifact.oof["quality"], parts.oof["quality"])
    assert artifact.oof["task_id"].tolist() == ["a", "b"]
    assert artifact.oof is artifact.oof


def test_another_extractor_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to do."""
    monkeypatch.setattr("tracetier.artifact.load.fingerprint", lambda: "0" * 16)

    with pytest.raises(ArtifactError, match=f"this version has {'0' * 16}.* train again"):
        load_artifact(saved)


def test_a_prior_of_another_model_is_refused(change: Change, tmp_path: Path) -> None:
    """Its buckets are in another order, so corrections would land in the wrong ones."""
    prior = replace(change().prior, buckets=("poem", "other"))
    out = save_artifact(tmp_path / "model", parts=change(prior=prior))

    with pytest.raises(ArtifactError, match="the parts are of different models"):
        load_artifact(out)
