"""A state that lives as long as the process."""

from collections.abc import Iterator
from contextlib import contextmanager


class MemoryStore:
    """Keeps the document in memory; hand one object to several routers to pass the state on."""

    name = "memory://"
    is_durable = False

    def __init__(self) -> None:
        self._data: bytes | None = None

    def load(self) -> bytes | None:
        """Return the last document, ``None`` if there never was one."""
        return self._data

    def save(self, data: bytes) -> None:
        """Replace the document."""
        self._data = data

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Do nothing: there is no other process."""
        yield
