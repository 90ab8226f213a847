"""What a router keeps beside its learner, told of every decision and report as it is folded.

The learner's own sums (`Accounts`) are part of the fold and of the state. A router's watch is not:
it is ahead of the log, since it counts this process's decisions when they are made. What it puts
down into a document is as the process that wrote it had it.
"""

from typing import Protocol

from tracetier.route.event import Decided
from tracetier.route.ledger import Pending
from tracetier.route.policy.cap_book import CapBook, Owner
from tracetier.route.savings import DAY_S, SavingsBook, Sums, day_of
from tracetier.route.state.document import StateDocument

_NO_DAY = (0.0, 0.0)


class Watch(Protocol):
    """Told of what happens, in the order in which this process learns of it."""

    @property
    def is_idle(self) -> bool:
        """Whether it need not be told of anything."""
        ...

    def put_down(self, document: StateDocument) -> None:
        """Put into a document what is to be kept with the state."""
        ...

    def begin(self, document: StateDocument) -> None:
        """Go on from a state that is new to this process."""
        ...

    def decided(self, event: Decided) -> None:
        """Take notice of a decision, of this process when it is made."""
        ...

    def undecided(self, event: Decided, *, is_lost: bool) -> None:
        """Take back a decision of this process that will never reach the log, or is told again."""
        ...

    def reported(
        self,
        decision: Pending,
        *,
        quality_10: float | None,
        cost_usd: float | None,
        time_s: float,
    ) -> None:
        """Take notice of what is new of a decision."""
        ...

    def given_up(self, decision: Pending, *, has_quality: bool) -> None:
        """Take notice that the rest of a decision's outcome is no longer waited for."""
        ...


class Accounts:
    """The money of a state: what was spent and saved, and what is drawn on caps."""

    def __init__(self, document: StateDocument) -> None:
        self.savings: SavingsBook = document.savings
        self.caps = CapBook(document.caps, document.debts) if document.caps else None
        self._names = document.tiers
        self._dearest = len(document.tiers) - 1
        self._day: list[Sums | None] = []
        self._day_s = _NO_DAY

    def decided(self, event: Decided) -> None:
        """Count a decision."""
        if event.tenant is None and event.session_id is None:  # on the hot path; as the book does
            start, end = self._day_s
            if not start <= event.time_s < end:
                self._turn_to(event.time_s)
            sums = self._day[event.tier] or self._day_row(event.tier, event.time_s)
            sums.decisions += 1
            sums.spend_usd += event.usd
            sums.dear_usd += event.dear_usd
        else:
            self._leave_day(event.time_s)
            self.savings.decided(event, self._names[event.tier])
        if self.caps is not None:
            self.caps.drawn(
                Owner(event.session_id, event.tenant),
                cost_usd=event.usd,
                explored=event.explored,
                time_s=event.time_s,
            )

    def _turn_to(self, time_s: float) -> None:
        """Have the rows of a day at hand, each once it is asked for."""
        start = time_s // DAY_S * DAY_S
        self._day = [None] * len(self._names)
        self._day_s = start, start + DAY_S

    def _leave_day(self, time_s: float) -> None:
        """Let go of the rows of another day: the book may drop that one to make room for this."""
        start, end = self._day_s
        if not start <= time_s < end:
            self._day_s = _NO_DAY

    def _day_row(self, tier: int, time_s: float) -> Sums:
        sums = self._day[tier] = self.savings.day_row(day_of(time_s), self._names[tier])
        return sums

    def reported(
        self, decision: Pending, quality_10: float | None, cost_usd: float | None, time_s: float
    ) -> None:
        """Set right what a report tells."""
        start, end = self._day_s
        if (
            decision.tenant is None
            and decision.session_id is None
            and start <= decision.time_s < end
        ):
            tier = decision.tier
            sums = self._day[tier] or self._day_row(tier, decision.time_s)
            sums.reported(decision, tier == self._dearest, cost_usd, quality_10)
        else:
            self._leave_day(decision.time_s)
            self.savings.reported(
                decision,
                self._names[decision.tier],
                is_dear=decision.tier == self._dearest,
                cost_usd=cost_usd,
                quality_10=quality_10,
            )
        if self.caps is not None and cost_usd is not None:
            self.caps.reported(
                Owner(decision.session_id, decision.tenant),
                more_usd=cost_usd - decision.usd,
                time_s=time_s,
            )
