"""Nested traces → feature table: how fast, in how much memory, beside what only decodes them.

    python benchmarks/ingest.py [--mb 100] [--file-mb 16] [--full] [--repeats 3] [--json]

Runs of agents as Langfuse exports them, one trace per line: an agent, its model calls, each with
the messages so far, and its tools. What becomes a row (the task's text, ids, counts, costs) is a
small part of the bytes. Each figure is the median of fresh processes pinned to one core; ``--full``
also reads 1 GB to compare the peak of memory: that of the process itself and, as if all had theirs
at once and shared nothing, those of its workers. Ways take turns, and how many times faster two
processes are than one is told by the pairs: their median, and in brackets the least and the most.

A run makes 6 to 20 calls; tool results are 0.5 to 3 KB, so that a call carries 17 KB in the mean
and a line 270 KB: between the calls of tau-bench (7 to 15 KB) and of SWE-agent (41 KB) among the
samples. Texts have line breaks and quotes as those have, about 20 escapes per KB of JSON.

Beside the time that passes stands that of the processors, of all processes of a run together: on a
machine that others use too only the latter can be compared.

Bytecode is compiled beforehand, as in an installed package. The decoders among the peers import
nothing that they do not need, and read files as Python does by default.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
from rich.console import Console
from rich.table import Table

MODELS = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")
PRICES = ((1.0, 5.0), (3.0, 15.0), (5.0, 25.0))  # USD per million tokens, in and out
WORDS = [
    "the",
    "a",
    "of",
    "test",
    "file",
    "error",
    "return",
    "value",
    "module",
    "parse",
    "fix",
    "import",
    "line",
    "class",
    "data",
    "run",
    "call",
    "query",
]
N_CALLS = (6, 20)
N_RESULT_WORDS = (100, 600)
START = datetime(2025, 1, 6, tzinfo=UTC)


def text(draw: random.Random, n_words: int) -> str:
    """Return words, some of them new, in lines, some of them quoted."""
    words = draw.choices(WORDS, k=n_words)
    words[5::14] = [word + "\n" for word in words[5::14]]
    words[9::40] = [f'"{word}"' for word in words[9::40]]
    words[:: max(1, n_words // 8)] = [f"w{draw.randrange(9999)}"] * len(
        words[:: max(1, n_words // 8)]
    )
    return " ".join(words)


def trace(draw: random.Random, number: int) -> dict[str, object]:
    """Return one run of an agent: 6 to 20 calls with their messages, and the tools between."""
    tier = draw.randrange(3)
    trace_id, begin = f"{number:032x}", START + timedelta(seconds=20 * number)
    task = text(draw, draw.randint(20, 120))
    messages: list[dict[str, object]] = [
        {"role": "system", "content": text(draw, 400)},
        {"role": "user", "content": task},
    ]
    steps: list[dict[str, object]] = [
        step(number, 0, None, "AGENT", "coder", begin, 120.0, input=messages[1:])
    ]
    for _ in range(draw.randint(*N_CALLS)):
        n_input, n_output = sum(len(str(m["content"])) for m in messages) // 4, 60
        answer = text(draw, 40)
        begin += timedelta(seconds=3)
        call = step(number, len(steps), 0, "GENERATION", "chat", begin, 2.5, input=list(messages))
        price = PRICES[tier]
        cost = {"input": n_input * price[0] / 1e6, "output": n_output * price[1] / 1e6}
        steps.append(
            call
            | {
                "model": MODELS[tier],
                "output": answer,
                "usageDetails": {
                    "input": n_input,
                    "output": n_output,
                    "total": n_input + n_output,
                },
                "costDetails": cost | {"total": sum(cost.values())},
            }
        )
        result = text(draw, draw.randint(*N_RESULT_WORDS))
        begin += timedelta(seconds=3)
        steps.append(
            step(
                number,
                len(steps),
                0,
                "TOOL",
                "bash",
                begin,
                0.5,
                input=[{"role": "assistant", "content": "pytest"}],
            )
            | {"output": result}
        )
        messages += [
            {"role": "assistant", "content": answer},
            {"role": "tool", "content": result},
        ]
    score = {"id": f"s{number}", "name": "correctness", "value": draw.randrange(2)}
    return {
        "id": trace_id,
        "name": "fix",
        "timestamp": steps[0]["startTime"],
        "sessionId": f"session-{number}",
        "bookmarked": False,
        "public": False,
        "environment": "default",
        "observations": steps,
        "scores": [score | {"traceId": trace_id, "dataType": "BOOLEAN", "source": "API"}],
    }


def step(
    number: int,
    place: int,
    parent: int | None,
    kind: str,
    name: str,
    start: datetime,
    seconds: float,
    **content: object,
) -> dict[str, object]:
    """Return an observation as the API writes it."""
    end = start + timedelta(seconds=seconds)
    return {
        "id": f"{number:08x}{place:08x}",
        "traceId": f"{number:032x}",
        "parentObservationId": None if parent is None else f"{number:08x}{parent:08x}",
        "type": kind,
        "name": name,
        "environment": "default",
        "level": "DEFAULT",
        "statusMessage": None,
        "startTime": start.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "endTime": end.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "modelParameters": {"temperature": 0.2},
        "metadata": {"attributes": {"service.name": "agent", "run": number}},
        **content,
    }


def generate(folder: Path, mb: int, file_mb: int) -> None:
    """Write about ``mb`` MB of traces in files of ``file_mb`` MB."""
    draw, number, left = random.Random(0), 0, mb * 1_000_000
    for place in range(-(-mb // file_mb)):
        with (folder / f"part-{place:04d}.jsonl").open("wb") as file:
            while left > 0 and file.tell() < file_mb * 1_000_000:
                left -= file.write(msgspec.json.encode(trace(draw, number)) + b"\n")
                number += 1


# One way of reading each: run in a process of its own, `FOLDER` being what was generated.

TYPED = (
    """
