"""Requests that Helicone exported."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.helicone import Helicone
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Score, Span

Write = Callable[..., Path]
GOLDEN = Path(__file__).parents[2] / "golden" / "ingest" / "helicone" / "input.csv"
NINE = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
REQUEST: dict[str, Any] = {
    "request_id": "h",
    "request_created_at": "2026-10-05T09:00:00Z",
    "request_model": "gpt-4o",
    "response_status": 200,
    "prompt_tokens": 10,
    "completion_tokens": 5,
}


def _read(path: Path) -> list[Span | Issue]:
    return list(Helicone().read(Source(path), Context()))


def test_the_golden_requests_give_what_is_worked_by_hand() -> None:
    """A request, a limit, a cached answer, one that was cancelled, and a broken one."""
    whole, limited, cached, cancelled, issue = _read(GOLDEN)

    assert whole == Span(
        trace_id="s1",
        span_id="h1",
        session_id="s1",
        kind="call",
        start=NINE,
        end=NINE.replace(second=2, microsecond=500_000),
        latency_s=2.5,
        text="Name a bird.",
        task_type="birds",
        tools=["search"],
        model_asked="gpt-4o",
        model_answered="gpt-4o-2024-08-06",
        input_tokens=100,
        output_tokens=20,
        cache_read_tokens=80,
        cost_usd=0.00045,  # not what stands under cost
        outcome="ok",
        scores=(
            Score(name="feedback_rating", value=True, source="human"),
            Score(name="quality", value=7.0),
        ),
    )
    assert isinstance(limited, Span)
    assert (limited.outcome, limited.error_type) == ("error", "429")
    assert limited.is_infrastructure_error
    assert (limited.input_tokens, limited.cost_usd) == (None, None)
    assert isinstance(cached, Span)
    assert (cached.is_cached_answer, cached.trace_id) == (True, "h3")
    assert isinstance(cancelled, Span)
    assert (cancelled.outcome, cancelled.is_infrastructure_error) == ("cancelled", True)
    assert isinstance(issue, Issue)
    assert (issue.line, issue.pointer) == (6, "request_created_at")
    assert Helicone().matches(Source(GOLDEN).head) == 1


def test_requests_come_as_lines_list_and_page(tmp_path: Path) -> None:
    """Bodies and scores are objects there."""
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    requests = [REQUEST | {"request_body": body}, REQUEST | {"request_id": None}]
    texts = {
        "lines": "".join(json.dumps(request) + "\n" for request in requests),
        "list": json.dumps(requests, indent=1),
        "page": json.dumps({"data": requests}, indent=1),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        span, issue = _read(tmp_path / name)
        assert Helicone().matches(Source(tmp_path / name).head) == 1, name
        assert isinstance(span, Span)
        assert (span.text, span.input_tokens) == ("Hi", 10)
        assert isinstance(issue, Issue)
        assert (issue.line, issue.pointer) == (2, "request_id"), name


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"prompt_tokens": -1}, "prompt_tokens"),
        ({"costUSD": "dear"}, "costUSD"),
        ({"response_status": "fine"}, "response_status"),
        ({"feedback_rating": "so so"}, "feedback_rating"),
    ],
)
def test_what_cannot_be_is_one_issue(
    fields: dict[str, object], pointer: str, write_lines: Write
) -> None:
    """With its place."""
    (issue,) = _read(write_lines([REQUEST | fields]))

    assert isinstance(issue, Issue)
    assert issue.pointer == pointer
