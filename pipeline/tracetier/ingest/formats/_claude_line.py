"""One line of a Claude Code transcript: the fields that are read, whatever the version.

The vendor gives no schema and the fields change, so everything may be missing.
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Raw, Struct

from tracetier.ingest.formats._part import NO_PART, part, utc
from tracetier.ingest.formats._typed_json import decoder, typed
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.source import Source

_SPOKEN = ("user", "assistant")


class CacheCreation(Struct, frozen=True):
    """Of the tokens written to the cache, those that are kept for an hour."""

    ephemeral_1h_input_tokens: int | None = None


class Usage(Struct, frozen=True):
    """Tokens of one call. ``input_tokens`` leaves the cached ones out."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation: CacheCreation | None = None

    @property
    def hour_tokens(self) -> int | None:
        """Tokens that the cache keeps for an hour, at a price of their own."""
        creation = self.cache_creation or CacheCreation()
        return creation.ephemeral_1h_input_tokens or None

    @property
    def is_told(self) -> bool:
        """Whether any token is counted: a call without tokens is one that was not measured."""
        cached = (self.cache_creation_input_tokens, self.cache_read_input_tokens)
        return any((self.input_tokens, *cached, self.output_tokens))

    @property
    def all_input_tokens(self) -> int | None:
        """The whole input, what was written to the cache and read from it included."""
        if self.input_tokens is None:
            return None
        cached = (self.cache_creation_input_tokens or 0) + (self.cache_read_input_tokens or 0)
        return self.input_tokens + cached


class Block(Struct, frozen=True):
    """One block of a message: a text, a tool's use or its result."""

    type: str = ""
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = NO_PART
    tool_use_id: str | None = None
    is_error: bool | None = None
    content: Raw = NO_PART


class Message(Struct, frozen=True):
    """What was said, as the API has it."""

    id: str | None = None
    model: str | None = None
    content: str | list[Block] | None = None
    usage: Usage | None = None

    @property
    def blocks(self) -> list[Block]:
        """The content as blocks; a plain text is one."""
        if isinstance(self.content, str):
            return [Block(type="text", text=self.content)]
        return self.content or []


class Origin(Struct, frozen=True):
    """Who wrote a user line, in newer versions."""

    kind: str | None = None


class Fork(Struct, frozen=True, rename="camel"):
    """Which line of another session this one is a copy of."""

    message_uuid: str | None = None


class Line(Struct, frozen=True, kw_only=True, rename="camel"):
    """One line. `tool_use_result` repeats a tool's result in a form of its own."""

    type: str
    uuid: str | None = None
    parent_uuid: str | None = None
    logical_parent_uuid: str | None = None
    session_id: str | None = None
    agent_id: str | None = None
    request_id: str | None = None
    timestamp: datetime | None = None
    subtype: str | None = None
    is_sidechain: bool | None = None
    is_meta: bool | None = None
    is_compact_summary: bool | None = None
    is_api_error_message: bool | None = None
    api_error_status: int | None = None
    origin: Raw = NO_PART
    forked_from: Raw = NO_PART
    message: Message | None = None
    tool_use_result: Raw = NO_PART
    content: Raw = NO_PART
    attachment: Raw = NO_PART
    error: Raw = NO_PART
    cost_usd: float | None = msgspec.field(default=None, name="costUSD")
    duration_ms: float | None = None

    @property
    def time(self) -> datetime | None:
        """When it was written, UTC."""
        return utc(self.timestamp)

    @property
    def identity(self) -> str | None:
        """The id of the line, and of each copy of it: a fork may give its copies new ones."""
        fork = part(self.forked_from, FORK)
        return (fork and fork.message_uuid) or self.uuid

    @property
    def is_of_agent(self) -> bool:
        """Whether a sub-agent said it."""
        return bool(self.is_sidechain) or self.agent_id is not None


class _Envelope(Struct, frozen=True, kw_only=True, rename="camel"):
    type: str
    uuid: Raw = NO_PART
    parent_uuid: Raw = NO_PART
    session_id: Raw = NO_PART


class AgentInput(Struct, frozen=True):
    """What a sub-agent was asked."""

    prompt: str = ""
    subagent_type: str | None = None
    model: str | None = None


class FileInput(Struct, frozen=True):
    """Which file a tool was pointed at."""

    file_path: str | None = None
    notebook_path: str | None = None


class AgentResult(Struct, frozen=True, rename="camel"):
    """What is told of a sub-agent when its tool returns.

    Its token counts are left out: they are those of the last call, not of the run.
    """

    agent_id: str | None = None
    agent_type: str | None = None
    run_id: str | None = None
    status: str | None = None
    is_async: bool | None = None
    total_duration_ms: float | None = None
    resolved_model: str | None = None

    @property
    def is_launch(self) -> bool:
        """Whether the run only began: it goes on in the background."""
        return bool(self.is_async) or self.status in ("async_launched", "teammate_spawned")


AGENT_INPUT, FILE_INPUT = decoder(AgentInput), decoder(FileInput)
AGENT_RESULT, FORK, ORIGIN = decoder(AgentResult), decoder(Fork), decoder(Origin)
_LINE, _ENVELOPE, _TEXT = decoder(Line), decoder(_Envelope), decoder(str)


def read_lines(source: Source) -> Iterator[Line | Issue]:
    """Yield the lines of a transcript, and an issue for each that is none."""
    for line in source.lines():
        if isinstance(line, Issue):
            yield line
            continue
        try:
            yield typed(line, _LINE)
        except Fault as fault:
            yield _silent(line) or source.issue(fault)


def _silent(line: bytes) -> Line | None:
    """Return a line of a kind that tells no step, and may hold anything under the same names."""
    try:
        found = typed(line, _ENVELOPE)
    except Fault:
        return None
    if found.type in _SPOKEN:
        return None
    return Line(
        type=found.type,
        uuid=part(found.uuid, _TEXT),
        parent_uuid=part(found.parent_uuid, _TEXT),
        session_id=part(found.session_id, _TEXT),
    )
