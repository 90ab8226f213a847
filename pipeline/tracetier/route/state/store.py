"""Where a state's bytes live, by URL.

A store keeps one document and knows nothing of what is in it. The choices are one table; a new
store is a file, and a line here.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal, Protocol, get_args

from tracetier.errors import StateError
from tracetier.route.state.json_file import JsonFileStore
from tracetier.route.state.memory import MemoryStore

StoreScheme = Literal["memory", "json"]

_FORMS = "memory://, json:///absolute/file, json://relative/file, or a path that ends in .json"


class StateStore(Protocol):
    """Keeps one state document."""

    @property
    def name(self) -> str:
        """How messages call the store."""
        ...

    @property
    def is_durable(self) -> bool:
        """Whether what is saved outlives the process: then each feedback batch is saved."""
        ...

    def load(self) -> bytes | None:
        """Return the last document, ``None`` if there never was one."""
        ...

    def save(self, data: bytes) -> None:
        """Replace the document, wholly or not at all.

        Raises
        ------
        StorageError
            If the store refuses; the old document then stands.
        StateError
            If another writer replaced the document since this store last read or wrote it.
        """
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep every other writer out, for a load followed by a save."""
        ...


def _memory(rest: str) -> StateStore:
    return MemoryStore()


def _json(rest: str) -> StateStore:
    if not rest:
        raise StateError(f"state 'json://' names no file; expected {_FORMS}")
    return JsonFileStore(rest)


_STORES: dict[StoreScheme, Callable[[str], StateStore]] = {"memory": _memory, "json": _json}


def open_state(url: str | os.PathLike[str] | StateStore | None) -> StateStore:
    """Return the store that a URL or path names; nothing is read or written yet.

    Parameters
    ----------
    url : str, path, StateStore or None
        ``memory://`` or ``None``, ``json:///absolute/file``, ``json://relative/file``, or a plain
        path that ends in ``.json``; a store is returned as it is.

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
        return MemoryStore()
    if not isinstance(url, (str, os.PathLike)):
        return url
    text = os.fspath(url)
    scheme, separator, rest = text.partition("://")
    if not separator:
        if text.lower().endswith(".json"):
            return JsonFileStore(text)
        raise StateError(f"state {text!r} is no form that is known; expected {_FORMS}")
    for known, factory in _STORES.items():
        if known == scheme.lower():
            return factory(rest)
    raise StateError(
        f"state {text!r}: {scheme}:// is not in this version, known are "
        f"{', '.join(get_args(StoreScheme))}; expected {_FORMS}"
    )
