"""A state store that need not be there yet when the service starts.

Whoever starts while the store is down decides by the prior at once, and goes on from what the
store holds as soon as it answers. So a worker that dies while Redis is away comes back without it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from tracetier.errors import StorageError
from tracetier.route.event import Event
from tracetier.route.state.mark import Mark, Page, Stored
from tracetier.route.state.store import StateStore


class PatientStore:
    """A store whose first load answers "nothing yet" where it cannot be reached.

    The first append or read then finds it to be elsewhere than the fresh state that its user
    started from, and has its user go there.

    Parameters
    ----------
    store : StateStore
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._is_first = True
        self.name = store.name
        self.is_durable = store.is_durable
        self.compact_every = store.compact_every

    def load(self) -> Stored | None:
        """Return everything; the first time ``None`` also where the store does not answer."""
        is_first, self._is_first = self._is_first, False
        try:
            return self._store.load()
        except StorageError:
            if not is_first:
                raise
            return None

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        """Append, as the store does."""
        return self._store.append(events, mark, durable=durable)

    def read(self, mark: Mark) -> Page:
        """Read, as the store does."""
        return self._store.read(mark)

    def compact(
        self, document: bytes, mark: Mark, pause: Callable[[], object] | None = None
    ) -> None:
        """Compact, as the store does."""
        self._store.compact(document, mark, pause)

    def replace(
        self, document: bytes, mark: Mark, *, expected: Mark | Literal["any"] | None
    ) -> bool:
        """Replace, as the store does."""
        return self._store.replace(document, mark, expected=expected)

    def keep(self, name: str, document: bytes) -> None:
        """Keep a document, as the store does."""
        self._store.keep(name, document)

    def kept(self) -> Mapping[str, bytes]:
        """Return what is kept, as the store does."""
        return self._store.kept()

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()
