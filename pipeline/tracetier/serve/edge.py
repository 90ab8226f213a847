"""What every request passes, before any route: id, caller, roles, rate, size; and after: the log.

It stands outermost in the app, as plain ASGI. The fast routes are answered right here; all others
go on to the framework. Whatever goes wrong leaves as a problem document.
"""

import asyncio
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from tracetier.serve import problems
from tracetier.serve.auth import ANYONE, Access, Caller
from tracetier.serve.hot.answer import Answer
from tracetier.serve.limits import MAX_BODY_BYTES, RateLimit, too_large
from tracetier.serve.logs import error_facts, tell
from tracetier.serve.metrics import Metrics
from tracetier.serve.problems import ProblemError
from tracetier.serve.roles import RoleTable

# ASGI's own shapes: dictionaries of whatever the server and the app agree on.
Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Hot = Callable[[bytes], Awaitable[Answer]]

BODY_TIMEOUT_S: Final = 30.0
"""Seconds within which a body must have come."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ALLOW_POST = ((b"allow", b"POST"),)
_CHALLENGE = ((b"www-authenticate", b'Bearer realm="tracetier"'),)


class Gate(Struct, kw_only=True):
    """What the edge goes by.

    ``hot`` holds the fast routes, all by POST; ``hosts`` the names that the service may be called
    by, where it is open to a machine's own programs and a page in a browser must not reach it;
    ``bounds`` the paths with a bound of their own for a body, in bytes.
    """

    hot: Mapping[str, Hot]
    access: Access
    roles: RoleTable
    metrics: Metrics
    limit: RateLimit | None = None
    hosts: frozenset[bytes] | None = None
    max_body_bytes: int = MAX_BODY_BYTES
    bounds: Mapping[str, int] = {}
    logs_all: bool = False


class _Request:
    """One request on its way through the edge."""

    __slots__ = (
        "caller",
        "is_complete",
        "is_started",
        "length",
        "request_id",
        "route",
        "started",
        "status",
    )

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.request_id = ""
        self.caller = ANYONE
        self.route = "other"
        self.length: int | None = None
        self.status = 500
        self.is_started = False
        self.is_complete = False


class Edge:
    """The outermost layer of the app; see the module."""

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
        request = _Request()
        try:
            self._admit(scope, request)
            hot = self._gate.hot.get(scope["path"])
            if hot is None:
                await self._pass_on(scope, receive, send, request)
            else:
                request.route = scope["path"]
                if scope["method"] != "POST":
                    raise not_allowed(scope["method"], _ALLOW_POST)
                answer = await hot(await self._body(receive, request, self._gate.max_body_bytes))
                await _send(send, answer, request)
        except ProblemError as problem:
            await _send(send, problem_answer(problem, request.request_id), request)
        except Exception as error:  # noqa: BLE001 - the edge of the process: logged and answered
            tell(
                "failed",
                level=logging.ERROR,
                request_id=request.request_id,
                route=request.route,
                **error_facts(error),  # type: ignore[arg-type]
            )
            if request.is_started and not request.is_complete:
                raise ConnectionError("the answer broke off") from None
            if not request.is_started:
                await _send(send, problem_answer(problems.internal(), request.request_id), request)
        finally:
            self._note(scope, request)

    def _admit(self, scope: Scope, request: _Request) -> None:
        """Find out who calls, and whether they may; headers are looked at once."""
        gate = self._gate
        token = given_id = host = origin = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                if value[:7].lower() == b"bearer ":
                    token = value[7:].strip()
            elif name == b"x-api-key":
                token = token or value
            elif name == b"x-request-id":
                given_id = value
            elif name == b"content-length":
                request.length = int(value) if value.isdigit() else None
            elif name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        if given_id is not None and _REQUEST_ID.fullmatch(given_id):
            request.request_id = given_id.decode()
        else:
            request.request_id = os.urandom(8).hex()
        if gate.hosts is not None:
            _check_names(gate.hosts, host, origin)
        caller = gate.access.caller(token)
        needed = gate.roles.needed(scope["path"])
        if needed:
            if caller is None:
                raise _unauthenticated(is_given=token is not None)
            if not caller.may(needed):
                raise _forbidden(caller, needed)
        request.caller = caller or ANYONE
        if gate.limit is not None and needed:
            self._spend(gate.limit, scope, request.caller)

    def _spend(self, limit: RateLimit, scope: Scope, caller: Caller) -> None:
        who = caller.name
        if caller is ANYONE:
            who = f"ip {(scope.get('client') or ('unknown',))[0]}"
        wait_s = limit.wait_s(who)
        if wait_s > 0.0:
            seconds = str(max(1, round(wait_s + 0.5)))
            raise ProblemError(
                "too-many-requests",
                429,
                "more requests came than the service was set to take of one caller",
                mend=f"send it again after {seconds} s, and tasks together by /v1/route/batch",
                headers=((b"retry-after", seconds.encode()),),
            )

    async def _body(self, receive: Receive, request: _Request, most: int) -> bytes:
        if request.length is not None and request.length > most:
            raise too_large(most)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                message = await receive()
                body: bytes = message.get("body", b"")
                while message.get("more_body", False) and len(body) <= most:
                    message = await receive()
                    body += message.get("body", b"")
        except TimeoutError:
            raise _too_slow() from None
        if len(body) > most:
            raise too_large(most)
        return body

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, request: _Request) -> None:
        """Let the framework answer, within the bounds and under the request's id."""
        most = self._most(scope["path"])
        if request.length is not None and request.length > most:
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
                request.is_started = True
                request.status = message["status"]
                headers = (*message.get("headers", ()), _id_header(request.request_id))
                message = {**message, "headers": list(headers)}
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                request.is_complete = True

        state = scope.setdefault("state", {})
        state["request_id"], state["caller"] = request.request_id, request.caller
        await self._app(scope, bounded, named)
        found = scope.get("route")
        request.route = getattr(found, "path", None) or "other"

    def _most(self, path: str) -> int:
        for prefix, most in self._gate.bounds.items():
            if path == prefix or (prefix.endswith("/") and path.startswith(prefix)):
                return most
        return self._gate.max_body_bytes

    def _note(self, scope: Scope, request: _Request) -> None:
        seconds = time.perf_counter() - request.started
        self._gate.metrics.answered(request.route, request.status, seconds)
        is_news = request.status >= 500 or request.status in (401, 403, 421)
        if is_news or self._gate.logs_all:
            tell(
                "request",
                level=logging.WARNING if is_news else logging.INFO,
                request_id=request.request_id,
                method=scope["method"] if scope["method"] in _METHODS else "other",
                route=request.route,
                status=request.status,
                ms=round(1000.0 * seconds, 2),
                caller=request.caller.name,
            )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def problem_answer(problem: ProblemError, request_id: str) -> Answer:
    """Return a problem as an answer."""
    return Answer(problem.status, problem.body(request_id), problem.headers, problems.CONTENT_TYPE)


