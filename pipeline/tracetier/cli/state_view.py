"""A router's state looked at: what was decided, reported and learned."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from tracetier.route.alarm import Alarm
    from tracetier.route.learner import Cell, Snapshot

_N_BUCKETS = 8


def state_facts(where: str, snapshot: "Snapshot") -> dict[str, Any]:  # Any: the shape of JSON
    """Return everything that a machine may want to know of a state."""
    return {
        "kind": "state",
        "path": where,
        "strategy": snapshot.strategy,
        "artifact_id": snapshot.artifact_id,
        "lam": snapshot.lam,
        "counts": msgspec.to_builtins(snapshot.counts),
        "n_pending": snapshot.n_pending,
        "cells": [cell._asdict() for cell in snapshot.cells],
        "alarms": msgspec.to_builtins(snapshot.alarms),
    }


def render_state(where: str, snapshot: "Snapshot") -> RenderableType:
    """Return the counts, then Q of the buckets that saw most decisions."""
    counts = snapshot.counts
    head = Text.assemble(
        (f"state {where}", "bold"),
        f", strategy {snapshot.strategy}, of artifact ",
        (snapshot.artifact_id, "bold green"),
        f"\n{counts.decisions:,} decision{'s' * (counts.decisions != 1)}: "
        f"{counts.feedback:,} reported, "
        f"{snapshot.n_pending:,} waiting, {counts.expired:,} given up; "
        f"{counts.duplicates:,} second report{'s' * (counts.duplicates != 1)}",
    )
    for alarm in snapshot.alarms:
        head.append(f"\nalarm{_when(alarm)}: {alarm}", style="yellow")
    busy = _busiest(snapshot.cells)
    if not busy:
        return Group(head, Text("No decision yet: Q is what the model expects.", style="dim"))
    shown = [cell for bucket in busy[:_N_BUCKETS] for cell in bucket]
    parts: list[RenderableType] = [head, q_table(shown)]
    if len(busy) > _N_BUCKETS:
        n_more = len(busy) - _N_BUCKETS
        parts.append(Text(f"and {n_more:,} more bucket{'s' * (n_more != 1)}", style="dim"))
    parts.append(Text(f"Q = quality (0-10) - lambda x cost (0-1), lambda {snapshot.lam:g}", "dim"))
    return Group(*parts)


def q_table(cells: Sequence["Cell"], before: Sequence["Cell"] | None = None) -> Table:
    """Return Q of some cells, as it was and as it is.

    Parameters
    ----------
    cells : sequence of Cell
    before : sequence of Cell, optional
        The same cells at an earlier time; by default Q is told against what the model expects.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("bucket", overflow="fold")
    table.add_column("tier", no_wrap=True)
    start = "Q of model" if before is None else "Q before"
    for name in ("decided", "reported", start, "Q now", "moved"):
        table.add_column(name, justify="right", no_wrap=True)
    starts = [c.prior_q for c in cells] if before is None else [c.q for c in before]
    last = None
    for cell, start_q in zip(cells, starts, strict=True):
        moved = cell.q - start_q
        table.add_row(
            Text(cell.bucket if cell.bucket != last else ""),
            Text(cell.tier),
            f"{cell.n_decisions:,}",
            f"{cell.n_reports:,}",
            f"{start_q:.3f}",
            Text(f"{cell.q:.3f}", style="bold"),
            Text(f"{moved:+z.3f}", style=_style(moved)),
        )
        last = cell.bucket
    return table


def _when(alarm: "Alarm") -> str:
    if alarm.time_s is None:
        return ""
    return f" of {datetime.fromtimestamp(alarm.time_s, UTC):%Y-%m-%d %H:%M} UTC"


def _style(moved: float) -> str:
    if abs(moved) < 5e-4:
        return "dim"
    return "green" if moved > 0 else "red"


def _busiest(cells: Sequence["Cell"]) -> list[list["Cell"]]:
    """Return the cells of each bucket that saw a decision, the busiest bucket first."""
    buckets: dict[str, list[Cell]] = {}
    for cell in cells:
        buckets.setdefault(cell.bucket, []).append(cell)

    def n_decisions(bucket: list["Cell"]) -> int:
        return sum(cell.n_decisions for cell in bucket)

    return sorted(filter(n_decisions, buckets.values()), key=n_decisions, reverse=True)
