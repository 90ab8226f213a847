"""One request to the gateway: what is asked, who answers, and the answer on its way back.

body -> task -> plan -> upstream --ok--> answer passed on, byte for byte, and watched
 next tier <------ no: connect error, timeout, 429, 5xx; before the first byte only
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from msgspec import Struct

from tracetier.errors import InputError
from tracetier.serve.gateway.answer import Outcome, Watch
from tracetier.serve.gateway.attempts import Asking, OneStep, Reached, Steps, reach
from tracetier.serve.gateway.config import Api, GatewayConfig
from tracetier.serve.gateway.headers import Headers, to_client
from tracetier.serve.gateway.model_name import OURS, Asked, read_model
from tracetier.serve.gateway.network import Network
from tracetier.serve.gateway.plan import Plan, Step
from tracetier.serve.gateway.proxies import Seen
from tracetier.serve.gateway.report import Ended, Reporter, Retried
from tracetier.serve.gateway.request import RequestError, read_body
from tracetier.serve.gateway.retries import Retries
from tracetier.serve.gateway.session import Sessions
from tracetier.serve.gateway.task import Live, live_task, read_headers
from tracetier.serve.gateway.transport import UpstreamError
from tracetier.serve.gateway.upstream_health import UpstreamHealth
from tracetier.serve.service import Service

Send = Callable[[Any], Awaitable[None]]  # Any: ASGI's own dictionaries

_REQUEST_ERRORS: Final = frozenset({400, 413, 422})
"""What an upstream says of a request that the model could not take, not of its own state."""


class Parts(Struct, frozen=True, kw_only=True):
    """What all requests share."""

    service: Service
    config: GatewayConfig
    network: Network
    reporter: Reporter
    health: UpstreamHealth
    sessions: Sessions
    retries: Retries
    degraded: Sequence[str] = ()
    clock: Callable[[], float] = time.monotonic


class Exchange:
    """One request and its answer.

    Parameters
    ----------
    parts : Parts
    api : {"openai", "anthropic"}
    caller : str
        Name of the token.
    request_id : str
    headers : list of (bytes, bytes)
        Of the request, names in lower case.
    query : bytes
        Of its path.

    Attributes
    ----------
    is_done : bool
        Whether all of the answer was given away; if the client leaves then, nothing is lost.
    """

    def __init__(
        self,
        parts: Parts,
        api: Api,
        *,
        caller: str,
        request_id: str,
        headers: Headers,
        query: bytes = b"",
    ) -> None:
        self._parts = parts
        self._api = api
        self._caller = caller
        self._request_id = request_id
        self._headers = headers
        self._query = query
        self._start_s = parts.clock()
        self.is_done = False

    async def run(self, raw: bytes, send: Send) -> None:
        """Answer a request.

        Raises
        ------
        RequestError
            If there is no answer to pass on; nothing was sent then.
        UpstreamError
            If the upstream broke off within its answer.
        """
        body = read_body(raw)
        told = read_headers(self._headers)
        live = live_task(body, told, self._parts.sessions, caller=self._caller, now_s=self._start_s)
        steps, asked = self._steps(body.model, live)
        asking = Asking(
            api=self._api,
            body=body,
            headers=self._headers,
            query=self._query,
            request_id=self._request_id,
        )
        parts = self._parts
        reached = await reach(steps, asking, parts.config, parts.network, parts.health)
        if asked is not None and reached.step.decision is not None:
            again = parts.retries.seen(
                body, self._caller, reached.step.decision.decision_id, self._start_s
            )
            if again is not None:
                parts.reporter.give(Retried(again))
        failure = steps.failure if isinstance(steps, Plan) else None
        await self._pass_on(reached, live, failure, send)

    def _steps(self, model: str, live: Live) -> tuple[Steps, Asked | None]:
        config = self._parts.config
        try:
            asked = read_model(model)
        except InputError as error:
            raise RequestError(400, str(error), param="model") from error
        if asked is not None:
            return Plan(self._parts.service, config, self._api, asked, live), asked
        place = config.declared(self._api, model)
        if place is None:
            raise RequestError(
                404,
                f"no tier and no upstream of this service declares that model for {self._api}'s "
                f'protocol; use "{OURS}", or a model that a [[tier]] or [[upstream]] names',
                param="model",
                code="model_not_found",
            )
        return OneStep(Step(place)), None

    async def _pass_on(self, reached: Reached, live: Live, failure: str | None, send: Send) -> None:
        """Give the answer away as it comes, and take note of what it told."""
        answer = reached.answer
        headers = to_client(answer.headers)
        found = dict(headers)
        watch = Watch(
            is_stream=found.get(b"content-type", b"").startswith(b"text/event-stream"),
            keeps_all=bool(self._parts.config.habits.proxies),
        )
        headers += self._own_headers(reached, failure)
        is_broken = False
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            piece = answer.first
            while True:
                self.is_done = answer.is_ended
                more = not answer.is_ended
                await send({"type": "http.response.body", "body": piece, "more_body": more})
                watch.feed(piece)
                if answer.is_ended:
                    break
                piece = await answer.next()
        except UpstreamError:
            is_broken = True
        finally:
            await answer.close()
        # What is sent leaves at the end of a turn of the event loop; what the session's next
        # request will ask is noted in the very next turn, before any such request is read.
        await asyncio.sleep(0)
        outcome = watch.outcome()
        self._remember(reached, live, outcome, is_broken=is_broken)
        self._report(reached, watch, outcome, is_broken=is_broken)
        if is_broken:
            self._parts.health.failed(reached.step.place.upstream.name, "broke off")
            raise UpstreamError("broke off")

    def _remember(self, reached: Reached, live: Live, outcome: Outcome, *, is_broken: bool) -> None:
        """Keep what the next request of the session will ask of this one."""
        parts, step, status = self._parts, reached.step, reached.answer.status
        failed = status >= 400 or is_broken or outcome.is_error
        parts.sessions.of(live.session.id).ended(
            start_s=self._start_s,
            end_s=parts.clock(),
            failed=failed,
            tier=step.place.tier or None,
            n_tokens=_n_tokens(outcome),
            text=live.task.text,
        )

    def _report(self, reached: Reached, watch: Watch, outcome: Outcome, *, is_broken: bool) -> None:
        parts, step, status = self._parts, reached.step, reached.answer.status
        if step.decision is None:
            return
        is_told = status < 400 or status in _REQUEST_ERRORS
        is_error = is_broken or outcome.is_error or status in _REQUEST_ERRORS
        parts.reporter.give(
            Ended(
                decision_id=step.decision.decision_id,
                model=step.place.model,
                tier=parts.config.tier(step.place.tier),
                outcome=outcome,
                seen=(lambda: _with_error(watch.seen(), is_error)) if is_told else None,
            )
        )

    def _own_headers(self, reached: Reached, failure: str | None) -> Headers:
        step = reached.step
        told = {
            "decision": None if step.decision is None else step.decision.decision_id,
            "tier": step.place.tier,
            "model": step.place.model,
            "upstream": step.place.upstream.name,
            "tried": "; ".join(reached.tried),
            "routing": f"failed ({failure})" if failure is not None else None,
            "degraded": ", ".join(self._parts.degraded),
        }
        return [(f"x-tracetier-{name}".encode(), _safe(v)) for name, v in told.items() if v]


def _n_tokens(outcome: Outcome) -> int | None:
    tokens = outcome.tokens
    return None if tokens.input is None else tokens.input + (tokens.output or 0)


def _with_error(seen: Seen, is_error: bool) -> Seen:
    return Seen(
        error=is_error or seen.error,
        refusal=seen.refusal,
        truncation=seen.truncation,
        invalid_tool_call=seen.invalid_tool_call,
    )


def _safe(value: str) -> bytes:
    """Return a header's value: a model's name is the client's own, and may hold anything."""
    shown = "".join(char if " " <= char <= "~" else "?" for char in value)
    return shown[:500].encode()
