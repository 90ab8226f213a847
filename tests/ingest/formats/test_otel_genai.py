"""OpenTelemetry's GenAI traces: every envelope, every generation of names, every trap of theirs."""

import base64
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.ingest.formats._span_values import told_by
from tracetier.ingest.formats.openinference import Openinference
from tracetier.ingest.formats.otel_genai import OtelGenai
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Score, Span

Write = Callable[..., Path]
GOLDEN = Path(__file__).parents[2] / "golden" / "ingest"
TRACE, PARENT, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "5fb397be34d26b51"
START, END = (
    datetime(2026, 1, 5, 8, 0, 0, 250_000, UTC),
    datetime(2026, 1, 5, 8, 0, 1, 500_000, UTC),
)
START_NS, END_NS = 1767600000_250_000_000, 1767600001_500_000_000
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "claude-haiku-4-5",
    "gen_ai.response.model": "claude-haiku-4-5-20251001",
    "gen_ai.response.id": "msg_1",
    "gen_ai.usage.input_tokens": 120,
    "gen_ai.usage.output_tokens": 8,
    "gen_ai.conversation.id": "talk",
    "gen_ai.input.messages": json.dumps(
        [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Rename foo."}]},
        ]
    ),
    "gen_ai.tool.definitions": '[{"type": "function", "name": "edit"}]',
}
MODEL = {"gen_ai.request.model": "m"}
EXPECTED = Span(
    trace_id=TRACE,
    span_id=SPAN,
    parent_id=PARENT,
    kind="call",
    session_id="talk",
    start=START,
    end=END,
    text="Rename foo.",
    tools=["edit"],
    model_asked="claude-haiku-4-5",
    model_answered="claude-haiku-4-5-20251001",
    response_id="msg_1",
    input_tokens=120,
    output_tokens=8,
    outcome="ok",
)


