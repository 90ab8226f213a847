"""Decisions and durable reports per second over HTTP, on one core.

    python benchmarks/serve.py                        # trains a small artifact first
    python benchmarks/serve.py --artifact models/prod --seconds 10 --json

The service runs on one core and wrk, a load generator in C, on another (``apt install wrk``); both
are pinned by taskset. Every request carries another task of about 100 words. Beside it, on the
same core and under the same load, an ASGI route that does no work at all: the most that the web
server can do, and so the measure of how busy the machine is. The rate per core is that of requests
to the service's own processor time; it says what a quiet core would do where the machine is not
quiet. With ``--log`` every decision is also written to the decision log. Reports are of decisions
that were made before, and every one is in the store when it is answered (SQLite in WAL mode,
synchronous FULL).
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
from rich.console import Console
from rich.table import Table

from tracetier.api import ingest, train
from tracetier.demo.sample import synthetic_records
from tracetier.settings import Settings

N_TASKS = 4_000
N_WORDS = 100
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

LUA = """
local bodies, at, is_once = {{}}, 0, {is_once}
for line in io.lines("{bodies}") do
  bodies[#bodies + 1] = wrk.format(
    "POST", "{path}", {{["host"] = "127.0.0.1", ["content-type"] = "application/json"}}, line)
end
request = function()
  at = at + 1
  if at > #bodies then
    if is_once then wrk.thread:stop() end
    at = 1
  end
  return bodies[at]
