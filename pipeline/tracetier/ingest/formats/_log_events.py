"""Log records that belong to a span → additions: evaluations, and messages kept out of the span.

GenAI instrumentations may write the messages of a call as events into the logs, and evaluations
always stand there. An event names its span; an evaluation may name only the answer it judges.
Any other log record tells no step.
"""

from tracetier.ingest.formats._attributes import RESPONSE_ID, SESSION, text_of
from tracetier.ingest.formats._otel_messages import first_user_text
from tracetier.ingest.formats._otlp import LogRecord, OtlpLog, log_record
from tracetier.ingest.formats._raw_span import Attrs, time_of_ns
from tracetier.ingest.formats._scores import EVALUATION, score_of_event
from tracetier.ingest.formats._to_span import DETAILS, messages_text, tools_offered
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Addition, NoStep

_USER_MESSAGE = "gen_ai.user.message"


def told_by_log(log: OtlpLog) -> Addition | NoStep:
    """Return what a log record adds to a span.

    Raises
    ------
    Fault
        If it is an evaluation that names nothing judged, or whose score is no number.
    """
    record = log_record(log)
    if record.event == EVALUATION:
        return _evaluation(record)
    if record.span_id is None:
        return NoStep()
    if record.event == DETAILS:
        return _addition(record, messages_text(record.attrs), tools_offered(record.attrs))
    if record.event == _USER_MESSAGE:
        body = record.body if isinstance(record.body, dict) else {}
        content = body.get("content", record.attrs.get("content"))
        return _addition(record, first_user_text([{"role": "user", "content": content}]), None)
    return NoStep()


def _addition(record: LogRecord, text: str, tools: list[str] | None) -> Addition | NoStep:
    if not text and tools is None:
        return NoStep()
    return Addition(trace_id=record.trace_id, span_id=record.span_id, text=text, tools=tools)


def _evaluation(record: LogRecord) -> Addition | NoStep:
    attrs: Attrs = record.attrs
    score = score_of_event(attrs, time_of_ns(record.time, "timeUnixNano"))
    if score is None:
        return NoStep()
    response_id, session = text_of(attrs, RESPONSE_ID), text_of(attrs, SESSION)
    if not (record.span_id or record.trace_id or response_id or session):
        message = "evaluation names no span and no response, it must judge something"
        raise Fault("missing", message, pointer="spanId")
    return Addition(
        trace_id=record.trace_id,
        span_id=record.span_id,
        response_id=response_id,
        session_id=session,
        scores=(score,),
    )
