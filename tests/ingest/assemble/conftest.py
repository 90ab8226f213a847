"""Spans of small traces, with times in seconds since a fixed start."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tracetier.ingest.span import Span

Step = Callable[..., Span]
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@pytest.fixture
def step() -> Step:
    """Build a span from its kind, its id and its parent's, and when it started and ended."""

    def build(
        kind: Any,
        span_id: str,
        parent_id: str | None = None,
        start: float | None = None,
        end: float | None = None,
        **fields: Any,
    ) -> Span:
        return Span(
            **{"trace_id": "t", "kind": kind, "span_id": span_id, "parent_id": parent_id}
            | {
                name: None if seconds is None else START + timedelta(seconds=seconds)
                for name, seconds in (("start", start), ("end", end))
            }
            | fields
        )

    return build
