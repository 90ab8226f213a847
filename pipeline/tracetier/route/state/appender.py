"""A follower that appends for many threads: what waits is stored together, and then folded.

Decisions wait in a queue that nobody waits for; reports wait on a ticket, whose thread does. One
thread at a time appends all that waits by then, and the others find their tickets settled.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from tracetier.errors import StorageError, TracetierError
from tracetier.route.event import Decided, Event
from tracetier.route.outcome import Receipt
from tracetier.route.state.document import StateDocument
from tracetier.route.state.follower import Follower
from tracetier.route.state.store import StateStore
from tracetier.route.watch import Watch

FLUSH_N = 200
"""Decisions that go to the store at once: to store and fold more takes time that others notice."""


class Ticket:
    """The events of one thread that waits for the store."""

    __slots__ = ("durable", "error", "events", "receipts")

    def __init__(self, events: Sequence[Event], *, durable: bool) -> None:
        self.events = events
        self.durable = durable
        self.receipts: list[Receipt | None] | None = None
        self.error: TracetierError | None = None


class Appender(Follower):
    """See `Follower` for what it takes."""

    def __init__(
        self,
        store: StateStore,
        document: StateDocument,
        events: Sequence[Event] = (),
        *,
        accept: Callable[[StateDocument], None] | None = None,
        replaces: bool = False,
        is_stored: bool = False,
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
        """Held by the thread that asks the store."""
        self._tickets: deque[Ticket] = deque()
        self._n_dropped = 0

    def _appended_for(self, events: Sequence[Event], *, durable: bool) -> list[Receipt | None]:
        """Store the events, by this thread or with those of another; return their receipts."""
        ticket = Ticket(events, durable=durable)
        self._tickets.append(ticket)
        with self._io:
            if ticket.receipts is None and ticket.error is None:
                self._commit()
        if ticket.error is not None:
            raise ticket.error
        assert ticket.receipts is not None
        return ticket.receipts

    def _commit(self) -> None:
        """Append all that waits, and settle the tickets; ``_io`` must be held."""
        tickets = []
        while self._tickets:
            tickets.append(self._tickets.popleft())
        try:
            self._append(tickets)
        except TracetierError as error:
            self._trouble = error
            self._refuse(tickets, error)
        except BaseException:
            told = f"{self._store.name}: the append that this report was part of was interrupted"
            self._refuse(tickets, StorageError(f"{told}; give the report again"))
            raise

    def _refuse(self, tickets: Sequence[Ticket], error: TracetierError) -> None:
        for ticket in tickets:
            if ticket.receipts is None:
                ticket.error = error

    def _append(self, tickets: Sequence[Ticket]) -> None:
        if self._is_unsure:
            # An append may have gone through before its answer was lost. Look first, so that
            # what is queued is not given to the store twice.
            self._look()
        events: list[Event] = []
        if self._queued:
            with self.lock:
                events += self._queued
        n_queued = len(events)
        durable = not tickets
        for ticket in tickets:
            events += ticket.events
            durable = durable or ticket.durable
        self._is_unsure = True
        page = self._appended(events, durable=durable)
        if page.events or n_queued:
            self._fold([*page.events, *events[:n_queued]])
        with self.lock:
            for ticket in tickets:
                ticket.receipts = [self.learner.fold(event) for event in ticket.events]
            if n_queued:
                self._unqueue(events[:n_queued])
            self._stepped(page)

    def _compact(self) -> None:
        """Fold the log into the stored document; ``_io`` must not be held.

        The document stands where it was taken, however far the log goes on before it is stored.
        """
        with self.lock:
            mark = self.learner.mark
            n_events = mark.position - self._folded
            if n_events <= 0:
                return
            packing = self.learner.packing()
        compact_at = self._compact_after(packing.n_open)
        # Where it fails, it is not tried again with every tick.
        self._compact_at = n_events + compact_at
        document = packing.finished(self._pause)
        with self._io:
            self._store.compact(document, mark)
        self._compact_at = compact_at
        with self.lock:
            if self.learner.mark.epoch == mark.epoch and mark.position > self._folded:
                self._folded = mark.position

    def _pause(self) -> None:
        """Let others go on, and what waits for the store not wait for long."""
        if len(self._queued) >= FLUSH_N:
            with self._io:
                self._commit()
        time.sleep(0)

    def _unqueue(self, stored: Sequence[Event]) -> None:
        # Some may be gone already: dropped from this end, or found to be in the log.
        done = set(map(id, stored))
        while self._queued and id(self._queued[0]) in done:
            self._queued.popleft()

    def _drop(self) -> None:
        dropped = self._queued.popleft()
        if isinstance(dropped, Decided):
            self.learner.forget(dropped.decision_id)
        self._n_dropped += 1
