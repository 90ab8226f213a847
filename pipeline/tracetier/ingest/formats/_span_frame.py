"""Phoenix's data frames as CSV or Parquet → spans, and data frames of annotations → scores.

Columns are ``context.span_id``, ``attributes.llm.model_name``, ...; a message list is one cell. CSV
holds the cells as Python prints them: ``None`` is a text there, and lists are Python literals.
"""

from collections.abc import Iterator

from tracetier.ingest.formats._annotations import addition_of_row
from tracetier.ingest.formats._flat_span import raw_span_of_row
from tracetier.ingest.formats._json_values import loads
from tracetier.ingest.formats._kinds import is_judge
from tracetier.ingest.formats._literals import parse_literal
from tracetier.ingest.formats._raw_span import Attrs
from tracetier.ingest.formats._to_span import to_span
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.rows import Record, read_records
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, Span

_ATTRIBUTES = "attributes."
_NESTED = ("llm.input_messages", "llm.tools", "llm.prompts", "tag.tags", "annotations")
_NOTHING = ("None", "nan", "NaN", "NaT", "<NA>", "")


def is_span_frame(head: Head) -> bool:
    """Whether a table is a data frame of spans."""
    return head.has("context.span_id") and any(
        name.startswith(_ATTRIBUTES) or name == "span_kind" for name in head.columns
    )


def is_annotation_frame(head: Head) -> bool:
    """Whether a table is a data frame of annotations."""
    return head.has("annotator_kind") and (head.has("result.score") or head.has("result.label"))


def read_frame(source: Source) -> Iterator[Span | Addition | NoStep | Issue]:
    """Yield a span or a score per row, and at the end an issue for all cells that made no sense."""
    told = _score if is_annotation_frame(source.head) else _span
    unread: list[int] = []
    for record in read_records(source):
        if isinstance(record, Issue):
            yield record
            continue
        try:
            cells = {name: _cell(name, value) for name, value in record.items()}
            if any(value is _UNREAD for value in cells.values()):
                unread.append(source.line)
            yield told({name: value for name, value in cells.items() if value is not _UNREAD})
        except Fault as fault:
            yield source.issue(fault)
        except RecursionError:
            yield source.fault("too_deep", "a cell is nested too deeply to be read")
    if unread:
        message = (
            f"{len(unread):,} rows, the first in line {unread[0]:,}, have a list that is no Python "
            "literal and no JSON, so their text or tools are unknown; export to Parquet"
        )
        yield source.issue(Fault("unread_cell", message), is_of_file=True)


_UNREAD = object()


def _span(cells: Record) -> Span:
    attrs: Attrs = {
        name.removeprefix(_ATTRIBUTES): value
        for name, value in cells.items()
        if name.startswith(_ATTRIBUTES) and value is not None
    }
    raw = raw_span_of_row(cells, attrs, cells.get("events"))
    return to_span(raw, is_judged=is_judge(raw))


def _score(cells: Record) -> Addition | NoStep:
    return addition_of_row(cells) or NoStep()


def _cell(name: str, value: object) -> object:
    """Return what a cell holds, ``None`` for nothing; only lists that are needed are parsed."""
    if isinstance(value, float) and value != value:
        return None
    if not isinstance(value, str):
        return value
    if value.strip() in _NOTHING:
        return None
    if name == "events" or name.removeprefix(_ATTRIBUTES) in _NESTED:
        return _list(value)
    return value


def _list(cell: str) -> object:
    found = loads(cell)
    if found is not None:
        return found
    try:
        return parse_literal(cell)
    except ValueError:
        return _UNREAD
