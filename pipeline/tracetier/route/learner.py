"""A strategy with its counts and open decisions: all of the online half that needs no model.

It is a fold over events (`tracetier.route.event`): the same events in the same order give the same
bits. Decisions of this process that are on their way to the log are counted at once, apart from
the fold, until they come back through it.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import structs

from tracetier.errors import ArtifactError, FeedbackError, StateError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.carry import carry
from tracetier.route.choice import Choice, Report
from tracetier.route.columns import Column
from tracetier.route.event import (
    Changed,
    Configured,
    Decided,
    Event,
    Reported,
    Reset,
    TraceReported,
)
from tracetier.route.ledger import Ledger, Pending
from tracetier.route.move import MAX_MOVES, placed
from tracetier.route.outcome import Receipt, reward_cost
from tracetier.route.policy.caps import Debt
from tracetier.route.state.document import (
    FORMAT,
    MAX_APPLIED,
    MAX_PENDING,
    PENDING_TTL_S,
    StateDocument,
    decode_document,
)
from tracetier.route.state.mark import Mark
from tracetier.route.state.reset import reset_strategy
from tracetier.route.strategy import (
    StrategyParams,
    replace_params,
    resume_strategy,
    start_strategy,
    strategy_name,
)
from tracetier.route.tally import Counts, Tally
from tracetier.route.watch import Accounts, Watch

NOTHING = Receipt()
"""Of a report that taught nothing."""

_NEW = {
    (True, True): Receipt(new=("quality", "cost_usd")),
    (True, False): Receipt(new=("quality",)),
    (False, True): Receipt(new=("cost_usd",)),
}
"""By whether the quality and the cost are new."""


class Cell(NamedTuple):
    """What is known of one tier in one bucket.

    ``q`` and ``prior_q`` are in units of reward (about 0-10) at the bucket's mean prediction, with
    and without the reports; the rest are counts.
    """

    bucket: str
    tier: str
    q: float
    prior_q: float
    n_decisions: int
    n_reports: int
    n_pending: int


class Snapshot(NamedTuple):
    """What a learner knows, to be looked at.

    ``lam`` is the one at which the cells' Q is joined; ``cells`` has one entry per bucket and
    tier, in their order.
    """

    strategy: str
    artifact_id: str
    lam: float
    counts: Counts
    n_pending: int
    cells: list[Cell]


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
            f"({len(self._ledger.pending)} are open, {self.counts.expired} expired unreported);"
            " report with the id that route() gave, to the state it was made with, which must "
            "have been saved (close the router) before another process reports to it"
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
        bucket, tier = event.bucket, event.tier
        self._check_place(event)
        if underway is None:
            self._tally.decided(bucket, tier)
            if self._told is not None:
                self._told.decided(event)
        self.counts.decisions += 1
        self._accounts.decided(event)
        if not is_late:  # what it was predicted by is gone
            self.strategy.observe(Prediction(event.quality, event.cost, event.cost, bucket))
        given_up = self._ledger.open(
            event.decision_id,
            Pending(
                bucket=bucket,
                tier=tier,
                quality=event.quality[tier],
                cost=event.cost[tier],
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

    def _check_place(self, event: Decided) -> None:
        if not (
            0 <= event.bucket < self._n_buckets
            and 0 <= event.tier < self._n_tiers == len(event.quality) == len(event.cost)
        ):
            raise StateError(
                f"decision {event.decision_id!r} in the log of this state is of bucket "
                f"{event.bucket} and tier {event.tier} of {len(event.quality)}; there are "
                f"{self._n_buckets} buckets and {self._n_tiers} tiers: restore the state from a "
                "copy"
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
        self.strategy.update(
            Report(
                bucket=decision.bucket,
                tier=decision.tier,
                predicted_quality=decision.quality,
                predicted_cost=decision.cost,
                lam=decision.lam,
                quality_10=quality_10,
                cost=cost,
                known_cost=decision.known_cost,
            )
        )
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
        for decision in self._ledger.expire(time_s - self._ttl_s):
            self._give_up(decision)

    def _give_up(self, decision: Pending) -> None:
        self._tally.settled(decision.bucket, decision.tier)
        self.counts.expired += decision.known_cost is None

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
        self._begin(new)
        for decided in underway:
            self.expect(decided)

    def _reset(self, event: Reset) -> None:
        reset_strategy(self.strategy.state, bucket=event.bucket, tier=event.tier)
        self.strategy = resume_strategy(self.strategy.state)

    def snapshot(self, lam: float | None = None) -> Snapshot:
        """Return what is known, with Q at ``lam`` (by default the document's)."""
        lam = self._document.lam if lam is None else lam
        return Snapshot(
            strategy=strategy_name(self.strategy.state),
            artifact_id=self._document.artifact_id,
            lam=lam,
            counts=structs.replace(
                self.counts, decisions=self.counts.decisions + len(self._underway)
            ),
            n_pending=len(self._ledger.pending) + len(self._underway),
            cells=[
                cell
                for index, bucket in enumerate(self._document.buckets)
                for cell in self._bucket_cells(index, bucket, lam)
            ],
        )

    def _bucket_cells(self, index: int, bucket: str, lam: float) -> list[Cell]:
        strategy, tally = self.strategy, self._tally
        columns = zip(
            self._document.tiers,
            strategy.q(index, lam),
            strategy.prior_q(index, lam),
            tally.decisions[index],
            strategy.n_reports(index),
            tally.pending[index],
            strict=True,
        )
        return [Cell(bucket, *column) for column in columns]

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
        if self._watch is not None and self._watch.control is not None:
            document.control = self._watch.control
        document.applied = list(self._ledger.applied)
        document.position = self._position
        document.now_s = self._now_s
        document.pending_ttl_s = self._ttl_s
        document.max_pending = self._ledger.max_pending
        return document


def start_document(
    name: str,
    prior: PriorStats,
    *,
    params: StrategyParams | None,
    artifact_id: str,
    tiers: Sequence[str],
    cost_ref_usd: float,
    lam: float,
    epoch: str = "",
    max_pending: int | None = None,
    pending_ttl_s: float | None = None,
) -> StateDocument:
    """Return the state of a strategy before any decision.

    Raises
    ------
    ArtifactError
        If the prior has another shape than buckets by tiers, or a number that is not finite.
    SettingsError
        For an unknown strategy, or settings of another one.
    """
    _check_prior(prior, n_tiers=len(tiers))
    strategy = start_strategy(name, prior, params=params, lam=lam)
    return StateDocument(
        format=FORMAT,
        artifact_id=artifact_id,
        tiers=list(tiers),
        buckets=list(prior.buckets),
        cost_ref_usd=cost_ref_usd,
        lam=lam,
        strategy=strategy.state,
        counts=Counts(),
        decisions=[[0] * len(tiers) for _ in prior.buckets],
        pending={},
        applied=[],
        epoch=epoch,
        pending_ttl_s=PENDING_TTL_S if pending_ttl_s is None else pending_ttl_s,
        max_pending=MAX_PENDING if max_pending is None else max_pending,
    )


def _check_prior(prior: PriorStats, *, n_tiers: int) -> None:
    n_buckets = len(prior.buckets)
    shapes = {
        "n": (n_buckets,),
        "quality_mean": (n_buckets, n_tiers),
        "cost_mean": (n_buckets, n_tiers),
        "quality_var": (n_tiers,),
        "cost_var": (n_tiers,),
        "quality_tau2": (n_tiers,),
        "cost_tau2": (n_tiers,),
    }
    for name, shape in shapes.items():
        values = np.asarray(getattr(prior, name))
        if values.shape != shape or not np.isfinite(values).all():
            raise ArtifactError(
                f"prior.{name} is {values.tolist()}, expected finite numbers of shape {shape} for "
                f"{n_buckets} buckets and {n_tiers} tiers; train the artifact again"
            )
