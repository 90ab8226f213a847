"""Answers of OpenAI's API in logs that lie beside a trace, by their ids.

A trace that names only the id of an answer takes the model, the text and the tools from there.
"""

from collections.abc import Iterator
from pathlib import Path

from tracetier.errors import InputError
from tracetier.ingest.formats._provider import read_calls
from tracetier.ingest.formats._provider_signs import share_of
from tracetier.ingest.source import Source, read_head
from tracetier.ingest.span import Span

_N_NEIGHBOURS = 200
_N_ANSWERS = 200_000
_BYTES = 256 * 1024 * 1024


class ResponsesLog:
    """The calls that logs beside a file record, read when one is first asked for.

    Parameters
    ----------
    beside : Path
    """

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self._calls: dict[str, Span] | None = None

    def call_of(self, response_id: str) -> Span | None:
        """Return the recorded call that an answer is of, ``None`` where no log tells it."""
        if self._calls is None:
            self._calls = {}
            for call in self._told():
                if call.response_id is not None and len(self._calls) < _N_ANSWERS:
                    self._calls[call.response_id] = call
        return self._calls.get(response_id)

    def _told(self) -> Iterator[Span]:
        for path in sorted(self._beside.parent.glob("*.json*"))[:_N_NEIGHBOURS]:
            if path == self._beside or not path.is_file() or path.stat().st_size > _BYTES:
                continue
            try:
                if share_of(read_head(path), "openai") > 0:
                    found = read_calls(Source(path))
                    yield from (item for item in found if isinstance(item, Span))
            except InputError:
                continue
