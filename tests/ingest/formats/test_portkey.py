"""Requests that Portkey exported."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tracetier.ingest.formats.portkey import Portkey
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span

Write = Callable[..., Path]
GOLDEN = Path(__file__).parents[2] / "golden" / "ingest" / "portkey" / "input.jsonl"
NINE = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def _read(path: Path) -> list[Span | Issue]:
    return list(Portkey().read(Source(path), Context()))


def test_the_golden_requests_give_what_is_worked_by_hand() -> None:
    """A request in cents, a limit, a cached answer in another currency, and a broken one."""
    whole, limited, cached, issue = _read(GOLDEN)

    assert whole == Span(
        trace_id="t1",
        span_id="p1",
        session_id="t1",
        kind="call",
        start=NINE,
        latency_s=0.85,
        text="Name a bird.",
        task_type="birds",
        tools=["search"],
        model_asked="claude-haiku-4-5",
        model_answered="claude-haiku-4-5-20251001",
        response_id="msg_1",
        input_tokens=100,
        output_tokens=20,
        cache_read_tokens=80,
        cost_usd=0.045 / 100,  # told in cents
        outcome="ok",
    )
    assert isinstance(limited, Span)
    assert (limited.outcome, limited.error_type) == ("error", "rate_limit_error")
    assert limited.is_infrastructure_error
    assert isinstance(cached, Span)
    assert (cached.is_cached_answer, cached.cost_usd, cached.input_tokens) == (True, None, 10)
    assert isinstance(issue, Issue)
    assert (issue.line, issue.pointer) == (4, "created_at")
    assert Portkey().matches(Source(GOLDEN).head) == 1


def test_a_request_without_id_is_known_by_its_place(write_lines: Write) -> None:
    """Which fields there are was chosen at export."""
    line = {"ai_model": "gpt-4o", "ai_org": "openai", "req_units": 10, "res_units": 5}
    path = write_lines([line, line])
    first, second = _read(path)

    assert isinstance(first, Span)
    assert isinstance(second, Span)
    assert first.span_id != second.span_id
    assert (first.trace_id, first.session_id, first.outcome) == (first.span_id, None, None)
    assert _read(path) == [first, second]
