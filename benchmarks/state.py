"""What state stores keep: feedback from many processes under kills.

    python benchmarks/state.py                        # a minute
    python benchmarks/state.py --feedbacks 1000000    # what the design asks for

Processes decide and report into one store while one after another is killed (-9). Each writes down
what it is about to report, and what was acknowledged. A reader follows the log from its start and
folds it alone. Asked is that every acknowledged report is in the log, that none is learned from
twice, that the store's final document is that fold to the bit, and that its counts are those of
the reports, whatever their order. What a store costs is in ``benchmarks/state_rates.py``.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent.parent / "pipeline"))

from _state_world import COST_REF_USD, World, redis_server, task_of

from tracetier.errors import FeedbackError
from tracetier.records import Feedback
from tracetier.route.event import Decided, Reported
from tracetier.route.learner import Learner
from tracetier.route.state.document import decode_document, pack_document
from tracetier.route.state.store import open_state

# --- one process --------------------------------------------------------------------------------


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


# --- all of it ----------------------------------------------------------------------------------


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


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run every store that was asked for."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=args.folder) as name, redis_server(Path(name)) as server:
        folder = Path(name)
        for store in args.stores:
            if store == "redis" and server is None:
                found["redis"] = "no redis-server or valkey-server is installed"
                continue
            url = f"{store}://{folder}/state.{store}" if store != "redis" else str(server)
            found[store] = endure(url, folder, args)
            for notes in folder.glob("notes-*"):
                notes.unlink()
    return found


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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "redis"])
    parser.add_argument("--folder", help="where the stores live; by default the temporary folder")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = measure(args)
    if args.json:
        print(json.dumps(found, indent=1))
    for store, part in found.items() if not args.json else ():
        told = part if isinstance(part, str) else ", ".join(f"{k} {v}" for k, v in part.items())
        print(f"{store}: {told}")
    ends = [part for part in found.values() if isinstance(part, dict)]
    if any(end["lost"] or end["learned_twice"] or not end["same_document"] for end in ends):
        sys.exit(1)


if __name__ == "__main__":
    main()
