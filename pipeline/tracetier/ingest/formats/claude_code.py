"""Claude Code transcripts: a session with its sub-agents, in both layouts.

A run of a sub-agent is where a tier can be chosen, and so is each turn of the user. One answer
stands in several lines with one ``message.id``, of which the last has the count of its tokens. In
2.x sub-agents have files of their own, which are read with the main one.
"""

from collections.abc import Iterator
from pathlib import Path

from tracetier.errors import InputError
from tracetier.ingest.formats._claude_files import (
    agent_files,
    has_agent_file,
    is_agent_file,
    is_material,
    main_of,
    session_of,
    source_of,
)
from tracetier.ingest.formats._claude_line import Line, read_lines
from tracetier.ingest.formats._claude_link import launches_of, without_transcript
from tracetier.ingest.formats._claude_names import session_names
from tracetier.ingest.formats._claude_session import Session, Told
from tracetier.ingest.formats._claude_spans import lost_agent_span, spans_of
from tracetier.ingest.formats._claude_steps import ToolUse
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, PartOfStep, Span
from tracetier.ingest.spread import Name
from tracetier.records import Level

Item = Span | PartOfStep | NoStep | Issue
_SPOKEN = frozenset({"assistant", "attachment", "progress", "system", "user"})
_SILENT = frozenset(
    {
        *("agent-name", "ai-title", "custom-title", "file-history-snapshot", "frame-link"),
        *("last-prompt", "mode", "permission-mode", "pr-link", "queue-operation", "summary"),
        *("tag", "worktree-state"),
    }
)
_OF_SILENT = ("leafUuid", "messageId", "sessionId")


class ClaudeCode:
    """Lines with ``sessionId``, ``uuid`` and ``type``."""

    name = "claude_code"
    level: Level = "agent_run"
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by any of the first ten lines: a session may begin with summaries and snapshots."""
        if head.kind == "jsonl" and any(map(_is_line, head.records)):
            return 1.0
        return float(is_material(head.path))

    def quick_names(self, source: Source) -> Iterator[Name] | None:
        """Return the sessions of a transcript and their traces; most of it is not decoded."""
        if is_material(source.path) or main_of(source.path, session_of(source.head)) is not None:
            return iter(())
        return session_names(source)

    def read(self, source: Source, context: Context) -> Iterator[Item]:
        """Yield the steps of a session once its files are read."""
        if is_material(source.path) and not any(map(_is_line, source.head.records)):
            yield from _material(source)
        elif main_of(source.path, session_of(source.head)) is not None:
            yield from _retold(source)
        else:
            yield from _session(source)


def _is_line(record: dict[str, object]) -> bool:
    kind = record.get("type")
    if not isinstance(kind, str):
        return False
    if kind in _SPOKEN:
        return isinstance(record.get("sessionId"), str) and isinstance(record.get("uuid"), str)
    return kind in _SILENT and any(isinstance(record.get(name), str) for name in _OF_SILENT)


def _material(source: Source) -> Iterator[NoStep | Issue]:
    if source.head.kind == "jsonl":
        for line in source.lines():
            yield line if isinstance(line, Issue) else NoStep()
    else:
        source.line = 1
        yield NoStep()


def _retold(source: Source) -> Iterator[NoStep | Issue]:
    """Yield nothing but what is broken: the steps are read with the main file."""
    for line in read_lines(source):
        yield line if isinstance(line, Issue) else NoStep()


def _session(source: Source) -> Iterator[Item]:
    session = Session(source.path.name.removesuffix(".gz").removesuffix(".jsonl"))
    own = source.path if is_agent_file(source.path) else None
    for line in read_lines(source):
        if isinstance(line, Issue):
            yield line
            continue
        told = session.take(line, agent_file=own if line.is_of_agent else None)
        if told == "step":
            yield PartOfStep()
        else:
            yield NoStep() if told == "nothing" else _issue(source, line, told)
    for path in agent_files(source.path, session.session_ids):
        yield from _read_agent(session, path, source)
    launches = launches_of(session)
    yield from spans_of(session, launches)
    for asks in without_transcript(session, launches):
        yield from _lost(session, asks, source)


def _issue(source: Source, line: Line, told: Told) -> Issue:
    if told == "copy":
        shown = (line.uuid or "")[:80]
        message = f"line {shown!r} was read before, and only its first copy is kept"
        return source.fault("duplicate", message, pointer="uuid")
    name = "message" if line.message is None else "uuid"
    return source.fault("missing", f"{name} is missing, every answer needs one", pointer=name)


def _read_agent(session: Session, path: Path, main: Source) -> Iterator[Issue]:
    """Add a sub-agent's transcript; its broken lines are told one by one in its own reading."""
    n_broken, source = 0, source_of(path, main)
    try:
        for line in read_lines(source):
            is_broken = isinstance(line, Issue) or session.take(line, agent_file=path) == "broken"
            n_broken += is_broken
    except InputError as error:
        yield main.issue(Fault("unreadable_part", str(error)), is_of_file=True)
    if n_broken:
        message = f"{n_broken:,} lines of {source.name!r}, a sub-agent's, could not be read"
        yield main.issue(Fault("unreadable_part", message), is_of_file=True)


def _lost(session: Session, asks: list[ToolUse], source: Source) -> Iterator[Span | Issue]:
    agent_id = asks[0].result.agent_id if asks[0].result else None
    if agent_id is not None:
        if has_agent_file(source.path, agent_id):
            return  # a sub-agent's own, read without the main file: it is read by itself, too
        message = (
            f"sub-agent {agent_id[:80]!r} ran, but its transcript is neither below nor beside the "
            "session, so its calls and cost are unknown; read the folder that it was written to"
        )
        yield source.issue(Fault("missing_part", message), is_of_file=True)
    yield lost_agent_span(asks, session)


FORMAT = ClaudeCode
