"""A learner kept in step with a store's log, for many threads.

    decisions ──▶ queue ─┐  (background, every tenth of a second)
    reports ─────────────┴─▶ store.append ──▶ fold, in the order of the log

A report is folded after the store has it, so all who share a store fold the same events in the
same order. Threads that report at the same time are served by one append. Where the store cannot
be reached, routing goes on from what is known here, decisions wait, and `health` says so.
"""

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress

from tracetier.errors import StateError, StorageError, TracetierError
from tracetier.route.event import Decided, Event, Reported
from tracetier.route.outcome import Receipt
from tracetier.route.state.document import StateDocument
from tracetier.route.state.follower import Follower
from tracetier.route.state.health import Health
from tracetier.route.state.store import StateStore
from tracetier.route.watch import Watch

FLUSH_S = 0.1
"""Time after which a decision goes to the store, at the latest."""

FRESH_S = 0.15
"""Time after which a process that only routes looks at the store again, to within `FLUSH_S`."""

_SLOWEST_S = 2.0
"""Longest time between two tries to reach a store."""

MAX_QUEUED = 100_000
"""Decisions that wait for a store that cannot be reached; beyond it the oldest are dropped."""


class _Ticket:
    """The events of one thread that waits for the store."""

    __slots__ = ("durable", "error", "events", "receipts")

    def __init__(self, events: Sequence[Event], *, durable: bool) -> None:
        self.events = events
        self.durable = durable
        self.receipts: list[Receipt | None] | None = None
        self.error: TracetierError | None = None


class Replica(Follower):
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
        self._io = threading.Lock()
        self._tickets: list[_Ticket] = []
        self._n_dropped = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if store.is_durable and not is_alone:
            self._thread = threading.Thread(
                target=_tail, args=(weakref.ref(self), self._stop), daemon=True, name="tracetier"
            )
            self._thread.start()
            _LIVING.add(self)

    def submit(self, decided: Decided) -> None:
        """Count a decision at once, and see that the store gets it. The lock must be held."""
        if self._store.is_durable:
            self.learner.expect(decided)
            self._queued.append(decided)
            if len(self._queued) > MAX_QUEUED:
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
        ticket = _Ticket(events, durable=durable)
        with self.lock:
            self._tickets.append(ticket)
        with self._io:
            if ticket.receipts is None and ticket.error is None:
                self._commit()
        if ticket.error is not None:
            raise ticket.error
        assert ticket.receipts is not None
        return ticket.receipts

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
        with self._io:
            self._compact()

    def close(self) -> None:
        """Save, and let go of the store.

        Raises
        ------
        StorageError, StateError
            If the store refuses; the replica can then be closed again.
        """
        if self._store.is_durable and self.is_touched():
            self.save()
        self.stop()

    def stop(self) -> None:
        """Let go of the store as it is."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        with self._io:
            self._store.close()

    def is_touched(self) -> bool:
        """Whether anything waits for the store, or stands in its log and not in its document."""
        with self.lock:
            return bool(self._queued) or self.learner.mark.position > self._folded

    def health(self) -> Health:
        """Return how the store stands."""
        with self.lock:
            trouble = self._trouble
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
            )

    def learn(self, reports: Sequence[Reported], *, durable: bool = True) -> list[Receipt]:
        """Report on decisions; where one is not known, none is learned from.

        A decision that another process made a moment ago may not be in the store yet; it is waited
        for.

        Raises
        ------
        FeedbackError
            For a decision that is not known.
        StorageError, StateError
            As `report`.
        """
        if self._store.is_durable:
            self._wait_for(reports)
            receipts = self.report(reports, durable=durable)
        else:
            with self.lock:
                if not self._are_known(reports):
                    self._append_at_once(())
                    self._check_known(reports)
                receipts = self._append_at_once(reports)
        known = [receipt for receipt in receipts if receipt is not None]
        if len(known) < len(receipts):  # given up between the check and the log
            raise self.learner.unknown(reports[receipts.index(None)].decision_id)
        return known

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

    def tail(self) -> None:
        """Do what is due in the background: flush, look for news, fold the log; never raises."""
        with self._io, suppress(TracetierError):
            with self.lock:
                is_due = bool(self._queued) or bool(self._tickets)
                age_s = time.monotonic() - self._in_step_s
            if is_due:
                self._commit()
            elif age_s >= FRESH_S or self._trouble is not None:
                self._look()
            mark = self.learner.mark
            if self._trouble is None and mark.position - self._folded >= self._compact_at:
                self._compact()

    def _commit(self) -> None:
        """Append all that waits, and settle the tickets; ``_io`` must be held."""
        with self.lock:
            tickets, self._tickets = self._tickets, []
        error: TracetierError | None = StorageError(
            f"{self._store.name}: the append that this report was part of was interrupted; give "
            "the report again"
        )
        try:
            self._append(tickets)
            error = None
        except TracetierError as found:
            error = self._trouble = found
        finally:
            for ticket in tickets:
                if ticket.receipts is None:
                    ticket.error = error

    def _append(self, tickets: Sequence[_Ticket]) -> None:
        if self._is_unsure:
            # An append may have gone through before its answer was lost. Look first, so that
            # what is queued is not given to the store twice.
            self._look()
        reports = [event for ticket in tickets for event in ticket.events]
        durable = not tickets or any(ticket.durable for ticket in tickets)
        with self.lock:
            queued = list(self._queued)
        self._is_unsure = True
        page = self._appended([*queued, *reports], durable=durable)
        with self.lock:
            for event in (*page.events, *queued):
                self.learner.fold(event)
            for ticket in tickets:
                ticket.receipts = [self.learner.fold(event) for event in ticket.events]
            # Some may be gone already: dropped from this end, or found to be in the log.
            done = set(map(id, queued))
            while self._queued and id(self._queued[0]) in done:
                self._queued.popleft()
            self._stepped(page)

    def _drop(self) -> None:
        dropped = self._queued.popleft()
        if isinstance(dropped, Decided):
            self.learner.forget(dropped.decision_id)
        self._n_dropped += 1


_LIVING: "weakref.WeakSet[Replica]" = weakref.WeakSet()


def _tail(replica: "weakref.ref[Replica]", stop: threading.Event) -> None:
    """Look after a replica until it is stopped, or nobody has it any more."""
    wait_s = FLUSH_S
    while not stop.wait(wait_s):
        living = replica()
        if living is None:
            return
        living.tail()
        wait_s = FLUSH_S if living.health().is_ok else min(_SLOWEST_S, 2.0 * wait_s)
        del living


@atexit.register
def _flush_all() -> None:
    """Give the stores what still waits, before the interpreter ends."""
    for replica in list(_LIVING):
        replica._stop.set()
        with suppress(TracetierError, StateError):
            if replica.health().n_queued:
                replica.flush()
