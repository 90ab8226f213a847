"""A strategy with its counts and open decisions: all of the online half that needs no model.

What it knows is a fold over events (`tracetier.route.fold`); here it chooses, and is asked.
"""

from collections.abc import Sequence
from random import Random

from msgspec import structs

from tracetier.errors import FeedbackError
from tracetier.heads.prior import Prediction
from tracetier.route.alarm import Alarm
from tracetier.route.choice import Choice
from tracetier.route.event import Decided
from tracetier.route.fold import NOTHING, Fold
from tracetier.route.insight import ledger_since, q_sds
from tracetier.route.ledger import Pending
from tracetier.route.savings import Sums
from tracetier.route.snapshot import Cell, Snapshot, alarms_of, snapshot_of
from tracetier.route.start import start_document

__all__ = ["NOTHING", "Cell", "Learner", "Snapshot", "start_document"]


class Learner(Fold):
    """Chooses, and folds events; not thread-safe by itself."""

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
