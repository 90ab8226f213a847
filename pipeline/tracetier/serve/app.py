"""The app: the service's own routes, the parts mounted beside them, and the edge around all.

    request -> Edge (id, caller, rate, size) -> fast route
                                             -> FastAPI -> own routes, gateway, hooks, dashboard

The fast routes pass no layer of the framework, which describes them all the same.

`create_app` puts it together for one service; how the service came about, and on which address
the app is served, is `tracetier.serve.run`'s.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from tracetier import __version__
from tracetier.errors import TracetierError
from tracetier.serve.admission import Admission
from tracetier.serve.asgi import Receive, Scope, Send
from tracetier.serve.auth import Access
from tracetier.serve.edge import Edge
from tracetier.serve.gate import Gate, not_allowed
from tracetier.serve.hot.commit import GroupCommit
from tracetier.serve.hot.feedback import FeedbackRoute
from tracetier.serve.hot.route import RouteRoutes
from tracetier.serve.limits import RateLimit
from tracetier.serve.logs import tell
from tracetier.serve.metrics import Metrics
from tracetier.serve.mounts import mount_all
from tracetier.serve.openapi import with_own_routes
from tracetier.serve.own_routes import own_router
from tracetier.serve.problems import ProblemError, internal, of_error
from tracetier.serve.roles import BASE, RoleTable
from tracetier.serve.service import Service, ServiceHealth
from tracetier.serve.standing import Standing
from tracetier.settings import Settings

_GAUGES_S = 1.0
"""Seconds between two looks at the health, for the gauges and the log."""


class ServedApp(FastAPI):
    """The framework's app with the edge outside of everything."""

    gate: Gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        await self.edge(scope, receive, send)

    @cached_property
    def edge(self) -> Edge:
        """The outermost layer."""
        return Edge(super().__call__, self.gate)


def create_app(
    service: Service,
    settings: Settings,
    *,
    access: Access | None = None,
    hosts: frozenset[str] | None = None,
    models_folder: Path | None = None,
    logs_all: bool = False,
) -> ServedApp:
    """Return the app over a service, which it closes when it ends.

    Parameters
    ----------
    service : Service
    settings : Settings
        The section [serve], and what the parts need.
    access : Access, optional
        The declared tokens; by default none, so that anyone may do anything.
    hosts : frozenset of str, optional
        Names that the service may be called by; by default any.
    models_folder : Path, optional
        Where artifacts may be swapped in from; by default from nowhere.
    logs_all : bool
        Whether to log every request, and not only those that were refused or failed.
    """
    standing = Standing(service, told=_tell_health)
    metrics = Metrics(standing)
    service.listen(metrics)
    commit = GroupCommit(service)
    fast = RouteRoutes(service, standing)
    roles = RoleTable(BASE)
    app = ServedApp(
        title="tracetier",
        version=__version__,
        summary="Chooses the model tier that each task needs, and learns from the outcomes.",
        docs_url=None,  # its page is not whole without the network; ours is
        redoc_url=None,
        lifespan=_lifespan(service, standing, metrics, commit),
    )
    app.include_router(
        own_router(service, settings, standing, metrics, commit, models_folder=models_folder)
    )
    mounted = mount_all(app, service, settings, roles)
    app.gate = Gate(
        hot={
            "/v1/route": fast.one,
            "/v1/route/batch": fast.batch,
            "/v1/feedback": FeedbackRoute(service, standing, commit).report,
        },
        soon={"/v1/route": fast.one_soon},
        plain=mounted.plain,
        admission=Admission(
            access or Access(),
            roles,
            limit=_limit(settings),
            hosts=None if hosts is None else frozenset(name.lower().encode() for name in hosts),
        ),
        metrics=metrics,
        max_body_bytes=settings.max_body_bytes,
        bounds=mounted.bounds,
        forms=mounted.forms,
        logs_all=logs_all,
    )
    _answer_errors(app)
    _describe(app)
    return app


def _limit(settings: Settings) -> RateLimit | None:
    per_s = settings.requests_per_s
    return None if per_s is None else RateLimit(per_s)


def _lifespan(
    service: Service, standing: Standing, metrics: Metrics, commit: GroupCommit
) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(_watch(standing, metrics))
        try:
            yield
        finally:
            standing.is_closing = True
            watch.cancel()
            await commit.close()
            metrics.refresh()
            try:
                await asyncio.to_thread(service.close)
                tell("stopped", state="stored")
            except TracetierError as error:
                tell("stopped", level=logging.ERROR, state="not stored", reason=str(error))

    return lifespan


async def _watch(standing: Standing, metrics: Metrics) -> None:
    """Keep the gauges at how the service stands, whether anybody asks or not."""
    while True:
        metrics.refresh()
        await asyncio.sleep(_GAUGES_S)


def _tell_health(health: ServiceHealth) -> None:
    is_ok = health.status == "ok"
    tell(
        "health",
        level=logging.INFO if is_ok else logging.WARNING,
        status=health.status,
        reasons=health.reasons or None,
    )


def _answer_errors(app: ServedApp) -> None:
    """Have every error leave as a problem document, or in the form of its path."""

    def respond(problem: ProblemError, request: Request) -> Response:
        request_id = getattr(request.state, "request_id", "")
        answer = app.gate.said(problem, request.url.path, request_id)
        return Response(
            answer.body,
            answer.status,
            {name.decode(): value.decode() for name, value in answer.headers},
            answer.content_type.decode(),
        )

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, TracetierError)
        return respond(of_error(error), request)

    async def a_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        return respond(error, request)

    async def the_frameworks(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return respond(_of_http(error, request), request)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return respond(_of_validation(error), request)

    async def a_bug(request: Request, error: Exception) -> Response:
        return respond(internal(), request)  # the edge logs it

    app.add_exception_handler(Exception, a_bug)
    app.add_exception_handler(TracetierError, ours)
    app.add_exception_handler(ProblemError, a_problem)
    app.add_exception_handler(HTTPException, the_frameworks)
    app.add_exception_handler(RequestValidationError, invalid)


def _of_http(error: HTTPException, request: Request) -> ProblemError:
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        headers = ((b"allow", allow.encode()),) if allow else ()
        return not_allowed(request.method, headers)
    if error.status_code == 404:
        return ProblemError(
            "not-found",
            404,
            "nothing is at this path",
            mend="see /docs for the paths of this service",
        )
    kind = "internal" if error.status_code >= 500 else "invalid-value"
    return ProblemError(kind, error.status_code, "the request could not be served")


def _of_validation(error: RequestValidationError) -> ProblemError:
    """Name the first field and what was expected; what was sent stays out."""
    first: dict[str, Any] = dict(error.errors()[0]) if error.errors() else {}
    field = ".".join(str(part) for part in first.get("loc", ()))
    return ProblemError(
        "invalid-value",
        422,
        str(first.get("type", "invalid")).replace("_", " "),
        field=field or None,
        mend="see /docs for the fields of this request",
    )


def _describe(app: FastAPI) -> None:
    def page() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_own_routes(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    summary=app.summary,
                    routes=app.routes,
                )
            )
        return app.openapi_schema

    app.openapi = page  # type: ignore[method-assign]
