"""What the edge and the front share: who may, which routes are fast, how errors are told.

Every request is noted here when it is through: counted, and logged where that is news.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec import Struct

from tracetier.serve import problems
from tracetier.serve.admission import Admission, Visit
from tracetier.serve.asgi import ASGIApp
from tracetier.serve.hot.answer import Answer
from tracetier.serve.limits import MAX_BODY_BYTES
from tracetier.serve.logs import error_facts, tell
from tracetier.serve.metrics import Metrics
from tracetier.serve.problems import ProblemError

Hot = Callable[[bytes], Awaitable[Answer]]
"""A fast route: body in, answer out."""

HotSoon = Callable[[bytes, Callable[[Answer | Exception], None]], None]
"""The same without a task of the event loop's: calls back with the answer."""

Form = Callable[[ProblemError], Answer]
"""Says a problem in the form that the clients of a path understand."""

ALLOW_POST: Final = ((b"allow", b"POST"),)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Gate(Struct, kw_only=True):
    """What requests are served by.

    ``hot`` holds the fast routes, all by POST, and ``soon`` those of them that can do without a
    task; ``plain`` the parts' routes by POST that need nothing of the framework; ``bounds`` the
    paths with a bound of their own for a body, in bytes; ``forms`` those whose clients understand
    errors of another form than problem documents.
    """

    hot: Mapping[str, Hot]
    soon: Mapping[str, HotSoon]
    plain: Mapping[str, ASGIApp] = {}
    admission: Admission
    metrics: Metrics
    max_body_bytes: int = MAX_BODY_BYTES
    bounds: Mapping[str, int] = {}
    forms: Mapping[str, Form] = {}
    logs_all: bool = False

    def said(self, problem: ProblemError, path: str, request_id: str) -> Answer:
        """Return a problem as an answer, in the form of its path."""
        form = self.forms.get(path)
        if form is not None:
            return form(problem)
        body = problem.body(request_id)
        return Answer(problem.status, body, problem.headers, problems.CONTENT_TYPE)

    def failed(self, error: Exception, path: str, visit: Visit) -> Answer:
        """Return an error as an answer; what is no problem is a bug, and is logged."""
        if isinstance(error, ProblemError):
            return self.said(error, path, visit.request_id)
        tell(
            "failed",
            level=logging.ERROR,
            request_id=visit.request_id,
            route=visit.route,
            **error_facts(error),  # type: ignore[arg-type]
        )
        return self.said(problems.internal(), path, visit.request_id)

    def note(self, method: str, visit: Visit) -> None:
        """Count a request that is through, and log it where it is news."""
        seconds = time.perf_counter() - visit.started
        self.metrics.answered(visit.route, visit.status, seconds)
        is_news = visit.status >= 500 or visit.status in (401, 403, 421)
        if is_news or self.logs_all:
            tell(
                "request",
                level=logging.WARNING if is_news else logging.INFO,
                request_id=visit.request_id,
                method=method if method in _METHODS else "other",
                route=visit.route,
                status=visit.status,
                ms=round(1000.0 * seconds, 2),
                caller=visit.caller.name,
            )


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
