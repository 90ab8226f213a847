"""Which scores count for which invocation.

A score on an invocation's own span counts for it. One on a step inside it (a call of a run, a tool)
counts where its own span has none. One on what is around it (the trace, a chain) counts where
nothing else at that place could be meant: there is one run, or else one call.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from tracetier.ingest.assemble.additions import Added
from tracetier.ingest.assemble.tree import NONE, Tree
from tracetier.ingest.assemble.units import Unit
from tracetier.ingest.span import Score

_Few = tuple[int, ...]


class Scores(NamedTuple):
    """Scores that may count for a unit: the first of the three that says anything does."""

    own: list[Score]
    around: list[Score]
    inside: list[Score]


def scores_of_units(
    tree: Tree, units: Sequence[Unit], sessions: Sequence[str], added: Added
) -> tuple[dict[int, Scores], int]:
    """Return the scores of each unit that has any, and how many count for none.

    They stand in the order in which they were given. Left are those of a trace, session or run that
    holds several units.

    Parameters
    ----------
    sessions : sequence of str
        The session of each span.
    added : Added
        Scores of whole traces and sessions.
    """
    found: defaultdict[int, Scores] = defaultdict(lambda: Scores([], [], []))
    scored = [i for i, span in enumerate(tree.spans) if span.scores]
    if not (scored or added.of_traces or added.of_sessions):
        return found, 0
    scored.sort(key=lambda i: (tree.ends[i], i))
    unit_at = {unit.place: k for k, unit in enumerate(units)}
    above, below = _units_from(tree, unit_at), _units_below(tree, units, unit_at)
    of_trace, of_session = _units_of(tree, units, sessions)
    around: list[tuple[_Few, Sequence[Score]]] = []
    for i in scored:
        span, k = tree.spans[i], above[i]
        if k == NONE:
            around.append((below[i] or of_trace[span.trace_id], span.scores))
        else:
            (found[k].own if units[k].place == i else found[k].inside).extend(span.scores)
    around += [(of_trace[trace], scores) for trace, scores in added.of_traces.items()]
    around += [(of_session[session], scores) for session, scores in added.of_sessions.items()]
    n_left = 0
    for candidates, scores in around:
        if len(candidates) == 1:
            found[candidates[0]].around.extend(scores)
        else:
            n_left += len(scores)
    return found, n_left


def _units_from(tree: Tree, unit_at: dict[int, int]) -> list[int]:
    """Return the unit that each span is or is in."""
    found = [NONE] * len(tree.spans)
    for i in tree.order:
        parent = tree.parents[i]
        found[i] = unit_at.get(i, NONE if parent == NONE else found[parent])
    return found


def _units_below(tree: Tree, units: Sequence[Unit], unit_at: dict[int, int]) -> list[_Few]:
    """Return the outermost units under each span."""
    below: list[_Few] = [()] * len(tree.spans)
    for i in reversed(tree.order):
        k, parent = unit_at.get(i, NONE), tree.parents[i]
        if k != NONE and units[k].parent == NONE:
            below[i] = (k,)
        if parent != NONE:
            below[parent] = _few(units, below[parent] + below[i])
    return below


def _units_of(
    tree: Tree, units: Sequence[Unit], sessions: Sequence[str]
) -> tuple[defaultdict[str | None, _Few], defaultdict[str | None, _Few]]:
    """Return the outermost units of each trace and of each session."""
    of_trace: defaultdict[str | None, _Few] = defaultdict(tuple)
    of_session: defaultdict[str | None, _Few] = defaultdict(tuple)
    for k, unit in enumerate(units):
        if unit.parent == NONE:
            trace_id, session_id = tree.spans[unit.place].trace_id, sessions[unit.place]
            of_trace[trace_id] = _few(units, (*of_trace[trace_id], k))
            of_session[session_id] = _few(units, (*of_session[session_id], k))
    return of_trace, of_session


def _few(units: Sequence[Unit], places: _Few) -> _Few:
    """Keep what tells whether there is exactly one: runs before calls, and no more than two."""
    runs = tuple(k for k in places if units[k].level == "agent_run")
    return (runs or places)[:2]
