"""OpenInference traces: samples, recognition, and what a span tells in each form."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.formats.openinference_spans import (
    CALL,
    EXPECTED,
    MESSAGES,
    PARENT,
    SPAN,
    TRACE,
    read,
    rest_span,
    told,
)

from tracetier.ingest.formats.openinference import Openinference
from tracetier.ingest.formats.otel_genai import OtelGenai
from tracetier.ingest.issue import Fault
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span

Write = Callable[..., Path]

GOLDEN = Path(__file__).parents[2] / "golden" / "ingest"

NESTED = {
    "llm": {
        "model_name": "gpt-4.1-mini",
        "token_count": {"prompt": 120, "completion": 8, "prompt_details": {"cache_read": 60}},
        "input_messages": MESSAGES,
        "tools": [{"tool.json_schema": '{"name": "edit"}'}],
    },
    "session": {"id": "talk"},
}


def _otlp(attrs: dict[str, Any], *, is_snake: bool = False) -> dict[str, Any]:
    text, whole = ("string_value", "int_value") if is_snake else ("stringValue", "intValue")
    names = ("traceId", "spanId", "parentSpanId", "startTimeUnixNano", "endTimeUnixNano")
    values = (TRACE, SPAN, PARENT, "1767600000250000000", "1767600001500000000")
    if is_snake:
        names = (
            "trace_id",
            "span_id",
            "parent_span_id",
            "start_time_unix_nano",
            "end_time_unix_nano",
        )
    attributes = [
        {"key": key, "value": {whole if isinstance(value, int) else text: value}}
        for key, value in attrs.items()
    ]
    return {**dict(zip(names, values, strict=True)), "name": "llm", "attributes": attributes}


def _request(*spans: object) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [*spans]}]}]}


FORMS: dict[str, object] = {
    "OTLP": _request(_otlp(CALL)),
    "REST list": [rest_span(CALL)],
    "REST answer": {"data": [rest_span(CALL)], "next_cursor": None},
    "REST span": rest_span(CALL),
    "nested attributes": [rest_span(NESTED)],
    "spans/otlpv1": {"data": [_otlp(CALL, is_snake=True)], "next_cursor": None},
    "px trace": {
        "traceId": TRACE,
        "spans": [rest_span(CALL)],
        "startTime": "2026-01-05T08:00:00.250000+00:00",
        "status": "OK",
    },
    "px traces": [{"traceId": TRACE, "spans": [rest_span(CALL)], "status": "OK"}],
}


def spans_in(path: Path) -> list[Span]:
    """Read a file that holds nothing but spans."""
    found = read(path)
    spans = [item for item in found if isinstance(item, Span)]
    assert len(spans) == len(found), found
    return spans


def span_of(attributes: dict[str, Any], **fields: Any) -> Span:
    """Read one span with these attributes."""
    (found,) = told(rest_span(attributes, **fields))
    assert isinstance(found, Span), found
    return found


def test_a_collector_file_is_read_to_its_last_line(shared: Path) -> None:
    """One trace over three lines: 3 calls, 120 in, 30 out."""
    path = shared / "samples" / "openinference_phoenix" / "openai_agents_openinference.otlp.jsonl"
    spans = spans_in(path)
    calls = [span for span in spans if span.kind == "call"]

    assert Counter(span.kind for span in spans) == {"call": 3, "agent": 3, "tool": 2, "group": 4}
    assert sum(span.input_tokens or 0 for span in calls) == 120
    assert sum(span.output_tokens or 0 for span in calls) == 30
    assert {span.text for span in calls} == {"Where is order A1? I want a refund."}
    assert [span.tools for span in calls] == [["lookup_order", "transfer_to_refunds"]] * 2 + [None]
    assert len({span.trace_id for span in spans}) == 1


def test_a_sub_agent_hangs_below_the_first_through_a_tool(shared: Path) -> None:
    """18 calls, 18 tools, 2 runs."""
    path = shared / "samples" / "openinference_phoenix" / "phoenix_rest_spans_subagent.json"
    spans = {span.span_id: span for span in spans_in(path)}
    first, second = (span for span in spans.values() if span.kind == "agent")
    tool = spans[str(second.parent_id)]

    assert Counter(span.kind for span in spans.values()) == {"call": 18, "tool": 18, "agent": 2}
    assert (first.name, first.parent_id, first.text) == (
        "pxi.turn",
        None,
        "please delegate this analysis",
    )
    assert (second.name, tool.kind, tool.name, tool.parent_id) == (
        "ServerAgent.iter",
        "tool",
        "call_subagent",
        first.span_id,
    )


def test_none_in_a_data_frame_is_no_id_and_no_model(shared: Path) -> None:
    """13 calls, one without a model, and 13 chains; all are roots."""
    path = shared / "samples" / "openinference_phoenix" / "phoenix_spans_dataframe.csv"
    spans = spans_in(path)
    calls = [span for span in spans if span.kind == "call"]

    assert Counter(span.kind for span in spans) == {"call": 13, "group": 13}
    assert {span.parent_id for span in spans} == {None}
    assert Counter(span.model_asked for span in calls) == {"gpt-3.5-turbo": 12, None: 1}
    assert {span.input_tokens for span in calls} == {None}
    assert all(span.text.startswith("Context information is below.\n---") for span in calls)


def test_only_its_own_samples_are_recognised(shared: Path) -> None:
    """GenAI's traces in the same envelope are left to their own format."""
    for path in GOLDEN.glob("*/input.*"):
        head = Source(path).head
        assert Openinference().matches(head) == (path.parent.name == "openinference"), path
    own = shared / "samples" / "openinference_phoenix"
    for path in (shared / "samples").rglob("*"):
        if path.is_file():
            head = Source(path).head
            assert Openinference().matches(head) == (path.parent == own), path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("indent", [None, 2])
