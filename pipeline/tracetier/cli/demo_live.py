"""The live half of the demo: decisions for new tasks, and outcomes that come back.

The prompts of the table stand in for live traffic, since their outcomes are known. The final model
has seen them, so they are predicted by the models of the fold that had not: what comes back is
news, as it would be live.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from tracetier.evaluate.outcomes import gather_full_outcomes
from tracetier.evaluate.predictions import predict_tasks
from tracetier.heads.prior import Prediction
from tracetier.measures.frontier import choose_tiers, switch_lams
from tracetier.records import Decision, Task
from tracetier.route.learner import Cell
from tracetier.route.router import Router
from tracetier.settings import Settings
from tracetier.table import read_table

if TYPE_CHECKING:
    from tracetier.artifact import Artifact

_SEED = 0


class Learned(Struct, frozen=True, kw_only=True):
    """Q of one bucket before and after ``n_reports`` outcomes, and the means of those."""

    bucket: str
    n_reports: int
    mean_quality_10: float
    mean_cost_usd: float
    before: list[Cell]
    after: list[Cell]


class _OutOfFold:
    """Predicts each task as models do that were not trained on it."""

    def __init__(self, artifact: "Artifact") -> None:
        self._artifact = artifact

    def predict(self, task: Task) -> Prediction:
        """Return the prediction of one task."""
        return predict_tasks(self._artifact.predictor, [task], self._artifact.oof).to_list()[0]


def route_live(artifact: Path, tasks: Sequence[Task], state: Path) -> list[Decision]:
    """Decide on each task with a new state, and keep the decisions open for their reports."""
    with Router.load(artifact, state=state, seed=_SEED, reset=True, settings=Settings()) as router:
        return router.route_batch(tasks)


def tiers_by_lam(artifact: "Artifact", task: Task) -> list[tuple[float, str]]:
    """Return from which lambda on which tier is predicted to be best, from lambda 0 up."""
    found = artifact.predictor.predict(task)
    quality, cost = np.array([found.quality]), np.array([found.cost])
    lams = [0.0, *(float(lam) for lam in switch_lams(quality, cost)[0] if np.isfinite(lam))]
    # A hair beyond the switch, where the next tier is ahead.
    tiers = [int(choose_tiers(quality, cost, lam * (1 + 1e-9))[0]) for lam in lams]
    return [(lam, artifact.tiers.names[tier]) for lam, tier in zip(lams, tiers, strict=True)]


def report_outcomes(
    artifact: "Artifact", table: Path, state: Path, *, like: Task, n_most: int
) -> Learned:
    """Route tasks of the table that share the bucket of ``like``; report the chosen outcomes.

    Parameters
    ----------
    artifact : Artifact
    table : Path
        A table where every tier ran on each task.
    state : Path
        Goes on from what is there.
    like : Task
        Its bucket is the one.
    n_most : int
        Tasks, at most.
    """
    outcomes = gather_full_outcomes(read_table(table), artifact.tiers)
    bucket = artifact.predictor.predict(like).bucket
    found = predict_tasks(artifact.predictor, outcomes.tasks, artifact.oof)
    rows = [row for row, its in enumerate(found.bucket.tolist()) if its == bucket]
    Random(_SEED).shuffle(rows)
    name, rows = artifact.prior.buckets[bucket], rows[:n_most]
    tiers = artifact.tiers
    seen: list[tuple[float, float]] = []
    with _router(artifact, state) as router, router.batch():
        before = _cells(router, name)
        for row in rows:
            decision = router.route(outcomes.tasks[row])
            tier = tiers.index(decision.tier)
            quality_10 = 10.0 * float(outcomes.quality[row, tier])
            cost_usd = float(outcomes.cost_usd[row, tier])
            router.feedback(decision.decision_id, quality=quality_10, cost_usd=cost_usd)
            seen.append((quality_10, cost_usd))
        after = _cells(router, name)
    return Learned(
        bucket=name,
        n_reports=len(rows),
        mean_quality_10=sum(quality for quality, _ in seen) / max(len(seen), 1),
        mean_cost_usd=sum(cost for _, cost in seen) / max(len(seen), 1),
        before=before,
        after=after,
    )


def learned_facts(learned: Learned) -> dict[str, Any]:  # Any: the shape of JSON
    """Return all of it as plain data."""
    cells = zip(learned.before, learned.after, strict=True)
    return {
        "bucket": learned.bucket,
        "n_reports": learned.n_reports,
        "mean_quality_10": learned.mean_quality_10,
        "mean_cost_usd": learned.mean_cost_usd,
        "cells": [{"q_before": was.q, **now._asdict()} for was, now in cells],
    }


def _router(artifact: "Artifact", state: Path) -> Router:
    return Router(
        predictor=_OutOfFold(artifact),
        prior=artifact.prior,
        tiers=artifact.tiers,
        cost_ref=artifact.cost_ref,
        artifact_id=artifact.artifact_id,
        lam=artifact.lam,
        state=state,
        seed=_SEED + 1,
    )


def _cells(router: Router, bucket: str) -> list[Cell]:
    return [cell for cell in router.snapshot().cells if cell.bucket == bucket]
