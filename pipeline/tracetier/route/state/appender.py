"""A follower that appends for many threads: what waits is stored together, and then folded.

Decisions wait in a queue that nobody waits for; reports wait on a ticket, whose thread does. One
thread at a time appends all that waits by then, and the others find their tickets settled.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from tracetier.errors import StorageError, TracetierError
from tracetier.route.event import Decided, Event
from tracetier.route.outcome import Receipt
from tracetier.route.state.follower import Follower

FLUSH_N = 200
"""Decisions that go to the store at once: to store and fold more takes time that others notice."""

RETRY_S = 60.0
"""Time after which the log that could not be folded is tried again, however little came since."""


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

    def __init__(self, *args: Any, **changes: Any) -> None:  # Any: as `Follower` takes them
        super().__init__(*args, **changes)
        self._tickets: deque[Ticket] = deque()
        self._n_dropped = 0

    def _appended_for(self, events: Sequence[Event], *, durable: bool) -> list[Receipt | None]:
        """Store the events, by this thread or with those of another; return their receipts."""
        if self._io.acquire(blocking=False):
            try:
                if not (self._tickets or self._queued or self._is_unsure or self._replaces):
                    return self._append_alone(events, durable)
            finally:
                self._io.release()
        ticket = Ticket(events, durable=durable)
        self._tickets.append(ticket)
        with self._io:
            if ticket.receipts is None and ticket.error is None:
                self._commit()
        error, ticket.error = ticket.error, None
        if error is not None:
            try:
                raise error
            finally:
                # It holds on to this frame: were it held here, both would wait for the collector.
                del error
        assert ticket.receipts is not None
        return ticket.receipts

    def _append_alone(self, events: Sequence[Event], durable: bool) -> list[Receipt | None]:
        """Append the events where nothing else waits; ``_io`` must be held.

        The wait for the disk drives code and tables from the processor's caches, so what comes
        before and after it takes three times as long as elsewhere; this is the least of it.
        """
        self._is_unsure = True
        try:
            page = self._store.append(events, self.learner.mark, durable=durable)
            if page.is_behind or page.is_elsewhere:
                page = self._appended(events, durable=durable)
        except TracetierError as error:
            self._trouble = error
            raise
        if page.events:
            self._fold(page.events)
        with self.lock:
            receipts = list(map(self.learner.fold, events))
            self._stepped(page)
        return receipts

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

    def _compact(self, pause: Callable[[], object]) -> None:
        """Fold the log into the stored document; ``_io`` must not be held.

        The document stands where it was taken, however far the log goes on before it is stored.
        Between two steps there is a pause, in which the store may be used.
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
        document = packing.finished(pause)
        try:
            with self._io:
                self._store.compact(document, mark, lambda: self._step_aside(pause))
        except TracetierError as error:
            self._unfolded, self._retry_s = error, time.monotonic() + RETRY_S
            raise
        self._unfolded = None
        self._compact_at = compact_at
        with self.lock:
            if self.learner.mark.epoch == mark.epoch and mark.position > self._folded:
                self._folded = mark.position

    def _step_aside(self, pause: Callable[[], object]) -> None:
        """Pause while ``_io`` is held, and let others have it."""
        self._io.release()
        try:
            pause()
        finally:
            self._io.acquire()

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
