"""Which records of a Codex rollout are a copy of another thread's history.

A thread that was forked, or spawned as a sub-agent, may begin with all that its parent had said
and used, written anew with the time of the fork. Those steps are told in the parent's file.
"""

from datetime import timedelta

from tracetier.ingest.formats._codex_record import Record

_PAUSE = timedelta(seconds=1)
_UUID_CHARS, _VERSION_AT = 36, 14


class History:
    """The copied part at the head of a rollout.

    Where the file says at which record the thread's own history starts, that is it. Else it starts
    with the first turn that is younger than the thread: both ids are UUIDs of version 7, which are
    in the order of time. In old files without such ids a copy is written in one go, so that it
    ends before the first pause.

    Parameters
    ----------
    meta : Record
        The first ``session_meta``, which is the thread's own.
    has_parent : bool
        Whether it says that the thread comes from another.
    """

    def __init__(self, meta: Record, *, has_parent: bool) -> None:
        self._own_id, self._created = meta.payload.id or "", meta.time
        self._start = meta.payload.subagent_history_start_ordinal
        self._is_copy = has_parent
        self._last, self._has_turn_ids = meta.time, False

    def holds(self, record: Record) -> bool:
        """Whether a record is a copy; to be asked of each one after the first, in order."""
        if self._start is not None and record.ordinal is not None:
            return record.ordinal < self._start
        if record.type == "session_meta":
            self._is_copy = self._is_copy or record.payload.id not in (None, self._own_id)
        if self._is_copy:
            self._is_copy = self._goes_on(record)
        self._last = record.time or self._last
        return self._is_copy

    def _goes_on(self, record: Record) -> bool:
        turn_id = record.payload.turn_id
        if turn_id is not None and _is_timed(turn_id) and _is_timed(self._own_id):
            self._has_turn_ids = True
            return turn_id < self._own_id
        if self._has_turn_ids or record.time is None or self._last is None:
            return True
        if self._created is not None and record.time < self._created:
            return True
        return record.time - self._last < _PAUSE


def _is_timed(name: str) -> bool:
    """Whether an id is a UUID of version 7."""
    return len(name) == _UUID_CHARS and name[_VERSION_AT] == "7"
