"""A state that lives as long as the process."""

import threading
from collections.abc import Callable, Sequence
from typing import Literal

from tracetier.route.event import Event
from tracetier.route.state.mark import Mark, Page, Stored


class MemoryStore:
    """Keeps a state in memory; hand one object to several routers, and they share it."""

    name = "memory://"
    is_durable = False
    compact_every = 20_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._document: bytes | None = None
        self._folded = Mark("", 0)
        self._no_news = Page()
        self._base = 0
        self._log: list[Event] = []
        self._kept: dict[str, bytes] = {}

    @property
    def _end(self) -> Mark:
        return Mark(self._folded.epoch, self._base + len(self._log))

    def load(self) -> Stored | None:
        """Return everything, ``None`` if there is no state."""
        with self._lock:
            if self._document is None:
                return None
            start = self._folded.position - self._base
            return Stored(self._document, self._folded, tuple(self._log[start:]))

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        """Append the events; return what others had appended since ``mark``."""
        with self._lock:
            if mark == (self._folded.epoch, self._base + len(self._log)) and self._document:
                self._log += events
                return self._no_news
            page = self._page(mark)
            if not (page.is_behind or page.is_elsewhere):
                self._log += events
            return page

    def read(self, mark: Mark) -> Page:
        """Return what others have appended since ``mark``."""
        with self._lock:
            return self._page(mark)

    def _page(self, mark: Mark) -> Page:
        epoch, folded = self._folded
        end = self._base + len(self._log)
        if self._document is None:
            return Page(is_behind=True)
        if mark.epoch != epoch or mark.position < self._base:
            return Page(is_elsewhere=True)
        if mark.position > end:
            return Page(is_behind=True, found=self._end)
        if mark.position == end:
            return self._no_news
        return Page(self._log[mark.position - self._base :], folded)

    def compact(
        self, document: bytes, mark: Mark, pause: Callable[[], object] | None = None
    ) -> None:
        """Put the document in place of the log up to ``mark``, but for the last events."""
        with self._lock:
            if mark.epoch == self._folded.epoch and mark.position > self._folded.position:
                del self._log[: self._folded.position - self._base]
                self._base = self._folded.position
                self._stands_at(document, mark)

    def replace(
        self, document: bytes, mark: Mark, *, expected: Mark | Literal["any"] | None
    ) -> bool:
        """Put a document in place of everything."""
        with self._lock:
            if expected != "any" and expected != (None if self._document is None else self._end):
                return False
            self._stands_at(document, mark)
            self._log, self._base = [], mark.position
            return True

    def _stands_at(self, document: bytes, mark: Mark) -> None:
        self._document, self._folded = document, mark
        self._no_news = Page((), mark.position)

    def keep(self, name: str, document: bytes) -> None:
        """Keep a document under a name."""
        self._kept[name] = document

    def kept(self) -> dict[str, bytes]:
        """Return the documents that were kept, by name."""
        return dict(self._kept)

    def close(self) -> None:
        """Do nothing: another router may hold the store."""
