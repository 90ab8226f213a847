"""A Claude Code session → steps: its lines, then the files of its sub-agents, then what is lost."""

from collections.abc import Iterator
from pathlib import Path

from tracetier.errors import InputError
from tracetier.ingest.formats._claude_files import (
    agent_files,
    has_agent_file,
    is_agent_file,
    source_of,
)
from tracetier.ingest.formats._claude_line import Line, read_lines
from tracetier.ingest.formats._claude_link import launches_of, without_transcript
from tracetier.ingest.formats._claude_session import Session, Told
from tracetier.ingest.formats._claude_spans import lost_agent_span, spans_of
from tracetier.ingest.formats._claude_steps import ToolUse
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, PartOfStep, Span


def read_retold(source: Source) -> Iterator[NoStep | Issue]:
    """Yield nothing but what is broken: the steps are read with the main file."""
    for line in read_lines(source):
        yield line if isinstance(line, Issue) else NoStep()


def read_session(source: Source) -> Iterator[Span | PartOfStep | NoStep | Issue]:
    """Yield a part for each line, and the steps of a session once its files are read."""
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
