"""The clients of a service, one that waits for its answers and one for asynchronous code.

>>> from tracetier import Client
>>> with Client("http://127.0.0.1:8080") as client:                             # doctest: +SKIP
...     decision = client.route("Rename foo to bar.", allowed=["haiku", "sonnet"])
...     answer = call_the_model(decision.model)
...     client.feedback(decision.decision_id, quality=8.5, cost_usd=0.012)
"""

import asyncio
import time
from collections.abc import Collection, Iterable
from types import TracebackType
from typing import Literal, Self, TypeVar

import httpx

from tracetier.client import calls
from tracetier.client.answer import decoded, unreachable
from tracetier.client.calls import DEFAULT_URL, Call, headers_of
from tracetier.client.retry import Retry
from tracetier.errors import FeedbackError
from tracetier.records import Decision, Feedback, Task
from tracetier.serve.schema import (
    DecisionAnswer,
    HealthAnswer,
    ReceiptView,
    RouteAnswer,
    SwapAnswer,
)

Answer = TypeVar("Answer")
Credit = Literal["equal", "unreported"]
TIMEOUT_S = 10.0


class Client:
    """Asks a service for decisions and reports outcomes; safe between threads.

    A connection that fails, and an answer of 429 or 503, are tried again with growing waits, as
    the service asks for. Reports are safe to send again: each outcome is learned from once.

    Parameters
    ----------
    url : str
        Of the service.
    token : str, optional
        By default the environment variable ``TRACETIER_TOKEN``; without it no token is sent.
    timeout_s : float
        Seconds that one try may take.
    retry : Retry
        How often, and how soon, it tries again.
    transport : httpx.BaseTransport, optional
        In place of the network, as in tests.

    Raises
    ------
    TracetierError
        Every method raises what a `Router` raises; its ``field`` and ``mend`` are the service's.
        `ServiceError` where it cannot be reached, or failed.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        retry: Retry | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._retry = retry or Retry()
        self._http = httpx.Client(
            base_url=url, headers=headers_of(token), timeout=timeout_s, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def route(
        self,
        task: Task | str,
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
        trace_id: str | None = None,
    ) -> RouteAnswer:
        """Choose a tier for a task, or for its text alone, as `Router.route` does.

        Returns
        -------
        Decision
            Its ``degraded`` says of what the service has to do without, where it has to.
        """
        return self._ask(calls.route(task, lam, allowed, trace_id))

    def route_batch(
        self,
        tasks: Iterable[Task | str],
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
    ) -> list[Decision]:
        """Choose a tier for each of up to 1,000 tasks, in their order."""
        return self._ask(calls.route_batch(tasks, lam, allowed)).decisions

    def feedback(
        self,
        decision_id: str | Feedback,
        *,
        quality: float | None = None,
        cost_usd: float | None = None,
    ) -> ReceiptView:
        """Report the outcome of a decision, or a part of it: quality 0-10, cost in USD.

        Returns
        -------
        ReceiptView
            ``new`` names what the service did not know before.
        """
        return self._ask(calls.feedback(decision_id, quality, cost_usd)).receipts[0]

    def feedback_many(self, reports: Iterable[Feedback]) -> list[ReceiptView]:
        """Report up to 1,000 outcomes; if one is wrong, none is learned."""
        return self._ask(calls.feedback_many(reports)).receipts

    def feedback_trace(
        self, trace_id: str, *, quality: float, credit: Credit = "equal"
    ) -> ReceiptView:
        """Credit the outcome of a trace, 0-10, to its decisions."""
        return self._ask(calls.feedback_trace(trace_id, quality, credit)).receipts[0]

    def decision(self, decision_id: str) -> DecisionAnswer | None:
        """Return what is known of a decision, ``None`` where the service does not know it."""
        try:
            return self._ask(calls.decision(decision_id))
        except FeedbackError:
            return None

    def swap(self, path: str) -> SwapAnswer:
        """Let the service decide with another artifact: a path below its folder of models."""
        return self._ask(calls.swap(path))

    def health(self) -> HealthAnswer:
        """Return how the service stands."""
        return self._ask(calls.health())

    def _ask(self, call: Call[Answer]) -> Answer:
        n_tried = 0
        while True:
            n_tried += 1
            outcome: httpx.Response | httpx.HTTPError
            try:
                outcome = self._http.request(call.method, call.path, content=call.content)
            except httpx.HTTPError as error:
                outcome = error
            wait_s = self._retry.wait_s(n_tried, outcome, is_idempotent=call.is_idempotent)
            if wait_s is None:
                return _answer(outcome, call, str(self._http.base_url))
            time.sleep(wait_s)


class AsyncClient:
    """The same for asynchronous code, see `Client`."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        retry: Retry | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._retry = retry or Retry()
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers_of(token), timeout=timeout_s, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def route(
        self,
        task: Task | str,
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
        trace_id: str | None = None,
    ) -> RouteAnswer:
        """Choose a tier, see `Client.route`."""
        return await self._ask(calls.route(task, lam, allowed, trace_id))

    async def route_batch(
        self,
        tasks: Iterable[Task | str],
        *,
        lam: float | None = None,
        allowed: Collection[str] | None = None,
    ) -> list[Decision]:
        """Choose a tier for each task, see `Client.route_batch`."""
        return (await self._ask(calls.route_batch(tasks, lam, allowed))).decisions

    async def feedback(
        self,
        decision_id: str | Feedback,
        *,
        quality: float | None = None,
        cost_usd: float | None = None,
    ) -> ReceiptView:
        """Report an outcome, see `Client.feedback`."""
        return (await self._ask(calls.feedback(decision_id, quality, cost_usd))).receipts[0]

    async def feedback_many(self, reports: Iterable[Feedback]) -> list[ReceiptView]:
        """Report several outcomes, see `Client.feedback_many`."""
        return (await self._ask(calls.feedback_many(reports))).receipts

    async def feedback_trace(
        self, trace_id: str, *, quality: float, credit: Credit = "equal"
    ) -> ReceiptView:
        """Credit the outcome of a trace, see `Client.feedback_trace`."""
        return (await self._ask(calls.feedback_trace(trace_id, quality, credit))).receipts[0]

    async def decision(self, decision_id: str) -> DecisionAnswer | None:
        """Look a decision up, see `Client.decision`."""
        try:
            return await self._ask(calls.decision(decision_id))
        except FeedbackError:
            return None

    async def swap(self, path: str) -> SwapAnswer:
        """Swap the artifact, see `Client.swap`."""
        return await self._ask(calls.swap(path))

    async def health(self) -> HealthAnswer:
        """Return how the service stands."""
        return await self._ask(calls.health())

    async def _ask(self, call: Call[Answer]) -> Answer:
        n_tried = 0
        while True:
            n_tried += 1
            outcome: httpx.Response | httpx.HTTPError
            try:
                outcome = await self._http.request(call.method, call.path, content=call.content)
            except httpx.HTTPError as error:
                outcome = error
            wait_s = self._retry.wait_s(n_tried, outcome, is_idempotent=call.is_idempotent)
            if wait_s is None:
                return _answer(outcome, call, str(self._http.base_url))
            await asyncio.sleep(wait_s)


def _answer(outcome: httpx.Response | httpx.HTTPError, call: Call[Answer], url: str) -> Answer:
    if isinstance(outcome, httpx.Response):
        return decoded(outcome, call.answer)
    raise unreachable(outcome, url) from outcome
