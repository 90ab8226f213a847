"""What state stores cost: a report, and a decision.

    python benchmarks/state_rates.py

Reports: the time of one through a router, beside that of the bare store in the same run, turn and
turn about, one at a time, each forced to the disk. Bare SQLite is one row of the same bytes per
durable transaction (BEGIN IMMEDIATE, INSERT, COMMIT), with write-ahead log and synchronous=FULL as
the store has them; once with pages of SQLite's own size, once with pages of the size the store
takes. Bare Redis is one call of a script that appends the same bytes.

Decisions: CPU of the whole process, background thread and all, for each decision that is routed
into a store, less that of a store that does nothing: what it costs to store one. Once with no
report at all, so that all decisions stay open and the document grows; once with a report on each.
"""

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent / "pipeline"))

import numpy as np
from _state_world import World, redis_server, task_of

from tracetier.records import Feedback
from tracetier.route.event import Reported, encode_event
from tracetier.route.state.memory import MemoryStore
from tracetier.route.state.sqlite_file import PAGE_BYTES

IN_TURN = 50
"""Calls of one kind before those of another, so that a disk that slows down slows all of them."""

GROUP = 500
"""Decisions between two pauses, and reports given together."""


def micros(call: Callable[[Any], object], given: Sequence[Any]) -> list[float]:
    """Time of each call, in microseconds."""
    found = []
    for item in given:
        start = time.perf_counter_ns()
        call(item)
        found.append((time.perf_counter_ns() - start) / 1e3)
    return found


def in_memory(n: int) -> dict[str, float]:
    """Time of route beyond its prediction, and of feedback, with the state in memory."""
    world, tasks = World(), [task_of(number) for number in range(n)]
    with world.router(None, seed=0) as router:
        decisions = [router.route(task) for task in tasks]  # warm
        for decision in decisions:
            router.feedback(decision.decision_id, quality=8.0, cost_usd=0.01)
        route = micros(router.route, tasks)
        predict = micros(world.predict, tasks)
        ids = [router.route(task).decision_id for task in tasks]
        report = micros(lambda i: router.feedback(i, quality=8.0, cost_usd=0.01), ids)
    return {
        "route_core_us": float(np.median(route) - np.median(predict)),
        "feedback_us": float(np.median(report)),
        "feedback_p99_us": float(np.percentile(report, 99)),
    }


def against_bare(
    url: str, bares: Mapping[str, Callable[[bytes], object]], args: argparse.Namespace
) -> dict[str, Any]:
    """Time feedback through a router and bare appends, some calls of each in turn."""
    ours: list[list[float]] = []
    theirs: dict[str, list[list[float]]] = {name: [] for name in bares}
    with World().router(url, seed=0) as router:
        for _ in range(args.rounds):
            ids = [router.route(task_of(number)).decision_id for number in range(args.calls)]
            router.snapshot()  # the decisions are stored; only reports are timed
            ours.append([])
            for rounds in theirs.values():
                rounds.append([])
            for first in range(0, args.calls, IN_TURN):
                some = ids[first : first + IN_TURN]
                ours[-1] += micros(lambda i: router.feedback(i, quality=8.0, cost_usd=0.01), some)
                bodies = [encode_event(Reported(name, 8.0, 0.01, time.time())) for name in some]
                for name, bare in bares.items():
                    theirs[name][-1] += micros(bare, bodies)
    found: dict[str, Any] = {"feedback_us": float(np.median(ours)), "n": args.rounds * args.calls}
    for name, rounds in theirs.items():
        shares = np.sum(rounds, axis=1) / np.sum(ours, axis=1)
        found[name] = {
            "us": float(np.median(rounds)),
            "rate": float(np.sum(rounds) / np.sum(ours)),
            "interval": interval(shares, args.seed),
            "rate_of_medians": float(np.median(rounds) / np.median(ours)),
        }
    return found


class Idle(MemoryStore):
    """Folds nothing into a document, so that routing into it costs what routing costs."""

    compact_every = 10**9


