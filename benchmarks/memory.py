"""What a worker of the service remembers, and how much memory that takes when it is full.

    python benchmarks/memory.py                        # trains a small artifact first
    python benchmarks/memory.py --artifact models/prod --json

Each table is filled with some thousand entries as the service makes them, with ids of 36 characters
for sessions and traces, then emptied: what the interpreter's allocator gets back is what they took.
The bound is the code's own. Tables that serve only while a part is away, or only where something is
configured, say so. ``python benchmarks/endurance.py --fill`` looks whether anything grows beside
them.
"""

import argparse
import json
import random
import tempfile
import tracemalloc
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from serve import artifact_of, tasks_of
from tracetier.decision_log.writer import LogRules
from tracetier.errors import StorageError
from tracetier.records import Feedback, Task
from tracetier.route.event import Event
from tracetier.route.policy.caps import MAX_KEYS, Buckets, Cap
from tracetier.route.savings import MAX_DAYS, MAX_TENANTS, SavingsBook, Sums
from tracetier.route.savings import MAX_SESSIONS as MAX_SAVINGS
from tracetier.route.sessions import MAX_SESSIONS as MAX_ROUTER_SESSIONS
from tracetier.route.sessions import Sessions as RouterSessions
from tracetier.route.state.document import MAX_APPLIED, MAX_PENDING
from tracetier.route.state.mark import Mark, Page
from tracetier.route.state.memory import MemoryStore
from tracetier.route.state.replica import MAX_QUEUED
from tracetier.serve.dashboard.timeline import KEPT, Step
from tracetier.serve.gateway.report import MAX_WAITING as MAX_OUTCOMES
from tracetier.serve.gateway.retries import MAX_REQUESTS
from tracetier.serve.gateway.session import MAX_SESSIONS, Past
from tracetier.serve.hot.commit import MAX_WAITING as MAX_REPORTS
from tracetier.serve.limits import MAX_CALLERS, RateLimit
from tracetier.serve.service import Service
from tracetier.settings import Settings

N = 5_000
MB = float(1 << 20)
ALWAYS, SET, AWAY = "always", "where it is set up", "while a part is away"


class Row(NamedTuple):
    """A table: its bound in entries, what one of them takes, and when it has any."""

    name: str
    when: str
    bound: int
    entry_bytes: float

    @property
    def mb(self) -> float:
        """Of the full table."""
        return self.bound * self.entry_bytes / MB


class _Away(MemoryStore):
    """A store that a service cannot reach."""

    is_durable = True

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        raise StorageError("away")

    def read(self, mark: Mark) -> Page:
        raise StorageError("away")

    def load(self) -> None:
        raise StorageError("away")


def bytes_each(fill: Callable[[], int], empty: Callable[[], None]) -> float:
    """Return the bytes that are free again for each entry when a filled table is emptied."""
    tracemalloc.start()
    try:
        n = fill()
        full, _ = tracemalloc.get_traced_memory()
        empty()
        return (full - tracemalloc.get_traced_memory()[0]) / n
    finally:
        tracemalloc.stop()


def _tasks(rng: random.Random) -> Iterator[Task]:
    for each in tasks_of(N, rng):
        yield Task(**each, session_id=str(uuid.UUID(int=rng.getrandbits(128))))


def of_decisions(artifact: Path, rng: random.Random) -> Iterator[Row]:
    """Measure what decisions leave: in the service, in the state, and in the ledger."""
    service = Service.open(artifact, settings=Settings())
    learner = service.router._replica.learner
    ledger, book, views = learner._ledger, learner._document.savings, service.recent._views

    def decide(*names: str) -> int:
        for task in _tasks(rng):
            decision_id = service.route(task).decision_id
            values = {name: rng.uniform(0.0, 1.0) for name in names}
            if values:
                service.feedback(Feedback(decision_id=decision_id, **values))
        return N

    def recent() -> int:
        return decide()

    def forget_open() -> None:
        ledger.pending.clear()
        ledger._of_trace.clear()

    yield Row("last decisions", ALWAYS, service.recent._most, bytes_each(recent, views.clear))
    forget_open()
    yield Row("open decisions", ALWAYS, MAX_PENDING, bytes_each(decide, forget_open))
    found = bytes_each(lambda: decide("quality"), ledger.partial.clear)
    yield Row("decisions without their cost", ALWAYS, MAX_APPLIED, found)
    found = bytes_each(lambda: decide("quality", "cost_usd"), ledger.applied.clear)
    yield Row("ids of settled decisions", ALWAYS, MAX_APPLIED, found)
    book.sessions.clear()

    def sessions() -> int:
        decide()
        return len(book.sessions)

    yield Row("savings by session", ALWAYS, MAX_SAVINGS, bytes_each(sessions, book.sessions.clear))
    service.close()