def test_each_form_is_recognised_and_tells_the_same_span(
    form: str, indent: int | None, tmp_path: Path
) -> None:
    """Whatever stands around it."""
    path = tmp_path / "log"
    path.write_text(json.dumps(FORMS[form], indent=indent))
    head = Source(path).head

    assert Openinference().matches(head) == 1
    assert OtelGenai().matches(head) in (0, 0.5)
    assert read(path) == [EXPECTED]


def test_spans_may_stand_one_a_line(write_lines: Write) -> None:
    """As an exporter of one's own writes them."""
    path = write_lines([rest_span(CALL), rest_span(CALL)])

    assert Openinference().matches(Source(path).head) == 1
    assert read(path) == [EXPECTED, EXPECTED]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("LLM", "call"),
        ("llm", "call"),
        ("Agent", "agent"),
        ("TOOL", "tool"),
        ("CHAIN", "group"),
        ("RETRIEVER", "group"),
        ("EMBEDDING", "group"),
        ("PROMPT", "group"),
        ("DECISION", "group"),
    ],
)
def test_kinds_are_known_in_any_case(kind: str, expected: str) -> None:
    """On the span or among its attributes."""
    assert span_of({}, span_kind=kind).kind == expected
    assert span_of({"openinference.span.kind": kind}, span_kind="UNKNOWN").kind == expected


def test_what_a_grader_or_guard_asks_is_not_the_agents(write_lines: Write) -> None:
    """All below it is a group without tokens; what stands beside it is not."""
    spans = [
        rest_span(CALL, context={"trace_id": TRACE, "span_id": "c"}, parent_id="b"),
        rest_span(
            {}, context={"trace_id": TRACE, "span_id": "b"}, parent_id="a", span_kind="CHAIN"
        ),
        rest_span({}, context={"trace_id": TRACE, "span_id": "a"}, span_kind="EVALUATOR"),
        rest_span(CALL, context={"trace_id": TRACE, "span_id": "d"}),
    ]
    judged, chain, judge, call = told(spans)

    assert isinstance(judged, Span)
    assert isinstance(judge, Span)
    assert isinstance(call, Span)
    assert (judged.kind, judged.input_tokens, judged.model_asked) == ("group", None, None)
    assert (call.kind, call.input_tokens) == ("call", 120)
    assert judge.is_judge
    assert [span.is_judge for span in (judged, chain, call)] == [False] * 3  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        pytest.param(
            {"prompt": 100, "prompt_details.cache_read": 60}, (100, 60, None), id="inside"
        ),
        pytest.param(
            {"prompt": 5, "prompt_details.cache_read": 60, "prompt_details.cache_write": 30},
            (95, 60, 30),
            id="beside",
        ),
        pytest.param(
            {"prompt": 10, "completion_details.reasoning": 7, "completion": 9},
            (10, None, None),
            id="other",
        ),
    ],
)
def test_details_are_parts_of_the_counts(
    attrs: dict[str, int], expected: tuple[int, int | None, int | None]
) -> None:
    """But a cache larger than the prompt stands beside it."""
    span = span_of({f"llm.token_count.{name}": value for name, value in attrs.items()})

    assert (span.input_tokens, span.cache_read_tokens, span.cache_write_tokens) == expected
    assert span.output_tokens == attrs.get("completion")