def _typed(value: object, *, is_snake: bool = False) -> dict[str, Any]:
    if isinstance(value, bool):
        name = "boolValue"
    elif isinstance(value, int):
        name, value = "intValue", str(value)
    elif isinstance(value, float):
        name = "doubleValue"
    elif isinstance(value, list):
        name, value = "arrayValue", {"values": [_typed(item) for item in value]}
    else:
        name = "stringValue"
    return {_snake(name) if is_snake else name: value}


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def otlp_span(attrs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Build a span of OTLP/JSON."""
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "parentSpanId": PARENT,
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(START_NS),
        "endTimeUnixNano": str(END_NS),
        "attributes": [{"key": key, "value": _typed(value)} for key, value in attrs.items()],
        "status": {},
    } | fields


def request(*spans: object) -> dict[str, Any]:
    """Wrap spans as the collector does."""
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [*spans]}]}]}


def _snaked(value: Any) -> Any:
    if isinstance(value, dict):
        return {_snake(name): _snaked(inner) for name, inner in value.items()}
    return [_snaked(item) for item in value] if isinstance(value, list) else value


def _base64(hex_id: str) -> str:
    return base64.b64encode(bytes.fromhex(hex_id)).decode()


def _tempo() -> dict[str, Any]:
    span = otlp_span(
        CALL,
        traceId=_base64(TRACE),
        spanId=_base64(SPAN),
        parentSpanId=_base64(PARENT),
        kind="SPAN_KIND_CLIENT",
        startTimeUnixNano=START_NS,
        endTimeUnixNano=float(END_NS),
        status={"code": "STATUS_CODE_UNSET"},
    )
    return {"batches": [{"resource": {}, "instrumentationLibrarySpans": [{"spans": [span]}]}]}


def _jaeger() -> dict[str, Any]:
    span = {
        "traceID": TRACE,
        "spanID": SPAN,
        "operationName": "chat",
        "references": [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": PARENT}],
        "startTime": START_NS // 1000,
        "duration": 1_250_000,
        "tags": [{"key": key, "type": "string", "value": value} for key, value in CALL.items()],
        "logs": [],
        "processID": "p1",
    }
    trace = {"traceID": TRACE, "spans": [span], "processes": {"p1": {"serviceName": "s"}}}
    return {"data": [trace], "total": 0}


def _console() -> dict[str, Any]:
    return {
        "name": "chat",
        "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{SPAN}", "trace_state": "[]"},
        "kind": "SpanKind.CLIENT",
        "parent_id": f"0x{PARENT}",
        "start_time": "2026-01-05T08:00:00.250000Z",
        "end_time": "2026-01-05T08:00:01.500000Z",
        "status": {"status_code": "UNSET"},
        "attributes": CALL,
        "events": [],
        "links": [],
        "resource": {"attributes": {}},
    }


ENVELOPES = {
    "camelCase": request(otlp_span(CALL)),
    "snake_case": _snaked(request(otlp_span(CALL))),
    "Tempo": _tempo(),
    "Tempo's second interface": {"trace": request(otlp_span(CALL))},
    "Jaeger": _jaeger(),
    "Jaeger's third interface": {"result": request(otlp_span(CALL))},
    "console exporter": _console(),
}


def span_of(attrs: dict[str, Any], **fields: Any) -> Span:
    """Read one span with these attributes."""
    (found,) = told_by(json.dumps(request(otlp_span(attrs, **fields))).encode())
    assert isinstance(found, Span), found
    return found


def fault_of(attrs: dict[str, Any], **fields: Any) -> Fault:
    """Read one span that is broken."""
    (found,) = told_by(json.dumps(request(otlp_span(attrs, **fields))).encode())
    assert isinstance(found, Fault)
    return found


def read(path: Path) -> list[object]:
    """Read a file to its end."""
    return list(OtelGenai().read(Source(path), Context()))


@pytest.mark.parametrize(
    ("name", "kinds", "n_in", "n_out"),
    [
        (
            "strands_bedrock_claude.otlp.json",
            {"call": 4, "agent": 1, "tool": 3, "group": 4},
            4094,
            464,
        ),
        ("pydantic_ai_delegation.otlp.json", {"call": 3, "agent": 2, "tool": 1}, 160, 16),
        ("kagent_tempo_batches.json", {"call": 6, "agent": 2, "tool": 1, "group": 77}, 13944, 387),
    ],
)
def test_samples_have_the_numbers_of_their_page(
    name: str, kinds: dict[str, int], n_in: int, n_out: int, shared: Path
) -> None:
    """Sums over calls alone; kagent's six reports are two calls, which the assembler finds."""
    found = read(shared / "samples" / "otel_genai" / name)
    spans = [item for item in found if isinstance(item, Span)]
    calls = [span for span in spans if span.kind == "call"]

    assert len(spans) == len(found)
    assert Counter(span.kind for span in spans) == kinds
    assert sum(span.input_tokens or 0 for span in calls) == n_in
    assert sum(span.output_tokens or 0 for span in calls) == n_out


def test_a_delegated_run_hangs_below_the_tool_that_asked_for_it(shared: Path) -> None:
    """Though its conversation id is another one."""
    found = read(shared / "samples" / "otel_genai" / "pydantic_ai_delegation.otlp.json")
    spans = {item.span_id: item for item in found if isinstance(item, Span)}
    helper = next(span for span in spans.values() if span.name == "helper_agent" and _is_run(span))
    tool = spans[str(helper.parent_id)]
    boss = spans[str(tool.parent_id)]

    assert (tool.kind, tool.name) == ("tool", "ask_helper")
    assert (boss.kind, boss.name, boss.parent_id) == ("agent", "boss_agent", None)
    assert (helper.text, boss.text) == ("answer?", "What is the answer?")
    assert helper.session_id != boss.session_id


def _is_run(span: Span) -> bool:
    return span.kind == "agent"


def test_nested_reporters_of_a_call_hold_what_tells_that_they_are_one(shared: Path) -> None:
    """Of each chain the innermost knows the answer's id; all have its tokens, and lie around it."""
    found = read(shared / "samples" / "otel_genai" / "kagent_tempo_batches.json")
    spans = {item.span_id: item for item in found if isinstance(item, Span)}
    innermost = [span for span in spans.values() if span.response_id]
    n_reporters = 0
    for span in innermost:
        outer: Span | None = span
        while outer is not None and outer.kind == "call":
            n_reporters += 1
            assert (outer.input_tokens, outer.output_tokens) == (
                span.input_tokens,
                span.output_tokens,
            )
            assert outer.start is not None
            assert span.start is not None
            assert outer.start <= span.start
            outer = spans.get(str(outer.parent_id))

    assert n_reporters == 6
    assert sorted((s.input_tokens, s.output_tokens) for s in innermost) == [(2256, 13), (2392, 116)]
    assert {s.model_answered for s in innermost} == {"gpt-4.1-mini-2025-04-14"}
    assert {s.text for s in innermost} == {"list all helm releases\n"}


def test_only_its_own_samples_are_recognised(shared: Path) -> None:
    """All others are foreign, but for OpenInference's in the same envelope."""
    for path in GOLDEN.glob("*/input.*"):
        assert OtelGenai().matches(Source(path).head) == (path.parent.name == "otel_genai"), path
    own = shared / "samples" / "otel_genai"
    for path in (shared / "samples").rglob("*"):
        if path.is_file():
            surest = OtelGenai().matches(Source(path).head)
            if path.parent == own:
                assert surest == 1, path
            else:
                assert surest == (0.5 if path.name.endswith("openinference.otlp.jsonl") else 0), (
                    path
                )


@pytest.mark.parametrize("envelope", ENVELOPES)
@pytest.mark.parametrize("indent", [None, 2])
def test_each_envelope_is_recognised_and_tells_the_same_span(
    envelope: str, indent: int | None, tmp_path: Path
) -> None:
    """Hex, ``0x`` and base64 ids; ns as text, number and float; us; ISO times."""
    path = tmp_path / "log"
    path.write_text(json.dumps(ENVELOPES[envelope], indent=indent))
    head = Source(path).head

    assert (OtelGenai().matches(head), Openinference().matches(head)) == (1, 0)
    assert read(path) == [EXPECTED]


def test_a_document_is_recognised_by_its_first_bytes(tmp_path: Path) -> None:
    """Though it goes on for longer than the head, and begins with something else."""
    spans = [otlp_span(CALL, spanId=f"{i:016x}") for i in range(1, 201)]
    path = tmp_path / "log"
    path.write_text(json.dumps({"comment": "x", **request(*spans)}, indent=1))

    assert path.stat().st_size > 100_000
    assert OtelGenai().matches(Source(path).head) == 1
    assert len(read(path)) == 200


@pytest.mark.parametrize(
    ("attrs", "counts"),
    [
        pytest.param({"gen_ai.usage.input_tokens": 7}, (7, None), id="now"),
        pytest.param(
            {"gen_ai.usage.prompt_tokens": "7", "gen_ai.usage.completion_tokens": 2},
            (7, 2),
            id="until 1.27",
        ),
        pytest.param(
            {
                "gen_ai.usage.prompt_tokens": 7,
                "gen_ai.usage.input_tokens": 7,
                "gen_ai.usage.completion_tokens": 2,
                "gen_ai.usage.output_tokens": 2,
                "llm.usage.total_tokens": 9,
            },
            (7, 2),
            id="both are not added",
        ),
        pytest.param({"gen_ai.usage.input_tokens": 0}, (0, None), id="zero is a count"),
        pytest.param({"gen_ai.aggregated_usage.input_tokens": 70}, (None, None), id="totals"),
        pytest.param({}, (None, None), id="unknown"),
    ],
)
def test_spellings_of_a_count_are_alternatives(
    attrs: dict[str, Any], counts: tuple[int | None, int | None]
) -> None:
    """The first present wins; nothing is added up."""
    span = span_of({"gen_ai.operation.name": "chat", **attrs})

    assert (span.input_tokens, span.output_tokens) == counts


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        pytest.param(
            {"input_tokens": 100, "cache_read.input_tokens": 60}, (100, 60, None), id="inside"
        ),
        pytest.param(
            {"input_tokens": 5, "cache_read_input_tokens": 60, "cache_write_input_tokens": 30},
            (95, 60, 30),
            id="larger than the input, so beside it",
        ),
        pytest.param(
            {
                "input_tokens": 100,
                "output_tokens": 10,
                "cache_read_input_tokens": 60,
                "total_tokens": 170,
            },
            (160, 60, None),
            id="beside it by the total",
        ),
        pytest.param(
            {
                "input_tokens": 100,
                "output_tokens": 10,
                "cache_creation.input_tokens": 60,
                "total_tokens": 110,
            },
            (100, None, 60),
            id="inside by the total",
        ),
    ],
)
def test_input_holds_the_cache_whatever_the_convention(
    attrs: dict[str, int], expected: tuple[int, int | None, int | None]
) -> None:
    """By the counts themselves, as no attribute says which convention it follows."""
    span = span_of({f"gen_ai.usage.{name}": value for name, value in attrs.items()} | MODEL)

    assert (span.input_tokens, span.cache_read_tokens, span.cache_write_tokens) == expected