from datetime import datetime
import msgspec
class Message(msgspec.Struct):
    role: str
    content: str
class Step(msgspec.Struct, rename="camel"):
    id: str
    trace_id: str
    type: str
    name: str
    start_time: datetime
    end_time: datetime
    level: str
    input: list[Message]
    parent_observation_id: str | None = None
    status_message: str | None = None
    model: str | None = None
    usage_details: dict[str, int] = {}
    cost_details: dict[str, float] = {}
class Score(msgspec.Struct, rename="camel"):
    name: str
    value: float
    trace_id: str
class Trace(msgspec.Struct, rename="camel"):
    id: str
    session_id: str
    observations: list[Step]
    scores: list[Score]
decode = msgspec.json.Decoder(Trace).decode
""",
    """
for path in paths:
    with path.open("rb") as file:
        for line in file:
            decode(line)
""",
)
JSON = (
    "import json",
    """
for path in paths:
    with path.open("rb") as file:
        for line in file:
            json.loads(line)
""",
)
PANDAS = (
    "import pandas",
    """
for path in paths:
    pandas.read_json(path, lines=True)
""",
)
ARROW = (
    "import pyarrow.json",
    """
options = pyarrow.json.ReadOptions(use_threads=False, block_size=1 << 24)
for path in paths:
    pyarrow.json.read_json(path, read_options=options)
""",
)
LOAD = "import pyarrow.parquet\nfrom tracetier.ingest import run"
INGEST = 'run.ingest(folder, folder.with_name("{table}"), jobs=1, fresh=True)'
WHOLE = (LOAD, INGEST.format(table="table"))
APART = [(LOAD, INGEST.format(table=f"table-{core}")) for core in range(2)]
TWO = (LOAD, 'run.ingest(folder, folder.with_name("table"), jobs=2, fresh=True)')
AGAIN = (LOAD, 'run.ingest(folder, folder.with_name("table"))')
ONE, BOTH = "tracetier ingest", "tracetier ingest, 2 processes"
FRAME = """
import resource, sys, time
from pathlib import Path
folder = Path(sys.argv[1])
paths = sorted(folder.iterdir())
{setup}
def cpu_s():
    every = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in every)
