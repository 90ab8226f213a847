"""What a way to an upstream gives: an answer that has begun, then piece by piece."""

from typing import Final, Protocol

from tracetier.serve.gateway.headers import Headers

CONNECT_S: Final = 10.0
"""Seconds within which a connection must stand, where the upstream's own limit is not shorter."""

IDLE_S: Final = 30.0
"""Seconds for which a connection is kept that nobody uses."""

MAX_CONNECTIONS: Final = 1000
"""Connections to one upstream at most; whoever finds none free waits, but not for long."""

MAX_IDLE: Final = 200
"""Connections that are kept at most while nobody uses them."""

PATHS: Final = {"openai": "/chat/completions", "anthropic": "/v1/messages"}


class UpstreamError(Exception):
    """An upstream gave no answer at all; ``reason`` says why, and holds nothing of the request."""

    def __init__(self, reason: str, *, is_timeout: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_timeout = is_timeout


class Answering(Protocol):
    """An answer that has begun: its status, its headers, and its first bytes.

    ``first`` is empty where the answer is; ``is_ended`` tells whether nothing more will come.
    """

    status: int
    headers: Headers
    first: bytes

    @property
    def is_ended(self) -> bool:
        """Whether all of it has come."""
        ...

    async def next(self) -> bytes:
        """Return what comes next, as soon as it comes; nothing where the answer ends.

        Raises
        ------
        UpstreamError
            If the answer breaks off.
        """
        ...

    async def close(self) -> None:
        """Let go of it, whatever is still to come."""
        ...


class Transport(Protocol):
    """A way to one upstream."""

    async def send(self, body: bytes, headers: Headers, query: bytes) -> Answering:
        """Send a request; return the answer once its first bytes have come.

        Raises
        ------
        UpstreamError
            If they do not.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
