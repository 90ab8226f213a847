"""OpenInference's traces, and what Phoenix exports: span lists, traces, data frames, annotations.

The attributes are the same everywhere, under dotted names or nested; tokens of details are parts of
the counts, not extras. Scores are annotations, which Phoenix keeps apart from its spans.
"""

from collections.abc import Iterator

from tracetier.ingest.formats._quick_names import otlp_names
from tracetier.ingest.formats._span_frame import is_annotation_frame, is_span_frame, read_frame
from tracetier.ingest.formats._span_values import Told, read_span_values
from tracetier.ingest.formats._trace_signs import (
    is_envelope,
    is_phoenix,
    places_of_signs,
)
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.spread import Name
from tracetier.records import Level

_SECOND = 0.5
_TABLES = ("csv", "parquet")


class Openinference:
    """Traces whose first attributes are OpenInference's, and Phoenix's own forms."""

    name = "openinference"
    level: Level = "agent_run"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by Phoenix's keys and columns, or by whose attributes come first."""
        if _is_frame(head) or is_phoenix(head):
            return 1.0
        if not is_envelope(head):
            return 0.0
        own, other = places_of_signs(head)
        if own is None:
            return 0.0
        return 1.0 if other is None or own < other else _SECOND

    def quick_names(self, source: Source) -> Iterator[Name] | None:
        """Return the names in a plain OTLP file."""
        return otlp_names(source)

    def read(self, source: Source, context: Context) -> Iterator[Told | Issue]:
        """Yield one span per span or row, and an addition per annotation."""
        return read_frame(source) if _is_frame(source.head) else read_span_values(source)


def _is_frame(head: Head) -> bool:
    return head.kind in _TABLES and (is_span_frame(head) or is_annotation_frame(head))


FORMAT = Openinference
