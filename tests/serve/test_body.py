"""The body of a request: whole, within its bounds, whether it comes at once or in pieces."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tracetier.serve import body as module
from tracetier.serve.body import ClientLeftError, read_body
from tracetier.serve.problems import ProblemError


def _pieces(*pieces: bytes, waits: bool) -> Callable[[], Awaitable[Any]]:
    """Return a receive that gives these, each after a turn of the event loop where it waits."""
    left = list(pieces)

    async def receive() -> Any:
        if waits:
            await asyncio.sleep(0)
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    return receive


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("pieces", [(b"whole",), (b"who", b"le"), (b"", b"w", b"hole", b"")])
def test_a_body_is_whole_however_it_comes(pieces: tuple[bytes, ...], waits: bool) -> None:
    """At once or later, in one piece or in several."""
    assert asyncio.run(read_body(_pieces(*pieces, waits=waits), None, 5)) == b"whole"


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("pieces", [(b"123456",), (b"123", b"456"), (b"123456", b"7")])
def test_a_byte_too_many_is_refused(pieces: tuple[bytes, ...], waits: bool) -> None:
    """Whatever the request said of its length."""
    with pytest.raises(ProblemError) as told:
        asyncio.run(read_body(_pieces(*pieces, waits=waits), None, 5))

    assert told.value.status == 413


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_client_who_leaves_has_sent_no_body(n: int, waits: bool) -> None:
    """Even where what had come of it would do."""
    left: list[dict[str, Any]] = [{"type": "http.request", "body": b"{}", "more_body": True}] * n

    async def receive() -> Any:
        if waits:
            await asyncio.sleep(0)
        return left.pop() if left else {"type": "http.disconnect"}

    with pytest.raises(ClientLeftError):
        asyncio.run(read_body(receive, None, 5))


def test_what_says_that_it_is_too_large_is_not_read() -> None:
    """The bound is held against the length that was announced."""

    async def receive() -> Any:
        raise AssertionError("it was read")

    with pytest.raises(ProblemError) as told:
        asyncio.run(read_body(receive, 6, 5))

    assert told.value.status == 413


@pytest.mark.parametrize("first", [(), (b"a",)])
def test_a_body_that_does_not_come_ends_the_request(
    first: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """408, and the connection with it, for it may come yet."""
    monkeypatch.setattr(module, "BODY_TIMEOUT_S", 0.01)
    left = list(first)

    async def receive() -> Any:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": True}
        await asyncio.Event().wait()

    with pytest.raises(ProblemError) as told:
        asyncio.run(read_body(receive, None, 5))

    assert told.value.status == 408
    assert (b"connection", b"close") in told.value.headers


def test_a_receive_that_is_no_coroutine_is_awaited_once() -> None:
    """As of a server that hands out futures."""
    n_asked = 0

    def receive() -> Awaitable[Any]:
        nonlocal n_asked
        n_asked += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.set_result({"type": "http.request", "body": b"ab"})
        return answer

    async def job() -> bytes:
        return await read_body(receive, None, 5)

    assert asyncio.run(job()) == b"ab"
    assert n_asked == 1
