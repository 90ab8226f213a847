"""A state document taken apart for use, with counts and indices at hand, and put together again."""

from tracetier.route.columns import Column
from tracetier.route.drift import start_drift
from tracetier.route.event import Decided
from tracetier.route.ledger import Ledger
from tracetier.route.policy.caps import Debt
from tracetier.route.state.document import MAX_APPLIED, StateDocument
from tracetier.route.state.mark import Mark
from tracetier.route.state.packing import Packing, Waiting
from tracetier.route.strategy import resume_strategy
from tracetier.route.tally import Tally
from tracetier.route.watch import Accounts, Watch

_tuple = tuple.__new__
"""A named tuple's own ``__new__`` is a Python function, and takes three times as long."""


class StateInUse:
    """A state at work; not thread-safe by itself.

    Parameters
    ----------
    document : StateDocument
        It is taken over and changed.
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
        self._now_s, self._ahead_s = document.now_s, document.ahead_s
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
        return _tuple(Mark, (self._document.epoch, self._position))

    def is_known(self, decision_id: str) -> bool:
        """Whether a decision of that id is open, on its way, or was reported not long ago."""
        ledger = self._ledger
        return (
            decision_id in ledger.pending
            or decision_id in ledger.applied
            or decision_id in ledger.partial
            or decision_id in self._underway
        )

    def begin_epoch(self, epoch: str) -> None:
        """Take notice that the log goes on under another epoch."""
        self._document.epoch = epoch

    def document(self) -> StateDocument:
        """Return the state as folded so far; it shares numbers, so encode it at once."""
        document = self._put_together()
        document.pending = Waiting.of(self._ledger.pending).by_id()
        document.partial = Waiting.of(self._ledger.partial).by_id()
        return document

    def packing(self) -> Packing:
        """Return the same, to be encoded at leisure while the state goes on."""
        document = self._put_together()
        document.pending, document.partial = {}, {}
        ledger = self._ledger
        return Packing(document, Waiting.of(ledger.pending), Waiting.of(ledger.partial))

    def _put_together(self) -> StateDocument:
        """Return the document, all but its open decisions."""
        document = self._document
        document.strategy = self.strategy.state
        document.decisions = self._tally.decisions
        if self._underway:
            document.decisions = [list(row) for row in document.decisions]
            for decided in self._underway.values():
                document.decisions[decided.bucket][decided.tier] -= 1
        document.debts = self._debts()
        if self._watch is not None:
            self._watch.put_down(document)
        document.applied = list(self._ledger.applied)
        document.position = self._position
        document.now_s, document.ahead_s = self._now_s, self._ahead_s
        document.pending_ttl_s = self._ttl_s
        document.max_pending = self._ledger.max_pending
        return document

    def _begin_watch(self) -> None:
        watch = self._watch
        if watch is not None:
            watch.begin(self._document)
        self._told = None if watch is None or watch.is_idle else watch

    def _debts(self) -> dict[str, dict[str, Debt]]:
        return {} if self._accounts.caps is None else self._accounts.caps.debts
