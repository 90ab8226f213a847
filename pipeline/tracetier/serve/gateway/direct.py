"""The way to an upstream without a proxy: connections that stay, the last used first."""

import string
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import httpcore
import httpx

from tracetier.serve.gateway.config import Upstream
from tracetier.serve.gateway.connection import Connection
from tracetier.serve.gateway.headers import Headers
from tracetier.serve.gateway.transport import CONNECT_S, IDLE_S, PATHS, UpstreamError

MAX_IDLE: Final = 200
"""Connections that are kept at most while nobody uses them."""


class Opened:
    """An answer on a connection, which goes back when it has ended."""

    def __init__(self, connection: Connection, first: bytes, home: "Direct") -> None:
        self.status = connection.status
        self.headers = connection.headers
        self.first = first
        self.is_ended = connection.is_ended
        self._connection = connection
        self._home = home

    async def next(self) -> bytes:
        """Return what comes next, see `tracetier.serve.gateway.transport.Answering`."""
        try:
            piece = await self._connection.next(self._home.timeout_s)
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            raise _failure(error) from None
        self.is_ended = self._connection.is_ended
        return piece

    async def close(self) -> None:
        """Let go of it."""
        await self._home.take_back(self._connection)


class Direct:
    """Connections to one upstream, made when they are needed.

    Parameters
    ----------
    upstream : Upstream
    clock : callable
        Seconds.
    """

    def __init__(self, upstream: Upstream, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.timeout_s = upstream.timeout_s
        self._backend = httpcore.AnyIOBackend()
        url = httpx.URL(upstream.base_url + PATHS[upstream.api])
        self._host = url.raw_host.decode("ascii")
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = httpx.create_ssl_context() if url.scheme == "https" else None
        self._target = url.raw_path
        self._head = b" HTTP/1.1\r\nhost: " + url.netloc + b"\r\n"
        self._clock = clock
        self._idle: list[tuple[float, Connection]] = []

    async def send(self, body: bytes, headers: Headers, query: bytes) -> Opened:
        """Send a request, see `tracetier.serve.gateway.transport.Transport`."""
        until_s = self._clock() + self.timeout_s
        connection: Connection | None = None
        try:
            connection = await self._kept() or await self._connected()
            await connection.send(self._request(body, headers, query), until_s - self._clock())
            return Opened(connection, await connection.next(until_s - self._clock()), self)
        except BaseException as error:
            if connection is not None:
                await connection.close()
            if isinstance(error, httpcore.NetworkError | httpcore.TimeoutException):
                raise _failure(error) from None
            raise

    async def take_back(self, connection: Connection) -> None:
        """Keep a connection whose answer has ended well; close any other, and what is too old."""
        if connection.can_stay and len(self._idle) < MAX_IDLE:
            self._idle.append((self._clock(), connection))
        else:
            await connection.close()
        while self._idle and self._clock() - self._idle[0][0] >= IDLE_S:
            await self._idle.pop(0)[1].close()

    async def close(self) -> None:
        """Close all connections that nobody uses."""
        while self._idle:
            await self._idle.pop()[1].close()

    def _request(self, body: bytes, headers: Headers, query: bytes) -> bytes:
        target = self._target
        if query:
            target += b"?" + quote(query, safe=string.punctuation).encode()
        lines = b"".join([b"%b: %b\r\n" % line for line in headers])
        length = b"content-length: %d\r\n\r\n" % len(body)
        return b"".join((b"POST ", target, self._head, lines, length, body))

    async def _kept(self) -> Connection | None:
        while self._idle:
            since_s, connection = self._idle.pop()
            if self._clock() - since_s < IDLE_S and connection.is_alive:
                return connection
            await connection.close()
        return None

    async def _connected(self) -> Connection:
        limit_s = min(CONNECT_S, self.timeout_s)
        stream = await self._backend.connect_tcp(self._host, self._port, limit_s)
        if self._tls is not None:
            try:
                stream = await stream.start_tls(self._tls, self._host, limit_s)
            except BaseException:
                await stream.aclose()
                raise
        return Connection(stream)


def _failure(error: Exception) -> UpstreamError:
    """Return what a failure of the network is, by its kind; its text may hold an address."""
    if isinstance(error, httpcore.TimeoutException):
        return UpstreamError("timeout", is_timeout=True)
    return UpstreamError(
        "no connection" if isinstance(error, httpcore.ConnectError) else "broke off"
    )
