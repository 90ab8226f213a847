"""OTLP's JSON → raw spans and log records, in each of its spellings.

The envelope may be camelCase (the standard, and what the collector's file exporter writes) or
snake_case (protobuf's own field names); spans may stand in ``scopeSpans`` or, before 2022, in
``instrumentationLibrarySpans``; Tempo calls the whole ``batches``. Numbers occur as texts, as
JSON numbers, and rounded to a float.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Generic, TypeVar

from msgspec import Struct

from tracetier.ingest.formats._raw_span import (
    Attrs,
    RawEvent,
    RawSpan,
    id_of,
    need_ids,
    status_of,
    time_of_ns,
)
from tracetier.ingest.issue import Fault

S = TypeVar("S")
L = TypeVar("L")
Nano = int | float | str | None


class Pair(Struct):
    """One attribute; its value is an object whose only key names the type."""

    key: str
    value: dict[str, Any] | None = None


class OtlpStatus(Struct):
    """Status of a span."""

    code: int | str | None = None
    message: str | None = None


class OtlpEvent(Struct):
    """Event of a span."""

    name: str | None = None
    timeUnixNano: Nano = None
    time_unix_nano: Nano = None
    attributes: list[Pair] | None = None


class OtlpSpan(Struct):
    """A span in both spellings; the fields of one of them are filled."""

    traceId: str | None = None
    trace_id: str | None = None
    spanId: str | None = None
    span_id: str | None = None
    parentSpanId: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    startTimeUnixNano: Nano = None
    start_time_unix_nano: Nano = None
    endTimeUnixNano: Nano = None
    end_time_unix_nano: Nano = None
    status: OtlpStatus | None = None
    attributes: list[Pair] | None = None
    events: list[OtlpEvent] | None = None


class OtlpLog(Struct):
    """A log record in both spellings."""

    traceId: str | None = None
    trace_id: str | None = None
    spanId: str | None = None
    span_id: str | None = None
    eventName: str | None = None
    event_name: str | None = None
    timeUnixNano: Nano = None
    time_unix_nano: Nano = None
    observedTimeUnixNano: Nano = None
    observed_time_unix_nano: Nano = None
    attributes: list[Pair] | None = None
    body: dict[str, Any] | None = None


class LogRecord(Struct, frozen=True, kw_only=True):
    """A log record as plain values; ``event`` is its name where it is an event."""

    trace_id: str | None
    span_id: str | None
    event: str
    time: Nano
    attrs: Attrs
    body: object = None


class Scope(Struct, Generic[S]):
    """Spans of one instrumentation."""

    spans: list[S] | None = None


class Resource(Struct, Generic[S]):
    """Spans of one process."""

    scopeSpans: list[Scope[S]] | None = None
    scope_spans: list[Scope[S]] | None = None
    instrumentationLibrarySpans: list[Scope[S]] | None = None
    instrumentation_library_spans: list[Scope[S]] | None = None


class LogScope(Struct, Generic[L]):
    """Log records of one instrumentation."""

    logRecords: list[L] | None = None
    log_records: list[L] | None = None


class LogResource(Struct, Generic[L]):
    """Log records of one process."""

    scopeLogs: list[LogScope[L]] | None = None
    scope_logs: list[LogScope[L]] | None = None


class Envelope(Struct, Generic[S, L]):
    """The outermost object: one request's worth of spans or log records."""

    resourceSpans: list[Resource[S]] | None = None
    resource_spans: list[Resource[S]] | None = None
    batches: list[Resource[S]] | None = None
    resourceLogs: list[LogResource[L]] | None = None
    resource_logs: list[LogResource[L]] | None = None


def spans_of(envelope: Envelope[S, L]) -> Iterator[tuple[str, S]]:
    """Yield each span of an envelope, with the path to it."""
    for name in ("resourceSpans", "resource_spans", "batches"):
        for i, resource in enumerate(getattr(envelope, name) or ()):
            for inner in _SCOPES:
                for j, scope in enumerate(getattr(resource, inner) or ()):
                    path = f"{name}[{i}].{inner}[{j}].spans"
                    for k, span in enumerate(scope.spans or ()):
                        yield f"{path}[{k}]", span


