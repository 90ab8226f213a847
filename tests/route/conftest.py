"""A small router for tests: two buckets, three tiers, predictions that the test dictates."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Task
from tracetier.route.router import Router
from tracetier.tiers import Tier, TierSet

QUALITY = [[0.6, 0.7, 0.9], [0.5, 0.55, 0.6]]
COST = [[0.05, 0.2, 1.0], [0.05, 0.2, 0.9]]
COST_REF_USD = 0.02


class Scripted:
    """Predicts the bucket's mean plus the task's ``shift`` in quality; its type is the bucket."""

    def predict(self, task: Task) -> Prediction:
        bucket = 0 if task.task_type == "edit" else 1
        shift = float((task.attrs or {}).get("shift", 0.0))
        quality = [q + shift for q in QUALITY[bucket]]
        cost_usd = [c * COST_REF_USD for c in COST[bucket]]
        return Prediction(quality, cost_usd, COST[bucket].copy(), bucket)


def _prior() -> PriorStats:
    return PriorStats(
        buckets=("edit", "other"),
        n=np.array([60.0, 40.0]),
        quality_mean=np.array(QUALITY),
        cost_mean=np.array(COST),
        quality_var=np.full(3, 0.09),
        cost_var=np.full(3, 0.01),
        quality_tau2=np.full(3, 0.009),
        cost_tau2=np.full(3, 0.001),
    )


@pytest.fixture
def prior() -> PriorStats:
    """Two buckets, "edit" and "other"; n0 starts at 10 reports in both channels."""
    return _prior()


@pytest.fixture
def tiers() -> TierSet:
    """low, mid and high; only high names a model."""
    return TierSet((Tier(name="low"), Tier(name="mid"), Tier(name="high", models=("big-1",))))


@pytest.fixture
def make_router(tiers: TierSet, prior: PriorStats) -> Callable[..., Router]:
    """Return a maker of routers over `Scripted`, with a seed and a clock that stands still."""

    def make(**changes: Any) -> Router:
        given: dict[str, Any] = {
            "predictor": Scripted(),
            "prior": prior,
            "tiers": tiers,
            "cost_ref": COST_REF_USD,
            "artifact_id": "artifact-1",
            "seed": 7,
            "clock": lambda: 1_700_000_000.0,
        }
        return Router(**(given | changes))

    return make
