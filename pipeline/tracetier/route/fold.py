"""A state as the fold of its log: the same events in the same order give the same bits.

Decisions of this process that are on their way to the log are counted at once, apart from the
fold, until they come back through it.
"""

import msgspec
from msgspec import structs

from tracetier.errors import StateError
from tracetier.route.carry import carry
from tracetier.route.choice import Report
from tracetier.route.drift import note_innovation, reset_drift
from tracetier.route.event import (
    Changed,
    Configured,
    Decided,
    Event,
    Reported,
    Reset,
    TraceReported,
)
from tracetier.route.ledger import Pending
from tracetier.route.move import MAX_MOVES, placed
from tracetier.route.outcome import Receipt, reward_cost
from tracetier.route.state.document import decode_document
from tracetier.route.state.reset import reset_strategy
from tracetier.route.state_in_use import StateInUse
from tracetier.route.strategy import replace_params, resume_strategy
from tracetier.route.watch import Accounts
from tracetier.steady_clock import JUMP_S, STANDS_S

NOTHING = Receipt()
"""Of a report that taught nothing."""

_BOTH, _QUALITY = Receipt(new=("quality", "cost_usd")), Receipt(new=("quality",))
_COST = Receipt(new=("cost_usd",))


class Fold(StateInUse):
    """A state that events are applied to."""

    def expect(self, decided: Decided) -> None:
        """Count a decision that is on its way to the log, and will come back through `fold`."""
        placed = self._placed(decided)
        if placed is not None:
            self._underway[decided.decision_id] = placed
            self._tally.decided(placed.bucket, placed.tier)
            if self._told is not None:
                self._told.decided(placed)

    def forget(self, decision_id: str) -> None:
        """Take back what `expect` counted: the decision will never reach the log."""
        decided = self._underway.pop(decision_id, None)
        if decided is not None:
            self._tally.undecided(decided.bucket, decided.tier)
            if self._told is not None:
                self._told.undecided(decided, is_lost=True)

    def underway(self) -> list[Decided]:
        """Return the decisions that are on their way, oldest first."""
        return list(self._underway.values())

    def fold(self, event: Event) -> Receipt | None:
        """Apply the next event of the log; only what it holds and what came before it matter.

        Returns
        -------
        Receipt or None
            What a report taught; ``None`` where its decision is not known (any more), and for
            events that are no reports.

        Raises
        ------
        StateError
            For an event that no router can have written.
        """
        self._position += 1
        if type(event) is Decided:
            self._decided(event)
            self._expire(event.time_s)
            return None
        if type(event) is Reported:
            self._expire(event.time_s)
            return self._reported(event.decision_id, event.quality_10, event.cost_usd, event.time_s)
        if isinstance(event, TraceReported):
            self._expire(event.time_s)
            return self._trace_reported(event)
        if isinstance(event, Configured):
            self._configured(event)
        elif isinstance(event, Changed):
            self._changed(event)
        elif isinstance(event, Reset):
            self._reset(event)
        return None

    def _decided(self, event: Decided) -> None:
        decision_id = event.decision_id
        underway = self._underway.pop(decision_id, None) if self._underway else None
        if decision_id in self._ledger:  # it was given to the store twice
            if underway is not None:
                self._tally.undecided(underway.bucket, underway.tier)
                if self._told is not None:
                    self._told.undecided(underway, is_lost=False)
            return
        is_late = event.layout != self._document.layout
        if is_late:
            placed = self._placed(event)
            if placed is None:
                self._ledger.dismiss(decision_id)
                self.counts.decisions += 1
                self.counts.expired += 1
                return
            event = placed
        bucket, tier, quality, cost = event.bucket, event.tier, event.quality, event.cost
        n_tiers = self._n_tiers
        if not (
            0 <= bucket < self._n_buckets
            and 0 <= tier < n_tiers
            and len(quality) == len(cost) == n_tiers
        ):
            raise self._impossible(event)
        if underway is None:
            self._tally.decided(bucket, tier)
            if self._told is not None:
                self._told.decided(event)
        self.counts.decisions += 1
        self._accounts.decided(event)
        if not is_late:  # else what it was predicted by is gone
            self.strategy.observe(event)
        given_up = self._ledger.open(
            decision_id,
            Pending(
                bucket,
                tier,
                quality[tier],
                cost[tier],
                event.lam,
                event.propensity,
                event.time_s,
                None,
                event.session_id,
                event.trace_id,
                event.tenant,
                event.usd,
                event.dear_usd,
                event.dear_quality,
            ),
        )
        if given_up is not None:
            self._give_up(given_up)

    def _placed(self, event: Decided) -> Decided | None:
        """Return a decision in the layout of now, ``None`` where its tier or bucket is gone."""
        n_late = self._document.layout - event.layout
        if not n_late:
            return event
        if not 0 < n_late <= len(self._document.moves):
            return None
        moves = self._document.moves[-n_late:]
        bucket, tier, scale = placed(moves, event.bucket, event.tier)
        if bucket < 0:
            return None
        return structs.replace(
            event,
            bucket=bucket,
            tier=tier,
            quality=[event.quality[event.tier]] * self._n_tiers,
            cost=[min(1.0, event.cost[event.tier] * scale)] * self._n_tiers,
            layout=self._document.layout,
        )

    def _impossible(self, event: Decided) -> StateError:
        return StateError(
            f"decision {event.decision_id!r} in the log of this state is of bucket "
            f"{event.bucket} and tier {event.tier} of {len(event.quality)}; there are "
            f"{self._n_buckets} buckets and {self._n_tiers} tiers: restore the state from a copy"
        )

    def _reported(
        self, decision_id: str, quality_10: float | None, cost_usd: float | None, time_s: float
    ) -> Receipt | None:
        ledger = self._ledger
        cost = None
        if cost_usd is not None:
            cost = reward_cost(cost_usd, self._document.cost_ref_usd)
        decision = ledger.pending.get(decision_id)
        if decision is None:
            quality_10 = None
            decision = ledger.partial.get(decision_id)
            if decision is None:
                if decision_id not in ledger.applied:
                    return None
                cost = None
        elif decision.known_cost is not None:
            cost = None
        if decision is None or (quality_10 is None and cost is None):
            self.counts.duplicates += 1
            return NOTHING
        has_quality = quality_10 is not None
        innovation = self.strategy.update(
            Report(
                decision.bucket,
                decision.tier,
                decision.quality,
                decision.cost,
                decision.lam,
                quality_10,
                cost,
                decision.known_cost,
            )
        )
        if innovation is not None:
            note_innovation(self._drift, innovation, time_s)
        if cost is None:
            cost_usd = None
        self._accounts.reported(decision, quality_10, cost_usd, time_s)
        if self._told is not None:
            self._told.reported(decision, quality_10=quality_10, cost_usd=cost_usd, time_s=time_s)
        ledger.settle(decision_id, has_quality, cost)
        if has_quality:
            self._tally.settled(decision.bucket, decision.tier)
        self.counts.feedback += 1
        if cost is None:
            return _QUALITY
        return _BOTH if has_quality else _COST

    def _trace_reported(self, event: TraceReported) -> Receipt:
        credited = []
        for decision_id in self._ledger.of_trace(event.trace_id):
            is_reported = self._ledger.pending[decision_id].known_cost is not None
            if not (event.only_unreported and is_reported):
                self._reported(decision_id, event.quality_10, None, event.time_s)
                credited.append(decision_id)
        return Receipt(new=("quality",) if credited else (), credited=tuple(credited))

    def _expire(self, time_s: float) -> None:
        """Give up what is too old by an event's time, unless its clock may be wrong.

        A process that started in another year would have everything given up that waits. So a time
        more than a day ahead counts only when an hour later, by the same clock, no event has come
        of a clock that says otherwise. A time further back gives up nothing, and counts at once.
        """
        if time_s - self._now_s > JUMP_S and self._now_s:
            if not self._ahead_s or time_s < self._ahead_s:
                self._ahead_s = time_s
            if time_s - self._ahead_s < STANDS_S:
                return
        self._now_s, self._ahead_s = time_s, 0.0
        for decision, has_quality in self._ledger.expire(time_s - self._ttl_s):
            if has_quality:
                self._tell_given_up(decision, has_quality=True)
            else:
                self._give_up(decision)

    def _give_up(self, decision: Pending) -> None:
        self._tally.settled(decision.bucket, decision.tier)
        self.counts.expired += decision.known_cost is None
        self._tell_given_up(decision, has_quality=False)

    def _tell_given_up(self, decision: Pending, *, has_quality: bool) -> None:
        if self._told is not None:
            self._told.given_up(decision, has_quality=has_quality)

    def _configured(self, event: Configured) -> None:
        if event.lam is not None:
            self._document.lam = event.lam
        if event.pending_ttl_s is not None:
            self._ttl_s = event.pending_ttl_s
        if event.max_pending is not None:
            for decision in self._ledger.shrink(event.max_pending):
                self._give_up(decision)
        if event.params is not None:
            state = self.strategy.state
            params = msgspec.convert(event.params, type(state.params))
            self.strategy = resume_strategy(replace_params(state, params))
        if event.caps is not None:
            document = self._document
            document.caps, document.debts = event.caps, self._debts()
            self._accounts = Accounts(document)
            document.debts = self._debts()  # of caps that are no more, nothing is kept
            self._begin_watch()

    def _changed(self, event: Changed) -> None:
        old = self.document()
        if event.layout != old.layout:
            return
        fresh = decode_document(event.document.encode(), where="a change of the tiers in the log")
        new = carry(old, fresh, event.move)
        new.layout = old.layout + 1
        new.moves = [*old.moves, event.move][-MAX_MOVES:]
        for name, other in event.renamed.items():
            new.savings.renamed(name, other)
        underway, self._underway = self.underway(), {}
        if self._told is not None:
            for decided in underway:  # they are told of again, or their tier is gone
                self._told.undecided(decided, is_lost=False)
        self._begin(new)
        for decided in underway:
            self.expect(decided)

    def _reset(self, event: Reset) -> None:
        reset_strategy(self.strategy.state, bucket=event.bucket, tier=event.tier)
        if event.bucket is None:
            reset_drift(self._drift, event.tier)
        self.strategy = resume_strategy(self.strategy.state)
