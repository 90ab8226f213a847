"""Calls that W&B Weave traced."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.weave import Weave
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Score, Span

Write = Callable[..., Path]
GOLDEN = Path(__file__).parents[2] / "golden" / "ingest" / "weave" / "input.jsonl"
NINE = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def _read(path: Path) -> list[Span | Issue]:
    return list(Weave().read(Source(path), Context()))


def _call(op: str, **fields: object) -> dict[str, Any]:
    plain = {"id": "c", "trace_id": "t", "op_name": f"weave:///t/p/op/{op}:abc", "inputs": {}}
    return plain | {"started_at": "2026-10-05T09:00:00Z"} | fields


@pytest.fixture
def call(write_lines: Write) -> Callable[..., Span]:
    """Read one call with these fields."""

    def read(op: str, **fields: object) -> Span:
        (span,) = _read(write_lines([_call(op, **fields)]))
        assert isinstance(span, Span)
        return span

    return read


def test_the_golden_calls_give_what_is_worked_by_hand() -> None:
    """A function that sums its call, the call, one that failed, a judge, and a broken one."""
    answer, chat, failed, judge, issue = _read(GOLDEN)

    assert isinstance(answer, Span)
    assert (answer.kind, answer.input_tokens, answer.text) == ("group", None, "Name a bird.")
    assert answer.scores == (
        Score(name="correct.score", value=True, time=datetime(2026, 10, 6, 10, 0, tzinfo=UTC)),
    )
    assert chat == Span(
        trace_id="t1",
        span_id="c2",
        parent_id="c1",
        session_id="th1",
        kind="call",
        name="anthropic.Messages.create",
        start=NINE.replace(second=1),
        end=NINE.replace(second=2),
        text="Name a bird.",
        tools=["search"],
        model_asked="claude-haiku-4-5",
        model_answered="claude-haiku-4-5-20251001",
        response_id="msg_1",
        input_tokens=105,  # 5 beside 100 from the cache
        output_tokens=20,
        cache_read_tokens=100,
        cost_usd=0.0001 + 0.0002,
        outcome="ok",
    )
    assert isinstance(failed, Span)
    assert (failed.error_type, failed.is_infrastructure_error) == ("RateLimitError", True)
    assert (failed.text, failed.model_asked) == ("", "gpt-4o")
    assert isinstance(judge, Span)
    assert (judge.kind, judge.is_judge) == ("group", True)
    assert isinstance(issue, Issue)
    assert (issue.line, issue.reason, issue.pointer) == (5, "missing", "id")
    assert Weave().matches(Source(GOLDEN).head) == 1


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        ("openai.chat.completions.create", "call"),
        ("openai.responses.create", "call"),
        ("anthropic.AsyncMessages.create", "call"),
        ("litellm.completion", "call"),
        ("google.genai.models.Models.generate_content", "call"),
        ("my_client.messages.create", "call"),
        ("answer", "group"),
        ("openai_answer", "group"),
        ("create_messages", "group"),
    ],
)
def test_functions_of_providers_are_calls(op: str, kind: str, call: Callable[..., Span]) -> None:
    """Functions that call them only sum what they used."""
    assert call(op).kind == kind


@pytest.mark.parametrize(
    ("told", "kind"), [("llm", "call"), ("agent", "agent"), ("tool", "tool"), ("other", "group")]
)
def test_the_kind_of_a_function_may_be_told(
    told: str, kind: str, call: Callable[..., Span]
) -> None:
    """Then its name does not count."""
    assert call("answer", attributes={"weave": {"kind": told}}).kind == kind


def test_a_call_of_several_models_has_no_counts(call: Callable[..., Span]) -> None:
    """None of them is the one that was called."""
    usage = {"a": {"input_tokens": 1, "output_tokens": 1}, "b": {"input_tokens": 1}}
    span = call("openai.chat.completions.create", summary={"usage": usage})

    assert (span.input_tokens, span.model_asked) == (None, None)


def test_what_cannot_be_is_one_issue(write_lines: Write) -> None:
    """And the call after it is read."""
    usage = {"usage": {"a": {"input_tokens": "x", "output_tokens": 1}}}
    lines = [_call("openai.x", summary=usage), _call("openai.x", started_at="soon"), _call("x")]
    first, second, third = _read(write_lines(lines))

    assert isinstance(first, Issue)
    assert isinstance(second, Issue)
    assert (first.pointer, second.pointer) == ("summary.usage.*.input_tokens", "started_at")
    assert isinstance(third, Span)
