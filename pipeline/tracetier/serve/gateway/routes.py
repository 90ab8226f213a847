"""The gateway as a part of the service: its two paths, and what they share."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.routing import Route

from tracetier.decision_log.text_hash import hash_key
from tracetier.serve.gate import Form
from tracetier.serve.gateway.api_error import problem_in
from tracetier.serve.gateway.config import read_config
from tracetier.serve.gateway.endpoint import PATHS, Endpoint
from tracetier.serve.gateway.exchange import Parts
from tracetier.serve.gateway.network import Network, OpenTransport, open_transport
from tracetier.serve.gateway.report import Reporter
from tracetier.serve.gateway.retries import Retries
from tracetier.serve.gateway.session import Sessions
from tracetier.serve.gateway.upstream_health import UpstreamHealth
from tracetier.serve.service import Service
from tracetier.serve.standing import Standing
from tracetier.settings import Settings

LOOK_S: Final = 0.5
"""Seconds between two looks at what the service has to do without."""

FORMS: Final[Mapping[str, Form]] = {path: partial(problem_in, api) for path, api in PATHS.items()}
"""How the clients of each path are told of what the service itself refuses."""

_SUMMARIES: Final = {
    "/v1/chat/completions": "Chat completions in OpenAI's protocol, the tier chosen here",
    "/v1/messages": "Messages in Anthropic's protocol, the tier chosen here",
}


def router(
    service: Service,
    settings: Settings,
    *,
    env: Mapping[str, str] | None = None,
    open_transport: OpenTransport = open_transport,
) -> APIRouter:
    """Return the paths of the gateway over a service.

    Parameters
    ----------
    service : Service
    settings : Settings
        With at least one ``[[upstream]]``.
    env : mapping, optional
        Where keys come from; by default the environment of the process.
    open_transport : callable
        Makes the connections to an upstream.

    Raises
    ------
    SettingsError
        As `read_config` says.
    """
    degraded: list[str] = []
    parts = make_parts(service, settings, degraded=degraded, env=env, open_transport=open_transport)
    standing = Standing(service)
    service.watch("upstream", parts.health.trouble)
    service.watch("gateway reports", lambda: parts.reporter.trouble)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        looking = asyncio.create_task(_look(standing, degraded))
        try:
            yield
        finally:
            looking.cancel()
            await parts.network.close()
            await asyncio.to_thread(parts.reporter.close)

    paths = APIRouter(lifespan=lifespan)
    for path in PATHS:
        # The plain route answers; the framework's own only describes it.
        paths.routes.append(Route(path, Endpoint(parts, path), methods=["POST"]))
        paths.add_api_route(
            path,
            _described,
            methods=["POST"],
            summary=_SUMMARIES[path],
            description="Role: route. The body and the answer are the provider's own; only "
            "`model` is replaced. See docs/gateway.md for headers in and out.",
            tags=["gateway"],
            operation_id=f"post{path.replace('/', '_')}",
            openapi_extra=_body(path),
            responses=_ERRORS,
        )
    return paths


def make_parts(
    service: Service,
    settings: Settings,
    *,
    degraded: list[str],
    env: Mapping[str, str] | None = None,
    open_transport: OpenTransport = open_transport,
) -> Parts:
    """Return what the requests of a gateway share; ``degraded`` is kept up by others."""
    config = read_config(settings, env=env)
    habits = config.habits
    return Parts(
        service=service,
        config=config,
        network=Network(open_transport),
        reporter=Reporter(service, weights=habits.proxies, wait_s=habits.proxy_after_s),
        health=UpstreamHealth(),
        sessions=Sessions(key=hash_key(env)),
        retries=Retries(within_s=habits.retry_within_s if "retry" in habits.proxies else 0.0),
        degraded=degraded,
    )


async def _look(standing: Standing, degraded: list[str]) -> None:
    """Keep the answers told of what is missing; asking for each of them would take longer."""
    while True:
        degraded[:] = standing.codes
        await asyncio.sleep(LOOK_S)


async def _described(request: Request) -> Response:
    raise AssertionError("the plain route before this one answers")


def _body(path: str) -> dict[str, Any]:  # Any: a JSON document
    example: dict[str, Any] = {
        "model": "tracetier",
        "messages": [{"role": "user", "content": "Rename the function foo to bar."}],
    }
    if path == "/v1/messages":
        example["max_tokens"] = 1024
    schema = {
        "type": "object",
        "required": ["model", "messages"],
        "properties": {
            "model": {"type": "string", "description": "tracetier, with :lam= and :floor= options"},
            "messages": {"type": "array", "items": {"type": "object"}},
            "stream": {"type": "boolean"},
        },
    }
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": told}
    for status, told in {
        400: "The body is no request, or no tier may take it; in the provider's form.",
        401: "A token is needed, and none that is declared was given.",
        403: "The token's roles do not allow this.",
        404: "No tier or upstream declares the model; in the provider's form.",
        408: "The body did not come in time.",
        413: "The body is too large.",
        415: "The body is packed.",
        422: "The upstream's own answer.",
        429: "Too many requests, here or at the upstream, or a cap is reached.",
        502: "No upstream answered; in the provider's form.",
        504: "No upstream answered in time; in the provider's form.",
    }.items()
}