def not_allowed(method: str, headers: tuple[tuple[bytes, bytes], ...]) -> ProblemError:
    """Return the answer to a method that a path does not have."""
    known = dict(headers).get(b"allow", b"").decode()
    return ProblemError(
        "method-not-allowed",
        405,
        f"{method if method in _METHODS else 'this method'} is not allowed here",
        mend=f"use {known}; see /docs" if known else "see /docs",
        headers=headers,
    )


async def _send(send: Send, answer: Answer, request: _Request) -> None:
    request.status = answer.status
    request.is_started = True
    length = str(len(answer.body)).encode()
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [
                (b"content-type", answer.content_type),
                (b"content-length", length),
                _id_header(request.request_id),
                *answer.headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})


def _id_header(request_id: str) -> tuple[bytes, bytes]:
    return (b"x-request-id", request_id.encode())


def _check_names(hosts: frozenset[bytes], host: bytes | None, origin: bytes | None) -> None:
    """Refuse what a page of another origin in a browser sends, by its own name or another's."""
    name = (host or b"").rpartition(b":")[0] if b":" in (host or b"") else host or b""
    if host is not None and host.endswith(b"]"):
        name = host
    if name.lower() not in hosts:
        raise ProblemError(
            "misdirected",
            421,
            "without tokens the service answers to the names of this machine alone",
            field="Host",
            mend="call it by 127.0.0.1 or localhost, or declare tokens",
        )
    if origin is not None and origin.partition(b"://")[2] != host:
        raise ProblemError(
            "forbidden",
            403,
            "without tokens no page of another origin may call the service",
            field="Origin",
            mend="call it without a browser, or declare tokens",
        )


def _unauthenticated(*, is_given: bool) -> ProblemError:
    given = "the token is none of the declared ones" if is_given else "no token was given"
    return ProblemError(
        "unauthenticated",
        401,
        given,
        field="Authorization",
        mend="send the header Authorization: Bearer TOKEN, with a token that the operator gave",
        headers=_CHALLENGE,
    )


def _forbidden(caller: Caller, needed: frozenset[str]) -> ProblemError:
    return ProblemError(
        "forbidden",
        403,
        f"token {caller.name!r} has the roles {', '.join(sorted(caller.roles))}; this needs "
        f"{' or '.join(sorted(needed | {'admin'}))}",
        field="Authorization",
        mend="use a token with that role",
    )


def _too_slow() -> ProblemError:
    return ProblemError(
        "too-slow",
        408,
        f"the body did not come within {BODY_TIMEOUT_S:.0f} s",
        headers=((b"connection", b"close"),),
    )
