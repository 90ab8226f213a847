"""Which upstreams have been failing, for the health of the service."""

import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

N_IN_A_ROW: Final = 3
"""Failures in a row after which an upstream counts as down."""

FORGET_S: Final = 60.0
"""Seconds after which nothing more is concluded from its last failure."""


class _Failing(Struct):
    n: int
    reason: str
    at_s: float


class UpstreamHealth:
    """Counts failures in a row, by upstream.

    Examples
    --------
    >>> health = UpstreamHealth(clock=lambda: 0.0)
    >>> for _ in range(3):
    ...     health.failed("local", "timeout")
    >>> health.trouble()
    'local failed 3 times in a row (timeout)'
    >>> health.worked("local")
    >>> health.trouble() is None
    True
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing: dict[str, _Failing] = {}

    def worked(self, upstream: str) -> None:
        """Take note of an answer."""
        self._failing.pop(upstream, None)

    def failed(self, upstream: str, reason: str) -> None:
        """Take note of a failure."""
        known = self._failing.get(upstream)
        n = 1 if known is None else known.n + 1
        self._failing[upstream] = _Failing(n, reason, self._clock())

    def trouble(self) -> str | None:
        """Return what is down, ``None`` where nothing is; safe to ask from any thread."""
        now_s = self._clock()
        down = [
            f"{name} failed {found.n} times in a row ({found.reason})"
            for name, found in list(self._failing.items())
            if found.n >= N_IN_A_ROW and now_s - found.at_s <= FORGET_S
        ]
        return "; ".join(down) or None
