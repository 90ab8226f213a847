"""A learner kept in step with a store's log, for many threads.

    decisions ──▶ queue ─┐  (background, every tenth of a second, or sooner where many wait)
    reports ─────────────┴─▶ store.append ──▶ fold, in the order of the log

A report is folded after the store has it, so all who share a store fold the same events in the
same order. Threads that report at the same time are served by one append. Where the store cannot
be reached, routing goes on from what is known here, decisions wait, and `health` says so.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from tracetier.errors import TracetierError
from tracetier.route.event import Decided, Event, Reported
from tracetier.route.outcome import Receipt
from tracetier.route.state.appender import FLUSH_N, Appender
from tracetier.route.state.background import Background
from tracetier.route.state.document import StateDocument
from tracetier.route.state.health import Health
from tracetier.route.state.store import StateStore
from tracetier.route.watch import Watch

FLUSH_S = 0.1
"""Time after which a decision goes to the store, at the latest."""

FRESH_S = 0.15
"""Time after which a process that only routes looks at the store again, to within `FLUSH_S`."""

REST_S = 0.005
"""Pause between two steps of folding the log in the background: at most a tenth of a busy processor
goes to it."""

MAX_QUEUED = 100_000
"""Decisions that wait for a store that cannot be reached; beyond it the oldest are dropped."""


class Replica(Appender):
    """A learner, and the store that it follows, for many threads.

    Parameters
    ----------
    store : StateStore
    document : StateDocument
        Where to start; a fresh one is given to the store with the first event.
    events : sequence of Event
        What the store holds after the document.
    accept : callable
        Raises `StateError` for a document that this process cannot go on from; by default all are
        good.
    replaces : bool
        Put the fresh document in place of whatever the store holds, with the first event.
    is_stored : bool
        Whether the document is the store's.
    is_alone : bool
        Do nothing in the background, for a short use by one thread.
    watch : Watch, optional
        Told of what is decided and reported.
    """

    def __init__(
        self,
        store: StateStore,
        document: StateDocument,
        events: Sequence[Event] = (),
        *,
        accept: Callable[[StateDocument], None] | None = None,
        replaces: bool = False,
        is_stored: bool = False,
        is_alone: bool = False,
        watch: Watch | None = None,
    ) -> None:
        super().__init__(
            store,
            document,
            events,
            accept=accept,
            replaces=replaces,
            is_stored=is_stored,
            watch=watch,
        )
        self._is_ending = threading.Event()
        self._background: Background | None = None
        if store.is_durable and not is_alone:
            self._background = Background(self, lambda: FLUSH_S)

    def submit(self, decided: Decided) -> None:
        """Count a decision at once, and see that the store gets it. The lock must be held."""
        if self._store.is_durable:
            self.learner.expect(decided)
            self._queued.append(decided)
            n_queued = len(self._queued)
            if not n_queued % FLUSH_N and self._background is not None and self._trouble is None:
                self._background.ring()
            if n_queued > MAX_QUEUED:
                self._drop()
        else:
            self._append_at_once([decided])

    def configure(self, event: Event) -> None:
        """Queue an event that goes to the store with the next ones."""
        with self.lock:
            if self._store.is_durable:
                self._queued.append(event)
            else:
                self._append_at_once([event])

    def report(self, events: Sequence[Event], *, durable: bool = True) -> list[Receipt | None]:
        """Store the events, and everything queued before them; fold them; return their receipts.

        Raises
        ------
        StorageError, StateError
            If the store refuses; the events are then not folded, and can be given again.
        """
        if not self._store.is_durable:
            with self.lock:
                return self._append_at_once(events)
        return self._appended_for(events, durable=durable)

    def flush(self) -> None:
        """Give the store what is queued, and fold in what others appended.

        Raises
        ------
        StorageError, StateError
            If the store refuses; what is queued stays so.
        """
        self.report(())

    def save(self) -> None:
        """Flush, and fold the log into the stored document."""
        self.flush()
        self._compact(self._pause)

    def close(self) -> None:
        """Save, and let go of the store.

        Raises
        ------
        StorageError, StateError
            If the store refuses; the replica can then be closed again.
        """
        self._is_ending.set()
        if self._store.is_durable and self.is_touched():
            self.save()
        self.stop()

    def stop(self) -> None:
        """Let go of the store as it is."""
        self._is_ending.set()
        if self._background is not None:
            self._background.stop()
        with self._io:
            self._store.close()

    def is_touched(self) -> bool:
        """Whether anything waits for the store, or stands in its log and not in its document."""
        with self.lock:
            return bool(self._queued) or self.learner.mark.position > self._folded

    def health(self) -> Health:
        """Return how the store stands."""
        with self.lock:
            trouble, unfolded = self._trouble, self._unfolded
            age_s = time.monotonic() - self._in_step_s if self._store.is_durable else 0.0
            return Health(
                is_ok=trouble is None,
                reason=None if trouble is None else str(trouble),
                store=self._store.name,
                age_s=age_s,
                position=self.learner.mark.position,
                n_queued=len(self._queued),
                n_dropped=self._n_dropped,
                n_restored=self._n_restored,
                unfolded=None if unfolded is None else str(unfolded),
            )

    def learn(self, reports: Sequence[Reported], *, durable: bool = True) -> list[Receipt]:
        """Report on decisions; where one is not known, none is learned from.

        A decision that another process made a moment ago may not be in the store yet; it is waited
        for. One that is given up between that look and its place in the log is told in the same
        way, but those reported with it were learned from then: given again, they teach nothing.

        Raises
        ------
        FeedbackError
            For a decision that is not known.
        StorageError, StateError
            As `report`.
        """
        if self._store.is_durable:
            # A decision on its way into the ledger may be missed here, but not under the lock.
            if not self._are_known(reports):
                self._wait_for(reports)
            receipts = self._appended_for(reports, durable=durable)
        else:
            with self.lock:
                if not self._are_known(reports):
                    self._append_at_once(())
                    self._check_known(reports)
                receipts = self._append_at_once(reports)
        if None in receipts:  # given up between the check and the log
            raise self.learner.unknown(reports[receipts.index(None)].decision_id)
        return receipts  # type: ignore[return-value]  # none of them is None

    def _wait_for(self, reports: Sequence[Reported]) -> None:
        with self.lock:
            if self._are_known(reports):
                return
        for wait_s in (0.0, 1.5 * FLUSH_S):
            time.sleep(wait_s)
            with self._io:
                self._look()
            with self.lock:
                if self._are_known(reports):
                    return
        with self.lock:
            self._check_known(reports)

    def _are_known(self, reports: Sequence[Reported]) -> bool:
        is_known = self.learner.is_known
        for report in reports:  # noqa: SIM110 - on the hot path, where a generator costs half of it
            if not is_known(report.decision_id):
                return False
        return True

    def _check_known(self, reports: Sequence[Reported]) -> None:
        for report in reports:
            self.learner.check_known(report.decision_id)

    def tend(self) -> bool:
        """Do what is due in the background: flush, look for news, fold the log.

        A store that refuses is no error here: see `health`.

        Returns
        -------
        bool
            Whether the store answered the last time.
        """
        with suppress(TracetierError):
            self._keep_in_step()
            n_events = self.learner.mark.position - self._folded
            is_due = n_events >= self._compact_at or (
                self._unfolded is not None and time.monotonic() >= self._retry_s
            )
            if self._trouble is None and is_due:
                self._compact(self._rest)
        return self._trouble is None

    def _keep_in_step(self) -> None:
        with self._io:
            if self._queued or self._tickets:
                self._commit()
            elif time.monotonic() - self._in_step_s >= FRESH_S or self._trouble is not None:
                self._look()

    def _rest(self) -> None:
        """Pause so that folding is spread over time, and do meanwhile what is due."""
        is_due = time.monotonic() - self._in_step_s >= FLUSH_S
        if (is_due or len(self._queued) >= FLUSH_N) and self._trouble is None:
            with suppress(TracetierError):
                self._keep_in_step()
        self._is_ending.wait(REST_S)

    def settle(self) -> None:
        """Flush, if anything is queued."""
        if self._queued:
            self.flush()
