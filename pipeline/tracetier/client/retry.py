"""When to ask a service again, and after how long.

    waits 0.1 s, 0.2 s, 0.4 s ... at most 5 s, each times a random share between a half and all,
    or what the service says in Retry-After

An answer of 429 or 503, and a connection that never came about, say that nothing was done: what
was asked can be asked again, whatever it is. Where an answer got lost on its way back, only what
may be done twice is asked again.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import random

import httpx
from msgspec import Struct

RETRIED = frozenset({429, 503})
MAX_RETRY_AFTER_S = 60.0
"""A service that wants to be left alone for longer is answered by giving up."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_MAY_BE_DONE = (
    *(httpx.ReadError, httpx.WriteError),
    *(httpx.RemoteProtocolError, httpx.TimeoutException),
)


class Retry(Struct, frozen=True, kw_only=True):
    """How patient a client is.

    Parameters
    ----------
    times : int
        Tries beyond the first.
    first_wait_s, most_wait_s : float
        Before the second try, and before any.
    """

    times: int = 4
    first_wait_s: float = 0.1
    most_wait_s: float = 5.0

    def wait_s(
        self,
        n_tried: int,
        outcome: httpx.Response | Exception,
        *,
        is_idempotent: bool,
        share: Callable[[], float] = random,
    ) -> float | None:
        """Return the seconds to wait before the next try, ``None`` for giving up.

        Parameters
        ----------
        n_tried : int
            Tries so far, >= 1.
        outcome : Response or Exception
            What came of the last.
        is_idempotent : bool
            Whether it may be done twice.
        share : callable
            Random numbers in [0, 1).

        Examples
        --------
        >>> busy = httpx.Response(503)
        >>> [Retry().wait_s(n, busy, is_idempotent=False, share=lambda: 1.0) for n in (1, 2, 5)]
        [0.1, 0.2, None]
        """
        if n_tried > self.times or not _is_worth_it(outcome, is_idempotent):
            return None
        wait_s = min(self.most_wait_s, self.first_wait_s * 2.0 ** (n_tried - 1))
        wait_s *= 0.5 + 0.5 * share()
        asked_s = None
        if isinstance(outcome, httpx.Response):
            asked_s = retry_after_s(outcome.headers)
        if asked_s is None:
            return wait_s
        return None if asked_s > MAX_RETRY_AFTER_S else asked_s + wait_s


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header, given as such or as a date.

    Examples
    --------
    >>> retry_after_s({"retry-after": "2"}), retry_after_s({}), retry_after_s({"retry-after": "x"})
    (2.0, None, None)
    """
    told = headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def _is_worth_it(outcome: httpx.Response | Exception, is_idempotent: bool) -> bool:
    if isinstance(outcome, httpx.Response):
        return outcome.status_code in RETRIED
    if isinstance(outcome, _NEVER_SENT):
        return True
    return is_idempotent and isinstance(outcome, _MAY_BE_DONE)
