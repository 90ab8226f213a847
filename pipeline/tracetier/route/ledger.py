"""Decisions that wait for their report, and reports that came: both bounded, both in order.

A decision is kept with what its update needs, so a report may come late, in any order and in
another process. One that never comes costs a bounded amount of memory, and is counted when it is
given up.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from msgspec import Struct


class Pending(Struct, frozen=True, kw_only=True, gc=False):
    """A decision whose report is out.

    Attributes
    ----------
    bucket, tier : int
        Indices of the bucket and of the tier taken.
    quality, cost : float
        What the model predicted for that tier: quality and reward cost, both in [0, 1].
    lam : float
        Lambda of the decision.
    propensity : float
        Probability with which the tier was taken, in (0, 1].
    time_s : float
        When, in seconds since 1970 (UTC).
    """

    bucket: int
    tier: int
    quality: float
    cost: float
    lam: float
    propensity: float
    time_s: float


class Ledger:
    """The newest ``max_pending`` decisions without, and ``max_applied`` ids with a report.

    Examples
    --------
    >>> one = Pending(bucket=0, tier=1, quality=0.5, cost=0.1, lam=0.3, propensity=1, time_s=0)
    >>> ledger = Ledger(max_pending=1, max_applied=10)
    >>> ledger.open("a", one), ledger.open("b", one) is one
    (None, True)
    >>> ledger.settle("b") is one, ledger.is_applied("b"), ledger.settle("a")
    (True, True, None)
    """

    def __init__(
        self,
        *,
        max_pending: int,
        max_applied: int,
        pending: Mapping[str, Pending] | None = None,
        applied: Iterable[str] = (),
    ) -> None:
        self.pending: OrderedDict[str, Pending] = OrderedDict(pending or {})
        self.applied: OrderedDict[str, None] = OrderedDict.fromkeys(applied)
        self._max_pending = max_pending
        self._max_applied = max_applied

    def __contains__(self, decision_id: str) -> bool:
        return decision_id in self.pending or decision_id in self.applied

    def open(self, decision_id: str, decision: Pending) -> Pending | None:
        """Keep a decision; return the oldest one where it had to make room."""
        self.pending[decision_id] = decision
        if len(self.pending) <= self._max_pending:
            return None
        return self.pending.popitem(last=False)[1]

    def settle(self, decision_id: str) -> Pending | None:
        """Take a decision out because its report came; ``None`` where it is not pending."""
        decision = self.pending.pop(decision_id, None)
        if decision is None:
            return None
        self.applied[decision_id] = None
        if len(self.applied) > self._max_applied:
            self.applied.popitem(last=False)
        return decision

    def is_applied(self, decision_id: str) -> bool:
        """Whether the decision's report is known to have come."""
        return decision_id in self.applied
