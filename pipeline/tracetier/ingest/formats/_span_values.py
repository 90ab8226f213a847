"""Any JSON value that holds spans → spans: OTLP, Tempo, Jaeger, Phoenix, the console exporter.

Which of them a value is shows by its own keys, so that forced and mixed files are read as well.
Each span is judged by itself: one that is broken is an issue, and its neighbours are read.
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Raw

from tracetier.ingest.formats import _flat_span, _jaeger, _otlp
from tracetier.ingest.formats._annotations import Annotation, addition_of
from tracetier.ingest.formats._flat_span import FlatSpan
from tracetier.ingest.formats._jaeger import JaegerSpan
from tracetier.ingest.formats._json_values import read_values
from tracetier.ingest.formats._kinds import is_judge
from tracetier.ingest.formats._log_events import told_by_log
from tracetier.ingest.formats._otlp import Envelope, OtlpLog, OtlpSpan, logs_of, spans_of
from tracetier.ingest.formats._raw_span import RawSpan
from tracetier.ingest.formats._to_span import to_span
from tracetier.ingest.formats._typed_json import typed
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Span

S = TypeVar("S")
L = TypeVar("L")
T = TypeVar("T")
Told = Span | Addition | NoStep
Found = RawSpan | Addition | NoStep | Fault
_NONE = Raw()


class Value(Envelope[S, L], Generic[S, L]):
    """One JSON object: the keys by which its shape shows, what they hold mostly undecoded."""

    resourceMetrics: Raw = _NONE
    resource_metrics: Raw = _NONE
    trace: Raw = _NONE
    result: Raw = _NONE
    data: Raw = _NONE
    traceID: Raw = _NONE
    spans: Raw = _NONE
    context: Raw = _NONE
    annotator_kind: Raw = _NONE
    annotations: Raw = _NONE
    startTimeUnixNano: Raw = _NONE
    start_time_unix_nano: Raw = _NONE


class Part(NamedTuple):
    """One thing that a value holds, and the path to it."""

    path: str
    found: Found


def read_span_values(source: Source) -> Iterator[Told | Issue]:
    """Yield the spans, scores and empty records of a file, and an issue for each that is broken."""
    for data in read_values(source):
        if isinstance(data, Issue):
            yield data
            continue
        for found in told_by(data):
            yield source.issue(found) if isinstance(found, Fault) else found


def told_by(data: bytes | Raw) -> Iterator[Told | Fault]:
    """Yield what one JSON value tells, with a fault for each part that is broken."""
    try:
        parts = list(_parts(data, ""))
    except Fault as fault:
        yield fault
        return
    except RecursionError:
        yield Fault("too_deep", "JSON is nested too deeply to be read")
        return
    judged = _below_judges([part.found for part in parts if isinstance(part.found, RawSpan)])
    for path, found in parts:
        yield _step(path, found, judged) if isinstance(found, RawSpan) else found


def _step(path: str, raw: RawSpan, judged: set[str]) -> Span | Fault:
    try:
        return to_span(raw, is_judged=raw.span_id in judged)
    except Fault as fault:
        return _at(path, fault)
    except RecursionError:
        return Fault("too_deep", "attributes are nested too deeply to be read", pointer=path)


def _below_judges(spans: list[RawSpan]) -> set[str]:
    """Return the ids of graders, guards and all below them: what they ask, the agent does not."""
    judged = {span.span_id for span in spans if is_judge(span)}
    n_before = 0
    while len(judged) > n_before:
        n_before = len(judged)
        judged |= {span.span_id for span in spans if span.parent_id in judged}
    return judged


def _parts(data: bytes | Raw, path: str) -> Iterator[Part]:
    if _opens(data) == b"[":
        items = typed(data, _ITEMS)
        for i, item in enumerate(items):
            at = f"{path}[{i}]"
            try:
                yield from _parts(item, at)
            except Fault as fault:
                yield Part(at, _at(at, fault))
        if not items:
            yield Part(path, NoStep())
        return
    try:
        value: Value[Any, Any] = _FAST.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        value = typed(data, _SLOW)  # leaves each span to be judged by itself
    yield from _shape_of(value)(value, data, path)


_Reader = Callable[[Value[Any, Any], bytes | Raw, str], Iterator[Part]]


def _shape_of(value: Value[Any, Any]) -> _Reader:
    if any(getattr(value, name) is not None for name in _REQUESTS):
        return _read_request
    if any(getattr(value, name) for name in _SINGLES):
        return _read_one
    if any(_opens(getattr(value, name)) for name in _WRAPPERS):
        return _read_wrapped
    if value.spans:
        return _read_jaeger if value.traceID else _read_trace
    return _read_nothing


def _read_request(value: Value[Any, Any], data: bytes | Raw, path: str) -> Iterator[Part]:
    """Read spans and log records in OTLP's envelope."""
    is_empty = True
    for at, span in spans_of(value):
        is_empty = False
        yield _part(_join(path, at), span, _SPAN, _otlp.raw_span)
    for at, log in logs_of(value):
        is_empty = False
        yield _part(_join(path, at), log, _LOG, told_by_log)
    if is_empty:
        yield Part(path, NoStep())


