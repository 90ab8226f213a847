"""What callers were told, held against what the store holds: nothing lost, nothing twice.

A `Follower` folds the log of the store as it grows, and notes what each report taught. At the end
three things must be one: what was acknowledged is among what the log taught, each once and with the
value that was sent; what the log taught sums up to what the store's document says; and what the
log taught beyond what was acknowledged was sent by somebody.
"""

import math
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from tracetier.errors import TracetierError
from tracetier.route.event import Decided, Reported, TraceReported
from tracetier.route.learner import Learner
from tracetier.route.state.document import decode_document
from tracetier.route.state.store import open_state

QUALITY, COST = "quality", "cost_usd"


class Sent(Struct):
    """What one decision's reports said, and what came of them.

    ``refused`` tells that its decision was answered to be unknown.
    """

    decided_s: float
    values: dict[str, float] = {}
    acknowledged: dict[str, float] = {}
    refused_s: float | None = None
    by_gateway: bool = False


class Account:
    """Every decision that a caller was given, by its id."""

    def __init__(self) -> None:
        self.sent: dict[str, Sent] = {}
        self.credited: dict[str, float] = {}
        self.n_acknowledged = 0
        self.n_duplicates = 0

    def decided(self, decision_id: str, now_s: float, *, by_gateway: bool = False) -> None:
        """Take note of a decision."""
        self.sent[decision_id] = Sent(now_s, by_gateway=by_gateway)

    def sending(self, decision_id: str, values: dict[str, float]) -> None:
        """Take note of what is about to be reported; the first value of each outcome counts."""
        sent = self.sent[decision_id].values
        for name, value in values.items():
            sent.setdefault(name, value)

    def acknowledged(self, decision_id: str, values: dict[str, float]) -> None:
        """Take note that a report was answered by 200."""
        sent = self.sent[decision_id]
        for name in values:
            if name in sent.acknowledged:
                self.n_duplicates += 1
            else:
                sent.acknowledged[name] = sent.values[name]
                self.n_acknowledged += 1


class Follower:
    """Folds the log of a store from its beginning, and notes what each report taught."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._store = open_state(url)
        self.learner: Learner | None = None
        self.taught: dict[str, dict[str, float]] = {}
        self.n_twice = 0
        self.decided: set[str] = set()
        self.n_gaps = 0
        self.n_lost_ends = 0

    def follow(self) -> int:
        """Fold what is new, and return how much it was; a store that is away has none."""
        try:
            if self.learner is None:
                return self._begin()
            page = self._store.read(self.learner.mark)
        except TracetierError:
            return 0
        if page.is_elsewhere or page.is_behind:
            # Between here and there events were folded that nobody tells of one by one.
            self.n_gaps += 1
            self.n_lost_ends += page.is_behind
            return self._begin() if page.is_elsewhere else 0
        for event in page.events:
            self._fold(event)
        return len(page.events)

    def _begin(self) -> int:
        stored = self._store.load()
        if stored is None:
            return 0
        self.learner = Learner(decode_document(stored.document, where=self._url))
        for event in stored.events:
            self._fold(event)
        return len(stored.events)

    def _fold(self, event: Any) -> None:  # Any: the union of all events
        assert self.learner is not None
        receipt = self.learner.fold(event)
        if isinstance(event, Decided):
            self.decided.add(event.decision_id)
        elif isinstance(event, TraceReported) and receipt is not None:
            for decision_id in receipt.credited:
                self._learned(decision_id, QUALITY, event.quality_10)
        elif isinstance(event, Reported) and receipt:
            given = {QUALITY: event.quality_10, COST: event.cost_usd}
            for name in receipt.new:
                value = given[name]
                assert value is not None
                self._learned(event.decision_id, name, value)

    def _learned(self, decision_id: str, name: str, value: float) -> None:
        known = self.taught.setdefault(decision_id, {})
        self.n_twice += name in known
        known.setdefault(name, value)


def compare(
    account: Account, follower: Follower, url: str, explains: Callable[[float, float], bool]
) -> dict[str, Any]:
    """Return what was lost, what was learned twice, and what nobody sent.

    Parameters
    ----------
    account : Account
    follower : Follower
    url : str
    explains : callable
        Whether a fault between two times may have cost a decision that was taken at the first.
    """
    taught = follower.taught
    lost, wrong = [], []
    for decision_id, sent in account.sent.items():
        for name, value in sent.acknowledged.items():
            found = taught.get(decision_id, {}).get(name)
            if found is None:
                lost.append((decision_id, name))
            elif found != value and account.credited.get(decision_id) != found:
                wrong.append((decision_id, name, value, found))
    unsent = [
        (decision_id, name)
        for decision_id, values in taught.items()
        for name in values
        if not _is_sent(account, decision_id, name)
    ]
    refused = {
        decision_id: (sent.decided_s, sent.refused_s)
        for decision_id, sent in account.sent.items()
        if sent.refused_s is not None and not sent.acknowledged
    }
    unexplained = [each for each in refused.items() if not explains(*each[1])]
    total, counts, is_same = _stored(url, follower)
    sums = {name: [v[name] for v in taught.values() if name in v] for name in (QUALITY, COST)}
    return {
        "decisions": len(account.sent),
        "acknowledged": account.n_acknowledged,
        "acknowledged_again": account.n_duplicates,
        "lost": len(lost),
        "first_lost": lost[:3],
        "wrong_value": len(wrong),
        "learned_twice": follower.n_twice,
        "learned_unsent": len(unsent),
        "unknown_decisions": len(refused),
        "unexplained_unknown": len(unexplained),
        "unexplained_in_log": sum(name in follower.decided for name, _ in unexplained),
        "unexplained_s": [at_s for _, at_s in unexplained],
        "gaps_in_log": follower.n_gaps,
        "ends_lost_by_store": follower.n_lost_ends,
        "same_state": is_same,
        "store_counts": {
            "quality": [total.n_quality, len(sums[QUALITY])],
            "cost": [total.n_cost, len(sums[COST])],
        },
        "sums_agree": total.n_quality == len(sums[QUALITY])
        and total.n_cost == len(sums[COST])
        and math.isclose(total.quality, math.fsum(sums[QUALITY]), rel_tol=1e-9)
        and math.isclose(total.reported_usd, math.fsum(sums[COST]), rel_tol=1e-9),
        "duplicates_in_store": counts.duplicates,
        "expired_in_store": counts.expired,
    }


def _is_sent(account: Account, decision_id: str, name: str) -> bool:
    sent = account.sent.get(decision_id)
    if decision_id in account.credited and name == QUALITY:
        return True
    if sent is None:  # its answer was lost with a worker; a gateway reports costs all the same
        return name == COST
    return name in sent.values or (sent.by_gateway and name == COST)


def _stored(url: str, follower: Follower) -> tuple[Any, Any, bool]:
    """Return sums and counts of the store's document and log, and whether the fold is the same."""
    stored = open_state(url).load()
    assert stored is not None
    assert follower.learner is not None
    learner = Learner(decode_document(stored.document, where=url))
    for event in stored.events:
        learner.fold(event)
    ours, theirs = follower.learner.document(), learner.document()
    is_same = (
        ours.strategy == theirs.strategy
        and ours.counts == theirs.counts
        and ours.decisions == theirs.decisions
        and ours.pending.keys() == theirs.pending.keys()
    )
    return theirs.savings.total(), theirs.counts, is_same
