"""Outcomes from a file of the user's, joined to the logs by any id.

A row says what it is about by ``span_id``, ``response_id``, ``trace_id``, ``task_id`` or
``session_id`` (of several the first in this order counts), and holds an outcome: ``quality`` from 0
to 10, or ``success``, or ``name`` and ``value``, or columns that the score map knows. What is said
of a whole trace, task or session counts for every invocation in it, since the user says so.

Files of scores that other tools export (annotations, feedback) are read by their own format.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar, get_args

import msgspec

from tracetier.errors import FormatError, RecordError
from tracetier.ingest.assemble.score_map import ScoreMap
from tracetier.ingest.coerce import flag, instant, number, text
from tracetier.ingest.files import PathLike
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context, detect_format
from tracetier.ingest.rows import Record, read_records
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, Score, ScoreSource, Span
from tracetier.records import Invocation

_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "span_id": ("span_id", "spanId", "observation_id", "observationId"),
    "response_id": ("response_id", "responseId"),
    "trace_id": ("trace_id", "traceId"),
    "task_id": ("task_id", "taskId"),
    "session_id": ("session_id", "sessionId"),
    "time": ("time", "timestamp", "created_at", "createdAt"),
}
_IDS = tuple(_SPELLINGS)[:5]
_BEST = 10.0
Key = tuple[str, str, str]
Value = TypeVar("Value")


class ScoreFile:
    """The outcomes of a file by what they are about.

    Attributes
    ----------
    n_rows : int
        Rows with an outcome.
    issues : list of Issue
        One for each other row.
    used : set of Key
        What was met in the logs.
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self.issues: list[Issue] = []
        self.used: set[Key] = set()
        self._scores: dict[Key, list[Score]] = {}

    @property
    def n_keys(self) -> int:
        """Steps, traces, tasks and sessions of which something is said."""
        return len(self._scores)

    def add(self, key: Key, scores: list[Score]) -> None:
        """Take an outcome; later ones come after earlier ones."""
        self.n_rows += 1
        self._scores.setdefault(key, []).extend(scores)

    def of_span(self, span: Span) -> list[Score]:
        """Return what is said of one step."""
        found = self._of("span_id", span.span_id, span.trace_id)
        return found + (self._of("response_id", span.response_id) if span.response_id else [])

    def added_to(self, span: Span) -> Span:
        """Return a step with what is said of it."""
        found = self.of_span(span)
        return msgspec.structs.replace(span, scores=(*span.scores, *found)) if found else span

    def of_row(self, row: Invocation) -> Iterator[list[Score]]:
        """Yield what is said of an invocation: of itself, its trace, its task, its session."""
        if row.span_id:
            yield self._of("span_id", row.span_id, row.trace_id)
        yield self._of("trace_id", row.trace_id)
        yield self._of("task_id", row.task_id)
        yield self._of("session_id", row.session_id)

    def _of(self, kind: str, id_: str | None, trace_id: str = "") -> list[Score]:
        found: list[Score] = []
        for within in dict.fromkeys(("", trace_id)):
            key = (kind, within, id_ or "")
            if key in self._scores:
                self.used.add(key)
                found += self._scores[key]
        return found


def read_score_file(path: PathLike, scores: ScoreMap) -> ScoreFile:
    """Read outcomes from JSON Lines, CSV or Parquet, or from the scores that a tool exports.

    Raises
    ------
    RecordError
        If no row holds both an id and an outcome.
    """
    source = Source(Path(path))
    has_outcome = source.head.has("quality") or source.head.has("success")
    found = ScoreFile() if has_outcome else _exported(source)
    if not found.n_rows:
        source, found = Source(Path(path)), ScoreFile()
        for record in read_records(source):
            if isinstance(record, Issue):
                found.issues.append(record)
                continue
            try:
                found.add(*_read(record, scores))
            except Fault as fault:
                found.issues.append(source.issue(fault))
    if not found.n_rows:
        told = f"; the first: {found.issues[0]}" if found.issues else ", it is empty"
        raise RecordError(
            f"no row of {str(path)!r} holds an id ({', '.join(_IDS)}) and an outcome (quality from "
            f"0 to 10, success, name and value, or a column of the score map){told}"
        )
    return found


def _exported(source: Source) -> ScoreFile:
    """Return the scores in a file of a known format."""
    found = ScoreFile()
    try:
        told = detect_format(source.head).read(source, Context())
    except FormatError:
        return found
    for item in told:
        if isinstance(item, Issue):
            found.issues.append(item)
        elif isinstance(item, Addition) and item.scores:
            found.add(_key(item), list(item.scores))
    return found


def _key(addition: Addition) -> Key:
    if addition.span_id:
        return "span_id", addition.trace_id or "", addition.span_id
    for kind in ("response_id", "trace_id", "session_id"):
        if id_ := getattr(addition, kind):
            return kind, "", id_
    return "trace_id", "", ""


def _read(record: Record, scores: ScoreMap) -> tuple[Key, list[Score]]:
    ids = {name: _told(record, name, text) for name in _IDS}
    kind = next((name for name, id_ in ids.items() if id_), None)
    if kind is None:
        raise Fault("missing", f"row has no id, must have one of {', '.join(_IDS)}")
    found = list(_outcomes(record, scores))
    if not found:
        raise Fault("missing", "row has no outcome, must have quality, success, or name and value")
    within = ids["trace_id"] if kind == "span_id" else None
    return (kind, within or "", ids[kind] or ""), found


def _outcomes(record: Record, scores: ScoreMap) -> Iterator[Score]:
    time, source = _told(record, "time", instant), _source(record)
    quality = _told(record, "quality", number)
    success = _told(record, "success", flag)
    if quality is not None:
        if not 0 <= quality <= _BEST:
            raise Fault("out_of_range", f"quality is {quality:g}, must be from 0 to 10")
        yield _score("quality", quality, source, time, high=_BEST)
    elif success is not None:
        yield _score("success", success, source, time, high=1.0)
    name = _told(record, "name", text)
    if name and (value := _plain(record.get("value"))) is not None:
        yield Score(name=name, value=value, source=source, time=time)
    for column in scores.rules:
        if column not in ("quality", "success"):
            value = _plain(record.get(column))
            if value is not None:
                yield Score(name=column, value=value, source=source, time=time)


def _score(
    name: str, value: float | bool, source: ScoreSource | None, time: datetime | None, high: float
) -> Score:
    return Score(
        name=name, value=value, source=source, low=0.0, high=high, better="high", time=time
    )


def _told(record: Record, name: str, convert: Callable[[object], Value]) -> Value | None:
    for spelling in _SPELLINGS.get(name, (name,)):
        value = record.get(spelling)
        if value is not None and value != "":
            try:
                return convert(value)
            except Fault as fault:
                raise Fault(
                    fault.reason, f"{spelling} must be {fault}", pointer=spelling, value=value
                ) from None
    return None


def _source(record: Record) -> ScoreSource | None:
    source = record.get("source")
    known: tuple[ScoreSource, ...] = get_args(ScoreSource)
    return next((name for name in known if name == source), None)


def _plain(value: object) -> float | bool | str | None:
    """Return a value as a score may hold it; blank text is none."""
    if isinstance(value, str):
        return text(value) if value.strip() else None
    if value is None or isinstance(value, bool):
        return value
    return number(value)
