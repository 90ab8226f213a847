"""A strategy with its counts and open decisions: all of the online half that needs no model.

It is what a state document holds. A router adds the model in front; a report can be applied to the
document alone.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import numpy as np
from msgspec import structs

from tracetier.errors import ArtifactError, FeedbackError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.choice import Choice, Report
from tracetier.route.ledger import Ledger, Pending
from tracetier.route.outcome import Outcome
from tracetier.route.state.document import FORMAT, StateDocument
from tracetier.route.strategy import (
    StrategyParams,
    resume_strategy,
    start_strategy,
    strategy_name,
)
from tracetier.route.tally import Counts, Tally

MAX_PENDING = 100_000
"""Decisions kept open; the oldest expires first."""

MAX_APPLIED = 10_000
"""Ids remembered after their report, to tell a second report from an unknown decision."""


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
    """Decides, keeps what is open, and learns from reports; not thread-safe by itself."""

    def __init__(
        self,
        document: StateDocument,
        *,
        max_pending: int = MAX_PENDING,
        max_applied: int = MAX_APPLIED,
    ) -> None:
        self._document = document
        self.counts = document.counts
        self.strategy = resume_strategy(document.strategy)
        self._ledger = Ledger(
            max_pending=max_pending,
            max_applied=max_applied,
            pending=document.pending,
            applied=document.applied,
        )
        self._tally = Tally(document.decisions)
        for decision in document.pending.values():
            self._tally.pending[decision.bucket][decision.tier] += 1

    def is_known(self, decision_id: str) -> bool:
        """Whether a decision of that id is open, or its report came not long ago."""
        return decision_id in self._ledger

    def decide(
        self,
        decision_id: str,
        prediction: Prediction,
        *,
        lam: float,
        allowed: Sequence[int],
        time_s: float,
        rng: Random,
    ) -> Choice:
        """Choose a tier and keep the decision open for its report."""
        tally, bucket = self._tally, prediction.bucket
        choice = self.strategy.choose(prediction, lam=lam, allowed=allowed, tally=tally, rng=rng)
        self.strategy.observe(prediction)
        tier = choice.tier
        tally.decided(bucket, tier)
        self.counts.decisions += 1
        decision = Pending(
            bucket=bucket,
            tier=tier,
            quality=prediction.quality[tier],
            cost=prediction.cost[tier],
            lam=lam,
            propensity=choice.propensities[tier],
            time_s=time_s,
        )
        expired = self._ledger.open(decision_id, decision)
        if expired is not None:
            tally.settled(expired.bucket, expired.tier)
            self.counts.expired += 1
        return choice

    def apply(self, outcome: Outcome) -> bool:
        """Learn from the outcome of an open decision.

        Returns
        -------
        bool
            ``False`` where the decision's report had come before; then nothing is learned, and
            the second report is counted.

        Raises
        ------
        FeedbackError
            If no such decision is known.
        """
        decision = self._ledger.settle(outcome.decision_id)
        if decision is None:
            self.check_known(outcome.decision_id)
            self.counts.duplicates += 1
            return False
        self._tally.settled(decision.bucket, decision.tier)
        self.counts.feedback += 1
        self.strategy.update(
            Report(
                bucket=decision.bucket,
                tier=decision.tier,
                predicted_quality=decision.quality,
                predicted_cost=decision.cost,
                lam=decision.lam,
                quality_10=outcome.quality_10,
                cost=outcome.reward_cost(self._document.cost_ref_usd),
            )
        )
        return True

    def check_known(self, decision_id: str) -> None:
        """Raise `FeedbackError` where neither an open nor a settled decision has that id."""
        if decision_id not in self._ledger:
            raise FeedbackError(
                f"no decision {decision_id!r} is known to this state "
                f"({len(self._ledger.pending)} are open, {self.counts.expired} expired unreported);"
                " report with the id that route() gave, to the state it was made with, which must "
                "have been saved (close the router) before another process reports to it"
            )

    def snapshot(self, lam: float | None = None) -> Snapshot:
        """Return what is known, with Q at ``lam`` (by default the document's)."""
        lam = self._document.lam if lam is None else lam
        return Snapshot(
            strategy=strategy_name(self.strategy.state),
            artifact_id=self._document.artifact_id,
            lam=lam,
            counts=structs.replace(self.counts),
            n_pending=len(self._ledger.pending),
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
        """Return the whole state; it shares the strategy's numbers, so encode it at once."""
        document = self._document
        document.decisions = self._tally.decisions
        document.pending = dict(self._ledger.pending)
        document.applied = list(self._ledger.applied)
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
