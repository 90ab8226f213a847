"""Decisions that wait for their report, and reports that came: all bounded, all in order.

A decision is kept with what its update needs, so a report may come late, in any order, in parts
and in another process. One that never comes costs a bounded amount of memory, and is counted when
it is given up. What is given up is forgotten: a report of it is refused, and not taken for a
second one.
"""

import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, structs


class Pending(Struct, frozen=True, gc=False, omit_defaults=True):
    """A decision whose report is out, or not complete.

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
    known_cost : float, optional
        Reward cost that was reported already, in [0, 1].
    session_id, trace_id, tenant : str, optional
        What the decision belongs to.
    usd, dear_usd, dear_quality : float
        What the tier taken, and the dearest, were believed to cost; and of the dearest, its
        quality, 0-10.
    """

    bucket: int
    tier: int
    quality: float
    cost: float
    lam: float
    propensity: float
    time_s: float
    known_cost: float | None = None
    session_id: str | None = None
    trace_id: str | None = None
    tenant: str | None = None
    usd: float = 0.0
    dear_usd: float = 0.0
    dear_quality: float = 0.0


class Ledger:
    """The newest decisions without a quality, without a cost only, and the newest settled ids.

    Parameters
    ----------
    max_pending, max_applied : int
        Most decisions that wait for their quality; most that wait for their cost alone, and most
        settled ids.
    pending, partial : mapping of str to Pending
        Decisions without a quality, and with a quality but no cost; oldest first.
    applied : iterable of str
        Ids with both, oldest first.

    Examples
    --------
    >>> one = Pending(bucket=0, tier=1, quality=0.5, cost=0.1, lam=0.3, propensity=1, time_s=0)
    >>> ledger = Ledger(max_pending=1, max_applied=10)
    >>> ledger.open("a", one), ledger.open("b", one) is one
    (None, True)
    >>> ledger.settle("b", quality=True, cost=0.2), list(ledger.applied), "a" in ledger
    (None, ['b'], False)
    """

    def __init__(
        self,
        *,
        max_pending: int,
        max_applied: int,
        pending: Mapping[str, Pending] | None = None,
        partial: Mapping[str, Pending] | None = None,
        applied: Iterable[str] = (),
    ) -> None:
        self.pending: OrderedDict[str, Pending] = OrderedDict(pending or {})
        self.partial: OrderedDict[str, Pending] = OrderedDict(partial or {})
        self.applied: OrderedDict[str, None] = OrderedDict.fromkeys(applied)
        self.max_pending = max_pending
        self._max_applied = max_applied
        self._of_trace: dict[str, dict[str, None]] = {}
        for decision_id, decision in self.pending.items():
            self._note(decision_id, decision)
        # Nothing that waits was decided before this time, so up to it nothing need be looked at.
        waiting = (*self.pending.values(), *self.partial.values())
        self._none_before_s = min((decision.time_s for decision in waiting), default=math.inf)

    def __contains__(self, decision_id: str) -> bool:
        return (
            decision_id in self.pending
            or decision_id in self.applied
            or decision_id in self.partial
        )

    def open(self, decision_id: str, decision: Pending) -> Pending | None:
        """Keep a decision; return the oldest one where it had to make room."""
        self.pending[decision_id] = decision
        if decision.time_s < self._none_before_s:
            self._none_before_s = decision.time_s
        if decision.trace_id is not None:
            self._note(decision_id, decision)
        return self._give_up() if len(self.pending) > self.max_pending else None

    def settle(self, decision_id: str, quality: bool, cost: float | None) -> None:
        """Take notice that the quality, or a reward cost, of an open decision came.

        Parameters
        ----------
        decision_id : str
            Of a decision that waits for what came.
        quality : bool
            Whether the quality came.
        cost : float, optional
            The reward cost that came.
        """
        if not quality and decision_id in self.pending:
            # In place: the order by age stays.
            decision = self.pending[decision_id]
            self.pending[decision_id] = structs.replace(decision, known_cost=cost)
            return
        if not quality:
            del self.partial[decision_id]
            self._remember(decision_id)
            return
        decision = self.pending.pop(decision_id)
        if decision.trace_id is not None:
            self._untrace(decision_id, decision.trace_id)
        if cost is not None or decision.known_cost is not None:
            self._remember(decision_id)
            return
        self.partial[decision_id] = decision
        if len(self.partial) > self._max_applied:
            self.partial.popitem(last=False)

    def expire(self, before_s: float) -> list[tuple[Pending, bool]]:
        """Give up what was decided before a time; return it, and whether its quality came."""
        given_up: list[tuple[Pending, bool]] = []
        if before_s <= self._none_before_s:
            return given_up
        while _is_due(self.pending, before_s):
            given_up.append((self._give_up(), False))
        while _is_due(self.partial, before_s):
            given_up.append((self.partial.popitem(last=False)[1], True))
        return given_up

    def shrink(self, max_pending: int) -> Iterator[Pending]:
        """Set how many may be open; yield those that are given up for it, oldest first."""
        self.max_pending = max_pending
        while len(self.pending) > max_pending:
            yield self._give_up()

    def dismiss(self, decision_id: str) -> None:
        """Know a decision as settled that was never open here."""
        self._remember(decision_id)

    def of_trace(self, trace_id: str) -> list[str]:
        """Return the ids of the trace's decisions without a quality, oldest first."""
        return list(self._of_trace.get(trace_id, ()))

    def _note(self, decision_id: str, decision: Pending) -> None:
        if decision.trace_id is not None:
            self._of_trace.setdefault(decision.trace_id, {})[decision_id] = None

    def _give_up(self) -> Pending:
        decision_id, decision = self.pending.popitem(last=False)
        if decision.trace_id is not None:
            self._untrace(decision_id, decision.trace_id)
        return decision

    def _untrace(self, decision_id: str, trace_id: str) -> None:
        ids = self._of_trace[trace_id]
        del ids[decision_id]
        if not ids:
            del self._of_trace[trace_id]

    def _remember(self, decision_id: str) -> None:
        self.applied[decision_id] = None
        if len(self.applied) > self._max_applied:
            self.applied.popitem(last=False)


def _is_due(waiting: OrderedDict[str, Pending], before_s: float) -> bool:
    """Whether the oldest was decided before a time."""
    for decision in waiting.values():
        return decision.time_s < before_s
    return False
