"""Real outcome tables for the benchmarks: where they lie, and how to read them into rows.

The tables are not part of the project. ``TRACETIER_SHARED`` names the folder that holds
``data/<name>/outcomes.jsonl.gz``; by default ``../shared`` beside the checkout. A benchmark whose
table is absent says so and ends well.
"""

import os
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import msgspec

from tracetier.ingest.run import ingest
from tracetier.settings import Settings
from tracetier.table import read_table, read_tiers
from tracetier.tiers import Tier, TierSet
from tracetier.train.rows import TaskRows, task_rows

ROOT = Path(__file__).resolve().parents[1]


def shared_path(name: str) -> Path:
    """Path of an outcome table; ends the program, in words, where it is absent."""
    shared = Path(os.environ.get("TRACETIER_SHARED", ROOT.parent / "shared"))
    path = shared / "data" / name / "outcomes.jsonl.gz"
    if not path.is_file():
        print(f"skipped: {name} is not there; set TRACETIER_SHARED to the folder that holds data/")
        sys.exit(0)
    return path


@lru_cache
def load_rows(name: str) -> tuple[tuple[str, ...], TaskRows]:
    """Tiers, cheap to dear, and rows of a full-information table, through the real ingest."""
    with tempfile.TemporaryDirectory() as folder:
        ingest([shared_path(name)], folder + "/table", settings=Settings())
        names = read_tiers(folder + "/table")
        tiers = TierSet(tuple(Tier(name=tier) for tier in names))
        return names, task_rows(read_table(folder + "/table"), tiers)


def without_types(rows: TaskRows) -> TaskRows:
    """Return the same rows as from a caller who names no task type."""
    tasks = [msgspec.structs.replace(task, task_type=None) for task in rows.tasks]
    return rows._replace(tasks=tasks)
