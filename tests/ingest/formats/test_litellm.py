"""What LiteLLM's proxy writes for each request."""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.litellm import LiteLLM
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span

Write = Callable[..., Path]
Item = Span | NoStep | Issue
GOLDEN = Path(__file__).parents[2] / "golden" / "ingest" / "litellm" / "input.jsonl"
NINE = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def _read(path: Path) -> list[Item]:
    return list(LiteLLM().read(Source(path), Context()))


def _spans(path: Path) -> list[Span]:
    return [item for item in _read(path) if isinstance(item, Span)]


def _row(**fields: object) -> dict[str, Any]:
    plain = {
        "request_id": "q1",
        "session_id": "s1",
        "call_type": "completion",
        "startTime": "2026-10-05 09:00:00",
        "endTime": "2026-10-05 09:00:02",
        "model": "claude-haiku-4-5",
        "spend": 0.5,
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "request_tags": "[]",
        "metadata": "{}",
        "messages": "{}",
        "status": "success",
    }
    return plain | fields


@pytest.fixture
def call(write_lines: Write) -> Callable[..., Span]:
    """Read one row with these fields."""

    def read(**fields: object) -> Span:
        (span,) = _spans(write_lines([_row(**fields)]))
        return span

    return read


@pytest.mark.parametrize(
    ("name", "costs"),
    [
        ("spend_logs_rows.json", [None, None, None, 0.00033]),
        ("standard_logging_payload.jsonl", [3.2e-05, 3.2e-05, None, 0.00055]),
        ("spend_log_row_upstream_test.json", [0.000225]),
    ],
)
def test_a_price_that_litellm_lacks_is_unknown(
    name: str, costs: list[float | None], shared: Path
) -> None:
    """It writes null into rows and 0.0 into payloads, with tokens that were used."""
    spans = _spans(shared / "samples" / "litellm" / name)

    assert [span.cost_usd for span in spans] == [
        None if cost is None else pytest.approx(cost) for cost in costs
    ]
    assert all(span.input_tokens and span.output_tokens for span in spans)


def test_a_sample_payload_has_seconds_texts_and_tools(shared: Path) -> None:
    """The row of the same proxy has texts of times, and no others."""
    folder = shared / "samples" / "litellm"
    opus = _spans(folder / "standard_logging_payload.jsonl")[-1]
    (row,) = _spans(folder / "spend_log_row_upstream_test.json")

    assert opus.start == datetime(2026, 11, 24, 6, 24, 50, 262251, tzinfo=UTC)
    assert opus.text.startswith("Plan the refactor of the billing module")
    assert (opus.tools, opus.model_asked) == (["read_file"], "claude-opus-4-5-20251101")
    assert (opus.trace_id, opus.session_id) == ("sess-02", "sess-02")
    assert row.start == datetime(2025, 1, 24, 9, 20, 46, 847371, tzinfo=UTC)
    assert (row.text, row.tools) == ("", None)


def test_the_golden_rows_give_what_is_worked_by_hand() -> None:
    """A call, a price that is unknown, a cached answer, a limit, an embedding, a broken row."""
    whole, unpriced, cached, limited, embedding, issue = _read(GOLDEN)

    assert whole == Span(
        trace_id="s1",
        span_id="q1",
        session_id="s1",
        kind="call",
        name="helper",
        start=NINE,
        end=NINE.replace(second=2),
        text="Name a bird.",
        task_type="qa",
        tools=["search"],
        model_asked="small",
        model_answered="claude-haiku-4-5-20251001",
        input_tokens=100,
        output_tokens=20,
        cache_read_tokens=80,
        cache_write_tokens=10,
        cost_usd=0.0003,
        outcome="ok",
    )
    assert isinstance(unpriced, Span)
    assert (unpriced.cost_usd, unpriced.input_tokens) == (None, 10)
    assert unpriced.model_asked == "my-model"
    assert isinstance(cached, Span)
    assert (cached.is_cached_answer, cached.cost_usd) == (True, 0)
    assert isinstance(limited, Span)
    assert (limited.outcome, limited.error_type) == ("error", "RateLimitError")
    assert limited.is_infrastructure_error
    assert embedding == NoStep()
    assert isinstance(issue, Issue)
    assert (issue.line, issue.reason, issue.pointer) == (6, "bad_value", "spend")


@pytest.mark.parametrize(
    "call_type",
    ["completion", "acompletion", "anthropic_messages", "responses", "aresponses"],
)
def test_requests_to_chat_models_are_calls(call_type: str, call: Callable[..., Span]) -> None:
    """Each of the APIs that LiteLLM offers."""
    assert call(call_type=call_type).kind == "call"


@pytest.mark.parametrize(
    "fields",
    [
        {"call_type": "aembedding"},
        {"call_type": "moderation"},
        {"call_type": "image_generation"},
        {"request_tags": '["litellm-internal-health-check"]'},
        {"api_key": "litellm-internal-health-check"},
    ],
)
def test_other_requests_are_no_steps(fields: dict[str, object], write_lines: Write) -> None:
    """And are counted all the same."""
    assert _read(write_lines([_row(**fields)])) == [NoStep()]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("True", True), (True, True), ("False", False), ("None", False), (None, False), ("", False)],
)
def test_cache_hit_is_a_text(value: object, expected: bool, call: Callable[..., Span]) -> None:
    """And mostly says None."""
    assert call(cache_hit=value).is_cached_answer is expected


