"""The bytes of an answer, seen as they go by: usage, how it ended, and signs of trouble.

Nothing is held back or changed. What a stream tells is folded by the reader of recorded streams,
so a live answer and the log of it say the same.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Struct

from tracetier.ingest.formats._provider_record import Answer, ErrorBody
from tracetier.ingest.formats._provider_stream import fold_text
from tracetier.ingest.formats._provider_usage import Tokens, tokens_of
from tracetier.ingest.formats._typed_json import decoder, typed
from tracetier.ingest.issue import Fault
from tracetier.serve.gateway.proxies import Seen

MAX_KEPT: Final = 4 << 20
"""Bytes of an answer that are kept to be read when it has ended; a longer one tells no usage."""

_MARKS: Final = (b'"usage"', b'"message"', b'"error"')
_NO_USAGE: Final = (b'"usage":null', b'"usage": null')
_HALF_PRICE: Final = frozenset({"flex", "batch"})
_ANSWER = decoder(Answer)


class Outcome(Struct, frozen=True, kw_only=True):
    """What an answer told when it had ended.

    Attributes
    ----------
    model : str, optional
        Who answered.
    tokens : Tokens
        Each ``None`` where the answer does not tell.
    cost_usd : float, optional
        As some resellers tell it.
    price_factor : float
        0.5 where the provider bills the half.
    is_error : bool
        Whether a stream told an error.
    """

    model: str | None = None
    tokens: Tokens = Tokens()
    cost_usd: float | None = None
    price_factor: float = 1.0
    is_error: bool = False


class Watch:
    r"""Sees an answer go by, piece by piece.

    Parameters
    ----------
    is_stream : bool
        Whether it is a stream of events.
    keeps_all : bool
        Whether all of a stream is kept, to look for signs of trouble.

    Examples
    --------
    >>> watch = Watch(is_stream=True)
    >>> watch.feed(b'data: {"id":"a","model":"m-1","object":"x"}\n\ndata: {"us')
    >>> watch.feed(b'age":{"prompt_tokens":9,"completion_tokens":2}}\n\ndata: [DONE]\n\n')
    >>> watch.outcome().model, watch.outcome().tokens.input
    ('m-1', 9)
    """

    def __init__(self, *, is_stream: bool, keeps_all: bool = False) -> None:
        self._is_stream = is_stream
        self._keeps_all = keeps_all or not is_stream
        self._kept: list[bytes] = []
        self._n_kept = 0
        self._tail = b""
        self._has_first = False

    def feed(self, piece: bytes) -> None:
        """See one more piece."""
        if self._keeps_all:
            self._keep(piece)
            return
        whole, parted, tail = (self._tail + piece).rpartition(b"\n")
        self._tail = tail if len(tail) <= MAX_KEPT else b""
        if not parted or (self._has_first and not any(mark in whole for mark in _MARKS)):
            return
        for line in whole.split(b"\n"):
            if line.startswith(b"data:") and self._tells(line):
                self._keep(line + b"\n")

    def outcome(self) -> Outcome:
        """Return what it told, once it has ended."""
        answer = self._answer()
        if answer is None:
            return Outcome()
        usage = answer.usage
        tier = answer.service_tier or (usage.service_tier if usage is not None else None)
        return Outcome(
            model=answer.model,
            tokens=tokens_of(usage, excludes_cache=answer.type == "message"),
            cost_usd=usage.cost or None if usage is not None else None,
            price_factor=0.5 if tier in _HALF_PRICE else 1.0,
            is_error=isinstance(answer.error, ErrorBody | str),
        )

    def seen(self) -> Seen:
        """Return the signs of trouble in it; it must have been kept as a whole."""
        text = b"".join(self._kept)
        events = _events(text) if self._is_stream else iter((text,))
        return _signs(events)

    def _keep(self, piece: bytes) -> None:
        self._n_kept += len(piece)
        if self._n_kept <= MAX_KEPT:
            self._kept.append(piece)

    def _tells(self, line: bytes) -> bool:
        """Whether a line is the first, or tells more than a piece of text."""
        is_first, self._has_first = not self._has_first, True
        if is_first:
            return True
        if any(none in line for none in _NO_USAGE):
            return b'"error"' in line
        return any(mark in line for mark in _MARKS)

    def _answer(self) -> Answer | None:
        if self._n_kept > MAX_KEPT or not self._n_kept:
            return None
        text = b"".join(self._kept)
        try:
            if self._is_stream:
                return fold_text(text.decode("utf-8", "replace"))
            return typed(text, _ANSWER)
        except Fault:
            return None


class _Function(Struct, frozen=True):
    arguments: str | None = None


class _Call(Struct, frozen=True):
    index: int = 0
    function: _Function | None = None


class _Message(Struct, frozen=True):
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(Struct, frozen=True):
    index: int = 0
    finish_reason: str | None = None
    message: _Message | None = None
    delta: _Message | None = None


class _Delta(Struct, frozen=True):
    stop_reason: str | None = None
    partial_json: str | None = None


class _Event(Struct, frozen=True):
    """A whole answer, or one event of a stream, of either provider."""

    type: str | None = None
    index: int = 0
    stop_reason: str | None = None
    choices: list[_Choice] | None = None
    delta: _Delta | None = None
    error: msgspec.Raw = msgspec.Raw()


_EVENT = msgspec.json.Decoder(_Event)
_ENDS: Final[dict[str, str]] = {
    "length": "truncation",
    "max_tokens": "truncation",
    "model_context_window_exceeded": "truncation",
    "content_filter": "refusal",
    "refusal": "refusal",
}


def _events(text: bytes) -> Iterator[bytes]:
    for line in text.split(b"\n"):
        if line.startswith(b"data:"):
            yield line[5:].strip()


def _signs(events: Iterator[bytes]) -> Seen:
    found: dict[str, bool] = {}
    arguments: dict[tuple[int, int], list[str]] = {}
    for data in events:
        try:
            event = _EVENT.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            continue  # [DONE], or nothing that tells a sign
        if bytes(event.error) not in (b"", b"null"):
            found["error"] = True
        ends = [event.stop_reason]
        if event.delta is not None:
            ends.append(event.delta.stop_reason)
            if event.delta.partial_json:
                arguments.setdefault((event.index, 0), []).append(event.delta.partial_json)
        for choice in event.choices or ():
            ends.append(choice.finish_reason)
            message = choice.message or choice.delta
            if message is not None:
                ends.append("refusal" if message.refusal else None)
                for i, call in enumerate(message.tool_calls or ()):
                    at = (choice.index, call.index or i)
                    given = call.function.arguments if call.function is not None else None
                    arguments.setdefault(at, []).append(given or "")
        found |= {_ENDS[end]: True for end in ends if end in _ENDS}
    if any(_is_broken("".join(pieces)) for pieces in arguments.values()):
        found["invalid_tool_call"] = True
    return Seen(**found)


def _is_broken(arguments: str) -> bool:
    """Whether the arguments of a call are no JSON; a call without arguments may leave them out."""
    if not arguments.strip():
        return False
    try:
        msgspec.json.decode(arguments)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return True
    return False
