"""Where the dashboard is: the page at ``/``, its files below ``/dashboard/``, its data beside them.

The page and its files tell nothing of the service and need no token; the data need the role read.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI, Request, Response

from tracetier.serve.dashboard.overview import WINDOWS, Overviews
from tracetier.serve.dashboard.pages import HEADERS, files
from tracetier.serve.dashboard.timeline import Timeline
from tracetier.serve.problems import ProblemError
from tracetier.serve.service import Service
from tracetier.settings import Settings

SAMPLE_S: Final = 1.0
"""Seconds between two looks at the ledger."""

_SEVERAL_ENV: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Set where several workers count together."""


def router(service: Service, settings: Settings) -> APIRouter:
    """Return the routes of the dashboard over a service, to which it listens from now on."""
    timeline = Timeline(lambda since: service.router.ledger(since=since))
    timeline.sample()
    service.listen(timeline)
    overviews = Overviews(service, settings, timeline, is_one_of_several=_is_one_of_several())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(_sample(timeline))
        try:
            yield
        finally:
            looking.cancel()

    routes = APIRouter(include_in_schema=False, lifespan=lifespan)

    @routes.get("/")
    async def page(request: Request) -> Response:
        return _file("index.html", request)

    @routes.get("/dashboard/{name}")
    async def file(name: str, request: Request) -> Response:
        return _file(name, request)

    @routes.get("/v1/dashboard")
    async def data(window: str = "1h") -> Response:
        if window not in WINDOWS:
            raise ProblemError(
                "invalid-value",
                422,
                f"the window is none of {', '.join(WINDOWS)}",
                field="window",
                mend="give one of them, as /v1/dashboard?window=24h",
            )
        packed = await asyncio.to_thread(overviews.packed, window)
        return Response(
            packed, media_type="application/json", headers={"cache-control": "no-store"}
        )

    return routes


def _is_one_of_several() -> bool:
    return bool(os.environ.get(_SEVERAL_ENV))


def _file(name: str, request: Request) -> Response:
    found = files().get(name)
    if found is None:
        raise ProblemError("not-found", 404, "nothing is at this path", mend="the page is at /")
    headers = {**HEADERS, "etag": found.etag}
    if found.is_known(request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.media_type, headers=headers)


async def _sample(timeline: Timeline) -> None:
    """Keep the timeline in step, whether anybody looks or not."""
    while True:
        timeline.sample()
        await asyncio.sleep(SAMPLE_S)