@pytest.mark.parametrize(
    ("attrs", "cost_usd"),
    [
        ({"gen_ai.usage.cost": 0.25}, 0.25),
        ({"operation.cost": "0.25"}, 0.25),
        ({"gen_ai.usage.cost": 0.0, "gen_ai.usage.input_tokens": 5}, None),
        ({"gen_ai.usage.cost": 0.0}, 0.0),
        ({}, None),
    ],
)
def test_a_cost_of_zero_for_tokens_is_unknown(
    attrs: dict[str, Any], cost_usd: float | None
) -> None:
    """Loggers write it for a price that they do not know."""
    assert span_of(MODEL | attrs).cost_usd == cost_usd


@pytest.mark.parametrize(
    ("attrs", "name", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, "chat m", "call"),
        ({"gen_ai.operation.name": "Generate_Content"}, "", "call"),
        ({"gen_ai.operation.name": "text_completion"}, "", "call"),
        ({"gen_ai.operation.name": "llm_request", **MODEL}, "", "call"),
        ({"gen_ai.operation.name": "execute_tool"}, "", "tool"),
        ({"gen_ai.operation.name": "invoke_agent", **MODEL}, "", "agent"),
        ({"gen_ai.operation.name": "embeddings", **MODEL}, "", "group"),
        ({"gen_ai.operation.name": "create_agent", **MODEL}, "", "group"),
        ({"gen_ai.operation.name": "task", **MODEL}, "", "group"),
        ({"traceloop.span.kind": "agent"}, "", "agent"),
        ({"traceloop.span.kind": "workflow", **MODEL}, "", "group"),
        ({"llm.request.type": "chat", **MODEL}, "openai.chat", "call"),
        ({"llm.request.type": "embedding", **MODEL}, "", "group"),
        (MODEL, "call_llm", "call"),
        ({"gen_ai.usage.input_tokens": 5}, "sum", "group"),
        ({"gen_ai.tool.name": "bash"}, "running tool", "tool"),
        (
            {"agent_name": "a", "model_name": "m", "gen_ai.usage.input_tokens": 9},
            "agent run",
            "agent",
        ),
        ({"gen_ai.agent.name": "a", **MODEL}, "Agent", "agent"),
        ({"gen_ai.agent.name": "a"}, "POST", "group"),
        ({"http.method": "POST", "gen_ai.conversation.id": "c"}, "POST", "group"),
    ],
)
def test_what_kind_of_step_a_span_is(attrs: dict[str, Any], name: str, kind: str) -> None:
    """Its own word first; a run that repeats the tokens of its calls is never a call."""
    assert span_of(attrs, name=name).kind == kind


