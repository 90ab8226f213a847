"""Calls to OpenAI's API, or one that speaks it: recorded pairs, batch files, bare answers.

Chat completions, Responses and legacy completions, streamed or not. Input counts include the
cache. ``model`` in the answer is the dated snapshot; the one asked for is the action.
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


class OpenaiApi:
    """Records with a ``chat.completion`` or ``response``, or requests for one."""

    name = "openai_api"
    level: Level = "call"
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the kind of the answers, the address of the requests, or a batch's records."""
        return share_of(head, "openai")

    def read(self, source: Source, context: Context) -> Iterator[Span | NoStep | Issue]:
        """Yield one span per call."""
        return read_calls(source)


FORMAT = OpenaiApi
