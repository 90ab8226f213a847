"""Fills every table of every worker, so that what grows afterwards grows without a bound.

A worker's memory grows for hours while its tables fill: the last decisions, the sessions of the
gateway, decisions that wait. Asked one by one at the usual rate they would be full after days. So
they are filled at once, with entries like those that the load leaves, and memory is looked at from
then on. What a full table takes, ``python benchmarks/memory.py`` tells.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from _account import COST, QUALITY
from _callers import Callers, Connection

from tracetier.artifact.load import load_artifact
from tracetier.route.router import Router
from tracetier.route.state.document import MAX_APPLIED
from tracetier.route.strategy_settings import params_of
from tracetier.serve.gateway.session import MAX_SESSIONS
from tracetier.settings import Settings

MAX_OPEN = 20_000
"""Decisions that this run's state keeps open. By default it is five times as many, which the load
would take a week to leave; what is done with the oldest is the same."""

WORKERS = 2
N_CALLERS, N_BATCHERS = 16, 2
PER_CONNECTION = 25
"""Calls before another connection, which another worker may take: each gets about its part."""

N_SESSIONS = int(1.3 * WORKERS * MAX_SESSIONS)
PER_BATCH = 500
N_BATCHES = int(1.1 * MAX_APPLIED / PER_BATCH) + 1


def bound_state(url: str, artifact: Path, *, max_open: int = MAX_OPEN) -> None:
    """Begin a state that keeps no more than so many decisions open."""
    settings, found = Settings(), load_artifact(artifact)
    router = Router(
        predictor=found.predictor,
        prior=found.prior,
        tiers=found.tiers,
        cost_ref=found.cost_ref,
        artifact_id=found.artifact_id,
        lam=found.lam,
        state=url,
        strategy=settings.strategy,
        params=params_of(settings),
        max_pending=max_open,
        settings=settings,
    )
    router.save()
    router.close()


async def fill(callers: Callers, port: int, seed: int) -> dict[str, float]:
    """Fill them; return how many calls it took, and how long."""
    rng, started_s = random.Random(seed), time.monotonic()
    n_calls = itertools.count()
    sessions = iter(range(N_SESSIONS))
    batches = iter([(QUALITY, COST)] * N_BATCHES + [(QUALITY,)] * N_BATCHES)

    async def call(connection: Connection) -> bool:
        if next(sessions, None) is None:
            return False
        next(n_calls)
        # Nobody reports of their quality: they wait, and belong to a session each.
        await callers.through(connection, reports=0.0)
        return True

    async def batch(connection: Connection) -> bool:
        names = next(batches, None)
        if names is None:
            return False
        next(n_calls)
        # At once: of all that it takes, fewer may be open than will be.
        await callers.batch(connection, PER_BATCH, names, in_s=0.0)
        return True

    # What waits for its cost or is settled takes the places of others, until it is reported.
    for step, n in ((batch, N_BATCHERS), (call, N_CALLERS)):
        await asyncio.gather(*(_repeat(step, port, rng) for _ in range(n)))
    return {"calls": next(n_calls), "seconds": time.monotonic() - started_s}


async def _repeat(
    step: Callable[[Connection], Coroutine[Any, Any, bool]], port: int, rng: random.Random
) -> None:
    connection, is_more = Connection(port), True
    while is_more:
        for _ in range(rng.randint(1, 2 * PER_CONNECTION)):
            is_more = await step(connection)
            if not is_more:
                break
        connection.close()
