"""A strategy with its counts and open decisions: all of the online half that needs no model.

It is a fold over events (`tracetier.route.event`): the same events in the same order give the same
bits. Decisions of this process that are on their way to the log are counted at once, apart from
the fold, until they come back through it.
"""

from collections.abc import Sequence
from random import Random

import msgspec
from msgspec import structs

from tracetier.errors import FeedbackError, StateError
from tracetier.heads.prior import Prediction
from tracetier.route.alarm import Alarm
from tracetier.route.carry import carry
from tracetier.route.choice import Choice, Report
from tracetier.route.columns import Column
from tracetier.route.drift import note_innovation, reset_drift, start_drift
from tracetier.route.event import (
    Changed,
    Configured,
    Decided,
    Event,
    Reported,
    Reset,
    TraceReported,
)
from tracetier.route.insight import ledger_since, q_sds
from tracetier.route.ledger import Ledger, Pending
from tracetier.route.move import MAX_MOVES, placed
from tracetier.route.outcome import Receipt, reward_cost
from tracetier.route.policy.caps import Debt
from tracetier.route.savings import Sums
from tracetier.route.snapshot import Cell, Snapshot, alarms_of, snapshot_of
from tracetier.route.start import start_document
from tracetier.route.state.document import (
    MAX_APPLIED,
    StateDocument,
    decode_document,
)
from tracetier.route.state.mark import Mark
from tracetier.route.state.reset import reset_strategy
from tracetier.route.strategy import replace_params, resume_strategy
from tracetier.route.tally import Tally
from tracetier.route.watch import Accounts, Watch

__all__ = ["NOTHING", "Cell", "Learner", "Snapshot", "start_document"]

NOTHING = Receipt()
"""Of a report that taught nothing."""

_NEW = {
    (True, True): Receipt(new=("quality", "cost_usd")),
    (True, False): Receipt(new=("quality",)),
    (False, True): Receipt(new=("cost_usd",)),
}
"""By whether the quality and the cost are new."""


