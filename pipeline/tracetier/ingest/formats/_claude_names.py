"""Which sessions and traces a Claude Code transcript names, without decoding most of it.

A trace is named after the first line of its first session, so that only the first line of each
session has to be read; the ids of the sessions are searched for in the bytes.
"""

import re
from collections.abc import Iterator

from tracetier.errors import RecordError
from tracetier.ingest.formats._claude_line import read_lines
from tracetier.ingest.formats._claude_session import Session
from tracetier.ingest.issue import Issue
from tracetier.ingest.source import Source
from tracetier.ingest.spread import Name

_SIGN = b'"sessionId"'
_SESSION = re.compile(rb'"sessionId"\s*:\s*"([^"\\]*)"')


def session_names(source: Source) -> Iterator[Name] | None:
    """Return the traces and sessions of a transcript; ``None`` where only its reader can tell."""
    found: set[bytes] = set()
    rest = b""
    try:
        for chunk in source.chunks():
            whole, end, after = chunk.rpartition(b"\n")
            text, rest = (rest + whole, after) if end else (b"", rest + chunk)
            if not _add(text, found):
                return None
        if not _add(rest, found):
            return None
    except RecordError:
        return None
    return _names(Source(source.path), {name.decode("utf-8", "replace") for name in found})


def _add(text: bytes, found: set[bytes]) -> bool:
    """Add the sessions that a text names; whether all are spelled plainly."""
    sessions = _SESSION.findall(text)
    found.update(sessions)
    return len(sessions) == text.count(_SIGN)


def _names(source: Source, sessions: set[str]) -> Iterator[Name]:
    session = Session(source.path.name.removesuffix(".gz").removesuffix(".jsonl"))
    yield from (("session", name) for name in sorted(sessions))
    for line in read_lines(source):
        if isinstance(line, Issue):
            continue
        session.take(line)
        if len(session.trace_ids) >= len(sessions):
            break
    yield from (("trace", name) for name in sorted(session.trace_ids | session.session_ids))
