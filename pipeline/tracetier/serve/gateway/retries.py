"""The same request again, soon after: a sign that its first answer was no good."""

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from tracetier.serve.gateway.request import Body

MAX_REQUESTS: Final = 10_000
_NOT_THE_TASK: Final = frozenset({"model", "stream", "stream_options", "seed", "metadata", "user"})


class Retries:
    """The last requests, by a hash of what they ask.

    Parameters
    ----------
    within_s : float
        Seconds within which the same request again is a retry; 0 where nobody asks.

    Examples
    --------
    >>> from tracetier.serve.gateway.request import read_body
    >>> retries = Retries(within_s=30.0)
    >>> first = read_body(b'{"model": "tracetier", "messages": []}')
    >>> again = read_body(b'{"messages": [], "model": "tracetier:lam=0"}')
    >>> retries.seen(first, "ci", "d1", 0.0), retries.seen(again, "ci", "d2", 9.0)
    (None, 'd1')
    """

    def __init__(self, *, within_s: float) -> None:
        self._within_s = within_s
        self._last: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def seen(self, body: Body, caller: str, decision_id: str, now_s: float) -> str | None:
        """Take note of a request; return the decision of the same one before, if it was soon."""
        if self._within_s <= 0:
            return None
        digest = _digest(body, caller)
        before = self._last.pop(digest, None)
        self._last[digest] = (decision_id, now_s)
        if len(self._last) > MAX_REQUESTS:
            self._last.popitem(last=False)
        if before is None or now_s - before[1] > self._within_s:
            return None
        return before[0]


def _digest(body: Body, caller: str) -> bytes:
    found = blake2b(caller.encode(), digest_size=16)
    for name in sorted(body.fields):
        if name not in _NOT_THE_TASK:
            found.update(name.encode("utf-8", "replace") + b"\0" + bytes(body.fields[name]))
    return found.digest()
