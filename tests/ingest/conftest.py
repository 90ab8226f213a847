"""Logs to read, written on the spot."""

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

WriteLines = Callable[..., Path]
Rows = list[dict[str, Any]]


@pytest.fixture
def write_lines(tmp_path: Path) -> WriteLines:
    """Write objects (or raw lines) as JSON Lines, packed where the name ends in ``.gz``."""

    def write(lines: Iterable[object], name: str = "log.jsonl") -> Path:
        raw = b"".join(
            (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n"
            for line in lines
        )
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return write


@pytest.fixture
def outcome() -> Callable[..., dict[str, Any]]:
    """Build one row of an outcome table."""

    def build(i: int, **fields: object) -> dict[str, Any]:
        row = {
            "trace_id": f"{i:016x}",
            "task_id": f"task-{i}",
            "timestamp": "2025-01-06T08:00:00.250Z",
            "task_type": "qa",
            "prompt": f"What is {i} + {i}?",
            "tools": None,
            "n_tools": None,
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "latency_s": 0.5,
            "tier": "low",
            "model": "model-s",
            "cost_usd": 0.001,
            "quality": 7.5,
            "success": None,
        }
        return row | fields

    return build


@pytest.fixture
def issues_of() -> Callable[[Path], Rows]:
    """Read the issues beside a table."""

    def read(table: Path) -> Rows:
        found: Rows = pq.read_table(table / "issues.parquet").to_pylist()
        return found

    return read
