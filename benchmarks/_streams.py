"""Streams for the online benchmarks: a prior trained on one half of pareto3, tasks of the other.

The halves are the source's own (``task_id`` says which). Settings were chosen with the halves
exchanged (``--tuning``) and on other orders; reported is the prior of "val" over "test".
"""

import gzip
import json
import tempfile
from pathlib import Path

import numpy as np
from _outcomes import shared_path

import tracetier as tt
from tracetier.evaluate.outcomes import gather_full_outcomes
from tracetier.evaluate.scenario import Event, Scenario
from tracetier.evaluate.stream import Played, Stream
from tracetier.route.control.goal import Goal
from tracetier.table import read_table

BUDGETS = (3.0e-4, 6.62e-4, 1.87e-3)
"""USD per request: tight, middle and loose for pareto3."""

FIRST_ORDER = 1_000
"""Orders that are reported start here; those below were for choosing settings."""


def half_stream(*, is_tuning: bool = False) -> Stream:
    """Train on one half and return the other as a stream."""
    path = shared_path("pareto3")
    train, test = (":test:", ":val:") if is_tuning else (":val:", ":test:")
    with tempfile.TemporaryDirectory() as folder:
        tables = [_half(path, mark, Path(folder, mark.strip(":"))) for mark in (train, test)]
        artifact = tt.train(tables[0], Path(folder, "artifact"))
        outcomes = gather_full_outcomes(read_table(tables[1]), artifact.tiers)
        predictions = [artifact.predictor.predict(task) for task in outcomes.tasks]
    return Stream(
        predictions=predictions,
        quality=outcomes.quality,
        cost=np.minimum(1.0, outcomes.cost_usd / artifact.cost_ref),
        lam=np.zeros(len(predictions)),
        prior=artifact.prior,
        tiers=artifact.tiers.names,
        cost_usd=outcomes.cost_usd,
        cost_ref=artifact.cost_ref,
    )


def _half(path: Path, mark: str, folder: Path) -> Path:
    folder.mkdir()
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [line for line in lines if mark in json.loads(line)["task_id"]]
    (folder / "outcomes.jsonl").write_text("".join(rows), encoding="utf-8")
    tt.ingest(folder / "outcomes.jsonl", folder / "table")
    return folder / "table"


def at_budget(
    stream: Stream, budget_usd: float, *events: Event, requests: int | None = None
) -> Stream:
    """Return the stream held to a budget, for a known number of requests, with what happens."""
    return stream._replace(
        goal=Goal(budget_usd=budget_usd, requests=requests),
        scenario=Scenario(events=tuple(events)),
    )


def realised(stream: Stream, played: Played) -> tuple[np.ndarray, np.ndarray]:
    """Quality 0-1 and USD of each decision, in the order taken."""
    happened = stream.in_order(played.order)
    rows = np.arange(len(played.order))
    return happened.quality[rows, played.tier], happened.cost_usd[rows, played.tier]


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over orders."""
    draws = np.random.default_rng(0).integers(0, len(values), (2_000, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)
