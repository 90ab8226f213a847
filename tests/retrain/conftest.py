"""A world of two tiers in which one artifact believes the contrary of what is true."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tracetier.api import ingest, train
from tracetier.decision_log.writer import LogRules, LogWriter
from tracetier.records import Feedback, Task
from tracetier.route.router import Router
from tracetier.serve.service import Service
from tracetier.settings import Settings
from tracetier.tiers import Tier, TierSet

TIERS = TierSet((Tier(name="low"), Tier(name="high")))
COST_USD = {"low": 0.001, "high": 0.01}
LAM = 3.0
WORDS = ("alpha", "beta", "gamma", "delta", "omega", "sigma")
SETTINGS = Settings(n_jobs=1, folds=2, lam=LAM, sources={"lam": "flag"}, tiers=TIERS.tiers)


def quality_of(task_type: str, tier: str, rng: Random, *, is_inverted: bool = False) -> float:
    """Return an outcome, 0-10: low is good at edits and bad at proofs, high good at both."""
    is_easy = (task_type == "edit") is not is_inverted
    return (8.0 if tier == "high" or is_easy else 2.0) + 2.0 * rng.random()


def tasks(n: int, seed: int) -> Iterator[Task]:
    """Yield tasks of both types, with texts of their own."""
    rng = Random(seed)
    for i in range(n):
        name = ("edit", "proof")[rng.random() < 0.5]
        yield Task(text=f"{name} number {seed}-{i}: {rng.choice(WORDS)}", task_type=name)


@pytest.fixture(scope="session")
def wrong_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outcomes of an inverted world, every task on both tiers."""
    folder, rng = tmp_path_factory.mktemp("wrong"), Random(1)
    rows = [
        {
            "trace_id": f"{i}-{tier}",
            "task_id": str(i),
            "task_text": task.text,
            "task_type": task.task_type,
            "tier": tier,
            "y_quality": quality_of(task.task_type or "", tier, rng, is_inverted=True) / 10,
            "y_cost_usd": COST_USD[tier],
        }
        for i, task in enumerate(tasks(60, 1))
        for tier in TIERS.names
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest(folder / "log.jsonl", folder / "table", settings=SETTINGS)
    return folder / "table"


@pytest.fixture(scope="session")
def wrong_artifact(wrong_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was learned of the inverted world."""
    out = tmp_path_factory.mktemp("models") / "wrong"
    train(wrong_table, out, settings=SETTINGS)
    return out


def live(artifact: Path, log: Path, n: int, *, seed: int, store_text: bool = True) -> None:
    """Route tasks of the true world in process, report on each, and write both down."""
    rng = Random(seed)
    settings = Settings(lam=LAM, epsilon=0.3)
    router = Router.load(artifact, lam=LAM, seed=seed, settings=settings)
    rules = LogRules(store_text=store_text, hash_key=b"0123456789abcdef")
    service = Service(router, log=LogWriter(log, rules))
    for task in tasks(n, seed):
        decision = service.route(task)
        quality = quality_of(task.task_type or "", decision.tier, rng)
        service.feedback(
            Feedback(
                decision_id=decision.decision_id,
                quality=quality,
                cost_usd=COST_USD[decision.tier],
            )
        )
    service.close()
