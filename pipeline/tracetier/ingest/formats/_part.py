"""Parts of a record that were stepped over while the rest was decoded.

Most of the bytes of a transcript are file contents and command output that no column needs; a part
of type `msgspec.Raw` is decoded only where its kind asks for it.
"""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from msgspec import Raw

from tracetier.ingest.coerce import instant
from tracetier.ingest.formats._typed_json import typed
from tracetier.ingest.issue import Fault

T = TypeVar("T")
NO_PART = Raw()


def part(raw: Raw, decode: "msgspec.json.Decoder[T]") -> T | None:
    """Return what a part says; ``None`` where it is not there, or something else.

    Examples
    --------
    >>> numbers = msgspec.json.Decoder(list[int])
    >>> part(Raw(b"[1, 2]"), numbers), part(Raw(b'"a"'), numbers), part(NO_PART, numbers)
    ([1, 2], None, None)
    """
    data = bytes(raw)
    if not data:
        return None
    try:
        return decode.decode(data)
    except msgspec.ValidationError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return typed(data, decode)
    except Fault:
        return None


def utc(time: datetime | None) -> datetime | None:
    """Return a time in UTC, ``None`` beyond the ends of the calendar.

    Examples
    --------
    >>> utc(datetime.fromisoformat("2025-01-06T09:03:00+01:00")).isoformat()
    '2025-01-06T08:03:00+00:00'
    """
    if time is None or time.tzinfo is UTC:
        return time
    try:
        return instant(time)
    except Fault:
        return None
