"""Rows and tables to start from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tracetier.records import Invocation
from tracetier.table import TableWriter


def invocation(i: int, **fields: object) -> Invocation:
    """One row that differs from others by its ids."""
    values: dict[str, object] = {"trace_id": f"t{i}", "task_id": f"k{i}", "tier": "low", **fields}
    return Invocation(**values)  # type: ignore[arg-type]


@pytest.fixture
def make_row() -> Callable[..., Invocation]:
    """The builder of rows."""
    return invocation


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of three rows in two parts, tiers low and high."""
    out = tmp_path / "table"
    with TableWriter(out, tiers=("low", "high"), rows_per_part=2) as writer:
        writer.write([invocation(0, y_cost_usd=0.001), invocation(1, y_cost_usd=0.003)])
        writer.write([invocation(2, tier="high", y_cost_usd=0.01)])
    return out
