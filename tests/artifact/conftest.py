"""A small but whole artifact: two tiers, two buckets, intercepts and trees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tracetier.artifact.npz import Array
from tracetier.artifact.save import ArtifactParts, save_artifact
from tracetier.features.buckets import Buckets
from tracetier.features.fitted import FittedFeatures
from tracetier.features.spec import X_COLUMNS, fingerprint
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.heads.trees import TreeEnsemble, merge_boosters
from tracetier.records import Task
from tracetier.tiers import Tier, TierSet

CREATED = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)

# One column, the number of the bucket: 0 adds .125, 1 adds nothing.
TREE = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
feature_names=bucket

Tree=0
num_leaves=2
num_cat=0
split_feature=0
threshold=0.5
decision_type=8
left_child=-1
right_child=-2
leaf_value=0.125 0


end of trees
"""

Change = Callable[..., ArtifactParts]


@dataclass(frozen=True)
class StandIn:
    """A predictor that can be worked out on paper: intercept of the bucket plus trees."""

    features: FittedFeatures
    intercept: Array
    trees: TreeEnsemble | None
    cost_ref: float

    def predict(self, task: Task) -> Prediction:
        """Quality as said; every tier costs half of ``cost_ref``."""
        bucket = self.features.buckets.assign(task.task_type, [])
        quality = self.intercept[bucket]
        if self.trees is not None:
            quality = quality + self.trees.predict_one(np.array([float(bucket)]))
        cost_usd = [0.5 * self.cost_ref] * len(quality)
        return Prediction(quality.tolist(), cost_usd, [0.5] * len(quality), bucket)


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the heads compute is their tests' business; here it counts that they get their parts."""

    def build(
        features: Mapping[str, object],
        heads: Mapping[str, Array],
        trees: TreeEnsemble | None,
        tiers: TierSet,
        cost_ref: float,
    ) -> StandIn:
        assert heads["intercept"].shape[1] == len(tiers)
        return StandIn(FittedFeatures.from_dict(features), heads["intercept"], trees, cost_ref)

    monkeypatch.setattr("tracetier.artifact.load.build_predictor", build)


@pytest.fixture(scope="session")
def parts() -> ArtifactParts:
    """All that a training run hands over."""
    buckets = Buckets(names=("code", "other"), types={"code": 0})
    features = FittedFeatures(
        x_columns=X_COLUMNS, attrs=(), buckets=buckets, fingerprint=fingerprint()
    )
    return ArtifactParts(
        tiers=TierSet((Tier(name="low", models=("small-*",)), Tier(name="high"))),
        features=features.to_dict(),
        feature_fingerprint=fingerprint(),
        table_fingerprint="0123456789abcdef",
        heads={"intercept": np.array([[0.5, 0.7], [0.4, 0.6]])},
        trees=merge_boosters([[(1.0, TREE)], [(2.0, TREE)]]),
        prior=PriorStats(
            buckets=buckets.names,
            n=np.array([40.0, 2.0]),
            quality_mean=np.array([[0.5, 0.75], [0.4, 0.6]]),
            cost_mean=np.array([[0.1, 0.9], [0.2, 1.0]]),
            quality_var=np.array([0.1, 0.2]),
            cost_var=np.array([0.01, 0.02]),
            quality_tau2=np.array([0.001, 0.002]),
            cost_tau2=np.array([0.0, 0.0]),
        ),
        oof={"quality": np.array([[0.5, np.nan], [0.25, 1.0]]), "task_id": np.array(["a", "b"])},
        metrics={"aiq": 0.5, "note": "naïve"},
        card="# A model\n",
        seed=0,
        lam=0.3,
        cost_ref=0.01,
        libraries={"numpy": "2.0.0"},
    )


@pytest.fixture
def change(parts: ArtifactParts) -> Change:
    """The parts with some of them changed."""
    return lambda **changes: replace(parts, **changes)


@pytest.fixture
def saved(parts: ArtifactParts, tmp_path: Path) -> Path:
    """An artifact directory."""
    return save_artifact(tmp_path / "model", parts=parts, created=CREATED)
