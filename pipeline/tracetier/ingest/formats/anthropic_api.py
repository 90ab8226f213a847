"""Calls to Anthropic's API: recorded pairs, batch files, bare messages.

``usage.input_tokens`` leaves the cache out, so cache reads and writes are added. A stream's
``output_tokens`` are running totals, of which the last counts.
"""

from collections.abc import Iterator

from tracetier.ingest.formats._provider import read_calls
from tracetier.ingest.formats._provider_signs import share_of
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span
from tracetier.records import Level


class AnthropicApi:
    """Records with an answer of ``type: message``, or requests for one."""

    name = "anthropic_api"
    level: Level = "call"
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the kind of the answers, the address of the requests, or a batch's records."""
        return share_of(head, "anthropic")

    def read(self, source: Source, context: Context) -> Iterator[Span | NoStep | Issue]:
        """Yield one span per call."""
        return read_calls(source)


FORMAT = AnthropicApi