class Learner:
    """Chooses, and folds events; not thread-safe by itself.

    Parameters
    ----------
    document : StateDocument
        Where the fold starts; it is taken over and changed.
    watch : Watch, optional
        Told of what happens.
    """

    def __init__(self, document: StateDocument, watch: Watch | None = None) -> None:
        self._watch = watch
        self._underway: dict[str, Decided] = {}
        self._begin(document)

    def _begin(self, document: StateDocument) -> None:
        """Take a document over, in place of all that was known."""
        self._document = document
        self._accounts = Accounts(document)
        self._begin_watch()
        self.counts = document.counts
        self._drift = document.drift = document.drift or start_drift(len(document.tiers))
        self.strategy = resume_strategy(document.strategy)
        self._ledger = Ledger(
            max_pending=document.max_pending,
            max_applied=MAX_APPLIED,
            pending=document.pending,
            partial=document.partial,
            applied=document.applied,
        )
        self._tally = Tally(document.decisions)
        for decision in document.pending.values():
            self._tally.pending[decision.bucket][decision.tier] += 1
        self._position = document.position
        self._now_s = document.now_s
        self._ttl_s = document.pending_ttl_s
        self._n_tiers = len(document.tiers)
        self._n_buckets = len(document.buckets)

    @property
    def layout(self) -> int:
        """Changes of the tiers or the model so far; tiers and buckets are counted by the last."""
        return self._document.layout

    @property
    def columns(self) -> list[Column] | None:
        """The tiers as columns over the artifact's, ``None`` where they are its own."""
        return self._document.columns

    @property
    def artifact(self) -> tuple[str, str | None]:
        """Id of the artifact, and where it was swapped in from, if it was."""
        return self._document.artifact_id, self._document.artifact_path

    @property
    def mark(self) -> Mark:
        """The place in the log up to which events are folded in."""
        return Mark(self._document.epoch, self._position)

    def is_known(self, decision_id: str) -> bool:
        """Whether a decision of that id is open, on its way, or was reported not long ago."""
        return decision_id in self._ledger or decision_id in self._underway

    def find(self, decision_id: str) -> Pending | Decided | None:
        """Return a decision that waits for its quality or cost, ``None`` where none does."""
        ledger = self._ledger
        return (
            ledger.pending.get(decision_id)
            or ledger.partial.get(decision_id)
            or self._underway.get(decision_id)
        )

    def check_known(self, decision_id: str) -> None:
        """Raise `FeedbackError` where neither an open nor a settled decision has that id."""
        if not self.is_known(decision_id):
            raise self.unknown(decision_id)

    def unknown(self, decision_id: str) -> FeedbackError:
        """Return the error that tells of an unknown decision."""
        return FeedbackError(
            f"no decision {decision_id!r} is known to this state "
            f"({len(self._ledger.pending)} are open, {self.counts.expired} expired unreported, "
            f"the last {len(self._ledger.applied)} settled ones are remembered: one that was "
            "settled before them was learned from, and needs no second report); report with the "
            "id that route() gave, to the state it was made with, which must have been saved "
            "(close the router) before another process reports to it"
        )

    def choose(
        self,
        prediction: Prediction,
        *,
        lam: float,
        allowed: Sequence[int],
        rng: Random,
        price: float = 0.0,
        explore: Sequence[int] | None = None,
    ) -> Choice:
        """Choose a tier; nothing changes. See `Strategy.choose`."""
        return self.strategy.choose(
            prediction,
            lam=lam,
            allowed=allowed,
            tally=self._tally,
            rng=rng,
            price=price,
            explore=explore,
        )

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
                self._told.undecided(decided)

    def begin_epoch(self, epoch: str) -> None:
        """Take notice that the log goes on under another epoch."""
        self._document.epoch = epoch

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
        underway = self._underway.pop(event.decision_id, None)
        if event.decision_id in self._ledger:  # it was given to the store twice
            if underway is not None:
                self._tally.undecided(underway.bucket, underway.tier)
            return
        is_late = event.layout != self._document.layout
        if is_late:
            placed = self._placed(event)
            if placed is None:
                self._ledger.dismiss(event.decision_id)
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
            self.strategy.observe(Prediction(quality, cost, cost, bucket))
        given_up = self._ledger.open(
            event.decision_id,
            Pending(
                bucket=bucket,
                tier=tier,
                quality=quality[tier],
                cost=cost[tier],
                lam=event.lam,
                propensity=event.propensity,
                time_s=event.time_s,
                session_id=event.session_id,
                trace_id=event.trace_id,
                tenant=event.tenant,
                usd=event.usd,
                dear_usd=event.dear_usd,
                dear_quality=event.dear_quality,
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
        self._accounts.reported(decision, quality_10=quality_10, cost_usd=cost_usd, time_s=time_s)
        if self._told is not None:
            self._told.reported(decision, quality_10=quality_10, cost_usd=cost_usd, time_s=time_s)
        ledger.settle(decision_id, quality=has_quality, cost=cost)
        if has_quality:
            self._tally.settled(decision.bucket, decision.tier)
        self.counts.feedback += 1
        return _NEW[has_quality, cost is not None]

    def _trace_reported(self, event: TraceReported) -> Receipt:
        credited = []
        for decision_id in self._ledger.of_trace(event.trace_id):
            is_reported = self._ledger.pending[decision_id].known_cost is not None
            if not (event.only_unreported and is_reported):
                self._reported(decision_id, event.quality_10, None, event.time_s)
                credited.append(decision_id)
        return Receipt(new=("quality",) if credited else (), credited=tuple(credited))

    def _expire(self, time_s: float) -> None:
        # The event's own time, and not the latest so far: a process whose clock ran ahead must not
        # make every later decision of the others expire at once.
        self._now_s = time_s
        if not self._ledger.is_due(time_s - self._ttl_s):
            return
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

    def _begin_watch(self) -> None:
        watch = self._watch
        if watch is not None:
            watch.begin(self._document)
        self._told = None if watch is None or watch.is_idle else watch

    def _debts(self) -> dict[str, dict[str, Debt]]:
        return {} if self._accounts.caps is None else self._accounts.caps.debts

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
                self._told.undecided(decided)
        self._begin(new)
        for decided in underway:
            self.expect(decided)

    def _reset(self, event: Reset) -> None:
        reset_strategy(self.strategy.state, bucket=event.bucket, tier=event.tier)
        if event.bucket is None:
            reset_drift(self._drift, event.tier)
        self.strategy = resume_strategy(self.strategy.state)

    def snapshot(self, lam: float | None = None) -> Snapshot:
        """Return what is known, with Q at ``lam`` (by default the document's)."""
        return snapshot_of(
            self._document,
            self.strategy,
            self._tally,
            lam=self._document.lam if lam is None else lam,
            counts=structs.replace(
                self.counts, decisions=self.counts.decisions + len(self._underway)
            ),
            n_pending=len(self._ledger.pending) + len(self._underway),
        )

    @property
    def alarms(self) -> list[Alarm]:
        """Tiers whose outcomes moved, newest first."""
        return alarms_of(self._document)

    def q_sd(self, lam: float) -> dict[str, dict[str, float]]:
        """Return the standard deviation of Q per bucket and tier."""
        return q_sds(self.strategy, self._document.buckets, self._document.tiers, lam)

    def ledger(self, since: str = "") -> dict[str, dict[str, Sums]]:
        """Return a copy of the savings, by day and tier, from a day on."""
        return ledger_since(self._accounts.savings, since)

    def document(self) -> StateDocument:
        """Return the state as folded so far; it shares numbers, so encode it at once."""
        document = self._document
        document.strategy = self.strategy.state
        document.decisions = self._tally.decisions
        if self._underway:
            document.decisions = [list(row) for row in document.decisions]
            for decided in self._underway.values():
                document.decisions[decided.bucket][decided.tier] -= 1
        document.pending = dict(self._ledger.pending)
        document.partial = dict(self._ledger.partial)
        document.debts = self._debts()
        if self._watch is not None:
            self._watch.put_down(document)
        document.applied = list(self._ledger.applied)
        document.position = self._position
        document.now_s = self._now_s
        document.pending_ttl_s = self._ttl_s
        document.max_pending = self._ledger.max_pending
        return document
