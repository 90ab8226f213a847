"""Which traces and sessions lines of Langfuse's observations name; nothing else is decoded."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.issue import Issue
from tracetier.ingest.source import Source
from tracetier.ingest.spread import Name

_NONE = Raw()
_SESSION_WORDS = (b"ession", b"onversation", b"hread")  # where metadata may tell of a session


class _Step(Struct, frozen=True, rename="camel"):
    trace_id: str | None = None
    session_id: str | None = None
    metadata: Raw = _NONE


class _Line(Struct, frozen=True, rename="camel"):
    id: str | None = None
    trace_id: str | None = None
    session_id: str | None = None
    observations: list[_Step] | None = None
    metadata: Raw = _NONE
    trace: Raw = _NONE
    data: Raw = _NONE
    scores: Raw = _NONE
    data_type: Raw = _NONE


_LINE = msgspec.json.Decoder(_Line)


class _UnsureError(Exception):
    """Only the reader can tell."""


def langfuse_names(source: Source) -> Iterator[Name] | None:
    """Return what the lines name; ``None`` where only a reader can tell."""
    paths = outline(source.head).paths if source.head.kind == "jsonl" else set()
    if not {"observations[].traceId", "parentObservationId"} & paths:
        return None
    found: set[Name] = set()
    try:
        for line in source.lines():
            if not isinstance(line, Issue):
                found.update(_names(_LINE.decode(line)))
    except (_UnsureError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return iter(found)


def _names(line: _Line) -> Iterator[Name]:
    if any(map(bytes, (line.trace, line.data, line.data_type))):
        raise _UnsureError
    steps = line.observations or ()
    metadata = b"".join(map(bytes, (line.metadata, *(step.metadata for step in steps))))
    if any(word in metadata for word in _SESSION_WORDS):
        raise _UnsureError
    ids = [line.trace_id, *(step.trace_id for step in steps)]
    ids += [line.id] if line.observations is not None else []  # a trace, and not a step of one
    yield from (("trace", id_) for id_ in ids if id_)
    for session in (line.session_id, *(step.session_id for step in steps)):
        if session:
            yield "session", session
