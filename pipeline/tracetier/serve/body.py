"""The body of a request, read within bounds of size and time."""

import asyncio
from collections.abc import Awaitable
from types import CoroutineType
from typing import Any, Final

from tracetier.serve.asgi import Receive
from tracetier.serve.limits import too_large
from tracetier.serve.problems import ProblemError

BODY_TIMEOUT_S: Final = 30.0
"""Seconds within which a body must have come."""


class ClientLeftError(Exception):
    """The client left before its body had come; nobody waits for an answer."""


async def read_body(
    receive: Receive, length: int | None, most: int, *, timeout_s: float | None = None
) -> bytes:
    """Return the whole body.

    Parameters
    ----------
    receive : callable
        ASGI's.
    length : int, optional
        What the request says of its length, in bytes.
    most : int
        The bound, in bytes.
    timeout_s : float, optional
        By default `BODY_TIMEOUT_S`.

    Raises
    ------
    ProblemError
        413 beyond the bound, 408 where it does not come in time.
    ClientLeftError
    """
    if length is not None and length > most:
        raise too_large(most)
    reading = receive()
    message = _at_hand(reading)
    if message is None or message.get("more_body", False):
        first = receive() if type(reading) is CoroutineType else reading
        limit_s = BODY_TIMEOUT_S if timeout_s is None else timeout_s
        return await _awaited(receive, first, message, most, limit_s)
    body = _part(message)
    if len(body) > most:
        raise too_large(most)
    return body


def _part(message: Any) -> bytes:
    if message["type"] == "http.disconnect":  # what has come may look like a whole body
        raise ClientLeftError
    part: bytes = message.get("body", b"")
    return part


def _at_hand(reading: Awaitable[Any]) -> Any | None:
    """Return what has come already, without a timer, which would take longer than the reading."""
    if type(reading) is not CoroutineType:
        return None
    try:
        reading.send(None)
    except StopIteration as done:
        return done.value
    reading.close()  # it would wait; whoever has a timer asks anew
    return None


async def _awaited(
    receive: Receive, reading: Awaitable[Any], message: Any, most: int, timeout_s: float
) -> bytes:
    """Return the body whose first part may have come; the next is being read."""
    body = b"" if message is None else _part(message)
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                message = await reading
                body += _part(message)
                if len(body) > most:
                    raise too_large(most)
                if not message.get("more_body", False):
                    return body
                reading = receive()
    except TimeoutError:
        raise ProblemError(
            "too-slow",
            408,
            f"the body did not come within {timeout_s:.0f} s",
            headers=((b"connection", b"close"),),
        ) from None
