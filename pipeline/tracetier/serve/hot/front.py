"""The fast routes straight from the connection: bytes in, bytes out, without a task or a scope.

    connection -> Front: a whole request of a fast route? -> decided and answered, by one write
                  else -> the web server's own protocol, for good -> Edge

A connection starts here. As long as its requests are those of fast routes, one after the other,
they are answered here, by the same gate and the same functions as at the edge. Whatever else comes
(another path or method, a request that comes in pieces for long, several at once) is handed to the
web server together with the connection, and this never looks at it again.
"""

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tracetier.serve.admission import Visit
from tracetier.serve.gate import Gate
from tracetier.serve.hot.answer import Answer
from tracetier.serve.limits import too_large

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

PIECES_S: Final = 1.0
"""Seconds that a request may come in pieces before the web server takes it over."""

_LEFT_ALONE: Final = frozenset({b"expect", b"upgrade", b"transfer-encoding"})
"""Headers of requests that are left to the web server."""

_CLOSE: Final = (b"connection", b"close")


class Front(asyncio.Protocol):
    """One connection; made by the web server as it makes its own protocol.

    Parameters
    ----------
    config, server_state, app_state, _loop
        The web server's. An app that has no ``gate`` gets all its requests by the server.
    """

    def __init__(
        self,
        config: "Config",
        server_state: "ServerState",
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._server = HttpToolsProtocol(config, server_state, app_state, _loop)
        self._gate: Gate | None = getattr(config.loaded_app, "gate", None)
        self._loop = _loop or asyncio.get_event_loop()
        self._state = server_state
        self._idle_s = float(config.timeout_keep_alive)
        self._transport: asyncio.Transport
        self._client: Any = None
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._pieces: list[bytes] = []
        self._in_pieces: asyncio.TimerHandle | None = None
        self._quiet: asyncio.TimerHandle | None = None
        self._seen_s = 0.0
        self._is_paused = self._is_last = False
        self._visit: Visit | None = None  # of the request under way
        self._begin()

    # What the event loop calls.

    def connection_made(  # type: ignore[override] # as the web server's own
        self, transport: asyncio.Transport
    ) -> None:
        """Begin; the server knows of the connection, as of its own."""
        self._transport = transport
        self._client = transport.get_extra_info("peername")
        self._server.connection_made(transport)
        if self._gate is None:
            self._hand_over()
            return
        self._state.connections.discard(self._server)
        self._state.connections.add(self)  # type: ignore[arg-type]
        self._seen_s = time.monotonic()
        self._quiet = self._loop.call_later(self._idle_s, self._look)

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        self._let_go()
        self._server.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Answer what is a whole request of a fast route; hand over what is not."""
        self._pieces.append(data)
        if self._visit is not None:  # it comes before the answer to the last: the server's, then
            self._transport.pause_reading()
            return
        assert self._parser is not None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._is_other = True
        if self._is_other or self._is_paused:
            self._hand_over()
        elif self._is_whole:
            self._serve()
        elif self._in_pieces is None:
            self._in_pieces = self._loop.call_later(PIECES_S, self._hand_over)

    def eof_received(self) -> None:
        """Let the connection end."""

    def pause_writing(self) -> None:
        """Leave a client that does not read to the server."""
        self._is_paused = True
        self._server.pause_writing()

    def resume_writing(self) -> None:
        """Go on with it."""
        self._is_paused = False
        self._server.resume_writing()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request; of a second one in the same piece the server knows what to do."""
        self._n_begun += 1
        self._is_other = self._n_begun > 1

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Look whether it is one of ours."""
        assert self._gate is not None
        assert self._parser is not None
        self._path = self._url.decode("latin-1")
        self._is_last = not self._parser.should_keep_alive()
        self._is_other = (
            self._is_other
            or self._path not in self._gate.hot
            or self._parser.get_method() != b"POST"
            or not _LEFT_ALONE.isdisjoint(self._headers)
        )

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; what is too large is the server's."""
        assert self._gate is not None
        self._body += body
        self._is_other = self._is_other or len(self._body) > self._gate.max_body_bytes

    def on_message_complete(self) -> None:
        """Note that all is there."""
        self._is_whole = True

    # What the server calls.

    def shutdown(self) -> None:
        """End, after the request under way."""
        self._is_last = True
        if self._visit is None:
            self._transport.close()

    # The request.

    def _begin(self) -> None:
        self._url = self._body = b""
        self._path = ""
        self._headers: dict[bytes, bytes] = {}
        self._n_begun = 0
        self._is_other = self._is_whole = False

    def _serve(self) -> None:
        gate, path = self._gate, self._path
        assert gate is not None
        self._visit = visit = Visit()
        visit.route = path
        self._pieces.clear()
        if self._in_pieces is not None:
            self._in_pieces.cancel()
            self._in_pieces = None
        try:
            gate.admission.admit(path, self._headers, self._client, visit)
            if visit.length is not None and visit.length > gate.max_body_bytes:
                raise too_large(gate.max_body_bytes)
            soon = gate.soon.get(path)
            if soon is not None:
                soon(self._body, self._answer)
            else:
                task = self._loop.create_task(self._run(self._body))
                self._state.tasks.add(task)
                task.add_done_callback(self._state.tasks.discard)
        except Exception as error:  # noqa: BLE001 - the edge of the process: logged and answered
            self._answer(error)

    async def _run(self, body: bytes) -> None:
        assert self._gate is not None
        try:
            self._answer(await self._gate.hot[self._path](body))
        except Exception as error:  # noqa: BLE001 - the edge of the process: logged and answered
            self._answer(error)

    def _answer(self, answer: Answer | Exception) -> None:
        """Send the answer, and be ready for the next request."""
        gate, visit, transport = self._gate, self._visit, self._transport
        assert gate is not None
        assert visit is not None
        if isinstance(answer, Exception):
            answer = gate.failed(answer, self._path, visit)
        visit.status = answer.status
        gate.note("POST", visit)
        self._visit = None
        self._state.total_requests += 1
        if transport.is_closing():
            return
        lines = b"".join([b"%b: %b\r\n" % line for line in self._state.default_headers])
        is_last = self._is_last
        if _CLOSE in answer.headers:
            is_last = True
        elif is_last:
            lines += b"connection: close\r\n"
        transport.write(answer.raw(visit.request_id, lines))
        if is_last:
            transport.close()
            return
        self._seen_s = time.monotonic()
        self._begin()
        if self._pieces:
            self._transport.resume_reading()
            self._hand_over()

    # The connection.

    def _hand_over(self) -> None:
        """Leave the connection, and what came of its next request, to the web server."""
        self._let_go()
        if self._transport.is_closing():
            return
        self._state.connections.add(self._server)
        self._transport.set_protocol(self._server)
        pieces, self._pieces = self._pieces, []
        if pieces:
            self._server.data_received(b"".join(pieces))

    def _let_go(self) -> None:
        self._state.connections.discard(self)
        self._parser = None  # it holds on to this
        for timer in (self._quiet, self._in_pieces):
            if timer is not None:
                timer.cancel()

    def _look(self) -> None:
        """Close a connection that has long been quiet."""
        wait_s = self._idle_s
        if self._visit is None:
            wait_s -= time.monotonic() - self._seen_s
            if wait_s <= 0.0:
                self._transport.close()
                return
        self._quiet = self._loop.call_later(wait_s, self._look)