@pytest.mark.parametrize(
    ("tags", "task_type"),
    [
        ('["route:small", "task:smoke"]', "smoke"),
        (["task_type: qa"], "qa"),
        ('["small"]', None),  # may name the tier that was taken
        ('["User-Agent: curl"]', None),
        ("not a list", None),
    ],
)
def test_only_a_tag_that_says_so_names_the_task(
    tags: object, task_type: str | None, call: Callable[..., Span]
) -> None:
    """Other tags may give the action away."""
    assert call(request_tags=tags).task_type == task_type


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, "Hi"),
        ({"messages": '[{"role": "user", "content": "Hi"}]'}, "Hi"),
        ({"proxy_server_request": {"input": "Hi"}}, "Hi"),
        ({"messages": [{"role": "user", "content": "redacted-by-litellm"}]}, ""),
        ({"messages": {}, "proxy_server_request": {}}, ""),
    ],
)
def test_texts_are_there_only_where_they_are_stored(
    fields: dict[str, object], text: str, call: Callable[..., Span]
) -> None:
    """A redacted one is none."""
    assert call(**fields).text == text


def test_counts_of_0_are_unknown_but_after_a_failure(call: Callable[..., Span]) -> None:
    """A stream without usage has them, too."""
    streamed = call(prompt_tokens=0, completion_tokens=0, spend=0)
    failed = call(prompt_tokens=0, completion_tokens=0, spend=0, status="failure")

    assert (streamed.input_tokens, streamed.output_tokens, streamed.cost_usd) == (None, None, None)
    assert (failed.input_tokens, failed.output_tokens, failed.cost_usd) == (0, 0, 0)
    assert failed.outcome == "error"


def test_a_fallback_is_two_actions_of_one_trace(write_lines: Write) -> None:
    """The second is no independent choice; that is for whoever sees both."""
    failed = _row(request_id="a", model_group="big", status="failure", spend=0)
    good = _row(request_id="b", model_group="small")
    first, second = _spans(write_lines([failed, good]))

    assert (first.trace_id, first.span_id, first.outcome) == ("s1", "a", "error")
    assert (second.trace_id, second.span_id, second.outcome) == ("s1", "b", "ok")


def test_a_call_without_session_is_a_trace_by_itself(call: Callable[..., Span]) -> None:
    """And is in no session."""
    span = call(session_id=None)

    assert (span.trace_id, span.session_id) == ("q1", None)
    assert call(session_id=42).session_id == "42"


@pytest.mark.parametrize(
    ("fields", "reason", "pointer"),
    [
        ({"spend": -1}, "out_of_range", "spend"),
        ({"spend": None, "response_cost": "x"}, "bad_value", "response_cost"),
        ({"startTime": "soon"}, "bad_value", "startTime"),
        ({"prompt_tokens": 1.5}, "bad_value", "prompt_tokens"),
        ({"cache_hit": "perhaps"}, "bad_value", "cache_hit"),
        ({"request_id": None}, "missing", "request_id"),
        ({"call_type": None}, "missing", "call_type"),
        ({"model": ["a"]}, "bad_value", "model"),
        (
            {"metadata": {"usage_object": {"cache_read_input_tokens": "x"}}},
            "bad_value",
            "usage_object.cache_read_input_tokens",
        ),
    ],
)
def test_what_cannot_be_is_one_issue(
    fields: dict[str, object], reason: str, pointer: str, write_lines: Write
) -> None:
    """And the row after it is read."""
    issue, span = _read(write_lines([_row(**fields), _row()]))

    assert isinstance(issue, Issue)
    assert (issue.line, issue.reason, issue.pointer) == (1, reason, pointer)
    assert isinstance(span, Span)


def test_rows_come_as_lines_list_page_and_csv(tmp_path: Path) -> None:
    """``/spend/logs``, its paged form, and the database's own export."""
    rows = [json.loads(line) for line in GOLDEN.read_text().strip().split("\n")]
    names = sorted({name for row in rows for name in row})
    (tmp_path / "list").write_text(json.dumps(rows))
    (tmp_path / "page").write_text(json.dumps({"data": rows, "total": 6}, indent=1))
    with (tmp_path / "csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(
            row | {"startTime": row["startTime"] + "+00", "endTime": row["endTime"] + "+00"}
            for row in rows
        )

    for name in ("list", "page", "csv"):
        assert LiteLLM().matches(Source(tmp_path / name).head) == 1, name
        assert _spans(tmp_path / name) == _spans(GOLDEN), name
        issues = [item for item in _read(tmp_path / name) if isinstance(item, Issue)]
        assert [(issue.line, issue.pointer) for issue in issues] == [
            (7 if name == "csv" else 6, "spend")
        ], name
