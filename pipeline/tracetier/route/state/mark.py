"""A place in a state's log, and what a store gives back for one."""

from collections.abc import Sequence
from typing import NamedTuple

from tracetier.route.event import Event


class Mark(NamedTuple):
    """A place in the log: after its first ``position`` events.

    Positions of two epochs cannot be compared: a state that is put in place of another, by a
    rollback say, begins an epoch.
    """

    epoch: str
    position: int


class Stored(NamedTuple):
    """All that a store holds: a document, the place it stands at, and the events after it."""

    document: bytes
    mark: Mark
    events: Sequence[Event]


class Page(NamedTuple):
    """What a store has after a reader's place.

    Attributes
    ----------
    events : sequence of Event
        What others appended since.
    folded : int
        Position at which the stored document stands.
    is_elsewhere : bool
        The log does not go on from the reader's place, since the state was replaced, or the log
        trimmed; nothing was appended. Load it anew.
    is_behind : bool
        The store holds less than the reader, or nothing; nothing was appended.
    found : Mark, optional
        End of the log where it is behind; ``None`` where the store holds nothing.
    """

    events: Sequence[Event] = ()
    folded: int = 0
    is_elsewhere: bool = False
    is_behind: bool = False
    found: Mark | None = None
