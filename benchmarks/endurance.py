"""A service under load while things fail: no acknowledged report lost, no error but the declared.

    python benchmarks/endurance.py                              # five minutes, each fault once
    python benchmarks/endurance.py --minutes 30 --store redis   # what the service promises
    python benchmarks/endurance.py --store sqlite --json

``tracetier serve`` with two workers over a real Redis (or SQLite), a gateway before a local
provider, and a decision log. Callers decide, report (late, in parts, twice, many at once), stream
through the gateway and look things up, at a steady rate. Meanwhile, in turns drawn from the seed:
workers are killed, hang and are renewed; the store is killed, pauses, is locked; the provider
hangs, refuses, breaks off, is gone; disks are full; artifacts are swapped, sound and damaged ones;
clocks are moved. At the end the callers' own account of what was acknowledged is held against the
store.

After a third of it, in a run of 15 minutes or more, every table of every worker is filled (see
`_fill`); from then on one worker is spared, and its memory must be flat: the slope of its minutes,
with its interval, below a bound that `_memory` states. The filling comes on top of the minutes.

Errors are declared in docs/serve.md and docs/gateway.md. One is allowed where its fault is: up to
eight seconds after it was mended. It ends with 1 where anything was lost, learned twice or with
another value, where an error was not declared or a connection broke without a reason, or where
memory was not flat. Needs redis-server; small disks need root, moved clocks a C compiler; what
cannot be had is left out and told.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from _account import Follower, compare
from _callers import Callers
from _faults import Faults, phase_of
from _fill import bound_state, fill
from _judged import BREAKING, GRACE_S, STORE, UPSTREAM, answers_of, latency_of, verdict
from _memory import FLAT_MB_AN_HOUR, course
from _place import OLD_PART, Place
from rich.console import Console
from rich.table import Table

from serve import tasks_of
from tracetier.api import ingest, train
from tracetier.demo.sample import synthetic_records
from tracetier.settings import Settings

WARM_S, END_S = 12.0, 10.0
MEMORY_S = 5.0
FILLED_MINUTES = 15.0
"""A run that long fills the tables, and has its memory judged."""

SETTLE_S = 60.0
"""Time after the filling in which what is due of it is reported, before memory counts."""


async def watch_memory(place: Place, found: dict[str, list[tuple[float, float]]]) -> None:
    """Note the memory of each process, in MB."""
    while True:
        pids = {f"worker {pid}": pid for pid in place.workers()}
        assert place.process is not None
        pids["master"] = place.process.pid
        if place.redis is not None and place.redis.process is not None:
            pids["redis"] = place.redis.process.pid
        for name, pid in pids.items():
            with suppress(OSError, IndexError):
                text = Path(f"/proc/{pid}/status").read_text()
                kb = int(text.partition("VmRSS:")[2].split()[0])
                found[name].append((time.monotonic(), kb / 1024.0))
        await asyncio.sleep(MEMORY_S)


async def follow(follower: Follower) -> None:
    """Keep up with the log of the store."""
    while True:
        n = await asyncio.to_thread(follower.follow)
        await asyncio.sleep(0.05 if n > 500 else 0.25)


async def endure(place: Place, args: argparse.Namespace) -> dict[str, Any]:
    """Run it all; return what was found."""
    rng = random.Random(args.seed)
    tasks = list(tasks_of(2_000, rng))
    callers = Callers(place.port, tasks, rate=args.rate, seed=args.seed)
    faults, follower = Faults(place, rng), Follower(place.url)
    memory: dict[str, list[tuple[float, float]]] = defaultdict(list)
    stop, begun_s = asyncio.Event(), time.monotonic()
    beside = [
        asyncio.create_task(callers.run(stop)),
        asyncio.create_task(watch_memory(place, memory)),
        asyncio.create_task(follow(follower)),
        asyncio.create_task(faults.watch_stalls()),
    ]
    await asyncio.sleep(WARM_S)
    until_s = begun_s + 60.0 * args.minutes - END_S
    turns = {"turn_s": args.turn_s, "only": args.faults}
    await faults.run(begun_s + (until_s - begun_s) / 3.0, **turns, spares=False)
    filled = None
    if args.fill:
        filled = await fill(callers, place.port, args.seed)
        await asyncio.sleep(SETTLE_S)
        until_s += filled["seconds"] + SETTLE_S
    flat_from_s, spared = time.monotonic(), place.workers()
    await faults.run(until_s, **turns, spares=True)
    await asyncio.sleep(max(0.0, until_s + faults.stalled_s - time.monotonic()) + END_S)
    spared = [pid for pid in spared if pid in place.workers()]
    stop.set()
    await beside[0]
    readyz = await asyncio.to_thread(_status, place)
    code = await asyncio.to_thread(place.stop)
    for task in beside[1:]:
        task.cancel()
    if place.redis is not None:
        place.redis.see_to()
    for _ in range(50):
        if not await asyncio.to_thread(follower.follow):
            break
    account = compare(callers.account, follower, place.url, faults.explains)
    flat = {f"worker {pid}" for pid in spared}
    account["unexplained_s"] = Counter(
        (*(phase_of(faults.phases, at_s, GRACE_S)[0] for at_s in each), round(each[1] - each[0]))
        for each in account["unexplained_s"]
    ).most_common(20)
    return {
        "minutes": (time.monotonic() - begun_s - faults.stalled_s) / 60.0,
        "stood_still_s": faults.stalled_s,
        "account": account | {"unanswered": callers.n_due},
        "answers": answers_of(callers.seen, [*faults.phases, *faults.stalls]),
        "phases": [phase._asdict() for phase in [*faults.phases, *faults.stalls]],
        "latency": latency_of(callers.seen, faults.phases),
        "filled": filled,
        "memory": {
            name: course(each, flat_from_s if filled and name in flat else None)
            for name, each in memory.items()
        },
        "log": log_of(place),
        "ended_with": code,
        "ready_at_end": readyz,
        "can_move_clocks": place.can_move_clocks,
        "wrong": faults.wrong,
    }


def _status(place: Place) -> Any:
    import httpx

    try:
        return httpx.get(f"http://127.0.0.1:{place.port}/readyz", timeout=10.0).json()
    except (httpx.HTTPError, ValueError) as error:
        return {"status": type(error).__name__}


def log_of(place: Place) -> dict[str, Any]:
    """Count what the decision log holds."""
    kinds: Counter[str] = Counter()
    parts = sorted(place.log_disk.path.glob("decisions-*.jsonl"))
    for part in parts:
        for line in part.read_bytes().splitlines():
            try:
                kinds[json.loads(line)["kind"]] += 1
            except ValueError:
                kinds["torn"] += 1
    return {
        "parts": len(parts),
        "old_part_kept": (place.log_disk.path / OLD_PART).exists(),
        "lines": dict(kinds),
    }


def shown(found: dict[str, Any], console: Console) -> None:
    """Print it as tables."""
    answers, account = found["answers"], found["account"]
    table = Table(title="failures, by the fault that they came of")
    for name in ("", "fault", "path", "status", "kind", "n"):
        table.add_column(name)
    for kind in ("declared", "undeclared"):
        for row in answers[kind]:
            table.add_row(kind, *map(str, row))
    console.print(table)
    if answers["examples"]:
        console.print("undeclared, at s, took s:", answers["examples"])
    table = Table(title="time to answer, ms")
    for name in ("while", "path", "n", "p50", "p99"):
        table.add_column(name)
    for fault, part, n, p50, p99 in found["latency"]:
        table.add_row(fault, part, str(n), f"{p50:.1f}", f"{p99:.1f}")
    console.print(table)
    _show_memory(found, console)
    for title, part in (("account", account), ("decision log", found["log"])):
        console.print(f"{title}: {json.dumps(part)}")
    faults = Counter(phase["name"] for phase in found["phases"])
    console.print(f"faults: {dict(faults)}; left out: {found['left_out'] or 'none'}")
    for phase in found["phases"]:
        if phase["told"]:
            console.print(f"  {phase['name']}: {phase['told']}", highlight=False)
    console.print(
        f"{found['store']}, seed {found['seed']}, {found['minutes']:.1f} min (and "
        f"{found['stood_still_s']:.0f} s in which the machine stood still), "
        f"{answers['requests']:,} requests, load average {os.getloadavg()[0]:.1f}"
    )


def _show_memory(found: dict[str, Any], console: Console) -> None:
    table = Table(title=f"memory, MB; flat is a slope below {FLAT_MB_AN_HOUR:g} MB an hour")
    for name in ("", "lived s", "first", "most", "last", "MB an hour, tables full", "over minutes"):
        table.add_column(name)
    for name, how in found["memory"].items():
        if how["lived_s"] < 60.0 and name != "redis":
            continue
        row = [f"{how[key]:.0f}" for key in ("lived_s", "first_mb", "most_mb", "last_mb")]
        if "mb_an_hour" in how:
            row.append(f"{how['mb_an_hour']:+.1f} [{how['low']:+.1f}, {how['high']:+.1f}]")
            row.append(f"{how['n_minutes']:.0f}")
        table.add_row(name, *row)
    console.print(table)
    if found["filled"]:
        calls, seconds = found["filled"]["calls"], found["filled"]["seconds"]
        console.print(f"tables filled by {calls:,} calls in {seconds:.0f} s")


def artifacts(folder: Path) -> dict[str, Path]:
    """Train two artifacts on the same tasks, by different seeds: same tiers, other predictions."""
    log = folder / "log.jsonl"
    log.write_text("".join(json.dumps(each) + "\n" for each in synthetic_records(400)))
    ingest(log, folder / "table", settings=Settings())
    found = {}
    for seed, name in enumerate(("first", "second")):
        found[name] = folder / name
        train(folder / "table", found[name], settings=Settings(n_jobs=1, seed=seed))
    return found


def main() -> None:
    """Run it, print what was found, and end with 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--store", choices=("redis", "sqlite"), default="redis")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--turn-s", type=float, default=13.0, help="seconds from fault to fault")
    parser.add_argument("--faults", nargs="*", help="only these, by their names")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--fill",
        action=argparse.BooleanOptionalAction,
        help="fill all tables after a third, and judge memory from then on; by default in runs of "
        f"{FILLED_MINUTES:g} minutes or more",
    )
    parser.add_argument("--keep", type=Path, help="copy the logs of all processes here")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    args.fill = args.minutes >= FILLED_MINUTES if args.fill is None else args.fill
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "place"
        folder.mkdir()
        place = Place(folder, args.store, artifacts(Path(name)), minutes=args.minutes)
        try:
            place.start(bound_state if args.fill else None)
            found = asyncio.run(endure(place, args))
        finally:
            place.close()
            if args.keep is not None:
                args.keep.mkdir(parents=True, exist_ok=True)
                for log in folder.glob("*.log"):
                    (args.keep / log.name).write_bytes(log.read_bytes())
    ran = {phase["name"] for phase in found["phases"]}
    left_out = [] if args.faults else sorted(_all_faults(args.store) - ran)
    found |= {"store": args.store, "seed": args.seed, "left_out": left_out}
    found["verdict"] = wrong = verdict(found)
    if args.json:
        print(json.dumps(found, indent=1, default=str))
    else:
        console = Console(width=max(120, Console().width))
        shown(found, console)
        console.print("\n".join(wrong) if wrong else "All is well.", style="bold")
    sys.exit(1 if wrong else 0)


def _all_faults(store: str) -> set[str]:
    known = BREAKING | STORE | UPSTREAM | {"artifact swapped", "log disk full"}
    known |= {
        "a worker starts a year ahead",
        "clocks a day ahead",
        "a clock a year ahead",
        "a clock an hour back",
    }
    other = {"state locked"} if store == "redis" else {n for n in known if "redis" in n}
    return known - other


if __name__ == "__main__":
    main()