@pytest.mark.parametrize(
    ("fields", "attrs", "expected"),
    [
        pytest.param({"status": {"code": 0}}, {}, ("ok", None, False), id="unset is no error"),
        pytest.param({"status": {"code": 1}}, {}, ("ok", None, False), id="ok"),
        pytest.param(
            {"status": {"code": 2, "message": "boom"}}, {}, ("error", None, False), id="error"
        ),
        pytest.param(
            {"status": {"code": "STATUS_CODE_ERROR"}},
            {"error.type": "BadRequestError"},
            ("error", "BadRequestError", False),
            id="error of the request",
        ),
        pytest.param(
            {"status": {"code": 2}},
            {"error.type": "openai.RateLimitError"},
            ("error", "openai.RateLimitError", True),
            id="rate limit",
        ),
        pytest.param({}, {"error.type": "529"}, ("error", "529", True), id="overloaded"),
        pytest.param(
            {"status": {"code": 2}},
            {"http.response.status_code": 503},
            ("error", None, True),
            id="by the answer's status",
        ),
        pytest.param(
            {"status": {"code": 2}},
            {"error.type": "asyncio.CancelledError"},
            ("cancelled", "asyncio.CancelledError", True),
            id="cancelled",
        ),
        pytest.param({"endTimeUnixNano": "0"}, {}, (None, None, False), id="never ended"),
    ],
)
def test_failures_of_the_infrastructure_are_told_apart(
    fields: dict[str, Any], attrs: dict[str, Any], expected: tuple[str | None, str | None, bool]
) -> None:
    """They say nothing of the tier."""
    span = span_of(MODEL | attrs, **fields)

    assert (span.outcome, span.error_type, span.is_infrastructure_error) == expected


def test_the_type_of_an_error_is_that_of_its_exception() -> None:
    """But an exception that was caught on the way is no error."""
    event = {
        "name": "exception",
        "attributes": [{"key": "exception.type", "value": {"stringValue": "KeyError"}}],
    }
    failed = span_of(MODEL, events=[event], status={"code": 2})
    went_on = span_of(MODEL, events=[event], status={"code": 1})

    assert (failed.outcome, failed.error_type) == ("error", "KeyError")
    assert (went_on.outcome, went_on.error_type) == ("ok", None)


