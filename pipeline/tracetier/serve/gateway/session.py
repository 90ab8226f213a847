"""Whose conversation a request is of, and what this process remembers of it.

A session is what the client says it is, in a header or as logs of the provider tell it; else all
requests that begin alike, by a hash of how they begin. What is remembered adds up in the same way
as `tracetier.ingest.assemble.history` adds it up from a log.
"""

import os
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from msgspec import Struct

from tracetier.ingest.formats._provider_record import Reference, Request

MAX_SESSIONS: Final = 10_000
MAX_ID: Final = 256
_NAMES: Final = ("session_id", "thread_id", "conversation_id")


class Session(Struct, frozen=True):
    """A session's id, and whether the client told it."""

    id: str
    is_told: bool


class Past(Struct, kw_only=True):
    """What this process saw of a session; times in seconds of one clock.

    Attributes
    ----------
    n_ended, n_errors, n_retries : int
        Calls that ended, that failed, and that came after one that had failed.
    end_s : float
        When the last one ended.
    failed : bool
        Whether it failed.
    tier : str, optional
        Its tier.
    n_tokens : int, optional
        Input and output of the last call that told them.
    text_hash : int
        Of that call's task.
    """

    n_ended: int = 0
    n_errors: int = 0
    n_retries: int = 0
    end_s: float = 0.0
    failed: bool = False
    tier: str | None = None
    n_tokens: int | None = None
    text_hash: int = 0

    def ended(
        self,
        *,
        start_s: float,
        end_s: float,
        failed: bool,
        tier: str | None,
        n_tokens: int | None,
        text: str,
    ) -> None:
        """Take a call into account that ended."""
        self.n_retries += self.n_ended > 0 and self.failed and self.end_s <= start_s
        self.n_ended += 1
        self.n_errors += failed
        self.end_s, self.failed, self.tier = end_s, failed, tier
        if n_tokens is not None:
            self.n_tokens, self.text_hash = n_tokens, hash(text)


class Sessions:
    """The sessions seen last, by id.

    Parameters
    ----------
    most : int
        Sessions kept.
    key : bytes, optional
        Of the hashes that sessions without a name of their own go by; by default a random one, so
        that they are known to this process alone.

    Examples
    --------
    >>> sessions = Sessions(most=1)
    >>> sessions.of("a").n_ended = 2
    >>> sessions.find("a").n_ended, sessions.of("b").n_ended, sessions.find("a") is None
    (2, 0, True)
    """

    def __init__(self, *, most: int = MAX_SESSIONS, key: bytes | None = None) -> None:
        self.key = blake2b(os.urandom(32) if key is None else key, digest_size=32).digest()
        self._kept: OrderedDict[str, Past] = OrderedDict()
        self._most = most

    def find(self, session_id: str) -> Past | None:
        """Return what is remembered of a session."""
        return self._kept.get(session_id)

    def of(self, session_id: str) -> Past:
        """Return what is remembered of a session, from now on at least."""
        past = self._kept.get(session_id)
        if past is None:
            past = self._kept[session_id] = Past()
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(session_id)
        return past


def session_of(
    request: Request, *, header: str | None, text: str, prefix: bytes, key: bytes
) -> Session:
    """Return the session of a request.

    Parameters
    ----------
    header : str, optional
        As the client told it.
    text : str
        The first text that a user wrote.
    prefix : bytes
        What else a conversation begins with: caller, system prompt.
    key : bytes
        Keys the hash of both, so that a log of sessions tells nothing of their texts.
    """
    told = header or _of_conversation(request) or _of_metadata(request.metadata or {})
    if told:
        return Session(told[:MAX_ID], is_told=True)
    digest = blake2b(prefix, digest_size=12, key=key)
    digest.update(b"\0" + text.encode("utf-8", "replace"))
    return Session(f"prefix-{digest.hexdigest()}", is_told=False)


def _of_conversation(request: Request) -> str | None:
    found = request.conversation
    return found.id if isinstance(found, Reference) else found


def _of_metadata(values: Mapping[str, object]) -> str | None:
    """Return the session that a request's metadata name, as readers of logs find it."""
    for name in _NAMES:
        if isinstance(value := values.get(name), str) and value:
            return value
    user = values.get("user_id")  # of Claude Code: user_..._session_<id>
    _, mark, session = user.rpartition("_session_") if isinstance(user, str) else ("", "", "")
    return session if mark and session else None