def of_queue(artifact: Path, rng: random.Random) -> Row:
    """Measure decisions that wait for a state store."""
    service = Service.open(artifact, state=_Away(), settings=Settings())
    replica = service.router._replica

    def decide() -> int:
        for task in _tasks(rng):
            service.router.route(task)
        return N

    def empty() -> None:
        replica._queued.clear()
        replica.learner._underway.clear()

    found = bytes_each(decide, empty)
    replica.stop()
    return Row("decisions for the state store", AWAY, MAX_QUEUED, found)


def of_the_rest(rng: random.Random, n_tiers: int) -> Iterator[Row]:
    """Measure what is made without a decision."""

    def name() -> str:
        return str(uuid.UUID(int=rng.getrandbits(128)))

    def kept(put: Callable[[int], None], empty: Callable[[], None], n: int = N) -> float:
        def fill() -> int:
            for i in range(n):
                put(i)
            return n

        return bytes_each(fill, empty)

    pasts: dict[str, Past] = {}

    def past(i: int) -> None:
        one = pasts[name()] = Past()
        start_s, end_s = i - 0.5, i + 0.25
        one.ended(
            start_s=start_s, end_s=end_s, failed=False, tier="low", n_tokens=1000 + i, text=name()
        )

    yield Row("the gateway's sessions", SET, MAX_SESSIONS, kept(past, pasts.clear))
    last: dict[bytes, tuple[str, float]] = {}

    def request(i: int) -> None:
        last[rng.randbytes(16)] = (rng.randbytes(8).hex(), i + 0.5)

    yield Row("requests that may come again", SET, MAX_REQUESTS, kept(request, last.clear))
    limit = RateLimit(1.0)
    found = kept(lambda i: void(limit.wait_s(f"ip {name()}")), limit._buckets.clear)
    yield Row("callers with a rate", SET, MAX_CALLERS, found)
    sessions = RouterSessions()

    def session(i: int) -> None:
        sessions.of(name()).last = 1

    found = kept(session, lambda: sessions.kept.clear())
    yield Row("sessions with a last tier", SET, MAX_ROUTER_SESSIONS, found)
    buckets = Buckets(Cap(usd=1.0, per="session"))
    found = kept(lambda i: buckets.draw(name(), 0.01, float(i)), buckets.debts.clear)
    yield Row("who draws on a cap, for each", SET, MAX_KEYS, found)
    book = SavingsBook()

    def day(i: int) -> None:
        for tier in range(n_tiers):
            book.day_row(str(i), f"tier {tier}").spend_usd += i + 0.5

    yield Row("savings by day", ALWAYS, MAX_DAYS, kept(day, book.days.clear, MAX_DAYS))

    def tenant(i: int) -> None:
        book.tenants[name()] = Sums(spend_usd=i + 0.5)

    yield Row("savings by tenant", SET, MAX_TENANTS, kept(tenant, book.tenants.clear, MAX_TENANTS))
    ring: dict[int, Step] = {}

    def step(i: int) -> None:
        sums = {f"tier {k}": Sums(spend_usd=i + 0.5, dear_usd=i + 0.7) for k in range(n_tiers)}
        ring[60 * i] = Step(sums=sums, sources={"api": i})

    n_steps = sum(KEPT.values())
    yield Row("steps of the dashboard", ALWAYS, n_steps, kept(step, ring.clear, n_steps))
    waiting: list[Feedback] = []

    def report(i: int) -> None:
        waiting.append(
            Feedback(decision_id=rng.randbytes(8).hex(), quality=i / N, cost_usd=i + 0.5)
        )

    found = kept(report, waiting.clear)
    yield Row("reports and costs to be stored", AWAY, MAX_REPORTS + MAX_OUTCOMES, found)
    yield Row("bytes of the decision log", AWAY, LogRules().waiting_bytes, 1.0)


def void(_: object) -> None:
    """Do nothing with a value."""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--artifact", type=Path)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        artifact = artifact_of(args.artifact, Path(name))
        rows = [*of_decisions(artifact, rng), of_queue(artifact, rng), *of_the_rest(rng, 3)]
    sums = {when: sum(row.mb for row in rows if row.when == when) for when in (ALWAYS, SET, AWAY)}
    if args.json:
        told = [row._asdict() | {"mb": row.mb} for row in rows]
        print(json.dumps({"tables": told, "mb": sums}, indent=1))
        return
    table = Table(title="tables of a worker, full")
    for heading in ("table", "has entries", "bound", "bytes each", "MB"):
        table.add_column(
            heading, justify="left" if heading in ("table", "has entries") else "right"
        )
    for row in sorted(rows, key=lambda row: ((ALWAYS, SET, AWAY).index(row.when), -row.mb)):
        table.add_row(
            row.name, row.when, f"{row.bound:,}", f"{row.entry_bytes:,.0f}", f"{row.mb:.1f}"
        )
    console = Console(width=max(100, Console().width))
    console.print(table)
    console.print(", ".join(f"{when} {mb:.0f} MB" for when, mb in sums.items()))


if __name__ == "__main__":
    main()
