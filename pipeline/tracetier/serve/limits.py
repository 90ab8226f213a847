"""Bounds of what a caller may send: size and depth of a body, and requests in time."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from tracetier.serve.problems import UNREADABLE, ProblemError, of_invalid

MAX_BODY_BYTES = 1 << 20
"""Bytes of a body, where a path has no bound of its own."""

MAX_DEPTH = 64
"""Arrays and objects within each other."""

MAX_CALLERS = 10_000
"""Callers whose rate is remembered; beyond it the one not seen for longest is forgotten."""


def too_large(most_bytes: int) -> ProblemError:
    """Return the answer to a body beyond the bound."""
    return ProblemError(
        "too-large",
        413,
        f"the body has more than {most_bytes:,} bytes",
        mend="send less at once; texts beyond some thousand words add nothing to a decision",
        headers=((b"connection", b"close"),),
    )


def read_json(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:  # Any: whatever JSON holds
    """Return a document of no fixed shape, unless it is too deep.

    Raises
    ------
    ProblemError
        400 for what is no JSON, 422 for what is too deep.

    Examples
    --------
    >>> read_json(b'{"a": [1]}')
    {'a': [1]}
    >>> read_json(b"[" * 65 + b"]" * 65)
    Traceback (most recent call last):
    tracetier.serve.problems.ProblemError: the body has more than 64 arrays and objects ...
    """
    # As many brackets as there may be levels cannot be too deep, wherever they stand.
    may_be_deep = body.count(b"[") + body.count(b"{") > max_depth
    try:
        document = msgspec.json.decode(body)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except UNREADABLE as error:
        raise of_invalid(error) from None
    if may_be_deep and _is_deeper(document, max_depth):
        raise _too_deep(max_depth)
    return document


def _too_deep(max_depth: int) -> ProblemError:
    return ProblemError(
        "invalid-value", 422, f"the body has more than {max_depth} arrays and objects in each other"
    )


def _is_deeper(document: object, most: int) -> bool:
    level: list[object] = [document]
    for _ in range(most):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        if not inner:
            return False
        level = inner
    return any(isinstance(each, (dict, list)) for each in level)


class RateLimit:
    """A bucket of tokens per caller: so many requests a second, and a burst above it.

    Parameters
    ----------
    per_s : float
        Requests a second in the long run, > 0.
    burst : int, optional
        Requests at once, by default those of two seconds.
    clock : callable
        Seconds.

    Examples
    --------
    >>> now = [0.0]
    >>> limit = RateLimit(2.0, burst=2, clock=lambda: now[0])
    >>> [limit.wait_s("ci") for _ in range(3)]
    [0.0, 0.0, 0.5]
    >>> now[0] = 0.5
    >>> limit.wait_s("ci")
    0.0
    """

    def __init__(
        self,
        per_s: float,
        *,
        burst: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_s = per_s
        self._burst = float(burst if burst is not None else max(1.0, 2.0 * per_s))
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Take a request into account; return the seconds that it comes too early, else 0."""
        now = self._clock()
        left, seen = self._buckets.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - seen) * self._per_s)
        wait_s = 0.0 if left >= 1.0 else (1.0 - left) / self._per_s
        self._buckets[caller] = (left - 1.0 if wait_s == 0.0 else left, now)
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return wait_s
