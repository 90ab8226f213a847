"""Jaeger's JSON → raw spans: the same spans as OTLP's, under other names.

Times count microseconds, the parent is a reference, the status a tag, and events are ``logs``
whose name is a field like any other.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from tracetier.ingest.formats._raw_span import (
    Attrs,
    RawEvent,
    RawSpan,
    Status,
    id_of,
    need_ids,
    status_of,
    time_of_us,
)
from tracetier.ingest.issue import Fault

Micro = int | float | str | None


class Tag(Struct):
    """One attribute."""

    key: str
    value: Any = None


class Reference(Struct):
    """A link to another span."""

    refType: str | None = None
    traceID: str | None = None
    spanID: str | None = None


class Log(Struct):
    """An event of a span."""

    timestamp: Micro = None
    fields: list[Tag] | None = None


class JaegerSpan(Struct):
    """A span of Jaeger's HTTP interface and of its page's download."""

    traceID: str | None = None
    spanID: str | None = None
    parentSpanID: str | None = None
    operationName: str | None = None
    references: list[Reference] | None = None
    startTime: Micro = None
    duration: Micro = None
    tags: list[Tag] | None = None
    logs: list[Log] | None = None


def raw_span(span: JaegerSpan) -> RawSpan:
    """Return a span of Jaeger as plain values.

    Raises
    ------
    Fault
        If an id is missing, or a time is none.
    """
    trace_id, span_id = need_ids(span.traceID, span.spanID)
    attrs = _attrs(span.tags)
    start = time_of_us(span.startTime, "startTime")
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_parent(span, trace_id),
        name=span.operationName or "",
        start=start,
        end=None if start is None else _end(start, span.duration),
        status=_status(attrs),
        status_message=str(attrs.get("otel.status_description") or ""),
        attrs=attrs,
        events=tuple(_events(span.logs or [])),
    )


def _end(start: datetime, duration: Micro) -> datetime | None:
    if duration is None:
        return None
    try:
        return start + timedelta(microseconds=float(duration))
    except (ValueError, OverflowError):
        message = "duration must be a count of microseconds"
        raise Fault("bad_value", message, pointer="duration", value=duration) from None


def _parent(span: JaegerSpan, trace_id: str) -> str | None:
    """Return the span that this one is a child of; other references are links."""
    for reference in span.references or ():
        if reference.refType == "CHILD_OF" and id_of(reference.traceID) in (trace_id, None):
            return id_of(reference.spanID)
    return id_of(span.parentSpanID)


def _status(attrs: Attrs) -> Status | None:
    told = status_of(attrs.get("otel.status_code"))
    if told is None and str(attrs.get("error", "")).lower() == "true":
        return "error"
    return told


def _events(logs: list[Log]) -> Iterator[RawEvent]:
    for log in logs:
        attrs = _attrs(log.fields)
        name = attrs.pop("event", None) or attrs.pop("name", None)
        yield RawEvent(str(name or ""), attrs, time_of_us(log.timestamp, "logs.timestamp"))


def _attrs(tags: list[Tag] | None) -> Attrs:
    return {tag.key: tag.value for tag in tags or ()}
