"""An answer on a connection: whole however it is cut, and told from what is none."""

import asyncio
import ssl
from typing import Any, NamedTuple

import anyio
import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.serve.gateway.connection import MAX_HEAD_BYTES, Connection
from tracetier.serve.gateway.headers import Headers
from tracetier.serve.gateway.transport import UpstreamError


class Wire(httpcore.AsyncNetworkStream):
    """A stream that gives these pieces, then its end."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.sent = b""
        self.write_error: Exception | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self.write_error is not None:
            raise self.write_error
        self.sent += buffer

    async def aclose(self) -> None:
        self.pieces.clear()

    def get_extra_info(self, info: str) -> Any:
        return None


class Got(NamedTuple):
    """What came."""

    status: int
    headers: Headers
    body: bytes
    can_stay: bool


async def _read(connection: Connection) -> Got:
    await connection.send(b"", 1.0)
    body = piece = await connection.next(1.0)
    while piece:
        body += (piece := await connection.next(1.0))
    assert connection.is_ended
    return Got(connection.status, connection.headers, body, connection.can_stay)


def _got(*pieces: bytes) -> Got:
    return asyncio.run(_read(Connection(Wire(*pieces))))


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n"
WHOLE = {
    "by its length": (LENGTH, [(b"Content-Length", b"5"), (b"X-A", b"b")], True),
    "in chunks": (CHUNKED + b"\r\n", [(b"Transfer-Encoding", b"chunked")], True),
    "with a trailer": (CHUNKED + b"X-T: 1\r\n\r\n", [(b"Transfer-Encoding", b"chunked")], True),
    "the last one": (
        LENGTH.replace(b"X-A: b", b"Connection: close"),
        [(b"Content-Length", b"5"), (b"Connection", b"close")],
        False,
    ),
    "until it is closed": (b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello", [(b"X-A", b"b")], False),
    "after a word to wait": (
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + LENGTH,
        [(b"Content-Length", b"5"), (b"X-A", b"b")],
        True,
    ),
}


@pytest.mark.parametrize("name", WHOLE)
@given(data=st.data())
def test_an_answer_is_the_same_however_it_is_cut(name: str, data: st.DataObject) -> None:
    """Whichever way its end is told; what stands after the body is no header of it."""
    raw, headers, can_stay = WHOLE[name]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=6)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]

    assert _got(*pieces) == Got(200, headers, b"hello", can_stay)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(LENGTH[:30], id="half a head"),
        pytest.param(LENGTH[:-1], id="too short a body"),
        pytest.param(CHUNKED, id="no last line"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="no more than a word to wait"),
        pytest.param(
            b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", id="an upgrade"
        ),
        pytest.param(CHUNKED.replace(b"3\r\n", b"z\r\n"), id="a length that is none"),
        pytest.param(LENGTH.replace(b"X-A: b", b"Transfer-Encoding: chunked"), id="of two lengths"),
    ],
)
def test_what_is_no_whole_answer_breaks_off(raw: bytes) -> None:
    """Whoever reads it must not take it for one."""
    with pytest.raises(UpstreamError, match="broke off"):
        _got(raw)


@pytest.mark.parametrize("line", [b"X-A: b\r\n", b"\r\nHTTP/1.1 100 Continue\r\n"])
def test_a_head_is_bounded(line: bytes) -> None:
    """Of any number of headers, or of words to wait."""
    lines = [line * 100] * (MAX_HEAD_BYTES // (100 * len(line)) + 1)
    with pytest.raises(UpstreamError):
        _got(b"HTTP/1.1 100 Continue\r\n", *lines, b"\r\n")


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\n\r\n", b"?"])
def test_what_comes_after_an_answer_is_no_part_of_it(more: bytes) -> None:
    """And nothing else may be asked on such a connection."""
    assert _got(LENGTH + more)[2:] == (b"hello", False)


def test_after_a_read_that_is_full_nothing_may_follow() -> None:
    """What did not fit into it would be taken for the answer to the next request."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    full, less = (head % n + bytes(n) for n in (65_494, 65_493))
    assert len(full) == 64 << 10

    assert (_got(full).can_stay, _got(less).can_stay) == (False, True)


def test_one_request_follows_the_other() -> None:
    """On the same connection, each with its own answer."""
    wire = Wire(LENGTH, b"HTTP/1.1 204 No Content\r\n\r\n", CHUNKED + b"\r\n")
    connection = Connection(wire)

    async def job() -> list[tuple[int, bytes]]:
        return [(await _read(connection))[0:3:2] for _ in range(3)]

    assert asyncio.run(job()) == [(200, b"hello"), (204, b""), (200, b"hello")]


@pytest.mark.parametrize("error", [httpcore.WriteError(), ssl.SSLError(), anyio.EndOfStream()])
def test_an_answer_that_comes_before_the_request_is_through_is_read(error: Exception) -> None:
    """As of an upstream that will not take so large a body."""
    wire = Wire(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
    wire.write_error = error

    assert asyncio.run(_read(Connection(wire))).status == 413
