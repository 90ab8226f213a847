"""What state stores keep and cost: feedback from many processes under kills, and rates.

    python benchmarks/state.py                        # a minute
    python benchmarks/state.py --feedbacks 1000000    # what the design asks for

Endurance: processes decide and report into one store while one after another is killed (-9). Each
writes down what it is about to report, and what was acknowledged. A reader follows the log from
its start and folds it alone. Asked is that every acknowledged report is in the log, that none is
learned from twice, that the store's final document is that fold to the bit, and that its counts
are those of the reports, whatever their order.

Rates: the time of one feedback through a router, beside that of the bare store in the same run:
SQLite, one row of the same bytes per durable transaction; Redis, one call of a script that appends
the same bytes.
"""

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent / "pipeline"))

import numpy as np

from tracetier.errors import FeedbackError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Feedback, Task
from tracetier.route.event import Decided, Reported, encode_event
from tracetier.route.learner import Learner
from tracetier.route.router import Router
from tracetier.route.state.document import decode_document, pack_document
from tracetier.route.state.store import open_state
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


# --- endurance: one process ---------------------------------------------------------------------


def work(url: str, notes: Path, n_reports: int, n_together: int, seed: int) -> None:
    """Report until ``n_reports`` are acknowledged, after settling what an earlier run left open."""
    world, (open_before, n_done) = Random(seed), read_notes(notes)
    with World().router(url) as router, notes.open("a") as file:

        def note(kind: str, ids: Sequence[str]) -> None:
            file.write(f"{kind} {' '.join(ids)}\n")
            file.flush()

        known = []
        for decision_id in open_before:
            # Its decision may never have reached the store: then there is nothing to learn.
            with suppress(FeedbackError):
                router.feedback(decision_id, quality=5.0, cost_usd=0.01)
                known.append(decision_id)
        if open_before:
            note("acknowledged", known)
        n_done += len(known)
        while n_done < n_reports:
            n = min(n_together, n_reports - n_done)
            ids = [router.route(task_of(world.randrange(60))).decision_id for _ in range(n)]
            note("reporting", ids)
            router.feedback_many(
                Feedback(
                    decision_id=decision_id,
                    quality=world.uniform(0, 10),
                    cost_usd=world.uniform(0, COST_REF_USD),
                )
                for decision_id in ids
            )
            note("acknowledged", ids)
            n_done += n


def read_notes(notes: Path) -> tuple[list[str], int]:
    """Return the ids that were about to be reported, and how many reports were acknowledged."""
    open_ids: list[str] = []
    n_done = 0
    if notes.exists():
        text = notes.read_text()
        lines = text.split("\n")
        if lines[-1]:  # cut by the kill: as if it had not been written
            notes.write_text(text[: len(text) - len(lines[-1])])
        for line in lines[:-1]:
            kind, *ids = line.split()
            open_ids = ids if kind == "reporting" else []
            n_done += len(ids) if kind == "acknowledged" else 0
    return open_ids, n_done


# --- endurance: all of it -----------------------------------------------------------------------


class Reader:
    """Follows a log from its start, folds it, and counts what a fold cannot tell."""

    def __init__(self, url: str) -> None:
        self._store = open_state(url)
        stored = self._store.load()
        assert stored is not None
        assert not stored.events
        self.learner = Learner(decode_document(stored.document, where=url))
        self.reported: dict[str, int] = {}
        self.n_learned = 0
        before = self.learner.document().decisions
        self.decided = {(b, a): n for b, row in enumerate(before) for a, n in enumerate(row)}

    def follow(self) -> int:
        """Fold what is new; return how much that was."""
        page = self._store.read(self.learner.mark)
        assert not page.is_elsewhere, "the reader fell behind the log"
        for event in page.events:
            receipt = self.learner.fold(event)
            if isinstance(event, Reported):
                self.n_learned += bool(receipt)
                self.reported[event.decision_id] = self.reported.get(event.decision_id, 0) + bool(
                    receipt
                )
            elif isinstance(event, Decided):
                cell = event.bucket, event.tier
                self.decided[cell] += 1
        return len(page.events)


