"""What the benchmarks of state stores route, a world of six kinds of tasks; and a Redis."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Task
from tracetier.route.router import Router
from tracetier.tiers import Tier, TierSet

BUCKETS = ("code", "chat", "search", "plan", "sql", "other")
COST_REF_USD = 0.02


class World:
    """Six kinds of tasks and three tiers; predictions that differ by task."""

    quality = np.linspace(0.4, 0.9, 18).reshape(6, 3)
    cost = np.tile([0.05, 0.2, 1.0], (6, 1))

    def predict(self, task: Task) -> Prediction:
        """Return the bucket's mean, shifted by the task's turn."""
        bucket = BUCKETS.index(task.task_type or "other")
        shift = 0.01 * (task.turn_index or 0)
        quality = [q + shift for q in self.quality[bucket].tolist()]
        cost = self.cost[bucket].tolist()
        return Prediction(quality, [c * COST_REF_USD for c in cost], cost, bucket)

    def router(self, state: Any, **changes: Any) -> Router:
        """Return a router over this world."""
        var, tau2 = np.full(3, 0.04), np.full(3, 0.004)
        prior = PriorStats(
            buckets=BUCKETS,
            n=np.full(6, 50.0),
            quality_mean=self.quality,
            cost_mean=self.cost,
            quality_var=var,
            cost_var=var,
            quality_tau2=tau2,
            cost_tau2=tau2,
        )
        return Router(
            predictor=self,
            prior=prior,
            tiers=TierSet(tuple(Tier(name=name) for name in ("low", "mid", "high"))),
            cost_ref=COST_REF_USD,
            artifact_id="world",
            state=state,
            **changes,
        )


def task_of(number: int) -> Task:
    """Return one of 60 different tasks."""
    return Task(task_type=BUCKETS[number % 6], turn_index=number % 10)


@contextmanager
def redis_server(folder: Path) -> Iterator[str | None]:
    """Yield the URL of a server of our own that logs every write, ``None`` where there is none."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        yield None
        return
    socket = folder / "redis.socket"
    command = [binary, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if socket.exists():
                break
            time.sleep(0.02)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()