def _user(content: object) -> str:
    return json.dumps([{"role": "user", "content": content}])


@pytest.mark.parametrize(
    ("attrs", "text"),
    [
        pytest.param({"gen_ai.input.messages": _user("Hi")}, "Hi", id="content"),
        pytest.param(
            {"gen_ai.input.messages": _user([{"text": "Hi"}, {"image": "x"}, {"text": "you"}])},
            "Hi\nyou",
            id="blocks",
        ),
        pytest.param(
            {
                f"gen_ai.prompt.{i}.{name}": value
                for i in (10, 9, 0)
                for name, value in {"role": "user" if i else "system", "content": str(i)}.items()
            },
            "9",
            id="numbered, 10 after 9",
        ),
        pytest.param(
            {
                "gen_ai.input.messages": json.dumps(
                    [
                        {"role": "user", "parts": [{"type": "tool_call_response", "content": "x"}]},
                        {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
                    ]
                )
            },
            "Hi",
            id="the result of a tool is none of the user's",
        ),
        pytest.param(
            {"ai.prompt.messages": _user([{"type": "text", "text": "Hi"}])}, "Hi", id="ai"
        ),
        pytest.param(
            {
                "gcp.vertex.agent.llm_request": json.dumps(
                    {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
                )
            },
            "Hi",
            id="Google's Agent Development Kit",
        ),
        pytest.param(
            {"traceloop.entity.input": '{"inputs": {"question": "Hi"}}'}, "Hi", id="input"
        ),
        pytest.param({"gen_ai.input.messages": '[{"role": "us'}, "", id="cut by a limit of length"),
        pytest.param({"gen_ai.output.messages": _user("Hi")}, "", id="what came after"),
    ],
)
def test_the_first_user_text_is_found_in_every_form(attrs: dict[str, Any], text: str) -> None:
    """Never the system's, never a tool's, never an answer."""
    assert span_of(MODEL | attrs).text == text


def test_a_run_is_known_by_what_it_was_asked_last() -> None:
    """Its input holds the conversation so far; a record of the whole run ends in the answer."""
    turns = [
        {"role": "user", "content": "First."},
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "Second."},
    ]
    run = {"gen_ai.operation.name": "invoke_agent"}
    whole = [{"role": "user", "content": "Second."}, {"role": "assistant", "content": "Done."}]

    assert span_of(run | {"gen_ai.input.messages": json.dumps(turns)}).text == "Second."
    assert span_of(run | {"pydantic_ai.all_messages": json.dumps(whole)}).text == "Second."


def test_messages_in_events_of_the_span_are_its_text() -> None:
    """As Strands writes them now, and wrote them before."""
    pair = {"key": "gen_ai.input.messages", "value": {"stringValue": _user("Hi")}}
    now = {"name": "gen_ai.client.inference.operation.details", "attributes": [pair]}
    content = {"key": "content", "value": {"stringValue": '[{"text": "Hi"}]'}}
    before = {"name": "gen_ai.user.message", "attributes": [content]}

    assert span_of(MODEL, events=[now]).text == "Hi"
    assert span_of(MODEL, events=[before]).text == "Hi"


@pytest.mark.parametrize(
    ("attrs", "tools"),
    [
        ({"gen_ai.tool.definitions": '[{"name": "a"}, {"function": {"name": "b"}}]'}, ["a", "b"]),
        ({"gen_ai.tool.definitions": ["a"]}, ["a"]),
        ({"gen_ai.agent.tools": '["a", "b"]'}, ["a", "b"]),
        (
            {f"llm.request.functions.{i}.name": name for i, name in ((10, "k"), (2, "c"))},
            ["c", "k"],
        ),
        ({"model_request_parameters": '{"function_tools": []}'}, []),
        (
            {
                "gcp.vertex.agent.llm_request": json.dumps(
                    {"config": {"tools": [{"function_declarations": [{"name": "a"}]}]}}
                )
            },
            ["a"],
        ),
        ({"gen_ai.tool.definitions": '[{"description": "?"}]'}, None),
        ({"gen_ai.completion.0.tool_calls.0.name": "called"}, None),
    ],
)
def test_tools_are_those_that_were_offered(attrs: dict[str, Any], tools: list[str] | None) -> None:
    """Tools that were called are an outcome."""
    assert span_of(MODEL | attrs).tools == tools


def test_a_tool_tells_its_name_its_files_and_how_it_ended() -> None:
    """For what is known of the session later."""
    span = span_of(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "edit",
            "gen_ai.tool.call.arguments": '{"file_path": "a.py", "x": {"path": "b.py"}}',
            "gen_ai.tool.status": "error",
        }
    )

    assert (span.kind, span.name, span.outcome) == ("tool", "edit", "error")
    assert span.files == ("a.py", "b.py")


