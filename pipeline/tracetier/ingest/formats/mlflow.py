"""MLflow: traces with their spans and assessments, one a line, in a list, or as rows of a table.

Only spans of chat models and completions are calls; what agents, chains and the trace itself state
are sums over them. An expectation is the reference answer, not a score, and an assessment that was
overridden no longer holds.
"""

from collections.abc import Callable, Iterator

from tracetier.ingest.formats._amounts import time_of, verdict
from tracetier.ingest.formats._json_items import as_row, read_items, record_paths
from tracetier.ingest.formats._logged_input import (
    as_list,
    as_object,
    first_word,
    parsed,
    within,
    word,
)
from tracetier.ingest.formats._mlflow_span import About, span_of
from tracetier.ingest.formats._mlflow_trace import Info, SpanRecord, Trace, hex_id
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Score, ScoreSource, Span
from tracetier.records import Level

Item = Span | Addition | NoStep | Issue

_SOURCES: dict[str | None, ScoreSource] = {
    "HUMAN": "human",
    "LLM_JUDGE": "judge",
    "AI_JUDGE": "judge",
    "CODE": "programmatic",
}
_TASKS = ("task_type", "task", "mlflow.traceName")
_INFO = ("trace_location", "request_time", "trace_metadata", "state", "timestamp_ms", "tags")
_TABLES = (
    frozenset({"trace_id", "assessments", "trace_metadata"}),
    frozenset({"trace_id", "trace_metadata", "spans"}),
    frozenset({"request_id", "request_metadata", "timestamp_ms"}),
)


class MLflow:
    """Traces of MLflow 2 and 3."""

    name = "mlflow"
    level: Level = "agent_run"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the ids and times under ``info``, or by the columns of its table of traces."""
        paths = record_paths(head)
        has_id = "info.trace_id" in paths or "info.request_id" in paths
        is_trace = has_id and any(f"info.{name}" in paths for name in _INFO)
        return float(is_trace or any(table <= paths for table in _TABLES))

    def read(self, source: Source, context: Context) -> Iterator[Item]:
        """Yield one span per span, and one addition per assessment."""
        for record in read_items(source, Trace):
            if isinstance(record, Issue):
                yield record
                continue
            try:
                trace = _Trace(source, *_parts(record))
            except Fault as fault:
                yield source.issue(fault)
                continue
            yield from trace.read()


def _parts(record: Trace) -> tuple[Info, list[object]]:
    """Return what is known of a trace and its spans, wherever the record keeps them."""
    whole = parsed(record.trace)
    if isinstance(whole, dict):
        record = as_row(whole, Trace)
    info = record if record.info is None else as_row(as_object(record.info), Info)
    if not info.own_id:
        raise Fault("missing", "info.trace_id is missing, every trace needs one", pointer="info")
    return info, as_list(within(record.data, "spans")) or as_list(record.spans)


class _Trace:
    """One trace on its way."""

    def __init__(self, source: Source, info: Info, spans: list[object]) -> None:
        self._source, self._spans = source, spans
        self._assessments = as_list(info.assessments)
        labels = info.labels
        self._about = About(
            trace_id=info.own_id or "",
            session_id=word(labels.get("mlflow.trace.session")),
            task_type=first_word(labels.get(name) for name in _TASKS),
        )

    def read(self) -> Iterator[Item]:
        """Yield the steps of the trace and its scores."""
        for item in self._spans:
            yield self._told(item, self._span)
        for item in self._assessments:
            yield self._told(item, self._addition)
        if not self._spans and not self._assessments:
            yield NoStep()

    def _told(self, item: object, read: Callable[[object], Item]) -> Item:
        try:
            return read(item)
        except Fault as fault:
            return self._source.issue(fault)

    def _span(self, item: object) -> Span:
        return span_of(as_row(parsed(item), SpanRecord), self._about)

    def _addition(self, item: object) -> Addition | NoStep:
        assessment = as_object(item)
        told = within(assessment.get("feedback"), "value")
        value = word(told) or verdict(told)  # an error, a dict or nothing is none
        name = word(assessment.get("assessment_name")) or word(assessment.get("name"))
        if name is None or value is None or assessment.get("valid") is False:
            return NoStep()
        updated = time_of(assessment.get("last_update_time"), "last_update_time")
        score = Score(
            name=name,
            value=value,
            source=_SOURCES.get(word(within(assessment.get("source"), "source_type"))),
            time=updated or time_of(assessment.get("create_time"), "create_time"),
        )
        span_id = hex_id(word(assessment.get("span_id")))
        return Addition(trace_id=self._about.trace_id, span_id=span_id, scores=(score,))


FORMAT = MLflow
