"""A small world whose truth is known, its feature table, and an artifact that has learned it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tracetier.evaluate import arguments
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Invocation, Task
from tracetier.table import TableWriter
from tracetier.tiers import Tier, TierSet

TIERS = ("low", "mid", "high")
TYPES = ("easy", "medium", "hard")
COST_USD = (0.001, 0.003, 0.010)
# Mean quality by task type (row) and tier: easy tasks need nothing, hard ones the dear tier.
QUALITY = np.array([[0.9, 0.9, 0.9], [0.3, 0.9, 0.9], [0.1, 0.3, 0.9]])
N_TASKS = 150


class TypePredictor:
    """Knows the mean quality of each task type, and the costs."""

    def predict(self, task: Task) -> Prediction:
        bucket = TYPES.index(task.task_type or "easy")
        cost = [usd / COST_USD[-1] for usd in COST_USD]
        return Prediction(QUALITY[bucket].tolist(), list(COST_USD), cost, bucket)


@dataclass(frozen=True)
class FakeArtifact:
    """The parts of an artifact that evaluation reads."""

    artifact_id: str = "0123456789abcdef"
    tiers: TierSet = field(default_factory=lambda: TierSet(tuple(Tier(name=n) for n in TIERS)))
    predictor: TypePredictor = field(default_factory=TypePredictor)
    cost_ref: float = COST_USD[-1]
    lam: float = 0.3
    oof: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def prior(self) -> PriorStats:
        cost = np.tile(np.array(COST_USD) / COST_USD[-1], (3, 1))
        return PriorStats(
            buckets=TYPES,
            n=np.full(3, 50.0),
            quality_mean=QUALITY,
            cost_mean=cost,
            quality_var=np.full(3, 0.09),
            cost_var=np.full(3, 1e-4),
            quality_tau2=np.full(3, 0.009),
            cost_tau2=np.full(3, 1e-5),
        )


def _full_rows() -> list[Invocation]:
    """Every tier on every task: success at the type's rate, cost with a spread of a tenth."""
    rng = np.random.default_rng(11)
    rows = []
    for task in range(N_TASKS):
        kind = task % 3
        for k, tier in enumerate(TIERS):
            rows.append(
                Invocation(
                    trace_id=f"{task}-{k}",
                    task_id=f"t{task}",
                    task_text=f"task number {task}",
                    task_type=TYPES[kind],
                    tier=tier,
                    model=tier,
                    y_quality=float(rng.random() < QUALITY[kind, k]),
                    y_cost_usd=COST_USD[k] * float(1 + 0.1 * rng.standard_normal()),
                )
            )
    return rows


@pytest.fixture
def full_rows() -> list[Invocation]:
    """150 tasks of three types, each run on every tier."""
    return _full_rows()


@pytest.fixture
def artifact() -> Any:
    """An artifact that has learned the mean quality of each type and seen none of the tasks."""
    return FakeArtifact()


WriteTable = Callable[[Sequence[Invocation]], Path]


@pytest.fixture
def write_table(tmp_path: Path) -> WriteTable:
    """Return a function that writes rows as a feature table and gives its path."""

    def write(rows: Sequence[Invocation]) -> Path:
        with TableWriter(tmp_path / "table", tiers=TIERS) as writer:
            writer.write(list(rows))
        return tmp_path / "table"

    return write


@pytest.fixture
def use_artifact(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeArtifact]:
    """Return a function that puts a fake artifact, some fields replaced, where one is loaded."""

    def use(**changed: Any) -> FakeArtifact:  # Any: whatever the field holds
        artifact = replace(FakeArtifact(), **changed)
        monkeypatch.setattr(arguments, "load_artifact", lambda path: artifact)
        return artifact

    return use
