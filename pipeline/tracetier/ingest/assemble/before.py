"""What was known before each invocation, as a log tells it: only from steps that had ended.

A step that was still running tells nothing but its place (its ids, its parent, its name), since
those it had from the start. So no column holds what came of a step that ended later.
"""

from bisect import bisect_right
from collections.abc import Container, Hashable, Iterable, Sequence
from math import inf
from typing import NamedTuple

from tracetier.features.text import estimate_tokens, to_utf8
from tracetier.ingest.assemble.calls import Calls
from tracetier.ingest.assemble.conversations import Conversations
from tracetier.ingest.assemble.history import NOTHING, session_histories
from tracetier.ingest.assemble.tree import Tree
from tracetier.ingest.assemble.units import Unit

_Line = list[tuple[float, int]]  # when things ended, and their places


class Before(NamedTuple):
    """What was known before one invocation; ``None`` is unknown.

    Attributes
    ----------
    turn_index : int, optional
        Invocations beside it that had ended: turns of the user, calls of the same run, sub-agents
        of the same parent.
    n_prior_errors, n_prior_retries : int, optional
        Calls and tools of the session that had failed, and that had been tried again.
    n_files_touched : int, optional
        Distinct files that tools of the session had touched; ``None`` where none is told.
    context_tokens : int, optional
        Input and output of the last call on the same chain, and the new text.
    idle_s : float, optional
        Seconds since a step of the session had ended.
    last_model : str, optional
        Model of the session's invocation that had ended last.
    last_failed : bool, optional
        Whether that one failed.
    """

    turn_index: int | None = None
    n_prior_errors: int | None = None
    n_prior_retries: int | None = None
    n_files_touched: int | None = None
    context_tokens: int | None = None
    idle_s: float | None = None
    last_model: str | None = None
    last_failed: bool | None = None


class Ended(NamedTuple):
    """What a unit left behind: when it was over, its model, and whether it failed."""

    end: float
    model: str | None
    failed: bool | None


class Past:
    """All that happened in the sessions of a tree, to be asked for the state at any time.

    Parameters
    ----------
    units, ended : sequences of Unit and of Ended
        The invocations, and what each left behind.
    parts : container of str
        Traces of which, or of whose session, earlier parts were read before: there nothing can be
        counted.
    """

    def __init__(
        self,
        tree: Tree,
        calls: Calls,
        places: Conversations,
        units: Sequence[Unit],
        ended: Sequence[Ended],
        *,
        parts: Container[str] = (),
    ) -> None:
        self._tree, self._places, self._ended, self._parts = tree, places, ended, parts
        self._histories = session_histories(tree, calls, places)
        over = [k for k, unit in enumerate(units) if ended[k].end < inf and not unit.is_aside]
        siblings, sessions = places.siblings, places.sessions
        self._siblings = _lines((siblings[units[k].place], ended[k].end, k) for k in over)
        self._units = _lines((sessions[units[k].place], ended[k].end, k) for k in over)
        self._calls = _lines(
            (places.chains[i], tree.ends[i], i)
            for i in calls.first_told.values()
            if tree.ends[i] < inf and tree.spans[i].input_tokens is not None
        )

    def before(self, unit: Unit, text: str) -> Before:
        """Return what was known before a unit whose task is ``text``."""
        place, start = unit.place, self._tree.starts[unit.place]
        if start == inf:
            return Before()
        session = self._places.sessions[place]
        history = self._histories.get(session)
        passed = NOTHING if history is None else history.until(start)
        last = _last(self._units.get(session), start)
        is_whole = self._tree.spans[place].trace_id not in self._parts
        is_counted = is_whole and self._places.is_placed[place]
        return Before(
            turn_index=self._turn(place, start) if is_counted else None,
            n_prior_errors=passed.n_errors if is_counted else None,
            n_prior_retries=passed.n_retries if is_counted else None,
            n_files_touched=passed.n_files or None if is_whole else None,
            context_tokens=self._context(unit, text, start),
            idle_s=round(start - passed.end, 6) if passed.end > -inf else None,
            last_model=None if last is None else self._ended[last].model,
            last_failed=None if last is None else self._ended[last].failed,
        )

    def _turn(self, place: int, start: float) -> int:
        return _count(self._siblings.get(self._places.siblings[place]), start)

    def _context(self, unit: Unit, text: str, start: float) -> int | None:
        last = _last(self._calls.get(self._places.chains[unit.place]), start)
        if last is None:
            return None
        span = self._tree.spans[last]
        # A call repeats the conversation from its first words on; a run brings new ones.
        is_new = unit.level != "call" or text != span.text
        new_tokens = estimate_tokens(len(to_utf8(text))) if is_new else 0
        return (span.input_tokens or 0) + (span.output_tokens or 0) + new_tokens


def _lines(ended: Iterable[tuple[Hashable, float, int]]) -> dict[Hashable, _Line]:
    """Return the things of each key in the order in which they ended."""
    lines: dict[Hashable, _Line] = {}
    for key, end, place in ended:
        lines.setdefault(key, []).append((end, place))
    for line in lines.values():
        if len(line) > 1:
            line.sort()
    return lines


def _count(line: _Line | None, time: float) -> int:
    """Return how many had ended by then."""
    return 0 if line is None else bisect_right(line, (time, inf))


def _last(line: _Line | None, time: float) -> int | None:
    """Return the place of the one that had ended last by then."""
    n = _count(line, time)
    return line[n - 1][1] if line and n else None
