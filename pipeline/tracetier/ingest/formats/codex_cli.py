"""Codex CLI rollouts: one thread per file, each turn of the user or sub-agent a run.

The model stands in ``turn_context`` lines, the tokens in running totals of which differences are
taken. Texts of tools offered are not logged. A thread that was forked repeats the history of
another, which is told in that one's file.
"""

from collections.abc import Iterator

from tracetier.ingest.head import Head
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, PartOfStep, Span
from tracetier.records import Level

_NAMED = frozenset({"event_msg", "response_item"})
_OTHERS = {
    "session_meta": ("id", "session_id"),
    "turn_context": ("model", "cwd"),
    "token_usage_record": ("usage",),
    "compacted": ("message",),
}


class CodexCli:
    """Lines of ``{timestamp, type, payload}``."""

    name = "codex_cli"
    level: Level = "agent_run"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the first ten lines."""
        return float(head.kind == "jsonl" and any(map(_is_record, head.records)))

    def read(
        self, source: Source, context: Context
    ) -> Iterator[Span | PartOfStep | NoStep | Issue]:
        """Yield the steps of a thread as they end."""
        # Only here: recognising other logs needs none of it.
        from tracetier.ingest.formats._codex_record import read_records
        from tracetier.ingest.formats._codex_thread import USED, Thread

        thread = Thread(source.path.name.removesuffix(".gz").removesuffix(".jsonl"))
        for record in read_records(source, USED):
            if isinstance(record, Issue):
                yield record
                continue
            yield PartOfStep() if thread.take(record) else NoStep()
            yield from thread.take_finished()
        thread.close()
        yield from thread.take_finished()


def _is_record(record: dict[str, object]) -> bool:
    kind, payload = record.get("type"), record.get("payload")
    if not isinstance(kind, str) or not isinstance(payload, dict) or "timestamp" not in record:
        return False
    if kind in _NAMED:
        return isinstance(payload.get("type"), str)
    return any(name in payload for name in _OTHERS.get(kind, ()))


FORMAT = CodexCli