end
done = function(summary, latency, requests)
  io.write(string.format(
    'RESULT {{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "failed": %d}}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, summary.errors.status + summary.errors.connect
    + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""

FLOOR = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
"""


TABAGENT = """
import dataclasses, json, sys
import pandas as pd
from tabagent.agent import TabAgent
from tabagent.api import DECISION, GROUP, TabAgentHead
from tabagent.auto import infer_card
from tabagent.table import DecisionSpec, DecisionTable
from tabagent.tabhead import TabHead

tasks = [json.loads(line) for line in open(sys.argv[1])]
frame = pd.DataFrame([{
    GROUP: f"g{i}", DECISION: f"g{i}#0", "text": task["text"], "task_type": task["task_type"] or "",
    "label": ("low", "mid", "high")[len(task["text"]) % 3]} for i, task in enumerate(tasks)])
table = DecisionTable(frame, DecisionSpec("single", GROUP, "label", decision=(DECISION,)))
card = infer_card(table.df, table.spec, ["text", "task_type"], add_prior=False,
                  text_cols=["text"], pair_embeddings=False)
card.features[:] = [dataclasses.replace(f, source="extractor") for f in card.features]
code = (
    'features = {"text": trajectory.get("text") or "", '
    '"task_type": trajectory.get("task_type") or ""}'
)
agent = TabAgent(card, head=TabHead("single")).fit(table)
head = TabAgentHead(agent=agent, target="tier", extractor_code=code, trust_extractor=True)
assert head.decide({"text": tasks[0]["text"]}, None)["error"] is None
head.save(sys.argv[2])
"""
"""Trains a head on the same texts, and gives it an extractor of one line, run in its process: what
remains is its service and its model, at its own default size."""


class Load(NamedTuple):
    """What one run of wrk met."""

    per_s: float
    per_core_s: float
    p50_ms: float
    p99_ms: float
    n: int
    n_failed: int
    load_average: float


def artifact_of(given: Path | None, folder: Path) -> Path:
    """Return the artifact that was given, or train one on synthetic tasks, text included."""
    if given is not None:
        return given
    log = folder / "log.jsonl"
    log.write_text("".join(json.dumps(each) + "\n" for each in synthetic_records(400)))
    ingest(log, folder / "table", settings=Settings())
    train(folder / "table", folder / "artifact", settings=Settings(n_jobs=1))
    return folder / "artifact"


def tasks_of(n: int, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Tasks of about 100 words each, of the words of the synthetic ones, as no two are the same."""
    words = " ".join(str(each["task_text"]) for each in synthetic_records(100)).split()
    words += [f"module_{i}" for i in range(2_000)]
    kinds = ("bug_fix", "explain", "rename", "unit_test", None)
    for i in range(n):
        text = " ".join(rng.choices(words, k=rng.randint(N_WORDS - 20, N_WORDS + 20)))
        yield {"text": text, "task_type": kinds[i % len(kinds)], "tools": ["bash", "edit"]}


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def server(command: Sequence[str], port: int, *, core: int, ready: str) -> Iterator[int]:
    """Run a server on a core; yield its process id once it answers."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            for _ in range(600):
                try:
                    httpx.post(f"http://127.0.0.1:{port}{ready}", json={}, timeout=1.0)
                    break
                except httpx.TransportError:
                    if process.poll() is not None:
                        log.seek(0)
                        raise RuntimeError(log.read().decode()[-2000:]) from None
                    time.sleep(0.1)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def processor_s(pid: int) -> float:
    """Return the processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def settle(pid: int) -> None:
    """Wait until a server has done what it does after its start, as compiling."""
    for _ in range(60):
        before = processor_s(pid)
        time.sleep(1.0)
        if processor_s(pid) - before < 0.1:
            return


def load(
    pid: int,
    port: int,
    path: str,
    bodies: Sequence[bytes],
    *,
    seconds: float,
    connections: int,
    core: int,
    is_once: bool = False,
) -> Load:
    """Send the bodies by wrk, round and round or once."""
    with tempfile.TemporaryDirectory() as folder:
        lines, script = Path(folder) / "bodies", Path(folder) / "load.lua"
        lines.write_bytes(b"\n".join(bodies) + b"\n")
        script.write_text(
            LUA.format(bodies=lines, path=path, is_once="true" if is_once else "false")
        )
        before, average = processor_s(pid), os.getloadavg()[0]
        done = subprocess.run(
            [
                *("taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}"),
                *(f"-d{seconds:g}s", "--timeout", "20s", "-s", str(script)),
                f"http://127.0.0.1:{port}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        spent = processor_s(pid) - before
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    found = json.loads(line.removeprefix("RESULT "))
    n = found["requests"]
    return Load(
        n / found["seconds"],
        n / spent if spent else 0.0,
        found["p50_ms"],
        found["p99_ms"],
        n,
        found["failed"],
        average,
    )


def decided(port: int, tasks: Sequence[dict[str, Any]]) -> list[str]:
    """Return the ids of decisions for the tasks, made by batches."""
    ids: list[str] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        for start in range(0, len(tasks), 500):
            answer = client.post("/v1/route/batch", json={"tasks": tasks[start : start + 500]})
            answer.raise_for_status()
            ids += [each["decision_id"] for each in answer.json()["decisions"]]
    return ids


def tabagent(
    python: Path, folder: Path, tasks: Sequence[dict[str, Any]], how: dict[str, Any], repeats: int
) -> list[Load]:
    """Return what TabAgent's own ``/decide`` service answers under the same load."""
    script, lines, head = folder / "head.py", folder / "tasks.jsonl", folder / "head"
    script.write_text(TABAGENT)
    lines.write_text("".join(json.dumps(task) + "\n" for task in tasks[:300]))
    subprocess.run([python, script, lines, head], check=True, capture_output=True)
    bodies = [msgspec.json.encode({"prefix": task}) for task in tasks]
    runs = []
    for _ in range(repeats):
        port = free_port()
        command = [str(python), "-m", "tabagent.cli", "serve", str(head), "--port", str(port)]
        command += ["--trust-extractor", "--no-drift", "--threads", "1"]
        with server(command, port, core=0, ready="/decide") as pid:
            load(pid, port, "/decide", bodies[:200], **(how | {"seconds": 2}))
            runs.append(load(pid, port, "/decide", bodies, **how))
    return runs


def measured(arguments: argparse.Namespace, folder: Path) -> dict[str, list[Load]]:
    """Run everything, one after the other, as often as asked."""
    artifact = artifact_of(arguments.artifact, folder)
    rng = random.Random(arguments.seed)
    tasks = list(tasks_of(N_TASKS, rng))
    bodies = [msgspec.json.encode({"task": task}) for task in tasks]
    how = {"seconds": arguments.seconds, "connections": arguments.connections, "core": 1}
    found: dict[str, list[Load]] = {
        name: [] for name in ("no work at all", "/v1/route", "/v1/route --log", "/v1/feedback")
    }
    for repeat in range(arguments.repeats):
        port = free_port()
        (folder / "floor_app.py").write_text(FLOOR)
        floor = [sys.executable, "-m", "uvicorn", "floor_app:app", "--app-dir", str(folder)]
        floor += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
        with server(floor, port, core=0, ready="/") as pid:
            found["no work at all"].append(load(pid, port, "/v1/route", bodies, **how))
        port = free_port()
        ours = [sys.executable, "-m", "tracetier", "serve", str(artifact), "--port", str(port)]
        for name, extra in (("/v1/route", []), ("/v1/route --log", ["--log", f"{folder}/log"])):
            state = f"sqlite://{folder}/state-{repeat}-{len(extra)}.db"
            with server([*ours, *extra, "--state", state], port, core=0, ready="/v1/route") as pid:
                load(pid, port, "/v1/route", bodies, **(how | {"seconds": 1}))
                settle(pid)
                found[name].append(load(pid, port, "/v1/route", bodies, **how))
        ours += ["--state", f"sqlite://{folder}/reports-{repeat}.db"]
        with server(ours, port, core=0, ready="/v1/route") as pid:
            n = min(80_000, int(arguments.reports_per_s * arguments.seconds))
            settle(pid)
            ids = decided(port, [tasks[i % len(tasks)] for i in range(n)])
            reports = [
                msgspec.json.encode(
                    {"decision_id": each, "quality": round(rng.uniform(0, 10), 2), "cost_usd": 0.01}
                )
                for each in ids
            ]
            found["/v1/feedback"].append(
                load(pid, port, "/v1/feedback", reports, is_once=True, **how)
            )
    if arguments.tabagent is not None:
        name = "TabAgent /decide"
        found[name] = tabagent(arguments.tabagent, folder, tasks, how, arguments.repeats)
    return found


def shown(found: dict[str, list[Load]], arguments: argparse.Namespace) -> Table:
    """Return the figures as a table; each the median of its repeats."""
    table = Table(title=f"HTTP on one core, {arguments.connections} connections")
    for name in ("", "a second", "a second of its core", "p50 ms", "p99 ms", "of no work", "n"):
        table.add_column(name, justify="left" if not name else "right")
    table.add_column("failed", justify="right")
    table.add_column("load average", justify="right")
    floor = median(found["no work at all"])
    for name, runs in found.items():
        if not runs:
            continue
        run = median(runs)
        table.add_row(
            name,
            f"{run.per_s:,.0f}",
            f"{run.per_core_s:,.0f}",
            f"{run.p50_ms:.2f}",
            f"{run.p99_ms:.2f}",
            f"{run.per_core_s / floor.per_core_s:.1%}",
            f"{run.n:,}",
            str(run.n_failed),
            f"{run.load_average:.1f}",
        )
    return table


def median(runs: Sequence[Load]) -> Load:
    """Return the run of the median rate."""
    return sorted(runs, key=lambda run: run.per_s)[len(runs) // 2]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--artifact", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reports-per-s", type=float, default=8_000)
    parser.add_argument(
        "--tabagent", type=Path, help="Python of an environment with tabagent[serve], beside it"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    missing = [tool for tool in ("wrk", "taskset") if shutil.which(tool) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed; apt install wrk util-linux")
        return
    with tempfile.TemporaryDirectory() as folder:
        found = measured(arguments, Path(folder))
    if arguments.json:
        print(json.dumps({name: [run._asdict() for run in runs] for name, runs in found.items()}))
    else:
        Console(width=max(100, Console().width)).print(shown(found, arguments))


if __name__ == "__main__":
    main()
