"""One line of a Codex CLI rollout: ``{timestamp, type, payload}``.

Payloads of all kinds are read as one record with many gaps; what differs from kind to kind stays
undecoded until its kind is known. Definitions: ``RolloutItem``, ``EventMsg`` and ``ResponseItem``
of the CLI's protocol, which only ever added kinds and fields.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Raw, Struct

from tracetier.ingest.formats._part import NO_PART, part, utc
from tracetier.ingest.formats._typed_json import decoder, typed
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.source import Source


class Tokens(Struct, frozen=True):
    """Tokens of one call or of all so far; input holds what was cached, output the thoughts."""

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    output_tokens: int | None = None


class TokenInfo(Struct, frozen=True):
    """What a ``token_count`` event tells."""

    total_token_usage: Tokens | None = None
    last_token_usage: Tokens | None = None


class Payload(Struct, frozen=True, kw_only=True):
    """What a record says; which fields there are depends on its kind."""

    type: str | None = None
    id: str | None = None
    # session_meta
    session_id: str | None = None
    forked_from_id: str | None = None
    parent_thread_id: str | None = None
    subagent_history_start_ordinal: int | None = None
    thread_source: Raw = NO_PART
    source: Raw = NO_PART
    # turn_context, turn events
    turn_id: str | None = None
    model: str | None = None
    # items of a response, and their results
    role: str | None = None
    content: Raw = NO_PART
    name: str | None = None
    call_id: str | None = None
    arguments: Raw = NO_PART
    input: Raw = NO_PART
    output: Raw = NO_PART
    # events
    message: Raw = NO_PART
    codex_error_info: Raw = NO_PART
    exit_code: int | None = None
    success: bool | None = None
    status: Raw = NO_PART
    changes: Raw = NO_PART
    result: Raw = NO_PART
    item: Raw = NO_PART
    # tokens
    info: Raw = NO_PART
    thread_id: str | None = None
    response_id: str | None = None
    usage: Tokens | None = None
    thread_token_usage: Tokens | None = None


class Record(Struct, frozen=True, kw_only=True):
    """One line. ``ordinal`` counts them in newer versions."""

    type: str
    payload: Payload
    timestamp: datetime | None = None
    ordinal: int | None = None

    @property
    def kind(self) -> str:
        """Kind of record, and of its payload: ``event_msg/token_count``."""
        return self.type if self.payload.type is None else f"{self.type}/{self.payload.type}"

    @property
    def time(self) -> datetime | None:
        """When it was written, UTC."""
        return utc(self.timestamp)


class Spawn(Struct, frozen=True):
    """How a thread was started by another."""

    parent_thread_id: str | None = None
    agent_role: str | None = None
    agent_nickname: str | None = None


class _SubAgent(Struct, frozen=True):
    thread_spawn: Spawn | None = None


class Origin(Struct, frozen=True):
    """Where a thread comes from: ``subagent`` is a word for the CLI's own helpers."""

    subagent: _SubAgent | str | None = None


class Block(Struct, frozen=True):
    """One block of a message."""

    type: str = ""
    text: str | None = None


class Item(Struct, frozen=True):
    """What an ``item_completed`` event tells, in newer versions."""

    type: str = ""
    id: str | None = None
    content: Raw = NO_PART
    status: str | None = None
    exit_code: int | None = None


class _Kind(Struct, frozen=True):
    type: str | None = None


class _Envelope(Struct, frozen=True):
    type: str
    payload: _Kind


TOKEN_INFO, ORIGIN, ITEM = decoder(TokenInfo), decoder(Origin), decoder(Item)
TEXT, BLOCKS = decoder(str), decoder(list[Block])
CHANGES = decoder(dict[str, Raw])
_RECORD, _ENVELOPE = decoder(Record), decoder(_Envelope)


def read_records(source: Source, used: frozenset[str]) -> Iterator[Record | Issue]:
    """Yield the records of a rollout, and an issue for each line that is none.

    Parameters
    ----------
    source : Source
    used : frozenset of str
        Kinds that tell of steps. Others may hold anything under the same names.
    """
    for line in source.lines():
        if isinstance(line, Issue):
            yield line
            continue
        try:
            yield typed(line, _RECORD)
        except Fault as fault:
            yield _silent(line, used) or source.issue(fault)


def text_of(raw: Raw) -> str:
    """Return the text of a message: a text, or blocks of which some are.

    Examples
    --------
    >>> text_of(Raw(b'"a"')), text_of(Raw(b'[{"type": "input_text", "text": "b"}, {"type": "x"}]'))
    ('a', 'b')
    """
    plain = part(raw, TEXT)
    if plain is not None:
        return plain
    return "\n".join(block.text for block in part(raw, BLOCKS) or () if block.text)


def _silent(line: bytes, used: frozenset[str]) -> Record | None:
    try:
        found = typed(line, _ENVELOPE)
    except Fault:
        return None
    record = Record(type=found.type, payload=Payload(type=found.payload.type))
    return None if record.kind in used or found.type in used else record
