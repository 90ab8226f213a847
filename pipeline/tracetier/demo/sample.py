"""A small **synthetic** log for trying the commands, never for a claim.

The process is all there is to it:

    a task has a type, a size 1-9 that its text states, and a part h in [-1, 1] that nothing tells
    difficulty = base of the type + 0.2 size + 0.5 h
    P(success) = 1 / (1 + exp(difficulty - skill of the tier))
    quality    = 0.9 to 1 where it succeeds, 0 to 0.3 where it fails
    cost       = tokens in and out x the tier's price per token

Every task runs on every tier. The same seed gives the same bytes on every machine: only
`Random.random` is drawn from, and all that is written is rounded. To make the file again::

    python -m tracetier.demo.sample data/sample/synthetic-traces.jsonl
"""

import json
import sys
from collections.abc import Iterator, Sequence
from math import exp
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

NAME = "synthetic-traces.jsonl"
N_TASKS = 140
SEED = 20250101

_MODULES = ("billing", "search", "auth", "export", "inbox", "report", "upload", "webhook")
_Item = TypeVar("_Item")


class SampleTier(NamedTuple):
    """One made-up model: skill on the scale of difficulty, prices in USD per million tokens."""

    name: str
    skill: float
    input_usd_per_mtok: float
    output_usd_per_mtok: float
    verbosity: float


class SampleType(NamedTuple):
    """One kind of task: how often, how hard, how long, and what it reads like."""

    name: str
    weight: int
    base: float
    n_output: int
    tools: tuple[str, ...]
    wordings: tuple[str, ...]


TIERS = (
    SampleTier("haiku", 1.0, 1.0, 5.0, 0.8),
    SampleTier("sonnet", 2.8, 3.0, 15.0, 1.0),
    SampleTier("opus", 4.5, 5.0, 25.0, 1.2),
)
TYPES = (
    SampleType(
        "explain",
        4,
        -4.5,
        900,
        ("read",),
        ("Explain what the {} module does", "Summarise the {} module for a new colleague"),
    ),
    SampleType(
        "rename",
        4,
        -4.0,
        800,
        ("read", "edit"),
        ("Rename the main class of {}", "Give the helpers of {} clearer names"),
    ),
    SampleType(
        "unit_test",
        3,
        0.8,
        900,
        ("read", "edit", "bash"),
        ("Write unit tests for {}", "Raise the test coverage of {}"),
    ),
    SampleType(
        "bug_fix",
        3,
        2.2,
        800,
        ("read", "edit", "bash"),
        ("Fix the race condition in {}", "Find out why {} loses events under load"),
    ),
    SampleType(
        "design",
        2,
        3.5,
        900,
        ("read",),
        ("Design a migration of {} to the new schema", "Plan how to split {} into services"),
    ),
)


def synthetic_records(n_tasks: int = N_TASKS, *, seed: int = SEED) -> Iterator[dict[str, object]]:
    """Yield the records, one per task and tier, in the columns of the feature table.

    Parameters
    ----------
    n_tasks : int
        At least one.
    seed : int
        Same seed, same records.

    Examples
    --------
    >>> record = next(synthetic_records())
    >>> record["task_type"], record["model"], record["y_quality_source"]
    ('unit_test', 'synthetic-haiku', 'synthetic')
    """
    rng = Random(seed)
    kinds = [kind for kind in TYPES for _ in range(kind.weight)]
    for number in range(n_tasks):
        kind, size = _pick(kinds, rng), 1 + int(9 * rng.random())
        text = f"{_pick(kind.wordings, rng).format(_pick(_MODULES, rng))}; {_extent(size)}."
        difficulty = kind.base + 0.2 * size + 0.5 * (2 * rng.random() - 1)
        for tier in TIERS:
            yield {
                "trace_id": f"synthetic-{number:03d}-{tier.name}",
                "task_id": f"synthetic-{number:03d}",
                "task_text": text,
                "task_type": kind.name,
                "tools": list(kind.tools),
                "model": f"synthetic-{tier.name}",
                "tier": tier.name,
                "y_quality": _quality(difficulty, tier, rng),
                "y_quality_source": "synthetic",
                **_spent(kind, size, tier, rng),
            }


def synthetic_log() -> bytes:
    """Return the sample as JSON Lines."""
    lines = (json.dumps(record, separators=(",", ":")) for record in synthetic_records())
    return "".join(line + "\n" for line in lines).encode()


def write_sample(path: Path) -> None:
    """Write the sample to a file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(synthetic_log())


def _pick(items: Sequence[_Item], rng: Random) -> _Item:
    return items[int(len(items) * rng.random())]


def _extent(size: int) -> str:
    return "it is one short file" if size == 1 else f"it spans {size} files"


def _quality(difficulty: float, tier: SampleTier, rng: Random) -> float:
    p_success = 1 / (1 + exp(difficulty - tier.skill))
    is_success, shade = rng.random() < p_success, rng.random()
    return round(0.9 + 0.1 * shade if is_success else 0.3 * shade, 2)


def _spent(kind: SampleType, size: int, tier: SampleTier, rng: Random) -> dict[str, object]:
    n_input = 400 + 150 * size + int(200 * rng.random())
    n_output = int(kind.n_output * tier.verbosity * (0.7 + 0.6 * rng.random()))
    cost = n_input * tier.input_usd_per_mtok + n_output * tier.output_usd_per_mtok
    return {
        "y_input_tokens": n_input,
        "y_output_tokens": n_output,
        "y_cost_usd": round(cost / 1e6, 6),
    }


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]))
