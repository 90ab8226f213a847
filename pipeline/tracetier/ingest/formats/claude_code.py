"""Claude Code transcripts: a session with its sub-agents, in both layouts.

A run of a sub-agent is where a tier can be chosen, and so is each turn of the user. One answer
stands in several lines with one ``message.id``, of which the last has the count of its tokens. In
2.x sub-agents have files of their own, which are read with the main one.
"""

from collections.abc import Iterator

from tracetier.ingest.formats._claude_files import is_material, main_of, session_of
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Issue
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
        from tracetier.ingest.formats._claude_names import session_names

        return session_names(source)

    def read(self, source: Source, context: Context) -> Iterator[Item]:
        """Yield the steps of a session once its files are read."""
        # Only here: recognising other logs needs none of it.
        from tracetier.ingest.formats._claude_reading import read_retold, read_session

        if is_material(source.path) and not any(map(_is_line, source.head.records)):
            yield from _material(source)
        elif main_of(source.path, session_of(source.head)) is not None:
            yield from read_retold(source)
        else:
            yield from read_session(source)


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


FORMAT = ClaudeCode
