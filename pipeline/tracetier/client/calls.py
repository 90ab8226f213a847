"""What a client asks: one request per verb, and what its answer is. No network here.

Both clients, the one that waits and the asynchronous one, take their requests from here, so they
cannot differ.
"""

import os
from collections.abc import Collection, Iterable
from typing import Generic, Literal, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from tracetier.errors import SettingsError
from tracetier.records import Feedback, Task
from tracetier.serve.schema import (
    BatchAnswer,
    BatchRequest,
    DecisionAnswer,
    FeedbackAnswer,
    FeedbackRequest,
    HealthAnswer,
    RouteAnswer,
    RouteRequest,
    SwapAnswer,
    SwapRequest,
)

TOKEN_ENV = "TRACETIER_TOKEN"
DEFAULT_URL = "http://127.0.0.1:8080"
Answer = TypeVar("Answer")


class Call(Struct, Generic[Answer], frozen=True):
    """A request: where, what, what the answer is, and whether it may be made twice."""

    method: str
    path: str
    answer: type[Answer]
    body: object = None
    is_idempotent: bool = True

    @property
    def content(self) -> bytes | None:
        """The body as bytes."""
        return None if self.body is None else msgspec.json.encode(self.body)


def headers_of(token: str | None) -> dict[str, str]:
    """Return the headers of every request; the token is by default that of the environment.

    Raises
    ------
    SettingsError
        If it cannot be one; it is not shown.
    """
    token = os.environ.get(TOKEN_ENV, "") if token is None else token
    if not token.isascii() or any(c.isspace() or not c.isprintable() for c in token):
        raise SettingsError(
            f"the token holds a blank or what is not ASCII; give it as it was made, see {TOKEN_ENV}"
        )
    own = {"content-type": "application/json", "accept": "application/json"}
    return own | ({"authorization": f"Bearer {token}"} if token else {})


def route(
    task: Task | str,
    lam: float | None,
    allowed: Collection[str] | None,
    trace_id: str | None,
) -> Call[RouteAnswer]:
    """Choose a tier. Asked twice it is another decision, of which no harm comes."""
    body = RouteRequest(
        task=_task(task),
        lam=lam,
        allowed=None if allowed is None else list(allowed),
        trace_id=trace_id,
    )
    return Call("POST", "/v1/route", RouteAnswer, body, is_idempotent=False)


def route_batch(
    tasks: Iterable[Task | str], lam: float | None, allowed: Collection[str] | None
) -> Call[BatchAnswer]:
    """Choose a tier for each task."""
    body = BatchRequest(
        tasks=[_task(task) for task in tasks],
        lam=lam,
        allowed=None if allowed is None else list(allowed),
    )
    return Call("POST", "/v1/route/batch", BatchAnswer, body, is_idempotent=False)


def feedback(
    decision_id: str | Feedback, quality: float | None, cost_usd: float | None
) -> Call[FeedbackAnswer]:
    """Report an outcome; a report that came before is known to the service and taught once."""
    if isinstance(decision_id, Feedback):
        return feedback_many([decision_id])
    body = FeedbackRequest(decision_id=decision_id, quality=quality, cost_usd=cost_usd)
    return Call("POST", "/v1/feedback", FeedbackAnswer, body)


def feedback_many(reports: Iterable[Feedback]) -> Call[FeedbackAnswer]:
    """Report several outcomes."""
    return Call("POST", "/v1/feedback", FeedbackAnswer, FeedbackRequest(reports=list(reports)))


def feedback_trace(
    trace_id: str, quality: float, credit: Literal["equal", "unreported"]
) -> Call[FeedbackAnswer]:
    """Report the outcome of a trace."""
    body = FeedbackRequest(trace_id=trace_id, quality=quality, credit=credit)
    return Call("POST", "/v1/feedback", FeedbackAnswer, body)


def decision(decision_id: str) -> Call[DecisionAnswer]:
    """Look a decision up."""
    return Call("GET", f"/v1/decisions/{quote(decision_id, safe='')}", DecisionAnswer)


def swap(path: str) -> Call[SwapAnswer]:
    """Decide with another artifact; asked twice it is the same."""
    return Call("POST", "/v1/artifact", SwapAnswer, SwapRequest(path=path))


def health() -> Call[HealthAnswer]:
    """Ask how the service stands."""
    return Call("GET", "/readyz", HealthAnswer)


def _task(task: Task | str) -> Task:
    return Task(text=task) if isinstance(task, str) else task