def endure(url: str, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Run the processes and the kills; return what was found."""
    with World().router(url) as router:
        router.route(task_of(0))
        router.close()
    reader, world = Reader(url), Random(args.seed)
    notes = [folder / f"notes-{worker}" for worker in range(args.processes)]
    share = -(-args.feedbacks // args.processes)
    n_started = 0

    def start(worker: int) -> "subprocess.Popen[bytes]":
        nonlocal n_started
        n_started += 1
        command = [sys.executable, __file__, "--work", url, str(notes[worker]), str(share)]
        command += [str(args.together), str(args.seed * 1000 + n_started)]
        return subprocess.Popen(command)

    began = time.perf_counter()
    running = {worker: start(worker) for worker in range(args.processes)}
    n_kills, every = 0, args.feedbacks / (args.kills + 1)
    while running:
        if not reader.follow():
            time.sleep(0.005)
        if n_kills < args.kills and reader.n_learned > (n_kills + 1) * every:
            worker = world.choice(list(running))
            running[worker].send_signal(signal.SIGKILL)
            running[worker].wait()
            running[worker] = start(worker)
            n_kills += 1
        for worker, process in list(running.items()):
            if process.poll() is not None:
                assert process.returncode == 0, f"process {worker} ended with {process.returncode}"
                del running[worker]
    while reader.follow():
        pass
    took_s = time.perf_counter() - began
    acknowledged = [
        decision_id
        for path in notes
        for line in path.read_text().splitlines()
        if line.startswith("acknowledged")
        for decision_id in line.split()[1:]
    ]
    return judge(url, reader, acknowledged) | {
        "feedbacks": args.feedbacks,
        "processes": args.processes,
        "together": args.together,
        "kills": n_kills,
        "per_s": len(acknowledged) / took_s,
    }


def judge(url: str, reader: Reader, acknowledged: Sequence[str]) -> dict[str, Any]:
    """Compare the store, the lone fold of its log, and what the processes were told."""
    final = open_state(url).load()
    assert final is not None
    stored = Learner(decode_document(final.document, where=url))
    for event in final.events:
        stored.fold(event)
    counts, document = stored.counts, stored.document()
    n_once = sum(n == 1 for n in reader.reported.values())
    channel = document.strategy.quality  # type: ignore[union-attr]
    return {
        "acknowledged": len(acknowledged),
        "acknowledged_twice": len(acknowledged) - len(set(acknowledged)),
        "lost": sum(reader.reported.get(decision_id, 0) != 1 for decision_id in acknowledged),
        "learned_twice": sum(n > 1 for n in reader.reported.values()),
        "learned": counts.feedback,
        "given_again": counts.duplicates,
        "same_document": pack_document(document) == pack_document(reader.learner.document()),
        "same_counts": counts.feedback == n_once == sum(map(sum, channel.cell_reports))
        and all(document.decisions[b][a] == n for (b, a), n in reader.decided.items()),
    }


# --- rates --------------------------------------------------------------------------------------


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


def against_bare(url: str, bare: Callable[[bytes], object], args: argparse.Namespace) -> Any:
    """Time feedback through a router and bare appends, turn and turn about."""
    world = World()
    ours: list[float] = []
    theirs: list[float] = []
    with world.router(url, seed=0) as router:
        for _ in range(args.rounds):
            ids = [router.route(task_of(number)).decision_id for number in range(args.calls)]
            router.snapshot()  # the decisions are stored; only reports are timed
            bodies = [encode_event(Reported(name, 8.0, 0.01, time.time())) for name in ids]
            ours += micros(lambda i: router.feedback(i, quality=8.0, cost_usd=0.01), ids)
            theirs += micros(bare, bodies)
    per_round = [
        float(np.sum(t) / np.sum(o))
        for o, t in zip(
            np.split(np.array(ours), args.rounds),
            np.split(np.array(theirs), args.rounds),
            strict=True,
        )
    ]
    low, high = interval(per_round, args.seed)
    return {
        "feedback_us": float(np.median(ours)),
        "bare_us": float(np.median(theirs)),
        "rate_of_bare": float(np.sum(theirs) / np.sum(ours)),
        "interval": [low, high],
        "n": len(ours),
    }


def interval(values: Sequence[float], seed: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean over rounds."""
    rng, found = np.random.default_rng(seed), np.array(values)
    means = found[rng.integers(0, len(found), (2000, len(found)))].mean(axis=1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


@contextmanager
def bare_sqlite(path: Path) -> Iterator[Callable[[bytes], object]]:
    """Yield an insert of one row per durable transaction, as plain as it can be."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
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


# --- all ----------------------------------------------------------------------------------------


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run everything that was asked for."""
    found: dict[str, Any] = {"in_memory": in_memory(args.calls * 5)}
    with tempfile.TemporaryDirectory(dir=args.folder) as name, redis_server(Path(name)) as server:
        folder = Path(name)
        for store in args.stores:
            if store == "redis" and server is None:
                found["redis"] = "no redis-server or valkey-server is installed"
                continue
            urls = [
                f"{server}?state={part}"
                if store == "redis"
                else f"{store}://{folder}/{part}.{store}"
                for part in ("rates", "endurance")
            ]
            part: dict[str, Any] = {}
            if store == "sqlite":
                with bare_sqlite(folder / "bare.db") as bare:
                    part["rates"] = against_bare(urls[0], bare, args)
            elif store == "redis":
                assert server is not None
                with bare_redis(server) as bare:
                    part["rates"] = against_bare(urls[0], bare, args)
            part["endurance"] = endure(urls[1], folder, args)
            for notes in folder.glob("notes-*"):
                notes.unlink()
            found[store] = part
    return found


def show(found: dict[str, Any]) -> None:
    """Print the figures for people."""
    memory = found["in_memory"]
    print(
        f"in memory: route beyond the prediction {memory['route_core_us']:.1f} us, feedback "
        f"{memory['feedback_us']:.1f} us (p99 {memory['feedback_p99_us']:.1f})"
    )
    for store, part in found.items():
        if store == "in_memory" or isinstance(part, str):
            if isinstance(part, str):
                print(f"{store}: {part}")
            continue
        if "rates" in part:
            rates = part["rates"]
            print(
                f"{store}: feedback {rates['feedback_us']:.0f} us, bare {rates['bare_us']:.0f} us: "
                f"{rates['rate_of_bare']:.0%} of the bare rate "
                f"[{rates['interval'][0]:.0%}, {rates['interval'][1]:.0%}], n = {rates['n']}"
            )
        told = ", ".join(f"{key} {value}" for key, value in part["endurance"].items())
        print(f"{store}: {told}")


def main() -> None:
    """Print what was found; exit 1 where a report was lost or learned from twice."""
    if sys.argv[1:2] == ["--work"]:
        url, notes, n_reports, n_together, seed = sys.argv[2:]
        work(url, Path(notes), int(n_reports), int(n_together), int(seed))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--feedbacks", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--together", type=int, default=20, help="reports per acknowledgement")
    parser.add_argument("--calls", type=int, default=500, help="timed calls per round")
    parser.add_argument("--rounds", type=int, default=8)
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
    ends = [
        part["endurance"]
        for part in found.values()
        if isinstance(part, dict) and "endurance" in part
    ]
    if any(end["lost"] or end["learned_twice"] or not end["same_document"] for end in ends):
        sys.exit(1)


if __name__ == "__main__":
    main()