def storing(url: str, args: argparse.Namespace) -> dict[str, Any]:
    """Return the CPU that storing a decision takes, in microseconds, reports apart and with."""
    found: dict[str, Any] = {"n": args.decisions}
    for name, reports in (("decision_us", False), ("decision_and_report_us", True)):
        spent = [
            _cpu_us(f"{url}-{name}-{turn}", args.decisions, reports=reports)
            - _cpu_us(Idle(), args.decisions, reports=reports)
            for turn in range(args.turns)
        ]
        found[name] = {"mean": float(np.mean(spent)), "interval": interval(spent, args.seed)}
    return found


def _cpu_us(state: Any, n: int, *, reports: bool) -> float:
    tasks = [task_of(number) for number in range(60)]
    with World().router(state, seed=0) as router:
        router.feedback(router.route(tasks[0]).decision_id, quality=8.0)
        start = time.process_time()
        for first in range(0, n, GROUP):
            ids = [router.route(tasks[i % 60]).decision_id for i in range(first, first + GROUP)]
            time.sleep(0.002)  # as a service waits for requests: the background gets its turn
            if reports:
                router.feedback_many(
                    [Feedback(decision_id=i, quality=8.0, cost_usd=0.01) for i in ids]
                )
        router.snapshot()
        spent = time.process_time() - start
    return spent / n * 1e6


def interval(values: Sequence[float], seed: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean over rounds."""
    rng, found = np.random.default_rng(seed), np.array(values)
    means = found[rng.integers(0, len(found), (2000, len(found)))].mean(axis=1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


@contextmanager
def bare_sqlite(path: Path, page_bytes: int) -> Iterator[Callable[[bytes], object]]:
    """Yield an insert of one row per durable transaction, as plain as it can be."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE event (position INTEGER PRIMARY KEY, body BLOB NOT NULL)")

        def insert(body: bytes) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO event (body) VALUES (?)", (body,))
            connection.execute("COMMIT")

        yield insert


@contextmanager
def bare_redis(url: str) -> Iterator[Callable[[bytes], object]]:
    """Yield one call of a script that appends to a list."""
    import redis

    with closing(redis.Redis.from_url(url)) as client:
        script = client.register_script("return redis.call('RPUSH', KEYS[1], ARGV[1])")
        yield lambda body: script(keys=["bare"], args=[body])


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run everything that was asked for."""
    found: dict[str, Any] = {"memory": in_memory(args.calls * 5)}
    with tempfile.TemporaryDirectory(dir=args.folder) as name, redis_server(Path(name)) as server:
        folder = Path(name)
        if "sqlite" in args.stores:
            url = f"sqlite://{folder}/rates"
            with (
                bare_sqlite(folder / "bare", 4096) as bare,
                bare_sqlite(folder / "bare-small", PAGE_BYTES) as small,
            ):
                bares = {"bare": bare, "bare_with_small_pages": small}
                found["sqlite"] = against_bare(url, bares, args)
            found["sqlite"]["storing"] = storing(url, args)
        if "redis" in args.stores and server is not None:
            url = f"{server}?state=rates"
            with bare_redis(server) as bare:
                found["redis"] = against_bare(url, {"bare": bare}, args)
            found["redis"]["storing"] = storing(url, args)
    return found


def show(found: dict[str, Any]) -> None:
    """Print the figures for people."""
    memory = found.pop("memory")
    print(
        f"memory: route beyond the prediction {memory['route_core_us']:.1f} us, feedback "
        f"{memory['feedback_us']:.1f} us (p99 {memory['feedback_p99_us']:.1f})"
    )
    for store, part in found.items():
        print(f"{store}: feedback {part['feedback_us']:.0f} us (median, n = {part['n']})")
        for name in ("bare", "bare_with_small_pages"):
            if name in part:
                low, high = part[name]["interval"]
                print(
                    f"  {name} {part[name]['us']:.0f} us: {part[name]['rate']:.2f} of its rate "
                    f"[{low:.2f}, {high:.2f}], {part[name]['rate_of_medians']:.2f} by the medians"
                )
        for name in ("decision_us", "decision_and_report_us"):
            spent = part["storing"][name]
            low, high = spent["interval"]
            print(f"  CPU to store: {name} {spent['mean']:.1f} [{low:.1f}, {high:.1f}]")


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=500, help="timed calls per round")
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--decisions", type=int, default=20_000, help="per turn")
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "redis"])
    parser.add_argument("--folder", help="where the stores live; by default the temporary folder")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measure(args)
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)


if __name__ == "__main__":
    main()
