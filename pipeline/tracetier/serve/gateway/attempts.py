"""One upstream after another, until one answers: bounded, and only before the first byte."""

import asyncio
import logging
from contextlib import suppress
from typing import Final, Protocol

from msgspec import Struct

from tracetier.serve.gateway.config import Api, GatewayConfig
from tracetier.serve.gateway.headers import Headers, to_upstream
from tracetier.serve.gateway.network import Network
from tracetier.serve.gateway.plan import Step
from tracetier.serve.gateway.request import Body, RequestError
from tracetier.serve.gateway.transport import Answering, UpstreamError
from tracetier.serve.gateway.upstream_health import UpstreamHealth
from tracetier.serve.logs import tell

MAX_ERROR_BYTES: Final = 1 << 20
ERROR_TIMEOUT_S: Final = 5.0
"""What of a failed answer is kept, should no other come: so much, and no longer."""


class Steps(Protocol):
    """Where to send a request, and where to try next."""

    def first(self) -> Step:
        """Return where to send it."""
        ...

    def next(self) -> Step | None:
        """Return where to try next, ``None`` where nothing is left."""
        ...


class OneStep:
    """A single place, of a model that the client named itself."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def first(self) -> Step:
        """Return it."""
        return self._step

    def next(self) -> Step | None:
        """Return nothing: another model is not what was asked for."""
        return None


class Kept:
    """A failed answer, kept as a whole."""

    is_ended = True

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status, self.headers, self.first = status, headers, body

    async def next(self) -> bytes:
        """Return nothing more."""
        return b""

    async def close(self) -> None:
        """Do nothing."""


class Reached(Struct, frozen=True):
    """Who answered, and who had failed before."""

    answer: Answering
    step: Step
    tried: list[str]


class Asking(Struct, frozen=True, kw_only=True):
    """What is asked of whichever upstream answers."""

    api: Api
    body: Body
    headers: Headers
    query: bytes
    request_id: str


async def reach(
    steps: Steps,
    asking: Asking,
    config: GatewayConfig,
    network: Network,
    health: UpstreamHealth,
) -> Reached:
    """Return the first good answer, or the last that was none.

    Raises
    ------
    RequestError
        502 or 504 if no upstream answered at all.
    """
    tried: list[str] = []
    failed: tuple[Kept, Step] | None = None
    step: Step | None = steps.first()
    is_timeout = False
    while step is not None:
        place = step.place
        try:
            answer = await _send(step, asking, config, network)
        except UpstreamError as error:
            is_timeout = error.is_timeout
            reason = error.reason
            health.failed(place.upstream.name, reason)
        else:
            if not _may_go_elsewhere(answer.status):
                health.worked(place.upstream.name)
                return Reached(answer, step, tried)
            reason = str(answer.status)
            if answer.status != 429:
                health.failed(place.upstream.name, reason)
            if len(tried) + 1 >= config.habits.tries:
                return Reached(answer, step, tried)
            failed = (await _keep(answer), step)
        tried.append(f"{place.tier or place.model} {reason}")
        _tell(step, reason, asking)
        step = steps.next() if len(tried) < config.habits.tries else None
    if failed is not None:
        return Reached(*failed, tried)
    raise RequestError(
        504 if is_timeout else 502,
        f"no upstream answered ({'; '.join(tried)}); try again, and see /readyz",
        code="upstream_failed",
    )


def _may_go_elsewhere(status: int) -> bool:
    return status == 429 or status >= 500


async def _send(step: Step, asking: Asking, config: GatewayConfig, network: Network) -> Answering:
    place = step.place
    body = asking.body.sent_as(place.model, api=asking.api, ask_usage=config.habits.ask_usage)
    key = config.keys.get(place.upstream.name)
    headers = to_upstream(asking.headers, place.upstream, key)
    return await network.send(place.upstream, body, headers, query=asking.query)


async def _keep(answer: Answering) -> Kept:
    """Read a failed answer to its end, within bounds, and let go of the connection."""
    body = answer.first
    try:
        with suppress(TimeoutError, UpstreamError):
            async with asyncio.timeout(ERROR_TIMEOUT_S):
                while not answer.is_ended and len(body) <= MAX_ERROR_BYTES:
                    body += await answer.next()
    finally:
        await answer.close()
    headers = [each for each in answer.headers if each[0].lower() != b"content-length"]
    return Kept(answer.status, headers, body)


def _tell(step: Step, reason: str, asking: Asking) -> None:
    tell(
        "upstream failed",
        level=logging.WARNING,
        upstream=step.place.upstream.name,
        tier=step.place.tier or None,
        reason=reason,
        request_id=asking.request_id,
    )
