"""What is remembered of a session between its decisions: little, and of few sessions.

The newest `MAX_SESSIONS` are kept, by when they were last used; a forgotten one begins anew.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, structs

MAX_SESSIONS: Final = 10_000


class Session(Struct, kw_only=True, gc=False, omit_defaults=True):
    """One session.

    Attributes
    ----------
    last : int
        Tier of its last decision, -1 before the first.
    floor : int
        Cheapest tier it may take since it was escalated; 0 where it was not.
    n_escalations : int
        Levels it was escalated by so far.
    n_failed : int
        Reports of failure since the last success or escalation.
    errors_seen : int
        ``n_prior_errors`` at the last success or escalation, from which to count further.
    errors_told : int
        ``n_prior_errors`` of the last task.
    """

    last: int = -1
    floor: int = 0
    n_escalations: int = 0
    n_failed: int = 0
    errors_seen: int = 0
    errors_told: int = 0


class Sessions:
    """The newest sessions by id.

    Examples
    --------
    >>> sessions = Sessions(most=1)
    >>> sessions.of("a").last = 2
    >>> sessions.of("a").last, sessions.of("b").last, len(sessions), sessions.of("a").last
    (2, -1, 1, -1)
    """

    def __init__(
        self, kept: Mapping[str, Session] | None = None, *, most: int = MAX_SESSIONS
    ) -> None:
        self.kept: OrderedDict[str, Session] = OrderedDict(kept or {})
        self._most = most

    def __len__(self) -> int:
        return len(self.kept)

    def find(self, session_id: str | None) -> Session | None:
        """Return a session that is remembered, else ``None``."""
        return None if session_id is None else self.kept.get(session_id)

    def of(self, session_id: str) -> Session:
        """Return a session, new if it is not remembered."""
        session = self.kept.get(session_id)
        if session is not None:
            self.kept.move_to_end(session_id)
            return session
        session = self.kept[session_id] = Session()
        if len(self.kept) > self._most:
            self.kept.popitem(last=False)
        return session

    def newest(self, n: int) -> dict[str, Session]:
        """Return the sessions that were used last, oldest first."""
        return dict(list(self.kept.items())[-n:])

    def take_over(self, kept: Mapping[str, Session]) -> None:
        """Remember what another process did; what is known here stands."""
        self.kept = OrderedDict(
            {**{name: structs.replace(one) for name, one in kept.items()}, **self.kept}
        )

    def move(self, to: Sequence[int]) -> None:
        """Follow the tiers to other places: ``to`` has the new index per old one, -1 if gone."""
        for session in self.kept.values():
            session.last = to[session.last] if session.last >= 0 else -1
            session.floor = max(0, to[session.floor])
