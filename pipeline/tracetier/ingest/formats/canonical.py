"""Our own columns, as JSON Lines, CSV or Parquet: what other programs write for this one.

Columns are those of the feature table (quality in [0, 1]). ``x_*`` columns are extracted anew and
``source_*`` set anew, so that a feature table can be read back as a log.
"""

from collections.abc import Iterator

from tracetier.ingest.columns import note_columns
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.rows import read_rows
from tracetier.ingest.source import Source
from tracetier.records import Invocation, Level
from tracetier.table.columns import column_names

_KNOWN = (*column_names(), "attrs")
_SIGNS = {"task_text", "y_quality", "y_cost_usd", "p_log"}


class Canonical:
    """Records with the column names of the feature table."""

    name = "canonical"
    level: Level = "call"
    stands_alone = True
    splittable = True

    def matches(self, head: Head) -> float:
        """Tell by the two ids and any column that only we call so."""
        return float(head.has("trace_id", "task_id") and bool(_SIGNS & set(head.columns)))

    def read(self, source: Source, context: Context) -> Iterator[Invocation | Issue]:
        """Yield one invocation per record."""
        yield from note_columns(source, _KNOWN)
        yield from read_rows(source, Invocation)


FORMAT = Canonical
