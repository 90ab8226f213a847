"""Requests to upstreams: one pool of connections each, raw bytes in both directions.

The transport is httpx's own, below its client: nothing is redirected, no cookie is kept, nothing
is decoded on the way. Tests put another in its place.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from tracetier.serve.gateway.config import Upstream
from tracetier.serve.gateway.headers import Headers

CONNECT_S: Final = 10.0
"""Seconds within which a connection must stand, where the upstream's own limit is not shorter."""

PATHS: Final = {"openai": "/chat/completions", "anthropic": "/v1/messages"}

OpenTransport = Callable[[Upstream], httpx.AsyncBaseTransport]


class UpstreamError(Exception):
    """An upstream gave no answer at all; ``reason`` says why, and holds nothing of the request."""

    def __init__(self, reason: str, *, is_timeout: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_timeout = is_timeout


class Opened:
    """An answer that has begun: status, headers, and its first bytes.

    Attributes
    ----------
    status : int
    headers : list of (bytes, bytes)
    first : bytes
        Empty where the answer is.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Headers = response.headers.raw
        self.first = b""
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        self._stream = stream
        self._pieces = aiter(stream)

    async def begin(self) -> None:
        """Wait for the first bytes."""
        self.first = await self._next()

    async def rest(self) -> AsyncIterator[bytes]:
        """Yield what comes after the first bytes, as it comes.

        Raises
        ------
        UpstreamError
            If the answer breaks off.
        """
        try:
            async for piece in self._pieces:
                yield piece
        except (httpx.TransportError, OSError) as error:
            raise _failure(error) from None

    async def close(self) -> None:
        """Let go of the connection, whatever of the answer is still to come."""
        await self._stream.aclose()

    async def _next(self) -> bytes:
        async for piece in self._pieces:
            if piece:
                return piece
        return b""


def open_transport(upstream: Upstream) -> httpx.AsyncBaseTransport:
    """Return the pool of connections to an upstream, by the proxy that the environment names."""
    parts = urlsplit(upstream.base_url)
    proxy = getproxies().get(parts.scheme)
    if proxy is not None and proxy_bypass(parts.hostname or ""):
        proxy = None
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=200, keepalive_expiry=30)
    return httpx.AsyncHTTPTransport(limits=limits, proxy=proxy)


class Network:
    """All upstreams; connections are made when they are first needed.

    Parameters
    ----------
    open_transport : callable
        Upstream -> transport.
    """

    def __init__(self, open_transport: OpenTransport = open_transport) -> None:
        self._open_transport = open_transport
        self._transports: dict[str, httpx.AsyncBaseTransport] = {}
        self._urls: dict[str, httpx.URL] = {}

    async def send(
        self, upstream: Upstream, body: bytes, headers: Headers, *, query: bytes = b""
    ) -> Opened:
        """Return an answer that has begun.

        Raises
        ------
        UpstreamError
            If there is none, or its first bytes do not come.
        """
        transport = self._transports.get(upstream.name)
        if transport is None:
            transport = self._transports[upstream.name] = self._open_transport(upstream)
            self._urls[upstream.name] = httpx.URL(upstream.base_url + PATHS[upstream.api])
        url = self._urls[upstream.name]
        request = httpx.Request(
            "POST",
            url.copy_with(query=query) if query else url,
            headers=headers,
            content=body,
            extensions={"timeout": _timeouts(upstream)},
        )
        opened: Opened | None = None
        try:
            async with asyncio.timeout(upstream.timeout_s):
                opened = Opened(await transport.handle_async_request(request))
                await opened.begin()
        except BaseException as error:
            if opened is not None:
                await opened.close()
            if isinstance(error, TimeoutError | httpx.TransportError | OSError):
                raise _failure(error) from None
            raise
        return opened

    async def close(self) -> None:
        """Close all connections."""
        transports, self._transports = list(self._transports.values()), {}
        for transport in transports:
            await transport.aclose()


def _timeouts(upstream: Upstream) -> dict[str, float]:
    connect_s = min(CONNECT_S, upstream.timeout_s)
    timeout_s = upstream.timeout_s
    return {"connect": connect_s, "read": timeout_s, "write": timeout_s, "pool": connect_s}


def _failure(error: Exception) -> UpstreamError:
    """Return what a failure of the network is, by its kind; its text may hold an address."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return UpstreamError("timeout", is_timeout=True)
    if isinstance(error, httpx.ConnectError):
        return UpstreamError("no connection")
    return UpstreamError("broke off")
