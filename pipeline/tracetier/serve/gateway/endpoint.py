"""The two paths of the gateway, as plain ASGI: the body in, the exchange, and its errors out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from tracetier.serve.body import ClientLeftError, read_body
from tracetier.serve.gateway.api_error import error_body
from tracetier.serve.gateway.config import MAX_BODY_BYTES, Api
from tracetier.serve.gateway.exchange import Exchange, Parts, Send
from tracetier.serve.gateway.request import RequestError
from tracetier.serve.problems import ProblemError

Receive = Callable[[], Awaitable[Any]]  # Any: ASGI's own dictionaries
Scope = Any

PATHS: Final[dict[str, Api]] = {"/v1/chat/completions": "openai", "/v1/messages": "anthropic"}

BODY_TIMEOUT_S: Final = 60.0
"""Seconds within which a body must have come."""


class Endpoint:
    """A path of the gateway.

    Attributes
    ----------
    path : str
        As metrics and logs call it.
    """

    def __init__(self, parts: Parts, path: str) -> None:
        self._parts = parts
        self.path = path
        self._api: Api = PATHS[path]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; if the client leaves, so does the upstream."""
        scope["route"] = self
        state = scope.get("state") or {}
        exchange = Exchange(
            self._parts,
            self._api,
            caller=getattr(state.get("caller"), "name", ""),
            request_id=state.get("request_id", ""),
            headers=scope["headers"],
            query=scope.get("query_string", b""),
        )
        try:
            _check_encoding(scope["headers"])
            raw = await read_body(receive, None, MAX_BODY_BYTES, timeout_s=BODY_TIMEOUT_S)
            await _while_there(exchange, exchange.run(raw, send), receive)
        except ClientLeftError:
            return
        except ProblemError as problem:
            detail = f"{problem.detail}; {problem.mend}" if problem.mend else problem.detail
            await self._refuse(RequestError(problem.status, detail), send)
        except RequestError as error:
            await self._refuse(error, send)

    async def _refuse(self, error: RequestError, send: Send) -> None:
        body = error_body(self._api, error.status, error.detail, param=error.param, code=error.code)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        if error.code == "cap_reached":
            headers.append((b"x-should-retry", b"false"))  # which the providers' clients heed
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _while_there(exchange: Exchange, work: Awaitable[None], receive: Receive) -> None:
    """Do the work, but give it up if the client leaves before it is done."""
    me = asyncio.current_task()
    assert me is not None
    has_left = False

    async def watch() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            pass
        if not exchange.is_done:
            has_left = True
            me.cancel()

    watcher = asyncio.create_task(watch())
    try:
        await work
    except asyncio.CancelledError:
        if not has_left:
            raise
        me.uncancel()
    finally:
        watcher.cancel()


def _check_encoding(headers: list[tuple[bytes, bytes]]) -> None:
    for name, value in headers:
        if name == b"content-encoding" and value.strip().lower() != b"identity":
            raise RequestError(415, "the body is packed; send it as plain JSON")
