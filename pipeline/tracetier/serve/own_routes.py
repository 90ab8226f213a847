"""The routes that need not be fast: look-up, policy, swap, health, metrics."""

import asyncio
import logging
from pathlib import Path

import msgspec
from fastapi import APIRouter, Request, Response

from tracetier.errors import ArtifactError, TracetierError
from tracetier.serve.find_decision import find_decision
from tracetier.serve.hot.commit import GroupCommit
from tracetier.serve.logs import tell
from tracetier.serve.metrics import CONTENT_TYPE, Metrics
from tracetier.serve.policy_page import policy_answer
from tracetier.serve.problems import (
    UNREADABLE,
    ProblemError,
    of_error,
    of_invalid,
    unknown_decision,
)
from tracetier.serve.schema import HealthAnswer, SwapAnswer, SwapRequest
from tracetier.serve.service import Service
from tracetier.serve.standing import Standing
from tracetier.settings import Settings

_DOCS = Path(__file__).with_name("docs.html")


def own_router(
    service: Service,
    settings: Settings,
    standing: Standing,
    metrics: Metrics,
    commit: GroupCommit,
    *,
    models_folder: Path | None,
) -> APIRouter:
    """Return the routes; `tracetier.serve.openapi` describes them."""
    router = APIRouter(include_in_schema=False)
    swapping = asyncio.Lock()

    @router.get("/v1/decisions/{decision_id}")
    async def decision(decision_id: str) -> Response:
        found = find_decision(service, decision_id)
        if found is None:
            raise unknown_decision(decision_id)
        return _json(found)

    @router.get("/v1/policy")
    async def policy() -> Response:
        return _json(await commit.call(lambda: policy_answer(service, settings)))

    @router.post("/v1/artifact")
    async def artifact(request: Request) -> Response:
        asked = _decoded(await request.body())
        path = _within(models_folder, asked.path)
        async with swapping:
            previous = service.router.artifact_id
            try:
                artifact_id = await commit.call(lambda: service.swap(path))
            except ArtifactError as error:
                tell("swap refused", level=logging.WARNING, path=asked.path, reason=str(error))
                raise _no_artifact() from error
            except TracetierError as error:
                tell("swap refused", level=logging.WARNING, path=asked.path, reason=str(error))
                raise of_error(error) from error
        tell("swapped", path=asked.path, artifact_id=artifact_id, previous=previous)
        return _json(SwapAnswer(artifact_id=artifact_id, previous=previous))

    @router.get("/healthz")
    async def healthz() -> Response:
        return _json(HealthAnswer(status="ok"))

    @router.get("/readyz")
    async def readyz() -> Response:
        words = standing.words
        health = standing.health
        answer = HealthAnswer(
            status="closing" if standing.is_closing else health.status,
            artifact_id=health.artifact_id,
            degraded=words,
            state_age_s=round(health.state_age_s, 3),
            n_queued=health.n_queued,
            n_log_lost=health.n_log_lost,
            uptime_s=round(health.uptime_s, 3),
        )
        return _json(answer, status=503 if standing.is_closing else 200)

    @router.get("/docs")
    async def docs() -> Response:
        return Response(_DOCS.read_bytes(), media_type="text/html; charset=utf-8")

    @router.get("/metrics")
    async def metrics_page() -> Response:
        page = await asyncio.to_thread(metrics.page)
        return Response(page, media_type=CONTENT_TYPE.decode())

    return router


def _within(folder: Path | None, given: str) -> Path:
    """Return a path below the folder of models, wherever its links lead; else refuse it."""
    if folder is not None and given and "\0" not in given:
        root = folder.resolve()
        path = (root / given).resolve()
        if path.is_relative_to(root):
            return path
    where = "no folder of models is set" if folder is None else "it is not below that of models"
    raise ProblemError(
        "invalid-value",
        422,
        f"the path is not one that may be swapped in: {where}",
        field="path",
        mend="give a path relative to the folder of models, see --models",
    )


def _no_artifact() -> ProblemError:
    return ProblemError(
        "invalid-value",
        422,
        "no sound artifact that fits this service is at the path; nothing was changed, and the log "
        "tells why",
        field="path",
        mend="train or copy it again, and look at it with tracetier inspect",
    )


def _decoded(body: bytes) -> SwapRequest:
    try:
        return msgspec.json.decode(body, type=SwapRequest)
    except UNREADABLE as error:
        raise of_invalid(error) from None


def _json(answer: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(answer), status, media_type="application/json")