def log_request(*logs: object) -> bytes:
    """Wrap log records as the collector does."""
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [*logs]}]}]}).encode()


def evaluation(**fields: Any) -> dict[str, Any]:
    """Build the log record of an evaluation; attributes are those after ``gen_ai.``."""
    attrs = fields.pop("attrs", {"evaluation.name": "Relevance", "evaluation.score.value": 0.75})
    return {
        "timeUnixNano": str(END_NS),
        "eventName": "gen_ai.evaluation.result",
        "attributes": [
            {"key": f"gen_ai.{key}", "value": _typed(value)} for key, value in attrs.items()
        ],
    } | fields


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        pytest.param(
            evaluation(traceId=TRACE, spanId=SPAN),
            Addition(
                trace_id=TRACE,
                span_id=SPAN,
                scores=(Score(name="Relevance", value=0.75, time=END),),
            ),
            id="on a span",
        ),
        pytest.param(
            evaluation(
                attrs={
                    "evaluation.name": "Safe",
                    "evaluation.score.label": "pass",
                    "response.id": "msg_1",
                }
            ),
            Addition(response_id="msg_1", scores=(Score(name="Safe", value="pass", time=END),)),
            id="on an answer, by its label",
        ),
        pytest.param(
            evaluation(
                traceId=TRACE,
                attrs={"evaluation.name": "Safe", "evaluation.score.value": 1},
                eventName="",
            )
            | {"attributes": [{"key": "event.name", "value": {"stringValue": "app"}}]},
            NoStep(),
            id="another event",
        ),
        pytest.param(
            evaluation(spanId=SPAN, attrs={"evaluation.name": "x", "evaluation.explanation": "?"}),
            NoStep(),
            id="an explanation alone",
        ),
    ],
)
def test_evaluations_in_the_logs_become_scores(
    log: dict[str, Any], expected: Addition | NoStep
) -> None:
    """Raw: what is good is for the user's map to say."""
    assert list(told_by(log_request(log))) == [expected]


def test_an_evaluation_of_nothing_is_told() -> None:
    """So is a score that is no number."""
    lost, wrong = told_by(
        log_request(
            evaluation(),
            evaluation(
                spanId=SPAN,
                attrs={"evaluation.name": "x", "evaluation.score.value": "high"},
            ),
        )
    )

    assert isinstance(lost, Fault)
    assert isinstance(wrong, Fault)
    assert (lost.reason, lost.pointer) == (
        "missing",
        "resourceLogs[0].scopeLogs[0].logRecords[0].spanId",
    )
    assert wrong.pointer.endswith("logRecords[1].gen_ai.evaluation.score.value")


def test_an_evaluation_on_the_span_itself_is_its_score() -> None:
    """Where the instrumentation had no logs to write to."""
    event = evaluation() | {"name": "gen_ai.evaluation.result"}

    assert span_of(MODEL, events=[event]).scores == (Score(name="Relevance", value=0.75, time=END),)


def test_messages_in_the_logs_are_the_text_of_their_span() -> None:
    """Content is kept out of spans by default."""
    user = {
        "eventName": "gen_ai.user.message",
        "traceId": TRACE,
        "spanId": SPAN,
        "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "Hi"}}]}},
    }
    details = {
        "eventName": "gen_ai.client.inference.operation.details",
        "traceId": TRACE,
        "spanId": SPAN,
        "attributes": [
            {"key": "gen_ai.input.messages", "value": {"stringValue": _user("Hi")}},
            {"key": "gen_ai.tool.definitions", "value": {"stringValue": '[{"name": "edit"}]'}},
        ],
    }

    assert list(told_by(log_request(user, details))) == [
        Addition(trace_id=TRACE, span_id=SPAN, text="Hi"),
        Addition(trace_id=TRACE, span_id=SPAN, text="Hi", tools=["edit"]),
    ]


def test_spans_of_a_trace_may_stand_on_several_lines(write_lines: Write) -> None:
    """Children first, beside logs and metrics; U+2028 in a text ends no line."""
    child = otlp_span({"gen_ai.input.messages": _user("a\u2028b"), **MODEL})
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
    printed = json.dumps(_console(), indent=4)
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