@pytest.mark.parametrize(
    ("attrs", "text"),
    [
        pytest.param(
            {
                "llm.input_messages.0.message.role": "user",
                "llm.input_messages.0.message.contents.1.message_content.text": "b",
                "llm.input_messages.0.message.contents.0.message_content.text": "a",
                "llm.input_messages.0.message.contents.0.message_content.type": "text",
            },
            "a\nb",
            id="parts",
        ),
        pytest.param(
            {
                f"llm.input_messages.{i}.message.{name}": value
                for i in (10, 9)
                for name, value in (("role", "user"), ("content", f"{i}"))
            },
            "9",
            id="9 before 10",
        ),
        pytest.param(
            {"llm": {"input_messages": [{"message": {"role": "user", "content": "Hi"}}]}},
            "Hi",
            id="nested",
        ),
        pytest.param({"llm.prompts.0.prompt.text": "Hi"}, "Hi", id="completion"),
        pytest.param(
            {"input.value": '{"messages": [{"role": "user", "content": "Hi"}]}'}, "Hi", id="request"
        ),
        pytest.param({"input.value": "[Hi]", "input.mime_type": "text/plain"}, "[Hi]", id="plain"),
        pytest.param({"output.value": "Hi"}, "", id="what came after"),
    ],
)
def test_the_first_user_text_is_found_in_every_form(attrs: dict[str, Any], text: str) -> None:
    """Parts and messages in the order of their numbers."""
    assert span_of(attrs).text == text


def test_tools_without_names_are_unknown() -> None:
    """``{}`` is what is left of a schema that was taken out."""
    assert span_of({"llm.tools.0.tool.json_schema": "{}"}).tools is None


def test_a_rate_limit_says_nothing_of_the_tier() -> None:
    """By the exception, or by the message where the exception has no name."""
    event = {"name": "exception", "attributes": {"exception.type": "openai.RateLimitError"}}
    named = span_of(CALL, status_code="ERROR", events=[event])
    told_only = span_of(CALL, status_code="ERROR", status_message="Error code: 429 - slow down")
    other = span_of(CALL, status_code="ERROR", status_message="context length exceeded")

    assert (named.outcome, named.error_type, named.is_infrastructure_error) == (
        "error",
        "openai.RateLimitError",
        True,
    )
    assert told_only.is_infrastructure_error
    assert (other.outcome, other.is_infrastructure_error) == ("error", False)


def test_a_file_may_mix_both_conventions(write_lines: Write) -> None:
    """Each span by its own attributes; the file by what comes first."""
    genai = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 7,
    }
    both = genai | {"openinference.span.kind": "CHAIN"}
    path = write_lines([_request(_otlp(CALL), _otlp(genai)), _request(_otlp(both))])
    head = Source(path).head
    ours, theirs, chain = spans_in(path)

    assert (Openinference().matches(head), OtelGenai().matches(head)) == (1, 0.5)
    assert ours == EXPECTED
    assert (theirs.kind, theirs.model_asked, theirs.input_tokens) == ("call", "m", 7)
    assert (chain.kind, chain.input_tokens) == ("group", None)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.sampled_from(["attributes", "context", "events", "annotations", "start_time", "parent_id"]),
    _JSON,
)
def test_wrong_types_never_stop_the_reading(name: str, value: object) -> None:
    """The broken span is a fault, its neighbour is read."""
    broken, whole = told([rest_span(CALL) | {name: value}, rest_span(CALL)])

    assert isinstance(broken, Span | Fault)
    assert whole == EXPECTED
