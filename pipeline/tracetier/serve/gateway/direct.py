"""The way to an upstream without a proxy: connections that stay, the last used first."""

import asyncio
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
from tracetier.serve.gateway.transport import (
    CONNECT_S,
    IDLE_S,
    MAX_CONNECTIONS,
    MAX_IDLE,
    PATHS,
    UpstreamError,
)

_FAILURES: Final = (httpcore.NetworkError, httpcore.TimeoutException, OSError)
"""Of the network; of TLS after its handshake come Python's own, which httpcore passes on."""


class Opened:
    """An answer on a connection, which goes back when it has ended."""

    def __init__(self, connection: Connection, first: bytes, home: "Direct") -> None:
        self.status = connection.status
        self.headers = connection.headers
        self.first = first
        self.is_ended = connection.is_ended
        self._connection = connection
        self._home = home
        self._is_open = True

    async def next(self) -> bytes:
        """Return what comes next, see `tracetier.serve.gateway.transport.Answering`."""
        try:
            piece = await self._connection.next(self._home.timeout_s)
        except _FAILURES as error:
            raise _failure(error) from None
        self.is_ended = self._connection.is_ended
        return piece

    async def close(self) -> None:
        """Let go of it; once, for then the connection may be another's."""
        if self._is_open:
            self._is_open = False
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
        self._free = asyncio.Semaphore(MAX_CONNECTIONS)
        self._timer: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.Task[None] | None = None

    async def send(self, body: bytes, headers: Headers, query: bytes) -> Opened:
        """Send a request, see `tracetier.serve.gateway.transport.Transport`."""
        until_s = self._clock() + self.timeout_s
        await self._wait_for_free()
        connection: Connection | None = None
        try:
            connection = await self._kept() or await self._connected(until_s)
            await connection.send(self._request(body, headers, query), until_s - self._clock())
            return Opened(connection, await connection.next(until_s - self._clock()), self)
        except BaseException as error:
            self._free.release()
            if connection is not None:
                await connection.close()
            if isinstance(error, _FAILURES):
                raise _failure(error) from None
            raise

    async def take_back(self, connection: Connection) -> None:
        """Keep a connection whose answer has ended well; close any other, and what is too old."""
        self._free.release()
        if connection.can_stay and len(self._idle) < MAX_IDLE:
            self._idle.append((self._clock(), connection))
        else:
            await connection.close()
        await self._sweep()

    async def close(self) -> None:
        """Close all connections that nobody uses."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._idle:
            await self._idle.pop()[1].close()

    async def _sweep(self) -> None:
        """Close what nobody has used for long; come back by a timer while anything is kept."""
        while self._idle and self._clock() - self._idle[0][0] >= IDLE_S:
            await self._idle.pop(0)[1].close()
        if self._idle and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_S, self._start_sweep)

    def _start_sweep(self) -> None:
        self._timer = None
        self._sweeping = asyncio.create_task(self._sweep())  # which the loop alone would not hold

    async def _wait_for_free(self) -> None:
        if not self._free.locked():
            await self._free.acquire()  # at once, and without a timer
            return
        try:
            async with asyncio.timeout(min(CONNECT_S, self.timeout_s)):
                await self._free.acquire()
        except TimeoutError:
            raise UpstreamError("timeout", is_timeout=True) from None

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

    async def _connected(self, until_s: float) -> Connection:
        limit_s = min(CONNECT_S, until_s - self._clock())
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