def logs_of(envelope: Envelope[S, L]) -> Iterator[tuple[str, L]]:
    """Yield each log record of an envelope, with the path to it."""
    resources = chain(envelope.resourceLogs or (), envelope.resource_logs or ())
    for i, resource in enumerate(resources):
        for j, scope in enumerate(chain(resource.scopeLogs or (), resource.scope_logs or ())):
            for k, log in enumerate(chain(scope.logRecords or (), scope.log_records or ())):
                yield f"resourceLogs[{i}].scopeLogs[{j}].logRecords[{k}]", log


def raw_span(span: OtlpSpan) -> RawSpan:
    """Return a span of OTLP as plain values.

    Raises
    ------
    Fault
        If an id is missing, or a time is none.
    """
    trace_id, span_id = need_ids(span.traceId or span.trace_id, span.spanId or span.span_id)
    status = span.status
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=id_of(span.parentSpanId or span.parent_span_id),
        name=span.name or "",
        start=time_of_ns(span.startTimeUnixNano or span.start_time_unix_nano, "startTimeUnixNano"),
        end=time_of_ns(span.endTimeUnixNano or span.end_time_unix_nano, "endTimeUnixNano"),
        status=None if status is None else status_of(status.code),
        status_message="" if status is None else status.message or "",
        attrs=attrs_of(span.attributes),
        events=tuple(_event(event) for event in span.events or ()),
    )


def log_record(log: OtlpLog) -> LogRecord:
    """Return a log record as plain values."""
    attrs = attrs_of(log.attributes)
    event = log.eventName or log.event_name or attrs.get("event.name")
    return LogRecord(
        trace_id=id_of(log.traceId or log.trace_id),
        span_id=id_of(log.spanId or log.span_id),
        event=event if isinstance(event, str) else "",
        time=log.timeUnixNano
        or log.time_unix_nano
        or log.observedTimeUnixNano
        or log.observed_time_unix_nano,
        attrs=attrs,
        body=None if log.body is None else plain(log.body),
    )


def attrs_of(pairs: list[Pair] | None) -> Attrs:
    """Return attributes as plain values; those without a value are left out."""
    return {pair.key: plain(pair.value) for pair in pairs or () if pair.value}


def plain(value: object) -> object:
    """Return what a typed value of OTLP says; a value that is not typed stays as it is.

    Raises
    ------
    Fault
        If a value does not fit its own type.

    Examples
    --------
    >>> plain({"intValue": "54"}), plain({"arrayValue": {"values": [{"stringValue": "a"}]}})
    (54, ['a'])
    """
    if not isinstance(value, dict):
        return value
    for tag, inner in value.items():
        convert = _CONVERTERS.get(tag)
        if convert is not None:
            try:
                return None if inner is None else convert(inner)
            except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
                message = f"attribute value of type {tag} does not fit its type"
                raise Fault("bad_value", message, pointer=tag, value=inner) from None
    return None


def _event(event: OtlpEvent) -> RawEvent:
    time = time_of_ns(event.timeUnixNano or event.time_unix_nano, "events.timeUnixNano")
    return RawEvent(event.name or "", attrs_of(event.attributes), time)


def _list(value: dict[str, Any]) -> list[object]:
    return [plain(item) for item in value.get("values") or ()]


def _object(value: dict[str, Any]) -> dict[str, object]:
    return {pair["key"]: plain(pair.get("value")) for pair in value.get("values") or ()}


def _same(value: object) -> object:
    return value


def _integer(value: Any) -> int:
    return value if isinstance(value, int) else int(value)


_SCOPES = (
    "scopeSpans",
    "scope_spans",
    "instrumentationLibrarySpans",
    "instrumentation_library_spans",
)
_CONVERTERS: dict[str, Callable[[Any], object]] = {
    "stringValue": _same,
    "string_value": _same,
    "intValue": _integer,
    "int_value": _integer,
    "doubleValue": float,
    "double_value": float,
    "boolValue": _same,
    "bool_value": _same,
    "arrayValue": _list,
    "array_value": _list,
    "kvlistValue": _object,
    "kvlist_value": _object,
}
