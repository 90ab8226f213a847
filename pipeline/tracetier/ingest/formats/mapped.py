"""Any JSON Lines, CSV or Parquet, read by the user's own map.

Where the map names no ``task_id`` the text makes it, and where it names no ``trace_id`` the place
in the file does.
"""

from collections.abc import Iterator
from difflib import get_close_matches

import msgspec

from tracetier.errors import FormatError
from tracetier.ingest.coerce import make_row, text
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest, task_id_of
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.mapping import ColumnMap, columns_of
from tracetier.ingest.registry import Context
from tracetier.ingest.rows import Record, read_records
from tracetier.ingest.source import Source
from tracetier.records import Invocation, Level


class Mapped:
    """Records in columns of the user's own."""

    name = "mapped"
    level: Level = "call"
    stands_alone = True

    def matches(self, head: Head) -> float:
        """Never by itself: a map makes it the format of all files."""
        return 0.0

    def read(self, source: Source, context: Context) -> Iterator[Invocation | Issue]:
        """Yield one invocation per record, and an issue for each path that no record has."""
        if context.mapping is None:
            raise FormatError("format 'mapped' needs a map; give --map FILE with column = path")
        mapping = context.mapping
        source.fields.update({name: cell.dotted for name, cell in mapping.cells.items()})
        unseen = {name for name, cell in mapping.cells.items() if cell.path is not None}
        for record in read_records(source):
            if isinstance(record, Issue):
                yield record
            else:
                yield _invocation(source, mapping, record, unseen)
        if source.line:
            yield from _dead_paths(source, unseen)


def _invocation(
    source: Source, mapping: ColumnMap, record: Record, unseen: set[str]
) -> Invocation | Issue:
    try:
        values = columns_of(mapping, record)
        if unseen:
            unseen -= {name for name, value in values.items() if value is not None}
        _add_ids(source, mapping, values)
        found = make_row(Invocation, values)
    except Fault as fault:
        return source.issue(fault)
    if found.y_quality is not None and found.y_quality_source is None:
        return msgspec.structs.replace(found, y_quality_source="given")
    return found


def _add_ids(source: Source, mapping: ColumnMap, values: dict[str, object]) -> None:
    if "task_id" not in mapping.cells and values.get("task_text") not in (None, ""):
        values["task_id"] = task_id_of(text(values["task_text"]))
    if "trace_id" not in mapping.cells:
        values["trace_id"] = digest(source.name, str(source.line))


def _dead_paths(source: Source, unseen: set[str]) -> Iterator[Issue]:
    for name in sorted(unseen):
        path = source.fields[name]
        near = get_close_matches(path, source.head.columns, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "check the map"
        message = f"no record has {path!r}, to which {name} is mapped; {hint}"
        yield source.issue(Fault("dead_path", message, pointer=path), is_of_file=True)


FORMAT = Mapped
