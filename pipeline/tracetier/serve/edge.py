"""What every request passes, before any route: id, caller, roles, rate, size; and after: the log.

It stands outermost, as plain ASGI. The fast routes are answered right here, and the parts' plain
ones called; all others go on to the framework. Whatever goes wrong leaves as a problem document,
or in the form that the clients of a path understand.
"""

from typing import Any, Final

from tracetier.serve.admission import Visit
from tracetier.serve.asgi import ASGIApp, Receive, Scope, Send
from tracetier.serve.body import ClientLeftError, read_body
from tracetier.serve.gate import ALLOW_POST, Gate, not_allowed
from tracetier.serve.hot.answer import Answer
from tracetier.serve.limits import too_large

CLIENT_LEFT: Final = 499
"""The status that metrics and logs note where nobody waits for one, as other servers call it."""


class Edge:
    """The outermost layer; see the module.

    Parameters
    ----------
    app : callable
        The framework's app, which answers what is no fast route.
    gate : Gate
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        gate, visit, path = self._gate, Visit(), scope["path"]
        try:
            gate.admission.admit(path, dict(scope["headers"]), scope.get("client"), visit)
            hot = gate.hot.get(path)
            if hot is None:
                await self._pass_on(scope, receive, send, visit)
            else:
                visit.route = path
                if scope["method"] != "POST":
                    raise not_allowed(scope["method"], ALLOW_POST)
                body = await read_body(receive, visit.length, gate.max_body_bytes)
                await _send(send, await hot(body), visit)
        except ClientLeftError:
            visit.status = CLIENT_LEFT
        except Exception as error:  # noqa: BLE001 - the edge of the process: logged and answered
            answer = gate.failed(error, path, visit)
            if not visit.is_started:
                await _send(send, answer, visit)
            elif not visit.is_complete:
                raise ConnectionError("the answer broke off") from None
        finally:
            gate.note(scope["method"], visit)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        """Let a plain route or the framework answer, within bounds and under the request's id."""
        most = self._most(scope["path"])
        if visit.length is not None and visit.length > most:
            raise too_large(most)
        n_bytes = 0

        async def bounded() -> Any:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > most:
                raise too_large(most)
            return message

        async def named(message: Any) -> None:
            if message["type"] == "http.response.start":
                visit.is_started = True
                visit.status = message["status"]
                named = (b"x-request-id", visit.request_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), named]}
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                visit.is_complete = True

        state = scope.setdefault("state", {})
        state["request_id"], state["caller"] = visit.request_id, visit.caller
        plain = self._gate.plain.get(scope["path"]) if scope["method"] == "POST" else None
        await (plain or self._app)(scope, bounded, named)
        if not visit.is_started:
            visit.status = CLIENT_LEFT
        found = scope.get("route")
        visit.route = getattr(found, "path", None) or "other"

    def _most(self, path: str) -> int:
        for prefix, most in self._gate.bounds.items():
            if path == prefix or (prefix.endswith("/") and path.startswith(prefix)):
                return most
        return self._gate.max_body_bytes


async def _send(send: Send, answer: Answer, visit: Visit) -> None:
    visit.status = answer.status
    visit.is_started = True
    fields = answer.fields(visit.request_id)
    await send({"type": "http.response.start", "status": answer.status, "headers": fields})
    await send({"type": "http.response.body", "body": answer.body})
