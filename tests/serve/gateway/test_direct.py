"""Connections to an upstream: kept, given up, and what is said where there is none."""

import asyncio
import shutil
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.serve.gateway import direct as module
from tracetier.serve.gateway.config import Upstream
from tracetier.serve.gateway.direct import Direct
from tracetier.serve.gateway.transport import IDLE_S, UpstreamError

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"


class Served:
    """An upstream that answers what it is told to, and keeps what it got."""

    def __init__(self, answer: bytes = GOOD, *, is_last: bool = False) -> None:
        self.answer = answer
        self.n_connections = 0
        self.requests: list[bytes] = []
        self.n_left = 0
        self.has_left = asyncio.Event()
        self._is_last = is_last
        self._writers: list[asyncio.StreamWriter] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        self._writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                writer.write(self.answer)
                if self._is_last:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.n_left += 1
            self.has_left.set()
        writer.close()

    def close_all(self) -> None:
        """Close all connections."""
        for writer in self._writers:
            writer.close()


async def _ask(direct: Direct, *, query: bytes = b"") -> bytes:
    answer = await direct.send(b"{}", [(b"x-a", b"b")], query)
    body = answer.first
    try:
        while not answer.is_ended:
            body += await answer.next()
    finally:
        await answer.close()
    return body


def _with(
    served: Callable[[], Any],
    job: Callable[[Direct, Any], Awaitable[None]],
    *,
    tls: ssl.SSLContext | None = None,
    timeout_s: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Do a job with an upstream and the way to it."""

    async def run() -> None:
        handler = served()
        server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        url = f"https://localhost:{port}/a b" if tls else f"http://127.0.0.1:{port}/a b"
        upstream = Upstream(name="u", api="openai", base_url=url, timeout_s=timeout_s)
        direct = Direct(upstream, clock=clock)
        try:
            await job(direct, handler)
        finally:
            await direct.close()
            server.close()
            handler.close_all()
            await asyncio.sleep(0.01)

    asyncio.run(run())


def test_a_request_is_sent_as_it_is() -> None:
    """One head and the body; what no address may hold is escaped."""

    async def job(direct: Direct, served: Served) -> None:
        await _ask(direct, query=b"a=%20&b=\xff \r\nx: y")
        (got,) = served.requests
        line, host, rest = got.split(b"\r\n", 2)

        assert line == b"POST /a%20b/chat/completions?a=%20&b=%FF%20%0D%0Ax:%20y HTTP/1.1"
        assert host.startswith(b"host: 127.0.0.1:")
        assert rest == b"x-a: b\r\ncontent-length: 2\r\n\r\n{}"

    _with(Served, job)


@pytest.mark.parametrize(("is_last", "n"), [(False, 1), (True, 3)])
def test_a_connection_stays_where_it_can(is_last: bool, n: int) -> None:
    """Three requests, one connection; one each where the upstream closes it without a word."""

    async def job(direct: Direct, served: Served) -> None:
        for _ in range(3):
            assert await _ask(direct) == b"ok"
            await asyncio.sleep(0.02)

        assert served.n_connections == n

    _with(lambda: Served(is_last=is_last), job)


def test_requests_at_once_have_a_connection_each() -> None:
    """And the connections stay for the next ones."""

    async def job(direct: Direct, served: Served) -> None:
        for _ in range(2):
            assert await asyncio.gather(*(_ask(direct) for _ in range(4))) == [b"ok"] * 4

        assert served.n_connections == 4

    _with(Served, job)


def test_a_connection_that_nobody_uses_is_closed() -> None:
    """Of four that came back together, three are too old when the fourth comes back again."""
    now_s = 0.0

    async def job(direct: Direct, served: Served) -> None:
        nonlocal now_s
        await asyncio.gather(*(_ask(direct) for _ in range(4)))
        for _ in range(2):
            now_s += 0.6 * IDLE_S
            await _ask(direct)
        await asyncio.wait_for(served.has_left.wait(), 5.0)
        await asyncio.sleep(0.02)
        assert (served.n_connections, served.n_left) == (4, 3)

        now_s += IDLE_S
        await _ask(direct)
        assert served.n_connections == 5

    _with(Served, job, clock=lambda: now_s)


def test_a_connection_that_nobody_uses_is_closed_without_traffic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After the last answer nothing else would come to it."""
    monkeypatch.setattr(module, "IDLE_S", 0.05)

    async def job(direct: Direct, served: Served) -> None:
        await asyncio.gather(*(_ask(direct) for _ in range(3)))
        async with asyncio.timeout(5.0):
            while served.n_left < 3:
                await asyncio.sleep(0.01)

    _with(Served, job)


def test_the_number_of_connections_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds none free waits for one."""
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)

    async def job(direct: Direct, served: Served) -> None:
        assert await asyncio.gather(*(_ask(direct) for _ in range(9))) == [b"ok"] * 9
        assert served.n_connections == 2

    _with(Served, job)


def test_whoever_waits_too_long_for_a_connection_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And one is free again once an answer is let go of, or its caller gives up; but once."""
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 1)

    async def job(direct: Direct, served: Served) -> None:
        for _ in range(2):
            answer = await direct.send(b"{}", [], b"")
            with pytest.raises(UpstreamError, match="timeout") as told:
                await _ask(direct)
            assert told.value.is_timeout
            await answer.close()
            await answer.close()
        served.answer = b""
        for _ in range(2):
            asking = asyncio.create_task(_ask(direct))
            await asyncio.sleep(0.05)
            asking.cancel()
            await asyncio.wait([asking])
        assert len(served.requests) == 4

    _with(Served, job, timeout_s=0.2)


