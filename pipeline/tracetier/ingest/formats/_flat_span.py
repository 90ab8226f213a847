"""Spans with plain attributes → raw spans, as Phoenix and OpenTelemetry's Python SDK print them.

Phoenix's REST interface, its data frames and the SDK's console exporter all write
``context.trace_id``, ``context.span_id``, ``parent_id`` and attributes as an object. The console
exporter has ids with ``0x`` and its status in an object; Phoenix has ``span_kind``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from tracetier.ingest.formats._annotations import Annotation, score_of
from tracetier.ingest.formats._raw_span import (
    Attrs,
    RawEvent,
    RawSpan,
    flat,
    id_of,
    need_ids,
    status_of,
    time_of_text,
)

Time = str | int | float | None


class SpanContext(Struct):
    """The two ids of a span."""

    trace_id: str | int | None = None
    span_id: str | int | None = None


class FlatStatus(Struct):
    """Status as the console exporter writes it."""

    status_code: str | int | None = None
    description: str | None = None


class FlatEvent(Struct):
    """Event of a span."""

    name: str | None = None
    timestamp: Time = None
    attributes: dict[str, Any] | None = None


class FlatSpan(Struct):
    """A span of Phoenix's REST interface or of the console exporter."""

    context: SpanContext
    parent_id: str | int | None = None
    name: str | None = None
    span_kind: str | None = None
    start_time: Time = None
    end_time: Time = None
    status_code: str | None = None
    status_message: str | None = None
    status: FlatStatus | None = None
    attributes: dict[str, Any] | None = None
    events: list[FlatEvent] | None = None
    annotations: list[Annotation] | None = None


def raw_span(span: FlatSpan) -> RawSpan:
    """Return such a span as plain values.

    Raises
    ------
    Fault
        If an id is missing, or a time is none.
    """
    trace_id, span_id = need_ids(span.context.trace_id, span.context.span_id)
    status = span.status or FlatStatus()
    scores = (score_of(annotation) for annotation in span.annotations or ())
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=id_of(span.parent_id),
        name=span.name or "",
        kind=span.span_kind,
        start=time_of_text(span.start_time, "start_time"),
        end=time_of_text(span.end_time, "end_time"),
        status=status_of(span.status_code or status.status_code),
        status_message=span.status_message or status.description or "",
        attrs=dict(flat(span.attributes or {})),
        events=tuple(_events(span.events or [])),
        scores=tuple(score for score in scores if score is not None),
    )


def raw_span_of_row(row: Mapping[str, object], attrs: Attrs, events: object) -> RawSpan:
    """Return a row of Phoenix's data frame as a span.

    Parameters
    ----------
    row : mapping
        Columns ``context.trace_id``, ``context.span_id``, ``parent_id``, ``name``, ``span_kind``,
        ``start_time``, ``end_time``, ``status_code``, ``status_message``.
    attrs : dict
        The ``attributes.*`` columns, without that prefix.
    events : object
        A list of objects, or anything where there is none.

    Raises
    ------
    Fault
        If an id is missing, or a time is none.
    """
    trace_id, span_id = need_ids(row.get("context.trace_id"), row.get("context.span_id"))
    kind, name = row.get("span_kind"), row.get("name")
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=id_of(row.get("parent_id")),
        name=name if isinstance(name, str) else "",
        kind=kind if isinstance(kind, str) else None,
        start=time_of_text(row.get("start_time"), "start_time"),
        end=time_of_text(row.get("end_time"), "end_time"),
        status=status_of(row.get("status_code")),
        status_message=str(row.get("status_message") or ""),
        attrs=dict(flat(attrs)),
        events=tuple(_plain_events(events)),
    )


def _events(events: list[FlatEvent]) -> Iterator[RawEvent]:
    for event in events:
        time = time_of_text(event.timestamp, "events.timestamp")
        yield RawEvent(event.name or "", dict(flat(event.attributes or {})), time)


def _plain_events(events: object) -> Iterator[RawEvent]:
    for event in events if isinstance(events, list) else ():
        if isinstance(event, dict):
            attributes = event.get("attributes")
            attrs = dict(flat(attributes)) if isinstance(attributes, dict) else {}
            yield RawEvent(str(event.get("name") or ""), attrs)
