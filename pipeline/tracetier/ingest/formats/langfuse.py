"""Langfuse: downloaded traces, answers of its API, and exports of tables.

A trace with its observations comes as one document, an export as one row per observation, with
scores and, in older exports, traces in files of their own. A row of a trace is a step that holds
others; a score belongs to the step, trace or session that it names.
"""

from collections.abc import Iterator, Mapping
from typing import cast

from msgspec import Struct

from tracetier.ingest.formats._amounts import time_of
from tracetier.ingest.formats._json_items import as_row, read_items
from tracetier.ingest.formats._langfuse_names import langfuse_names
from tracetier.ingest.formats._langfuse_record import Record, quick_type, record_type, role_of
from tracetier.ingest.formats._langfuse_scores import addition_of, id_of
from tracetier.ingest.formats._langfuse_span import About, span_of
from tracetier.ingest.formats._lazy_input import Inputs
from tracetier.ingest.formats._logged_input import as_list, parsed, user_text
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Span
from tracetier.ingest.spread import Name
from tracetier.records import Level

Item = Span | Addition | NoStep | Issue


class Langfuse:
    """Traces, observations and scores of Langfuse."""

    name = "langfuse"
    level: Level = "agent_run"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by observations that name their parent, or by its tables of scores and traces."""
        return float(role_of(head) is not None)

    def quick_names(self, source: Source) -> Iterator[Name] | None:
        """Return the names in lines of observations."""
        return langfuse_names(source)

    def read(self, source: Source, context: Context) -> Iterator[Item]:
        """Yield one span per observation, and one addition per score."""
        reading = _Reading(source, seeks_tests=context.seeks_tests)
        kind = record_type(source.head)
        for record in read_items(source, kind, quick=quick_type(kind)):
            if isinstance(record, Issue):
                yield record
            else:
                yield from reading.read(record)


class _Reading:
    """One file on its way."""

    def __init__(self, source: Source, *, seeks_tests: bool) -> None:
        self._source, self._inputs, self._seeks_tests = source, Inputs(), seeks_tests
        self._n_held = 0  # records that stand within documents

    def read(self, record: Record) -> Iterator[Item]:
        """Yield what a record tells."""
        if isinstance(trace := parsed(record.trace), dict):
            yield from self._document(trace, record.observations)
        elif _holds_objects(record.observations):
            yield from self._trace(record, record.observations)
        elif _holds_objects(record.data):
            yield from self._page(record.data)
        else:
            yield self._flat(record)

    def _document(self, trace: dict[str, object], observations: object) -> Iterator[Item]:
        """Yield a downloaded trace; its own list of observations, where it has one, lacks texts."""
        try:
            about = as_row(trace, Record)
        except Fault as fault:
            yield self._source.issue(fault)
            about = Record()
        held = observations if _holds_objects(observations) else about.observations
        yield from self._trace(about, held)

    def _page(self, items: object) -> Iterator[Item]:
        for item in as_list(items):
            record = self._held(item)
            if isinstance(record, Issue):
                yield record
            elif _holds_objects(record.observations):
                yield from self._trace(record, record.observations)
            else:
                yield self._flat(record)

    def _trace(self, trace: Record, observations: object) -> Iterator[Item]:
        """Yield the observations of a whole trace, and its scores."""
        about = About(
            session_id=id_of(trace.session_id), name=trace.name, text=user_text(trace.input)
        )
        is_empty = True
        for item in as_list(observations):
            record, is_empty = self._held(item), False
            yield record if isinstance(record, Issue) else self._step(record, about)
        for item in as_list(trace.scores):
            if isinstance(item, dict):  # a list of traces names their scores by id only
                is_empty = False
                yield self._score({"traceId": trace.id} | item)
        if is_empty:
            yield NoStep()

    def _flat(self, record: Record) -> Item:
        """Return what a row tells."""
        if record.is_observation:
            return self._step(record, About())
        try:
            if record.is_score:
                return addition_of(record) or NoStep()
            if (trace_id := id_of(record.id)) is not None:
                return _own_span(record, trace_id)
        except Fault as fault:
            return self._source.issue(fault)
        told = "record is no observation, score or trace"
        return self._source.fault("unknown_record", told)

    def _step(self, record: Record, about: About) -> Span | Issue:
        try:
            return span_of(record, about, self._inputs, seeks_tests=self._seeks_tests)
        except Fault as fault:
            return self._source.issue(fault)

    def _score(self, item: Mapping[str, object]) -> Addition | NoStep | Issue:
        try:
            return addition_of(as_row(item, Record)) or NoStep()
        except Fault as fault:
            return self._source.issue(fault)

    def _held(self, item: Record | object) -> Record | Issue:
        """Return a record of a document, which is known by its number from here on."""
        if self._source.head.kind == "json":
            self._n_held += 1
            self._source.line = self._n_held
        if isinstance(item, Struct):
            return cast(Record, item)
        try:
            return as_row(item, Record)
        except Fault as fault:
            return self._source.issue(fault)


def _own_span(trace: Record, trace_id: str) -> Span:
    """Return what a row of a trace tells: in older exports only it knows the session."""
    return Span(
        trace_id=trace_id,
        span_id=trace_id,
        kind="group",
        session_id=id_of(trace.session_id),
        start=time_of(trace.timestamp, "timestamp"),
        task_type=trace.name,
        text=user_text(trace.input),
    )


def _holds_objects(value: object) -> bool:
    return any(isinstance(item, dict | Struct) for item in as_list(value))


FORMAT = Langfuse
