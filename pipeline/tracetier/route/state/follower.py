"""A learner that follows the log of a store: appends, looks, and moves to where the store stands.

What it knows is always the fold of the log up to one place. Where the store was given another
state, it goes on from that; where the store has lost its state, or a part of it, it gives it back
what is known here.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import structs

from tracetier.errors import StorageError, TracetierError
from tracetier.route.event import Decided, Event
from tracetier.route.learner import Learner
from tracetier.route.outcome import Receipt
from tracetier.route.state.document import StateDocument, decode_document, pack_document
from tracetier.route.state.mark import Mark, Page
from tracetier.route.state.store import StateStore
from tracetier.route.watch import Watch

_MOST_MOVES = 20
"""Times that the state may be replaced by others while one append is tried."""

_AT_ONCE = 50
"""Events folded under one hold of the lock: those who choose wait no longer than that takes."""

_MOST_PAUSES = 20
"""Times that the lock is let go while one page of events is folded."""


class Follower:
    """One thread at a time may call what it does with the store; see `Replica` for many."""

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
        self.lock = threading.RLock()
        """Guards the learner; hold it to choose and to submit."""
        self._watch = watch
        self.learner = Learner(document, watch)
        for event in events:
            self.learner.fold(event)
        self._store = store
        self._io = threading.Lock()
        """Held by the thread that asks the store."""
        self._accept = accept
        self._replaces = replaces
        self._queued: deque[Event] = deque()
        self._folded = document.position
        self._in_step_s = time.monotonic()
        self._trouble: TracetierError | None = None
        self._unfolded: TracetierError | None = None
        self._retry_s = 0.0
        self._is_unsure = False
        self._is_stored = is_stored
        self._n_restored = 0
        self._compact_at = _spread(store.compact_every)

    def _append_at_once(self, events: Sequence[Event]) -> list[Receipt | None]:
        """Append to a store in memory and fold, all under the lock."""
        mark = self.learner.mark
        page = self._store.append(events, mark)
        if page.is_behind or page.is_elsewhere:
            page = self._appended(events, durable=False)
        fold = self.learner.fold
        for event in page.events:
            fold(event)
        receipts = list(map(fold, events))
        if mark.position - page.folded >= self._compact_at:
            document = self.learner.document()
            self._compact_at = self._compact_after(len(document.pending) + len(document.partial))
            self._store.compact(pack_document(document), self.learner.mark)
        return receipts

    def _appended(self, events: Sequence[Event], *, durable: bool) -> Page:
        """Append after whatever the store holds by now."""
        for _ in range(_MOST_MOVES):
            if self._replaces:
                self._give(Page(is_behind=True))
            page = self._store.append(events, self.learner.mark, durable=durable)
            if page.is_behind:
                self._give(page)
            elif page.is_elsewhere:
                self._go_there()
            else:
                self._is_stored = True
                return page
        raise StorageError(
            f"{self._store.name} was replaced {_MOST_MOVES} times while one report was to be "
            "stored; see who writes to it, then give the report again"
        )

    def _look(self) -> None:
        """Fold in what others appended; ``_io`` must be held."""
        if self._replaces:
            return
        try:
            page = self._store.read(self.learner.mark)
            if page.is_elsewhere:
                self._go_there()
            elif page.is_behind and self._is_stored:
                self._give(page)
            self._fold(page.events)
            with self.lock:
                self._forget_known()
                self._stepped(page)
        except TracetierError as error:
            self._trouble = error
            raise

    def _fold(self, events: Sequence[Event]) -> None:
        """Fold what the store has; ``_io`` must be held, and the lock is, a moment at a time."""
        # A pause may last as long as a thread may keep the interpreter: they are few, however much
        # there is to fold, or a busy process would fall behind.
        at_once = max(_AT_ONCE, len(events) // _MOST_PAUSES)
        for first in range(0, len(events), at_once):
            if first:
                time.sleep(0)  # or who waits for the lock would not get to take it
            with self.lock:
                fold = self.learner.fold
                for event in events[first : first + at_once]:
                    fold(event)

    def _stepped(self, page: Page) -> None:
        if page.folded > self._folded:
            self._folded, self._unfolded = page.folded, None
        self._in_step_s = time.monotonic()
        self._trouble = None
        self._is_unsure = False

    def _go_there(self) -> None:
        """Go on from where the store stands: its state was replaced, or this one fell behind."""
        stored = self._store.load()
        if stored is None:
            return
        document = decode_document(stored.document, where=self._store.name)
        if self._accept is not None:
            self._accept(document)
        with self.lock:
            learner = Learner(document, self._watch)
            for event in stored.events:
                learner.fold(event)
            for decided in self.learner.underway():
                if not learner.is_known(decided.decision_id):
                    learner.expect(decided)
            self.learner = learner
            self._forget_known()
            self._folded = stored.mark.position

    def _give(self, page: Page) -> None:
        """Give the store the state of this process, unless another process was first."""
        with self.lock:
            document = self.learner.document()
            epoch = new_epoch() if page.found or document.position else document.epoch
            mark = Mark(epoch, document.position)
            packed = pack_document(structs.replace(document, epoch=epoch))
        expected: Mark | Literal["any"] | None = "any" if self._replaces else page.found
        if self._store.replace(packed, mark, expected=expected):
            with self.lock:
                self.learner.begin_epoch(epoch)
                self._n_restored += self._is_stored and not self._replaces
                self._folded = mark.position
            self._replaces = False

    def _forget_known(self) -> None:
        """Take from the queue the decisions that came back through the log."""
        if not self._queued:
            return
        underway = {decided.decision_id for decided in self.learner.underway()}
        self._queued = deque(
            event
            for event in self._queued
            if not isinstance(event, Decided) or event.decision_id in underway
        )

    def _compact_after(self, n_open: int) -> int:
        """Return after how many events the document is to be written again.

        It is written whole, so the more decisions are open the longer the log may grow: an event
        pays for no more than half of an open decision.
        """
        return _spread(max(self._store.compact_every, 2 * n_open))


def new_epoch() -> str:
    """Return a name for an epoch of a state, see `Mark`."""
    return random.SystemRandom().randbytes(6).hex()


def _spread(n_events: int) -> int:
    """Return up to a third more: processes that share a log do not all fold it at one time."""
    return int(n_events * random.uniform(1.0, 1.3))
