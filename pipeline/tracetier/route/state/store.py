"""Where a state lives, by URL: a document, and the log of events after it.

A store keeps events in one order for all who share it, and knows nothing of what they mean. The
choices are one table; a new store is a file, and a line here. What every store promises is what
the conformance suite in the tests asks of each.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, get_args

from tracetier.errors import StateError
from tracetier.route.event import Event
from tracetier.route.state.mark import Mark, Page, Stored

StoreScheme = Literal["memory", "json", "sqlite", "redis", "rediss", "unix"]

_FORMS = (
    "memory://, json:///absolute/file, json://relative/file, sqlite:///absolute/file, "
    "sqlite://relative/file, redis://host:port/db, unix:///socket, or a path that ends in .json, "
    ".db or .sqlite"
)


class StateStore(Protocol):
    """Keeps one state. One thread at a time; several stores on one place are kept apart."""

    @property
    def name(self) -> str:
        """How messages call the store; never holds a password."""
        ...

    @property
    def is_durable(self) -> bool:
        """Whether what is stored outlives the process.

        Such a store is slow: it is called outside the router's lock, decisions go to it in groups
        from the background, and it is looked at again and again for what others appended.
        """
        ...

    @property
    def compact_every(self) -> int:
        """Events after which the log is folded into the document."""
        ...

    def load(self) -> Stored | None:
        """Return everything, ``None`` if there is no state.

        Raises
        ------
        StorageError
            If the store cannot be reached or read.
        StateError
            If what it holds is damaged or of a future format.
        """
        ...

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        """Append all the events or none; return what others had appended since ``mark``.

        The events stand in the log directly after the others'. Where the page says that the log
        is elsewhere or behind, nothing was appended.

        Parameters
        ----------
        events : sequence of Event
        mark : Mark
            The caller's place.
        durable : bool
            Whether the events must outlive a crash when this returns; else after the next durable
            call.

        Raises
        ------
        StorageError
            If the store refuses. Whether it has the events is then not known, unless it says so.
        """
        ...

    def read(self, mark: Mark) -> Page:
        """Return what others have appended since ``mark``."""
        ...

    def compact(
        self, document: bytes, mark: Mark, pause: Callable[[], object] | None = None
    ) -> None:
        """Put the document that stands at ``mark`` in place of the log up to there.

        Does nothing where the stored document stands there or later, or is of another epoch.

        Parameters
        ----------
        document : bytes
        mark : Mark
        pause : callable, optional
            Called now and then by a store that does it by steps; the store may be used within.
        """
        ...

    def replace(
        self, document: bytes, mark: Mark, *, expected: Mark | Literal["any"] | None
    ) -> bool:
        """Put a document in place of everything, unless the end of the log is not ``expected``.

        ``None`` expects an empty store; with ``"any"`` whatever there is goes, damaged or not.
        Returns whether it was done.
        """
        ...

    def keep(self, name: str, document: bytes) -> None:
        """Keep a document under a name, beside the state."""
        ...

    def kept(self) -> Mapping[str, bytes]:
        """Return the documents that were kept, by name."""
        ...

    def close(self) -> None:
        """Let go of files and connections; a later call opens them again."""
        ...


def _memory(url: str, rest: str) -> StateStore:
    from tracetier.route.state.memory import MemoryStore

    return MemoryStore()


def _json(url: str, rest: str) -> StateStore:
    from tracetier.route.state.json_file import JsonFileStore

    if not rest:
        raise StateError(f"state 'json://' names no file; expected {_FORMS}")
    return JsonFileStore(rest)


def _sqlite(url: str, rest: str) -> StateStore:
    from tracetier.route.state.sqlite import SqliteStore

    if not rest.strip("/"):
        raise StateError(f"state {url!r} names no file; expected {_FORMS}")
    # As other libraries have it, sqlite:///state.db is a file of the working folder; nobody keeps
    # a state in the root folder.
    if rest.startswith("/") and "/" not in rest[1:]:
        rest = rest[1:]
    return SqliteStore(rest)


def _redis(url: str, rest: str) -> StateStore:
    from tracetier.route.state.redis import RedisStore

    return RedisStore(url)


_STORES: dict[StoreScheme, Callable[[str, str], StateStore]] = {
    "memory": _memory,
    "json": _json,
    "sqlite": _sqlite,
    "redis": _redis,
    "rediss": _redis,
    "unix": _redis,
}

_SUFFIXES: dict[str, StoreScheme] = {
    ".json": "json",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}


def open_state(url: str | os.PathLike[str] | StateStore | None) -> StateStore:
    """Return the store that a URL or path names; nothing is read or written yet.

    Parameters
    ----------
    url : str, path, StateStore or None
        ``memory://`` or ``None``; ``json://`` or ``sqlite://`` and a file, absolute with a third
        slash (``sqlite:///state.db``, with no folder, is a file of the working folder too);
        ``redis://host:port/db``, ``rediss://`` or ``unix:///socket``, with ``?state=NAME`` to
        keep several in one database; or a plain path that ends in ``.json``, ``.db`` or
        ``.sqlite``. A store is returned as it is.

    Raises
    ------
    StateError
        For a form or scheme that this version does not know.

    Examples
    --------
    >>> open_state(None).name, open_state("json://state/bandit-state.json").is_durable
    ('memory://', True)
    """
    if url is None:
        return _memory("memory://", "")
    if not isinstance(url, (str, os.PathLike)):
        return url
    text = os.fspath(url)
    scheme, separator, rest = text.partition("://")
    if not separator:
        known = _SUFFIXES.get(Path(text).suffix.lower())
        if known is not None:
            return _STORES[known](text, os.path.abspath(text))  # noqa: PTH100 - links stay links
        raise StateError(f"state {text!r} is no form that is known; expected {_FORMS}")
    for known, factory in _STORES.items():
        if known == scheme.lower():
            return factory(text, rest)
    raise StateError(
        f"state {scheme}://... is not in this version, known are "
        f"{', '.join(get_args(StoreScheme))}; expected {_FORMS}"
    )
