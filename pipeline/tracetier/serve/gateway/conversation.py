"""What a request's own conversation tells: past turns, failed tools, images, and how long it is.

A chat request repeats all that was said before, so much of a session is known without any memory
of it, whichever worker the request comes to.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw, Struct

from tracetier.features.text import estimate_tokens
from tracetier.ingest.formats._typed_json import decoder, typed
from tracetier.ingest.issue import Fault

_IMAGES: Final = frozenset({"image", "image_url", "input_image", "document"})
_ERROR_WORDS: Final = ("error:", "traceback (most recent call last)")


_NOTHING: Final = Raw()


class _Part(Struct, frozen=True):
    type: str | None = None
    text: str | None = None
    is_error: bool | None = None
    content: "str | list[_Part | str] | None" = None
    source: Raw = _NOTHING
    image_url: Raw = _NOTHING


class _Turn(Struct, frozen=True):
    role: str | None = None
    content: str | list[_Part | str] | None = None


class _Request(Struct, frozen=True):
    messages: list[_Turn] = []


class _Told(Struct, frozen=True):
    """What a tool's answer says of a failure, where it is an object."""

    error: Raw = _NOTHING
    is_error: bool = False


class Conversation(Struct, frozen=True, kw_only=True):
    """What a conversation tells of what was before; ``None`` is unknown.

    Attributes
    ----------
    n_turns : int, optional
        Answers of the model so far.
    n_tool_errors : int
        Results of tools that say that they failed.
    has_images : bool
    n_past_tokens : int, optional
        Estimate of the context up to the last answer, in tokens; ``None`` before the first.
    n_tokens : int
        Estimate of the whole request, in tokens; images are left out.
    """

    n_turns: int | None = None
    n_tool_errors: int = 0
    has_images: bool = False
    n_past_tokens: int | None = None
    n_tokens: int = 0


_DECODER: Final = decoder(_Request)
_TOLD: Final = msgspec.json.Decoder(_Told)


def read_conversation(raw: bytes) -> Conversation:
    r"""Return what a request tells of what was before; a shape that is not known tells nothing.

    Examples
    --------
    >>> told = read_conversation(
    ...     b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant"},'
    ...     b'{"role": "user", "content": [{"type": "tool_result", "is_error": true}]}]}')
    >>> told.n_turns, told.n_tool_errors, told.has_images
    (1, 1, False)
    """
    try:
        turns = typed(raw, _DECODER).messages
    except Fault:
        return Conversation(n_tokens=estimate_tokens(len(raw)))
    n_image_bytes = sum(_image_bytes(part) for part in _parts(turns))
    # An answer that the client has begun for the model to go on with is no past turn.
    past = turns[:-1]
    answered = [i for i, turn in enumerate(past) if turn.role == "assistant"]
    n_tokens = estimate_tokens(len(raw) - n_image_bytes)
    return Conversation(
        n_turns=len(answered),
        n_tool_errors=sum(map(_n_errors, turns)),
        has_images=any(part.type in _IMAGES for part in _parts(turns)),
        n_past_tokens=_past_tokens(turns, answered[-1], n_tokens) if answered else None,
        n_tokens=n_tokens,
    )


def _parts(turns: list[_Turn]) -> Iterator[_Part]:
    for turn in turns:
        for part in turn.content if isinstance(turn.content, list) else ():
            if isinstance(part, _Part):
                yield part
                inner = part.content if isinstance(part.content, list) else ()
                yield from (each for each in inner if isinstance(each, _Part))


def _image_bytes(part: _Part) -> int:
    if part.type not in _IMAGES:
        return 0
    return len(bytes(part.source)) + len(bytes(part.image_url))


def _n_errors(turn: _Turn) -> int:
    if turn.role == "tool":
        return int(_says_error(_text(turn.content)))
    parts = turn.content if isinstance(turn.content, list) else ()
    return sum(isinstance(part, _Part) and part.is_error is True for part in parts)


def _says_error(text: str) -> bool:
    """Whether a tool's answer begins as an error does, or is an object that names one.

    OpenAI's protocol has no mark for it.
    """
    start = text.lstrip()
    if start.startswith("{"):
        try:
            told = _TOLD.decode(start)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return False
        return told.is_error or bytes(told.error) not in _NO_ERRORS
    return start[:40].lower().startswith(_ERROR_WORDS)


_NO_ERRORS: Final = (b"", b"null", b"false", b'""', b"{}", b"[]")


def _text(content: str | list[_Part | str] | None) -> str:
    if isinstance(content, str):
        return content
    pieces = (part if isinstance(part, str) else part.text or "" for part in content or ())
    return "\n".join(pieces)


def _past_tokens(turns: list[_Turn], last: int, n_tokens: int) -> int:
    """Return the tokens of all but what came after the last answer."""
    new = sum(_n_bytes(turn) for turn in turns[last + 1 :])
    return max(0, n_tokens - estimate_tokens(new))


def _n_bytes(turn: _Turn) -> int:
    if not isinstance(turn.content, list):
        return len((turn.content or "").encode("utf-8", "replace"))
    return sum(len(_text([part]).encode("utf-8", "replace")) for part in turn.content) + sum(
        len(_text(part.content).encode("utf-8", "replace"))
        for part in turn.content
        if isinstance(part, _Part)
    )