def test_an_answer_that_is_given_up_ends_its_connection() -> None:
    """The upstream need not go on with it."""

    async def job(direct: Direct, served: Served) -> None:
        answer = await direct.send(b"{}", [], b"")
        await answer.close()
        await asyncio.wait_for(served.has_left.wait(), 5.0)

        assert (answer.first, answer.is_ended) == (b"ok", False)

    _with(lambda: Served(STREAM), job)


def test_a_caller_that_is_cancelled_leaves_no_connection() -> None:
    """While it waits for the first byte."""

    async def job(direct: Direct, served: Served) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await _ask(direct)
        await asyncio.wait_for(served.has_left.wait(), 5.0)

    _with(lambda: Served(b""), job)


@pytest.mark.parametrize("answer", [b"", GOOD[:30], STREAM])
def test_an_upstream_that_falls_silent_is_given_up(answer: bytes) -> None:
    """Before its answer, in its head, and between two pieces."""

    async def job(direct: Direct, served: Served) -> None:
        with pytest.raises(UpstreamError, match="timeout") as told:
            await _ask(direct)
        await asyncio.wait_for(served.has_left.wait(), 5.0)

        assert told.value.is_timeout

    _with(lambda: Served(answer), job, timeout_s=0.1)


@pytest.mark.parametrize("answer", [b"", GOOD[:-1], STREAM])
def test_an_upstream_that_breaks_off_is_told_from_one_that_waits(answer: bytes) -> None:
    """At once, whatever of the answer had come."""

    async def job(direct: Direct, served: Served) -> None:
        with pytest.raises(UpstreamError, match="broke off") as told:
            await _ask(direct)

        assert not told.value.is_timeout

    _with(lambda: Served(answer, is_last=True), job)


def test_a_head_that_comes_in_drops_is_too_late_as_well() -> None:
    """The limit is for the answer to begin, not for its next byte."""

    class Dripping(Served):
        async def __call__(self, reader: Any, writer: Any) -> None:
            self._writers.append(writer)
            writer.write(GOOD[:17])
            for _ in range(500):
                await asyncio.sleep(0.01)
                if writer.is_closing():
                    return
                writer.write(b"x-a: b\r\n")
            writer.write(GOOD[17:])

    async def job(direct: Direct, served: Served) -> None:
        with pytest.raises(UpstreamError, match="timeout"):
            await _ask(direct)

    _with(Dripping, job, timeout_s=0.1)


def test_where_nobody_listens_there_is_no_connection() -> None:
    """And the reason names no address."""

    async def job() -> None:
        upstream = Upstream(name="u", api="openai", base_url="http://127.0.0.1:9")
        with pytest.raises(UpstreamError) as told:
            await Direct(upstream).send(b"{}", [], b"")

        assert told.value.reason == "no connection"

    asyncio.run(job())


def _certificate(folder: Path) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes a certificate, is not installed")
    path = folder / "both.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        [*command, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """An upstream's TLS, which the environment says to trust."""
    path = _certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=f"{path}.crt")
    context.load_cert_chain(path)
    monkeypatch.setenv("SSL_CERT_FILE", f"{path}.crt")
    return context


@pytest.mark.parametrize("size", [2, 5_000_000])
def test_an_upstream_that_asks_for_a_certificate_breaks_off(size: int, tls: ssl.SSLContext) -> None:
    """By TLS 1.3 it says so after the handshake, when the request is on its way."""
    tls.verify_mode = ssl.CERT_REQUIRED

    async def job(direct: Direct, served: Served) -> None:
        with pytest.raises(UpstreamError, match="broke off"):
            await direct.send(bytes(size), [], b"")

    _with(Served, job, tls=tls)


def test_a_failure_of_tls_within_an_answer_breaks_off(tls: ssl.SSLContext) -> None:
    """As of whatever else speaks on the connection."""

    class Garbling(Served):
        async def __call__(self, reader: Any, writer: Any) -> None:
            self._writers.append(writer)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(STREAM)
            await asyncio.sleep(0.05)
            writer.transport._ssl_protocol._transport.write(b"HTTP/1.1 502 X\r\n\r\n")

    async def job(direct: Direct, served: Served) -> None:
        with pytest.raises(UpstreamError, match="broke off"):
            await _ask(direct)

    _with(Garbling, job, tls=tls)


def test_what_comes_after_an_answer_by_tls_is_not_the_next_one(tls: ssl.SSLContext) -> None:
    """Though it was read with it, and waits to be decrypted."""

    class Adding(Served):
        async def __call__(self, reader: Any, writer: Any) -> None:
            self.n_connections += 1
            self._writers.append(writer)
            await reader.readuntil(b"\r\n\r\n")
            below = writer.transport._ssl_protocol._transport
            write = below.write
            parts: list[bytes] = []
            below.write = parts.append
            writer.write(GOOD)
            writer.write(GOOD.replace(b"ok", b"no"))
            below.write = write
            below.write(b"".join(parts))
            await reader.read()

    async def job(direct: Direct, served: Served) -> None:
        assert [await _ask(direct), await _ask(direct)] == [b"ok", b"ok"]
        assert served.n_connections == 2

    _with(Adding, job, tls=tls)


def test_an_upstream_by_tls_is_one_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a certificate that the environment says to trust, and not without."""
    path = _certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(path)

    async def good(direct: Direct, served: Served) -> None:
        assert [await _ask(direct), await _ask(direct)] == [b"ok", b"ok"]
        assert served.n_connections == 1

    async def bad(direct: Direct, served: Served) -> None:
        with pytest.raises(UpstreamError, match="no connection"):
            await _ask(direct)
        assert served.requests == []

    _with(Served, bad, tls=tls)
    monkeypatch.setenv("SSL_CERT_FILE", f"{path}.crt")
    _with(Served, good, tls=tls)
