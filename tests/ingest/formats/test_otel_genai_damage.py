"""OpenTelemetry's GenAI traces that are spread, broken, cut or odd."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.formats.otel_spans import (
    CALL,
    ENVELOPES,
    EXPECTED,
    MODEL,
    PARENT,
    console_spans,
    otlp_span,
    read,
    request,
    user_message,
)

from tracetier.ingest.formats._span_values import told_by
from tracetier.ingest.formats.otel_genai import OtelGenai
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Span

Write = Callable[..., Path]


def test_spans_of_a_trace_may_stand_on_several_lines(write_lines: Write) -> None:
    """Children first, beside logs and metrics; U+2028 in a text ends no line."""
    child = otlp_span({"gen_ai.input.messages": user_message("a\u2028b"), **MODEL})
    run = otlp_span(
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "coder"},
        spanId=PARENT,
        parentSpanId="",
    )
    first = json.dumps(request(child), ensure_ascii=False).encode()
    path = write_lines([first, {"resourceMetrics": []}, request(run), request()])
    call, metrics, agent, nothing = read(path)

    assert isinstance(call, Span)
    assert isinstance(agent, Span)
    assert (call.text, call.parent_id) == ("a\u2028b", PARENT)
    assert (agent.kind, agent.name, agent.span_id, agent.parent_id) == (
        "agent",
        "coder",
        PARENT,
        None,
    )
    assert (metrics, nothing) == (NoStep(), NoStep())


@pytest.mark.parametrize(
    ("broken", "reason", "pointer"),
    [
        (otlp_span(CALL, spanId=""), "missing", "span_id"),
        (otlp_span(CALL, traceId="0" * 32), "missing", "trace_id"),
        (otlp_span(CALL, startTimeUnixNano="soon"), "bad_value", "startTimeUnixNano"),
        (otlp_span(CALL, endTimeUnixNano=10**40), "bad_value", "endTimeUnixNano"),
        (otlp_span(CALL, attributes=[{"key": 1}]), "bad_value", "attributes[0].key"),
        (
            otlp_span({**CALL, "gen_ai.usage.input_tokens": -1}),
            "bad_value",
            "gen_ai.usage.input_tokens",
        ),
        (
            otlp_span({**CALL, "gen_ai.usage.output_tokens": "many"}),
            "bad_value",
            "gen_ai.usage.output_tokens",
        ),
        (
            otlp_span({}, attributes=[{"key": "gen_ai.request.model", "value": {"intValue": "x"}}]),
            "bad_value",
            "intValue",
        ),
        ("a span", "bad_value", ""),
    ],
)
def test_a_broken_span_is_one_issue_and_its_neighbours_are_read(
    broken: object, reason: str, pointer: str, write_lines: Write
) -> None:
    """With the line and the path to it."""
    first, issue, last = read(write_lines([request(otlp_span(CALL), broken, otlp_span(CALL))]))

    assert (first, last) == (EXPECTED, EXPECTED)
    assert isinstance(issue, Issue)
    assert (issue.line, issue.reason) == (1, reason)
    assert issue.pointer == ".".join(
        part for part in ("resourceSpans[0].scopeSpans[0].spans[1]", pointer) if part
    )


def test_every_line_is_told_once_however_it_ends(tmp_path: Path) -> None:
    """Lines that are cut, deep, not UTF-8, no objects, or hold line breaks of Unicode."""
    whole = json.dumps(request(otlp_span(CALL))).encode()
    odd = [b"{", b'{"a": ' + b"[" * 9_000, b'{"id": "\xff"}', "[\u2028]".encode(), b"7", b"{}"]
    path = tmp_path / "log"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join([whole, *odd]))
    source = Source(path)
    told = [(source.line, item) for item in OtelGenai().read(source, Context())]

    assert [line for line, _ in told] == list(range(1, 8))
    assert told[0] == (1, EXPECTED)
    assert all(isinstance(item, Issue) and item.line == line for line, item in told[1:])


def test_broken_lines_are_issues_and_the_others_are_read(write_lines: Write) -> None:
    """The last one is still being written."""
    whole = json.dumps(request(otlp_span(CALL))).encode()
    path = write_lines([whole, b"{not json}", b'{"a": 1}', b"\xff{}", whole, whole[:-30]])
    found = read(path)

    assert [item for item in found if isinstance(item, Span)] == [EXPECTED, EXPECTED]
    assert [(item.line, item.reason) for item in found if isinstance(item, Issue)] == [
        (2, "not_json"),
        (3, "unknown_record"),
        (4, "not_utf8"),
        (6, "not_json"),
    ]


def test_what_is_merely_unusual_is_read(write_lines: Write) -> None:
    """``NaN``, half a surrogate pair, a value without a type."""
    span = otlp_span(CALL)
    span["attributes"] += [{"key": "x", "value": {}}, {"key": "y"}, {"key": "z", "value": None}]
    line = json.dumps(request(span)).replace('"Be brief', '"Be \\ud83d brief').encode()
    nan = json.dumps(request(otlp_span({**CALL, "score": float("nan")}))).encode()

    assert read(write_lines([line, nan])) == [EXPECTED, EXPECTED]


def test_output_of_the_program_between_printed_spans_is_told(tmp_path: Path) -> None:
    """The console exporter shares its stream with everything else that prints."""
    printed = json.dumps(console_spans(), indent=4)
    path = tmp_path / "log"
    path.write_text(f"Hello, world\n{printed}\nbye\n{printed}\n")
    found = read(path)

    assert OtelGenai().matches(Source(path).head) == 1
    assert [item for item in found if isinstance(item, Span)] == [EXPECTED, EXPECTED]
    assert [item.reason for item in found if isinstance(item, Issue)] == ["not_json", "not_json"]


def test_deep_nesting_is_an_issue(write_lines: Write) -> None:
    """In the record and in an attribute."""
    whole = json.dumps(request(otlp_span({"a": "deep"})))
    deep = '{"arrayValue": {"values": [' * 500 + '{"stringValue": "x"}' + "]}}" * 500
    nested = whole.replace('{"stringValue": "deep"}', deep).encode()
    path = write_lines(
        [
            nested,
            b'{"resourceSpans": ' + b"[" * 100_000,
            json.dumps(request(otlp_span(CALL))).encode(),
        ]
    )
    found = read(path)

    assert [item.reason for item in found if isinstance(item, Issue)] == ["too_deep", "too_deep"]
    assert found[2:] == [EXPECTED]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


_NAMES = ("resourceSpans", "scopeSpans", "spans", "traceId", "spanId", "attributes", "key", "value")


def _mutated(value: Any, path: list[int], new: object) -> Any:
    """Replace what stands at some place in a document."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[path[0] % len(keys)]
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[key] = _mutated(value[key], path[1:], new)
    return copied


@given(
    st.sampled_from(sorted(ENVELOPES)),
    st.lists(st.integers(0, 20), max_size=9),
    _JSON | st.dictionaries(st.sampled_from(_NAMES), _JSON),
)
def test_wrong_types_never_stop_the_reading(name: str, path: list[int], new: object) -> None:
    """Each document gives something, whatever stands in it, and nothing is raised."""
    found = list(told_by(json.dumps(_mutated(ENVELOPES[name], path, new)).encode()))

    assert found
    assert all(isinstance(item, Span | Addition | NoStep | Fault) for item in found)


@given(st.sampled_from(sorted(ENVELOPES)), st.integers(0, 3000), st.binary(max_size=3))
def test_cut_and_damaged_bytes_never_stop_the_reading(name: str, at: int, new: bytes) -> None:
    """One issue for what is no JSON any more."""
    data = json.dumps(ENVELOPES[name]).encode()
    at %= len(data)
    for broken in (data[:at], data[:at] + new + data[at + 1 :]):
        found = list(told_by(broken))
        assert found
        assert all(isinstance(item, Span | Addition | NoStep | Fault) for item in found)
