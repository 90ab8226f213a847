"""OpenTelemetry traces of GenAI: OTLP/JSON, Tempo, Jaeger, the console exporter; and their logs.

All generations of the GenAI conventions are read side by side, each span by its own attributes.
Spans of one trace may be spread over lines and files, children first; evaluations come as log
records, and belong to the span that they name.
"""

from collections.abc import Iterator

from tracetier.ingest.formats._quick_names import otlp_names
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

_PLAIN_TRACES = 0.6
_SECOND = 0.5


class OtelGenai:
    """Traces whose first attributes are GenAI's, or nobody's in the head."""

    name = "otel_genai"
    level: Level = "agent_run"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the envelope, and by whose attributes come first."""
        if is_phoenix(head) or not is_envelope(head):
            return 0.0
        other, own = places_of_signs(head)
        if own is None:
            return _PLAIN_TRACES if other is None else _SECOND
        return 1.0 if other is None or own < other else _SECOND

    def quick_names(self, source: Source) -> Iterator[Name] | None:
        """Return the names in a plain OTLP file."""
        return otlp_names(source)

    def read(self, source: Source, context: Context) -> Iterator[Told | Issue]:
        """Yield one span per span, and an addition per evaluation or message in the logs."""
        return read_span_values(source)


FORMAT = OtelGenai
