"""A span as its envelope tells it: ids, times, status and plain attributes, whatever they mean.

OTLP, Tempo, Jaeger, the console exporter and Phoenix differ in how they write these few things,
and in nothing else. What the attributes mean is for ``_to_span`` to say.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from tracetier.ingest.coerce import count, instant
from tracetier.ingest.issue import Fault, excerpt
from tracetier.ingest.span import Score

Attrs = dict[str, object]
Status = Literal["ok", "error"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEX_LENGTHS = (16, 32)
_BASE64_LENGTHS = (12, 24)  # of 8 and 16 bytes
_HEX = re.compile(r"[0-9a-fA-F]+")
_NO_ID = ("", "none", "null", "nan")
_STATUSES: dict[object, Status] = {
    **dict.fromkeys((1, "1", "OK", "STATUS_CODE_OK", "StatusCode.OK"), "ok"),
    **dict.fromkeys((2, "2", "ERROR", "STATUS_CODE_ERROR", "StatusCode.ERROR"), "error"),
}  # anything else is unset, which is no error


class RawEvent(Struct, frozen=True):
    """Something that happened within a span."""

    name: str
    attrs: Attrs
    time: datetime | None = None


class RawSpan(Struct, frozen=True, kw_only=True):
    """One span, before anybody asks what its attributes mean.

    ``kind`` is OpenInference's, where the envelope has a place for it. ``pointer`` says where in
    its record the span stands.
    """

    trace_id: str
    span_id: str
    parent_id: str | None = None
    name: str = ""
    kind: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    status: Status | None = None
    status_message: str = ""
    attrs: Attrs
    events: tuple[RawEvent, ...] = ()
    scores: tuple[Score, ...] = ()
    pointer: str = ""


def id_of(value: object) -> str | None:
    """Return an id in one spelling, ``None`` where there is none.

    Hex is lower case without ``0x``; the base64 of protobuf's JSON becomes hex; anything else
    stays as it is. Empty, ``None`` as a text, and all zeros are no id.

    Examples
    --------
    >>> id_of("0x5FB397BE34D26B51"), id_of("X7OXvjTSa1E="), id_of("s01"), id_of("0" * 16)
    ('5fb397be34d26b51', '5fb397be34d26b51', 's01', None)
    """
    if not isinstance(value, str):
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
    found = value.strip()
    if found.lower() in _NO_ID:
        return None
    if found[:2] in ("0x", "0X") and _HEX.fullmatch(found, 2):
        found = found[2:].lower()
    elif len(found) in _HEX_LENGTHS and _HEX.fullmatch(found):
        found = found.lower()
    elif len(found) in _BASE64_LENGTHS and found.endswith("="):
        found = _hex_of_base64(found)
    return found if found.strip("0") else None


def need_ids(trace_id: object, span_id: object) -> tuple[str, str]:
    """Return the two ids that each span must have.

    Raises
    ------
    Fault
        If one is missing.
    """
    trace, span = id_of(trace_id), id_of(span_id)
    if trace is None or span is None:
        name, value = ("span_id", span_id) if trace else ("trace_id", trace_id)
        message = f"span has no {name}, it must have one"
        raise Fault("missing", message, pointer=name, value=value)
    return trace, span


def time_of_ns(value: object, pointer: str) -> datetime | None:
    """Return the time of a count of nanoseconds since 1970; 0 is unknown.

    Raises
    ------
    Fault
        If it is no such count.
    """
    return _since_epoch(value, 1_000, pointer)


def time_of_us(value: object, pointer: str) -> datetime | None:
    """Return the time of a count of microseconds since 1970; 0 is unknown.

    Raises
    ------
    Fault
        If it is no such count.
    """
    return _since_epoch(value, 1, pointer)


def time_of_text(value: object, pointer: str) -> datetime | None:
    """Return the time of a text in ISO 8601, UTC where it names no zone; blank is unknown.

    Raises
    ------
    Fault
        If it is no time.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in (*_NO_ID, "nat")):
        return None
    try:
        return instant(value)
    except Fault as fault:
        raise Fault("bad_value", f"time must be {fault}", pointer=pointer, value=value) from None


def status_of(code: object) -> Status | None:
    """Return a status, ``None`` where it is unset: that is neither good nor bad.

    Examples
    --------
    >>> status_of("STATUS_CODE_ERROR"), status_of(1), status_of(0)
    ('error', 'ok', None)
    """
    return _STATUSES.get(code) if isinstance(code, int | str) else None


def flat(attributes: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield attributes under dotted names, those inside of objects too; lists stay whole.

    Examples
    --------
    >>> dict(flat({"llm": {"model_name": "m"}, "session.id": "s"}))
    {'llm.model_name': 'm', 'session.id': 's'}
    """
    for name, value in attributes.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _since_epoch(value: object, n_per_us: int, pointer: str) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        n = int(value) if isinstance(value, str) else count(value)
        return _EPOCH + timedelta(microseconds=n // n_per_us) if n else None
    except (ValueError, OverflowError):  # a Fault is a ValueError
        shown = excerpt(value) or "null"
        message = f"time is {shown}, must be a count since 1970"
        raise Fault("bad_value", message, pointer=pointer, value=value) from None


def _hex_of_base64(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).hex()
    except (binascii.Error, ValueError):
        return value
