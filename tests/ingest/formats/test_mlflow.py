"""Traces of MLflow 2 and 3, and the difference between a score and an expectation."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracetier.ingest.formats._mlflow_trace import hex_id, pairs
from tracetier.ingest.formats.mlflow import Item, MLflow
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Score, Span

Write = Callable[..., Path]
GOLDEN = Path(__file__).parents[2] / "golden" / "ingest" / "mlflow" / "input.jsonl"
NINE = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
ELEVEN = datetime(2026, 10, 6, 11, 0, tzinfo=UTC)


def _read(path: Path) -> list[Item]:
    return list(MLflow().read(Source(path), Context()))


def _span(**fields: object) -> dict[str, Any]:
    plain = {
        "span_id": "AAAAAAAAAAE=",
        "parent_span_id": None,
        "name": "chat",
        "start_time_unix_nano": 1791190800000000000,
        "end_time_unix_nano": 1791190801000000000,
        "status": {"code": "STATUS_CODE_OK"},
        "attributes": {"mlflow.spanType": '"CHAT_MODEL"'},
    }
    return plain | fields


def _trace(*spans: object, **info: object) -> dict[str, Any]:
    return {"info": {"trace_id": "tr-1", "state": "OK"} | info, "data": {"spans": list(spans)}}


def _attributes(**values: object) -> dict[str, str]:
    """Write attributes as MLflow does, each as JSON text."""
    named = {"spanType": "CHAT_MODEL"} | values
    return {"mlflow." + name.replace("__", "."): json.dumps(value) for name, value in named.items()}


@pytest.fixture
def call(write_lines: Write) -> Callable[..., Span]:
    """Read one span with these attributes."""

    def read(**attributes: object) -> Span:
        (span,) = _read(write_lines([_trace(_span(attributes=_attributes(**attributes)))]))
        assert isinstance(span, Span)
        return span

    return read


def test_the_sample_has_one_call_and_one_score(shared: Path) -> None:
    """412 in, 37 out; the expected answer is a reference."""
    items = _read(shared / "samples" / "mlflow" / "trace_ok_with_feedback.json")
    spans = [item for item in items if isinstance(item, Span)]
    (chat,) = [span for span in spans if span.kind == "call"]
    (addition,) = [item for item in items if isinstance(item, Addition)]

    assert (chat.input_tokens, chat.output_tokens, chat.cache_read_tokens) == (412, 37, 256)
    assert (chat.model_asked, chat.tools) == ("claude-haiku-4-5-20251001", ["search"])
    assert sorted(span.kind for span in spans) == ["agent", "call", "tool"]
    assert {span.session_id for span in spans} == {"sess-9"}
    assert {span.parent_id for span in spans if span.kind != "agent"} == {"03f42b19a4d9476f"}
    (score,) = addition.scores
    assert (score.name, score.value, score.source) == ("correctness", True, "judge")
    assert addition.trace_id == "tr-e2dd9f7f63fcf21ee9ecbcd86b323f88"
    assert addition.span_id is None


def test_the_golden_traces_give_what_is_worked_by_hand() -> None:
    """Version 3 and version 2, a trace without id, a trace without spans."""
    agent, chat, overridden, score, expected, failed, old, issue, empty = _read(GOLDEN)

    assert isinstance(agent, Span)
    assert (agent.kind, agent.text, agent.input_tokens) == ("agent", "Name a bird.", None)
    assert chat == Span(
        trace_id="tr-1",
        span_id="0000000000000002",
        parent_id="0000000000000001",
        session_id="s1",
        kind="call",
        name="chat",
        start=NINE.replace(second=1),
        end=NINE.replace(second=2, microsecond=500_000),
        text="Name a bird.",
        task_type="qa",
        tools=["search"],
        model_asked="claude-haiku-4-5",
        model_answered="claude-haiku-4-5-20251001",
        input_tokens=130,  # 30 beside 100 from the cache
        output_tokens=20,
        cache_read_tokens=100,
        cost_usd=0.00011,
        outcome="ok",
    )
    assert (overridden, expected, failed, empty) == (NoStep(),) * 4
    assert score == Addition(
        trace_id="tr-1",
        span_id="0000000000000002",
        scores=(Score(name="correctness", value="no", source="human", time=ELEVEN),),
    )
    assert isinstance(old, Span)
    assert (old.trace_id, old.span_id, old.kind) == ("req-2", "00000000000000aa", "call")
    assert (old.start, old.text, old.task_type) == (
        NINE.replace(minute=1),
        "Name a fish.",
        "predict",
    )
    assert (old.outcome, old.error_type) == ("error", "ReadTimeout")
    assert old.is_infrastructure_error
    assert isinstance(issue, Issue)
    assert (issue.line, issue.reason, issue.pointer) == (3, "missing", "info")


@pytest.mark.parametrize(
    ("feedback", "value"),
    [
        ({"value": True}, True),
        ({"value": 0.5}, 0.5),
        ({"value": 3}, 3.0),
        ({"value": "yes"}, "yes"),
        ({"value": {"a": 1}}, None),
        ({"value": [1]}, None),
        ({"value": ""}, None),
        ({"value": None, "error": {"error_code": "X"}}, None),
        (None, None),
    ],
)
def test_only_a_verdict_is_a_score(feedback: object, value: object, write_lines: Write) -> None:
    """No expectation, no error, nothing with parts."""
    assessment = {
        "assessment_name": "good",
        "feedback": feedback,
        "source": {"source_type": "CODE"},
    }
    (found,) = _read(write_lines([_trace(assessments=[assessment])]))

    if value is None:
        assert found == NoStep()
    else:
        assert isinstance(found, Addition)
        assert found.scores == (Score(name="good", value=value, source="programmatic"),)  # type: ignore[arg-type]


def test_the_newest_time_of_an_assessment_counts(write_lines: Write) -> None:
    """It may have been changed since."""
    assessment = {
        "assessment_name": "good",
        "feedback": {"value": True},
        "create_time": "2026-10-05T09:00:00Z",
        "last_update_time": "2026-10-06T11:00:00Z",
    }
    broken = assessment | {"last_update_time": "later"}
    addition, issue = _read(write_lines([_trace(assessments=[assessment, broken])]))

    assert isinstance(addition, Addition)
    assert addition.scores[0].time == ELEVEN
    assert isinstance(issue, Issue)
    assert issue.pointer == "last_update_time"


@pytest.mark.parametrize(
    ("span_type", "kind", "is_judge"),
    [
        ("CHAT_MODEL", "call", False),
        ("LLM", "call", False),
        ("AGENT", "agent", False),
        ("TOOL", "tool", False),
        ("CHAIN", "group", False),
        ("EMBEDDING", "group", False),
        ("EVALUATOR", "group", True),
        ("UNKNOWN", "group", False),
    ],
)
def test_kinds_of_spans(
    span_type: str, kind: str, is_judge: bool, call: Callable[..., Span]
) -> None:
    """Counts stand on calls, and on agents that may be all there is."""
    span = call(spanType=span_type, chat__tokenUsage={"input_tokens": 9, "output_tokens": 3})

    assert (span.kind, span.is_judge) == (kind, is_judge)
    assert span.input_tokens == (9 if kind in ("call", "agent") else None)


def test_who_answered_is_told_by_the_outputs(call: Callable[..., Span]) -> None:
    """Else by the model that MLflow noted."""
    inputs = {"model": "gpt-4o", "messages": [], "tools": [{"name": "search"}]}
    outputs = {"id": "chatcmpl-1", "model": "gpt-4o-2024-08-06"}
    span = call(spanInputs=inputs, spanOutputs=outputs, llm__model="gpt-4o")

    assert (span.model_asked, span.model_answered) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (span.response_id, span.tools) == ("chatcmpl-1", ["search"])
    assert call(llm__model="gpt-4o").model_answered == "gpt-4o"


def test_costs_and_counts_of_0_are_unknown(call: Callable[..., Span]) -> None:
    """A model that MLflow cannot price costs it nothing."""
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    span = call(chat__tokenUsage=usage, llm__cost={"total_cost": 0.0})

    assert (span.input_tokens, span.cost_usd) == (None, None)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ({"code": "STATUS_CODE_ERROR", "message": "ValueError: x"}, "error"),
        ({"code": "ERROR"}, "error"),
        ({"code": 2}, "error"),
        ({"code": "STATUS_CODE_UNSET"}, "ok"),
        ({"code": 0}, "ok"),
        (None, "ok"),
    ],
)
def test_an_unset_status_is_no_error(status: object, outcome: str, write_lines: Write) -> None:
    """As numbers or names."""
    (span,) = _read(write_lines([_trace(_span(status=status))]))

    assert isinstance(span, Span)
    assert span.outcome == outcome


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"span_id": None}, "span_id"),
        ({"start_time_unix_nano": "soon"}, "start_time_unix_nano"),
        ({"end_time_unix_nano": [1]}, "end_time_unix_nano"),
        ({"name": 5}, "name"),
        (
            {"attributes": _attributes(chat__tokenUsage={"input_tokens": -1, "output_tokens": 1})},
            "mlflow.chat.tokenUsage.input_tokens",
        ),
        (
            {"attributes": _attributes(llm__cost={"total_cost": "dear"})},
            "mlflow.llm.cost.total_cost",
        ),
    ],
)
def test_one_broken_span_costs_no_other(
    fields: dict[str, object], pointer: str, write_lines: Write
) -> None:
    """It is one issue, with its place."""
    issue, span = _read(write_lines([_trace(_span(**fields), _span())]))

    assert isinstance(issue, Issue)
    assert (issue.line, issue.pointer) == (1, pointer)
    assert isinstance(span, Span)


def test_a_table_of_traces_says_the_same_as_lines(tmp_path: Path) -> None:
    """With a column for the whole trace, or for each of its parts."""
    lines = [json.loads(line) for line in GOLDEN.read_text().strip().split("\n")]
    trace, older = lines[:2]
    names = ("trace_id", "trace_metadata", "tags", "assessments")
    parts = {name: [json.dumps(trace["info"][name])] for name in names[1:]}
    parts |= {"trace_id": ["tr-1"], "spans": [json.dumps(trace["data"]["spans"])]}
    pq.write_table(pa.table(parts), tmp_path / "parts")
    whole = {"request_id": ["req-2"], "trace": [json.dumps(older)], "timestamp_ms": [1]}
    pq.write_table(pa.table(whole | {"request_metadata": ["{}"]}), tmp_path / "whole")
    (tmp_path / "list").write_text(json.dumps(lines, indent=1))
    items = _read(GOLDEN)

    assert _read(tmp_path / "parts") == items[:6]
    assert _read(tmp_path / "whole") == items[6:7]
    assert [item for item in _read(tmp_path / "list") if not isinstance(item, Issue)] == [
        item for item in items if not isinstance(item, Issue)
    ]
    for name in ("parts", "whole", "list"):
        assert MLflow().matches(Source(tmp_path / name).head) == 1, name


def test_ids_are_hex_whatever_their_form() -> None:
    """A name that happens to be base64 stays a name."""
    assert hex_id("4t2ff2P88h7p7LzYazI/iA==") == "e2dd9f7f63fcf21ee9ecbcd86b323f88"
    assert hex_id("0xAB") == "ab"
    assert hex_id("abcd") == "abcd"
    assert hex_id("not base64!") == "not base64!"
    assert hex_id(None) is None


def test_tags_are_an_object_or_a_list_of_pairs() -> None:
    """As in version 3, and in version 2."""
    assert pairs([{"key": "a", "value": "1"}, {"value": "2"}]) == pairs({"a": "1"}) == {"a": "1"}
    assert pairs(None) == pairs([{"key": ["a"], "value": 1}]) == {}
