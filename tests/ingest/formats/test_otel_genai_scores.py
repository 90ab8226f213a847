"""OpenTelemetry's GenAI evaluations and log records: scores, and texts of their spans."""

import json
from typing import Any

import pytest
from tests.ingest.formats.otel_spans import (
    END,
    END_NS,
    MODEL,
    SPAN,
    TRACE,
    span_of,
    typed_value,
    user_message,
)

from tracetier.ingest.formats._span_values import told_by
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Addition, NoStep, Score


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
            {"key": f"gen_ai.{key}", "value": typed_value(value)} for key, value in attrs.items()
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
            {"key": "gen_ai.input.messages", "value": {"stringValue": user_message("Hi")}},
            {"key": "gen_ai.tool.definitions", "value": {"stringValue": '[{"name": "edit"}]'}},
        ],
    }

    assert list(told_by(log_request(user, details))) == [
        Addition(trace_id=TRACE, span_id=SPAN, text="Hi"),
        Addition(trace_id=TRACE, span_id=SPAN, text="Hi", tools=["edit"]),
    ]
