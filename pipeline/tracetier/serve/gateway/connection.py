"""One connection to an upstream: a request out as bytes, its answer in, piece by piece.

Addresses, TLS and limits of time are those of httpcore's streams, and the parser is the web
server's own. Between the two stands nothing: to build the request and response of a client library
and to take them apart again took longer than all else that the gateway does.
"""

import ssl
import time
from contextlib import suppress
from typing import Final

import anyio
import httpcore
import httptools

from tracetier.serve.gateway.headers import Headers
from tracetier.serve.gateway.transport import UpstreamError

MAX_HEAD_BYTES: Final = 128 << 10
"""Bytes within which the status and headers of an answer must have come."""

_READ_BYTES: Final = 64 << 10


class Connection:
    """A connection, for one request after the other.

    Parameters
    ----------
    stream : httpcore.AsyncNetworkStream

    Attributes
    ----------
    status : int
        Of the answer; below 200 until it has come.
    headers : list of (bytes, bytes)
    is_ended : bool
        Whether all of the answer was read from the network.
    can_stay : bool
        Whether another request may follow, once the answer has ended.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._begin()

    def _begin(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self.is_ended = self.can_stay = False
        self._is_head = True
        self._n_head = 0

    @property
    def is_alive(self) -> bool:
        """Whether the upstream has left it open, and silent, since the last answer."""
        if self._stream.get_extra_info("is_readable"):
            return False
        tls = self._stream.get_extra_info("ssl_object")
        if tls is None:
            return True
        try:  # what was read with the last answer, but not yet decrypted
            tls.read(1)
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLError:
            pass
        return False

    async def send(self, request: bytes, timeout_s: float) -> None:
        """Send a whole request."""
        self._begin()
        # Whoever refuses a request may have answered before it was through. Such an answer is read
        # where the write fails; to a large body it is mostly lost: the reset that ends the write
        # takes it along, or the write waits until its time is over. Of TLS come errors that
        # httpcore does not know.
        with suppress(httpcore.WriteError, OSError, anyio.EndOfStream):
            await self._stream.write(request, timeout_s)

    async def next(self, timeout_s: float) -> bytes:
        """Return what comes next of the body; nothing where it ends.

        Raises
        ------
        UpstreamError
            If the answer breaks off, or is none.
        httpcore.TimeoutException, httpcore.NetworkError
        OSError
            Of TLS.
        """
        until_s = time.monotonic() + timeout_s  # for all that it takes, drop by drop
        while not self._pieces and not self.is_ended:
            self._read(await self._stream.read(_READ_BYTES, until_s - time.monotonic()))
        piece = b"".join(self._pieces)
        self._pieces.clear()
        return piece

    async def close(self) -> None:
        """End it."""
        await self._stream.aclose()

    def _read(self, data: bytes) -> None:
        if not data:
            if self._is_head or not self._lasts_until_closed():
                raise UpstreamError("broke off")
            self.is_ended = True
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.can_stay = False  # what comes after an answer is no part of it
            if not self.is_ended:
                raise UpstreamError("broke off") from None
        self._n_head += len(data)
        if self._is_head and self._n_head > MAX_HEAD_BYTES:
            raise UpstreamError("broke off")
        if len(data) == _READ_BYTES:
            self.can_stay = False  # more may wait below, where `is_alive` does not see it

    def _lasts_until_closed(self) -> bool:
        found = {name.lower(): value.lower() for name, value in self.headers}
        is_chunked = found.get(b"transfer-encoding", b"").endswith(b"chunked")
        return not is_chunked and b"content-length" not in found

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin an answer, or one more after one that only said to wait."""
        if self.is_ended:
            raise UpstreamError("broke off")
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after the body is left out."""
        if self._is_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Note whether this is the answer itself."""
        self.status = self._parser.get_status_code()
        self._is_head = self.status < 200

    def on_body(self, piece: bytes) -> None:
        """Take a piece."""
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Note the end."""
        if not self._is_head:
            self.is_ended = True
            self.can_stay = self._parser.should_keep_alive()
