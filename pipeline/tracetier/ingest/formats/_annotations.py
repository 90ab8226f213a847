"""Phoenix's annotations → scores: of spans, of traces and of sessions.

An annotation has a score, a label, or only an explanation, which is a note and no score. Phoenix
keeps no scale, so that 0.9 may be of 1 and 4 of 5: the user's map of names says it.
"""

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from tracetier.ingest.coerce import number
from tracetier.ingest.formats._raw_span import id_of, time_of_text
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Addition, Score, ScoreSource

_SOURCES: dict[str, ScoreSource] = {
    "HUMAN": "human",
    "LLM": "judge",
    "AGENT": "judge",
    "DECISION": "judge",
    "CODE": "programmatic",
}
_NOTE = "note"


class Result(Struct):
    """What was found."""

    score: float | int | str | bool | None = None
    label: str | bool | None = None


class Annotation(Struct):
    """One annotation, on its own or inside the span that it judges."""

    name: str | None = None
    annotator_kind: str | None = None
    result: Result | None = None
    span_id: str | int | None = None
    trace_id: str | None = None
    session_id: str | int | None = None
    document_position: Any = None
    created_at: Any = None
    updated_at: Any = None


def score_of(annotation: Annotation) -> Score | None:
    """Return an annotation as a score, ``None`` for a note or what judges one retrieved document.

    Raises
    ------
    Fault
        If the score is no number, or the time is none.
    """
    result = annotation.result or Result()
    return make_score(
        annotation.name,
        None if annotation.document_position is not None else result.score,
        None if annotation.document_position is not None else result.label,
        kind=annotation.annotator_kind,
        time=annotation.updated_at or annotation.created_at,
    )


def addition_of(annotation: Annotation) -> Addition | None:
    """Return an annotation that stands on its own, ``None`` where it is no score.

    Raises
    ------
    Fault
        If it says not what it judges, or its score or time is none.
    """
    target = (annotation.span_id, annotation.trace_id, annotation.session_id)
    return _addition(score_of(annotation), *target)


def addition_of_row(row: Mapping[str, object]) -> Addition | None:
    """Return a row of a data frame of annotations, ``None`` where it is no score.

    Raises
    ------
    Fault
        If it says not what it judges, or its score or time is none.
    """
    name = row.get("annotation_name") or row.get("name")
    found = make_score(
        name if isinstance(name, str) else None,
        row.get("result.score", row.get("score")),
        row.get("result.label", row.get("label")),
        kind=row.get("annotator_kind"),
        time=row.get("updated_at") or row.get("created_at"),
    )
    span_id = row.get("span_id") or row.get("context.span_id")
    return _addition(found, span_id, row.get("trace_id"), row.get("session_id"))


def make_score(
    name: str | None, score: object, label: object, *, kind: object, time: object
) -> Score | None:
    """Return a score, the number before the label, ``None`` where there is neither.

    Raises
    ------
    Fault
        If the score is no number, or the time is none.

    Examples
    --------
    >>> make_score("correctness", 1, "correct", kind="HUMAN", time=None).value
    1.0
    """
    value = _value(score, label)
    if value is None or not name or name == _NOTE:
        return None
    source = _SOURCES.get(kind.upper()) if isinstance(kind, str) else None
    return Score(name=name, value=value, source=source, time=time_of_text(time, "created_at"))


def _addition(
    score: Score | None, span_id: object, trace_id: object, session_id: object
) -> Addition | None:
    target = (id_of(span_id), id_of(trace_id), id_of(session_id))
    if target == (None, None, None):
        message = "annotation has no span_id, trace_id or session_id, it must judge something"
        raise Fault("missing", message, pointer="span_id")
    if score is None:
        return None
    span, trace, session = target
    return Addition(span_id=span, trace_id=trace, session_id=session, scores=(score,))


def _value(score: object, label: object) -> float | bool | str | None:
    if isinstance(score, bool):
        return score
    if score is not None and score != "":
        try:
            found = number(score)
        except Fault as fault:
            message = f"score must be {fault}"
            raise Fault("bad_value", message, pointer="score", value=score) from None
        if math.isfinite(found):
            return found
    if isinstance(label, bool):
        return label
    return label if isinstance(label, str) and label else None
