"""Spans of OpenTelemetry's GenAI conventions in every envelope, and what is read of them."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tracetier.ingest.formats._span_values import told_by
from tracetier.ingest.formats.otel_genai import OtelGenai
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span

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


def typed_value(value: object, *, is_snake: bool = False) -> dict[str, Any]:
    if isinstance(value, bool):
        name = "boolValue"
    elif isinstance(value, int):
        name, value = "intValue", str(value)
    elif isinstance(value, float):
        name = "doubleValue"
    elif isinstance(value, list):
        name, value = "arrayValue", {"values": [typed_value(item) for item in value]}
    else:
        name = "stringValue"
    return {snake_case(name) if is_snake else name: value}


def snake_case(name: str) -> str:
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
        "attributes": [{"key": key, "value": typed_value(value)} for key, value in attrs.items()],
        "status": {},
    } | fields


def request(*spans: object) -> dict[str, Any]:
    """Wrap spans as the collector does."""
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [*spans]}]}]}


def in_snake_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {snake_case(name): in_snake_case(inner) for name, inner in value.items()}
    return [in_snake_case(item) for item in value] if isinstance(value, list) else value


def in_base64(hex_id: str) -> str:
    return base64.b64encode(bytes.fromhex(hex_id)).decode()


def tempo_document() -> dict[str, Any]:
    span = otlp_span(
        CALL,
        traceId=in_base64(TRACE),
        spanId=in_base64(SPAN),
        parentSpanId=in_base64(PARENT),
        kind="SPAN_KIND_CLIENT",
        startTimeUnixNano=START_NS,
        endTimeUnixNano=float(END_NS),
        status={"code": "STATUS_CODE_UNSET"},
    )
    return {"batches": [{"resource": {}, "instrumentationLibrarySpans": [{"spans": [span]}]}]}


def jaeger_document() -> dict[str, Any]:
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


def console_spans() -> dict[str, Any]:
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
    "snake_case": in_snake_case(request(otlp_span(CALL))),
    "Tempo": tempo_document(),
    "Tempo's second interface": {"trace": request(otlp_span(CALL))},
    "Jaeger": jaeger_document(),
    "Jaeger's third interface": {"result": request(otlp_span(CALL))},
    "console exporter": console_spans(),
}


def span_of(attrs: dict[str, Any], **fields: Any) -> Span:
    """Read one span with these attributes."""
    (found,) = told_by(json.dumps(request(otlp_span(attrs, **fields))).encode())
    assert isinstance(found, Span), found
    return found


def read(path: Path) -> list[object]:
    """Read a file to its end."""
    return list(OtelGenai().read(Source(path), Context()))


def user_message(content: object) -> str:
    return json.dumps([{"role": "user", "content": content}])