start, cpu_start = time.perf_counter(), cpu_s()
{body}
took = time.perf_counter() - start, cpu_s() - cpu_start
every = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(*took, *(one.ru_maxrss / 1024 for one in every))
"""
WAYS = {
    "msgspec, typed, decoding alone": (TYPED, 1),
    "json, decoding alone": (JSON, 1),
    "pandas.read_json(lines=True)": (PANDAS, 1),
    "pyarrow.json.read_json": (ARROW, 1),
    ONE: (WHOLE, 1),
    BOTH: (TWO, 2),
    "tracetier ingest, nothing changed": (AGAIN, 1),
}


def measure(
    way: tuple[str, str], folder: Path, n_cores: int, first: int = 0
) -> tuple[float, float, float]:
    """Return seconds, those of processors, and peak MB of one way of reading in a new process."""
    cores = sorted(os.sched_getaffinity(0))[first : first + n_cores]
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(folder.with_name("bytecode"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", FRAME.format(setup=way[0], body=way[1]), str(folder)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    seconds, cpu_s, peak_mb, worker_mb = map(float, done.stdout.split())
    return seconds, cpu_s, peak_mb + (n_cores * worker_mb if n_cores > 1 else 0)


def measure_apart(folder: Path) -> float:
    """Return the mean seconds of two runs of one process each, at the same time on two cores."""
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(measure, way, folder, 1, core) for core, way in enumerate(APART)]
    return statistics.mean(run.result()[0] for run in runs)


def figures(folder: Path, repeats: int, only: str) -> dict[str, dict[str, float]]:
    """Return MB/s and peak MB of each way: medians of runs that take turns."""
    n_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    ways = {name: way for name, way in WAYS.items() if only in name}
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    apart: list[float] = []
    for _ in range(repeats):
        for name, (way, n_cores) in ways.items():
            runs[name].append(measure(way, folder, n_cores))
        if BOTH in runs:
            apart.append(measure_apart(folder))
    found = {}
    for name, every in runs.items():
        seconds, cpu_s, peak_mb = (statistics.median(column) for column in zip(*every, strict=True))
        found[name] = {"s": seconds, "cpu_s": cpu_s, "mb_per_s": n_mb / seconds, "peak_mb": peak_mb}
    if ONE in runs and BOTH in runs:
        ratios = [one[0] / two[0] for one, two in zip(runs[ONE], runs[BOTH], strict=True)]
        found[BOTH] |= {"times_one": statistics.median(ratios)}
        found[BOTH] |= {"times_one_least": min(ratios), "times_one_most": max(ratios)}
        bounds = [2 * one[0] / two for one, two in zip(runs[ONE], apart, strict=True)]
        found[BOTH] |= {"apart": statistics.median(bounds)}
        found[BOTH] |= {"apart_least": min(bounds), "apart_most": max(bounds)}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mb", type=int, default=100)
    parser.add_argument("--file-mb", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="also peak memory at 1 GB")
    parser.add_argument("--only", default="", help="part of a way's name")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "logs"
        folder.mkdir()
        generate(folder, 1, args.file_mb)
        for way, n_cores in WAYS.values():
            measure(way, folder, n_cores)  # compiles what is imported
        generate(folder, args.mb, args.file_mb)
        found = figures(folder, args.repeats, args.only)
        if args.full:
            large = Path(place) / "large"
            large.mkdir()
            generate(large, 1_000, args.file_mb)
            of_large = figures(large, args.repeats, ONE)
            found |= {f"{name}, 1 GB": of_large[name] for name in (ONE, BOTH)}
    if args.json:
        print(json.dumps(found))
    else:
        show(found, args.mb)


def show(found: dict[str, dict[str, float]], mb: int) -> None:
    """Print the figures and their ratios."""
    base = found.get("msgspec, typed, decoding alone")
    table = Table(title=f"{mb} MB of nested traces, JSON Lines", title_justify="left")
    for column in ("", "s", "MB/s", "of msgspec", "CPU s", "of msgspec", "peak MB"):
        table.add_column(column, justify="left" if not column else "right")
    for name, one in found.items():
        share, cpu_share = "", ""
        if base and "1 GB" not in name:
            share, cpu_share = f"{base['s'] / one['s']:.2f}", f"{base['cpu_s'] / one['cpu_s']:.2f}"
        table.add_row(
            name,
            f"{one['s']:.2f}",
            f"{one['mb_per_s']:.0f}",
            share,
            f"{one['cpu_s']:.2f}",
            cpu_share,
            f"{one['peak_mb']:.0f}",
        )
    console = Console(width=100)
    console.print(table)
    for at, size in (("", f"{mb} MB"), (", 1 GB", "1 GB")):
        two = found.get(BOTH + at, {})
        if "times_one" in two:
            for what, key in (("two processes", "times_one"), ("two runs apart", "apart")):
                told = f"{two[key + '_least']:.2f} to {two[key + '_most']:.2f}"
                console.print(f"{what} at {size}: {two[key]:.2f} times one [{told}]")
    for name in (ONE, BOTH):
        small, large = found.get(name), found.get(f"{name}, 1 GB")
        if small and large:
            ratio = large["peak_mb"] / small["peak_mb"]
            console.print(f"{name}: peak at 1 GB {ratio:.2f} times that at {mb} MB")


if __name__ == "__main__":
    main()
