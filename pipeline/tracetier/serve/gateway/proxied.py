"""The way to an upstream by a proxy: all of it is httpx's own, below its client.

Nothing is redirected, no cookie is kept, nothing is decoded on the way.
"""

import asyncio
from contextlib import suppress

import httpx

from tracetier.serve.gateway.config import Upstream
from tracetier.serve.gateway.headers import Headers
from tracetier.serve.gateway.transport import (
    CONNECT_S,
    IDLE_S,
    MAX_CONNECTIONS,
    MAX_IDLE,
    PATHS,
    UpstreamError,
)


class Opened:
    """An answer that has begun."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Headers = response.headers.raw
        self.first = b""
        self.is_ended = False
        self._n_left = int(response.headers.get("content-length", -1))
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream = stream
        self._pieces = aiter(stream)

    async def next(self) -> bytes:
        """Return what comes next, see `tracetier.serve.gateway.transport.Answering`."""
        try:
            async for piece in self._pieces:
                if piece:
                    self._n_left -= len(piece)
                    self.is_ended = self._n_left == 0
                    return piece
        except (httpx.TransportError, OSError) as error:
            raise _failure(error) from None
        self.is_ended = True
        return b""

    async def close(self) -> None:
        """Let go of it; the connection stays where the end was read."""
        if self.is_ended:
            with suppress(httpx.TransportError, OSError):
                async for _ in self._pieces:
                    pass
        await self._stream.aclose()


class Proxied:
    """Connections to one upstream by a proxy.

    Parameters
    ----------
    upstream : Upstream
    proxy : str
        Its address.
    """

    def __init__(self, upstream: Upstream, proxy: str) -> None:
        limits = httpx.Limits(
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_IDLE,
            keepalive_expiry=IDLE_S,
        )
        self._transport = httpx.AsyncHTTPTransport(limits=limits, proxy=proxy)
        self._url = httpx.URL(upstream.base_url + PATHS[upstream.api])
        self._timeout_s = timeout_s = upstream.timeout_s
        connect_s = min(CONNECT_S, timeout_s)
        limits_s = {"connect": connect_s, "read": timeout_s, "write": timeout_s, "pool": connect_s}
        self._extensions = {"timeout": limits_s}

    async def send(self, body: bytes, headers: Headers, query: bytes) -> Opened:
        """Send a request, see `tracetier.serve.gateway.transport.Transport`."""
        url = self._url.copy_with(query=query) if query else self._url
        request = httpx.Request(
            "POST", url, headers=headers, content=body, extensions=self._extensions
        )
        opened: Opened | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                opened = Opened(await self._transport.handle_async_request(request))
                opened.first = await opened.next()
        except BaseException as error:
            if opened is not None:
                await opened.close()
            if isinstance(error, TimeoutError | httpx.TransportError | OSError):
                raise _failure(error) from None
            raise
        return opened

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


def _failure(error: Exception) -> UpstreamError:
    """Return what a failure of the network is, by its kind; its text may hold an address."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return UpstreamError("timeout", is_timeout=True)
    return UpstreamError("no connection" if isinstance(error, httpx.ConnectError) else "broke off")
