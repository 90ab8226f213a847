"""LangSmith: runs as its SDK, command line and bulk export write them, ingest batches, feedback.

An ingest batch tells a run in two parts, its start under ``post`` and its end under ``patch``, in
one batch or in two that are far apart. A run is handed out when it is whole; those whose end never
comes are handed out last.
"""

from collections.abc import Iterator

from msgspec import Struct

from tracetier.ingest.formats._amounts import finite_of, time_of, verdict
from tracetier.ingest.formats._json_items import as_row, read_items, record_paths
from tracetier.ingest.formats._langsmith_run import Run, merged, span_of
from tracetier.ingest.formats._logged_input import as_list, within, word
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Score, ScoreSource, Span
from tracetier.records import Level

Item = Span | Addition | NoStep | Issue

_HELD = ("", "post[].", "patch[].", "runs[].", "data[].")
_FEEDBACK = frozenset({"key", "score", "run_id", "feedback_source"})
_JUDGES: dict[str | None, ScoreSource] = {"model": "judge", "auto_eval": "judge", "app": "human"}
_BESIDE_TYPE = frozenset({"inputs", "trace_id", "parent_run_id", "session_name", "feedback_stats"})


class Record(Run, frozen=True, kw_only=True):
    """A run, a feedback on one, or what holds several: a batch, or a page of the API."""

    key: str | None = None
    run_id: str | None = None
    score: object = None
    value: object = None
    feedback_source: object = None
    modified_at: object = None
    created_at: object = None
    post: object = None
    patch: object = None
    runs: object = None
    data: object = None


class _Part(Struct, frozen=True):
    """The start of a run whose end has not come, and where it stood."""

    run: Run
    line: int


class LangSmith:
    """Runs of LangSmith."""

    name = "langsmith"
    level: Level = "agent_run"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the dotted order, by a run's type beside what else a run has, by feedback."""
        paths = record_paths(head)
        is_feedback = paths >= _FEEDBACK
        return float(is_feedback or any(_is_run(paths, prefix) for prefix in _HELD))

    def read(self, source: Source, context: Context) -> Iterator[Item]:
        """Yield one span per run."""
        reading = _Reading(source)
        for record in read_items(source, Record):
            if isinstance(record, Issue):
                yield record
            else:
                yield from reading.read(record)
        yield from reading.unfinished()


def _is_run(paths: frozenset[str], prefix: str) -> bool:
    if prefix + "dotted_order" in paths:
        return True
    return prefix + "run_type" in paths and any(prefix + name in paths for name in _BESIDE_TYPE)


class _Reading:
    """One file on its way, with the runs that have started and not ended."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._open: dict[str, _Part] = {}
        self._n_held = 0  # runs that stand within documents

    def read(self, record: Record) -> Iterator[Item]:
        """Yield the runs that a record makes whole."""
        if record.post is not None or record.patch is not None:
            yield from self._started(as_list(record.post))
            yield from self._ended(as_list(record.patch))
            return
        page = as_list(record.runs) or as_list(record.data)
        if record.run_id is not None and record.key is not None:
            yield self._feedback(record)
        elif not page:
            yield from self._whole(record)
        for item in page:
            run = self._held(item)
            yield from (run,) if isinstance(run, Issue) else self._whole(run)

    def unfinished(self) -> Iterator[Span | Issue]:
        """Yield the runs whose end never came."""
        for part in self._open.values():
            self._source.line = part.line
            yield self._span(part.run)

    def _whole(self, run: Run) -> Iterator[Item]:
        yield self._span(run)
        for item in as_list(run.child_runs):
            child = self._held(item)
            yield from (child,) if isinstance(child, Issue) else self._whole(child)

    def _started(self, items: list[object]) -> Iterator[Span | Issue]:
        for item in items:
            run = self._held(item)
            if isinstance(run, Issue):
                yield run
            elif run.end_time or run.own_id is None:
                yield self._span(run)  # start and end went out together
            else:
                self._open[run.own_id] = _Part(run, self._source.line)

    def _ended(self, items: list[object]) -> Iterator[Span | Issue]:
        for item in items:
            run = self._held(item)
            if isinstance(run, Issue):
                yield run
                continue
            part = self._open.pop(run.own_id or "", None)
            if part is not None:
                yield self._span(merged(part.run, run))
            elif run.run_type is not None:
                yield self._span(run)
            else:
                told = "patch of a run whose post is not in this file; give both"
                yield self._source.fault("no_start", told, pointer="patch")

    def _feedback(self, record: Record) -> Addition | NoStep | Issue:
        try:
            score = _score_of(record)
        except Fault as fault:
            return self._source.issue(fault)
        if score is None:
            return NoStep()
        return Addition(trace_id=record.trace_id, span_id=record.run_id, scores=(score,))

    def _held(self, item: object) -> Run | Issue:
        if self._source.head.kind == "json":
            self._n_held += 1
            self._source.line = self._n_held
        try:
            return as_row(item, Run)
        except Fault as fault:
            return self._source.issue(fault)

    def _span(self, run: Run) -> Span | Issue:
        if run.run_type is None and run.start_time is None:
            return self._source.fault("unknown_record", "record is no run: it has no run_type")
        try:
            return span_of(run)
        except Fault as fault:
            return self._source.issue(fault)


def _score_of(record: Record) -> Score | None:
    """Return a feedback's score, its label where it has none."""
    value: float | bool | str | None
    if record.score is None:
        value = word(record.value) or verdict(record.value)
    else:
        value = record.score if isinstance(record.score, bool) else finite_of(record.score, "score")
    if value is None or not record.key:
        return None
    return Score(
        name=record.key,
        value=value,
        source=_JUDGES.get(word(within(record.feedback_source, "type"))),
        time=time_of(record.modified_at, "modified_at") or time_of(record.created_at, "created_at"),
    )


FORMAT = LangSmith
