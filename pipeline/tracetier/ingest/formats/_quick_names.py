"""The ids of spans, searched for in the bytes: many times as fast as reading the spans.

To name too much is harmless: what is taken for shared is put together elsewhere, and gives the same
rows. To miss one is not, so that a file which spells anything otherwise than exporters do is left
to its reader.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from tracetier.errors import RecordError
from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._raw_span import id_of
from tracetier.ingest.source import Source
from tracetier.ingest.spread import Name


class Spelling(NamedTuple):
    """How exporters write ids.

    Attributes
    ----------
    session : bytes
        Regular expression; its group is the session's id.
    session_signs : collection of bytes
        Each stands once in what that expression matches, and nowhere else.
    otherwise : collection of bytes
        What a file does not hold whose ids are all found.
    """

    session: bytes
    session_signs: Collection[bytes]
    otherwise: Collection[bytes]


_OTLP = Spelling(
    session=rb'"key"\s*:\s*"[\w.]*(?:(?:session|conversation)\.id|(?:session|thread|conversation)_id'
    rb'|sessionId)"\s*,\s*"value"\s*:\s*\{\s*"\w+"\s*:\s*"?([^"\\}]*)"?\s*\}',
    session_signs=(
        *(b'session.id"', b'conversation.id"', b'session_id"', b'thread_id"'),
        *(b'conversation_id"', b'sessionId"'),
    ),
    otherwise=(b'"trace_id"', b'"traceID"', b'"resourceLogs"', b'"annotator_kind"'),
)
_TRACE_SIGN, _TRACE = b'"traceId"', re.compile(rb'"traceId"\s*:\s*"([^"\\]*)"')


def otlp_names(source: Source) -> Iterator[Name] | None:
    """Return what plain OTLP lines name; ``None`` where only a reader can tell."""
    return _names(source, _OTLP) if "resourceSpans" in _paths(source) else None


def _paths(source: Source) -> set[str]:
    return outline(source.head).paths if source.head.kind == "jsonl" else set()


def _names(source: Source, spelling: Spelling) -> Iterator[Name] | None:
    pattern = re.compile(spelling.session)
    traces: set[bytes] = set()
    sessions: set[bytes] = set()
    try:
        for text in _pieces(source):
            if any(sign in text for sign in spelling.otherwise):
                return None
            found = _TRACE.findall(text)
            if len(found) != text.count(_TRACE_SIGN):
                return None
            traces.update(found)
            if n_signs := sum(map(text.count, spelling.session_signs)):
                found = pattern.findall(text)
                if len(found) != n_signs:
                    return None
                sessions.update(found)
    except RecordError:
        return None
    return _named(traces, sessions)


def _named(traces: set[bytes], sessions: set[bytes]) -> Iterator[Name]:
    for raw in traces:
        told = raw.decode("utf-8", "replace")
        yield "trace", told
        if (id_ := id_of(told)) is not None:
            yield "trace", id_
    yield from (("session", raw.decode("utf-8", "replace").strip()) for raw in sessions if raw)
    yield from (("session", raw.decode("utf-8", "replace")) for raw in sessions if raw)


def _pieces(source: Source) -> Iterator[bytes]:
    """Yield the bytes in pieces that end with a line."""
    rest = b""
    for chunk in source.chunks():
        whole, end, after = chunk.rpartition(b"\n")
        if end:
            yield rest + whole
            rest = after
        else:
            rest += chunk
    yield rest