def _read_wrapped(value: Value[Any, Any], data: bytes | Raw, path: str) -> Iterator[Part]:
    """Read what an answer of Tempo, Jaeger or Phoenix wraps."""
    for name in _WRAPPERS:
        if _opens(inner := getattr(value, name)):
            yield from _parts(inner, _join(path, name))


def _read_jaeger(value: Value[Any, Any], data: bytes | Raw, path: str) -> Iterator[Part]:
    spans = typed(value.spans, _ITEMS)
    for i, span in enumerate(spans):
        yield _part(_join(path, f"spans[{i}]"), span, _JAEGER, _jaeger.raw_span)


def _read_trace(value: Value[Any, Any], data: bytes | Raw, path: str) -> Iterator[Part]:
    """Read a trace of Phoenix's command line: its spans, and what was said of it as a whole."""
    yield from _parts(value.spans, _join(path, "spans"))
    if _opens(value.annotations) == b"[":
        annotations = typed(value.annotations, _ITEMS)
        for i, item in enumerate(annotations):
            yield _part(_join(path, f"annotations[{i}]"), item, _ANNOTATION, _annotated)


def _read_one(value: Value[Any, Any], data: bytes | Raw, path: str) -> Iterator[Part]:
    """Read a span, or an annotation, that stands by itself."""
    if value.context:
        yield _part(path, data, _FLAT, _flat_span.raw_span)
    elif value.annotator_kind:
        yield _part(path, data, _ANNOTATION, _annotated)
    else:
        yield _part(path, data, _SPAN, _otlp.raw_span)


def _read_nothing(value: Value[Any, Any], data: bytes | Raw, path: str) -> Iterator[Part]:
    if value.resourceMetrics or value.resource_metrics:
        yield Part(path, NoStep())
        return
    message = (
        "object holds no spans; expected resourceSpans, batches, resourceLogs, data, spans, or "
        "a span with its context"
    )
    yield Part(path, Fault("unknown_record", message, pointer=path))


def _annotated(annotation: Annotation) -> Addition | NoStep:
    return addition_of(annotation) or NoStep()


def _part(
    path: str, item: Any, decoder: "msgspec.json.Decoder[T]", convert: Callable[[T], Found]
) -> Part:
    try:
        found = typed(item, decoder) if isinstance(item, bytes | Raw) else item
        return Part(path, convert(found))
    except Fault as fault:
        return Part(path, _at(path, fault))


def _opens(data: bytes | Raw) -> bytes:
    """Return the bracket that JSON opens with, ``b""`` where it is no object and no list."""
    first = bytes(memoryview(data)[:64]).lstrip()[:1]
    return first if first in (b"{", b"[") else b""


def _at(path: str, fault: Fault) -> Fault:
    pointer = _join(path, fault.pointer)
    return Fault(fault.reason, str(fault), pointer=pointer, value=fault.value)


def _join(path: str, pointer: str) -> str:
    return f"{path}.{pointer}" if path and pointer else path or pointer


_REQUESTS = ("resourceSpans", "resource_spans", "batches", "resourceLogs", "resource_logs")
_SINGLES = ("context", "annotator_kind", "startTimeUnixNano", "start_time_unix_nano")
_WRAPPERS = ("data", "trace", "result")
_ITEMS: "msgspec.json.Decoder[list[Raw]]" = msgspec.json.Decoder(list[Raw])
_FAST = msgspec.json.Decoder(Value[OtlpSpan, OtlpLog])
_SLOW = msgspec.json.Decoder(Value[Raw, Raw])
_SPAN = msgspec.json.Decoder(OtlpSpan)
_LOG = msgspec.json.Decoder(OtlpLog)
_JAEGER = msgspec.json.Decoder(JaegerSpan)
_FLAT = msgspec.json.Decoder(FlatSpan)
_ANNOTATION = msgspec.json.Decoder(Annotation)
