"""Observations of Langfuse, and what is read of them."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tracetier.ingest.formats.langfuse import Item, Langfuse
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span

Write = Callable[..., Path]

GOLDEN = Path(__file__).parents[2] / "golden" / "ingest" / "langfuse" / "input.jsonl"

NINE = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def read_items(path: Path) -> list[Item]:
    return list(Langfuse().read(Source(path), Context()))


def spans_in(items: Iterable[Item]) -> list[Span]:
    return [item for item in items if isinstance(item, Span)]


def observation(**fields: object) -> dict[str, Any]:
    """Build a generation as the API spells it."""
    plain = {
        "id": "o1",
        "traceId": "t1",
        "type": "GENERATION",
        "parentObservationId": None,
        "startTime": "2026-10-05T09:00:00.000Z",
        "endTime": "2026-10-05T09:00:02.000Z",
        "level": "DEFAULT",
        "model": "claude-haiku-4-5",
        "input": "Name a bird.",
        "latency": 2000,
    }
    return plain | fields
