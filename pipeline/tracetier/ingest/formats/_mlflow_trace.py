"""MLflow's traces as they stand, in the words of its versions 2 and 3, and as rows of a data frame.

Values of a span's attributes are JSON texts. Ids are base64 (version 3) or ``0x`` and hex; here
they are hex.
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping

from msgspec import Struct

from tracetier.ingest.formats._logged_input import as_list, as_object, within

_ID_BYTES = (8, 16)


class Info(Struct, frozen=True, kw_only=True):
    """What is known of a trace as a whole."""

    trace_id: str | None = None
    request_id: str | None = None
    state: str | None = None
    status: str | None = None
    trace_metadata: object = None
    request_metadata: object = None
    tags: object = None
    assessments: object = None

    @property
    def own_id(self) -> str | None:
        """The trace's id, under its name in version 2 or 3."""
        return self.trace_id or self.request_id

    @property
    def labels(self) -> Mapping[str, object]:
        """Metadata and tags together, which version 2 may give as lists of key and value."""
        return pairs(self.request_metadata) | pairs(self.trace_metadata) | pairs(self.tags)


class Trace(Info, frozen=True, kw_only=True):
    """A trace: ``info`` and ``data``, or a row with a column for each thing."""

    info: object = None
    data: object = None
    trace: object = None
    spans: object = None


class SpanRecord(Struct, frozen=True, kw_only=True):
    """A step of a trace."""

    name: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    start_time_unix_nano: object = None
    end_time_unix_nano: object = None
    status: object = None
    attributes: object = None
    events: object = None
    # Version 2.
    context: object = None
    parent_id: str | None = None
    span_type: str | None = None
    start_time: object = None
    end_time: object = None
    status_code: str | None = None
    inputs: object = None

    @property
    def own_id(self) -> str | None:
        """The span's id in hex."""
        inner = within(self.context, "span_id")
        return hex_id(self.span_id) or hex_id(inner if isinstance(inner, str) else None)

    @property
    def above_id(self) -> str | None:
        """The parent's id in hex, ``None`` for a root."""
        return hex_id(self.parent_span_id) or hex_id(self.parent_id)


def hex_id(value: str | None) -> str | None:
    """Return an id in hex, ``None`` where there is none.

    Examples
    --------
    >>> hex_id("A/QrGaTZR28="), hex_id("0x03f42b19a4d9476f"), hex_id("")
    ('03f42b19a4d9476f', '03f42b19a4d9476f', None)
    """
    if not value:
        return None
    if value.startswith("0x"):
        return value[2:].lower()
    try:
        raw = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return value
    return raw.hex() if len(raw) in _ID_BYTES and value.endswith("=") else value


def pairs(value: object) -> dict[str, object]:
    """Return an object, also from a list of ``{key, value}``."""
    if listed := as_list(value):
        named = ((within(item, "key"), within(item, "value")) for item in listed)
        return {key: value for key, value in named if isinstance(key, str)}
    return dict(as_object(value))
