"""Langfuse's scores, wherever they stand: on a trace, in a file of their own, months later.

``dataType`` tells what the value is; comments and corrected answers are no verdicts. ``API`` scores
may be a person's or a program's, so their source is left open.
"""

from tracetier.ingest.coerce import flag
from tracetier.ingest.formats._amounts import finite_of, read_as, time_of
from tracetier.ingest.formats._langfuse_record import Record
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Addition, Score, ScoreSource

_SOURCES: dict[str | None, ScoreSource] = {"EVAL": "judge", "ANNOTATION": "human"}
_NO_VERDICT = ("TEXT", "CORRECTION")


def addition_of(record: Record) -> Addition | None:
    """Return a score with what it judges, ``None`` for what is no verdict.

    Raises
    ------
    Fault
        If its value or time cannot be read, or it judges nothing.
    """
    target = (id_of(record.trace_id), id_of(record.observation_id), id_of(record.session_id))
    if target == (None, None, None):
        raise Fault(
            "missing", "traceId is missing, a score must judge something", pointer="traceId"
        )
    score = _score_of(record)
    if score is None:
        return None
    trace_id, span_id, session_id = target
    return Addition(trace_id=trace_id, span_id=span_id, session_id=session_id, scores=(score,))


def id_of(value: object) -> str | None:
    """Return an id as text, ``None`` where it is absent or empty."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) else None


def _score_of(record: Record) -> Score | None:
    value = _value(record)
    if value is None or record.data_type in _NO_VERDICT or not record.name:
        return None
    time = time_of(record.timestamp, "timestamp") or time_of(record.updated_at, "updatedAt")
    return Score(name=record.name, value=value, source=_SOURCES.get(record.source), time=time)


def _value(record: Record) -> float | bool | str | None:
    if record.data_type == "CATEGORICAL" and record.string_value:
        return record.string_value
    if record.value is None or record.value == "":
        return record.string_value or None
    if record.data_type == "BOOLEAN":
        return read_as(flag, record.value, "value")
    return finite_of(record.value, "value")
