"""What is routed: the calls, the runs of agents, or the whole tasks of a tree.

A call belongs to one unit and no more, so that nothing is counted twice. At the level of runs a
call belongs to the nearest agent or turn above it. In a trace without agents the root is the run:
many logs know no agents, and their trace is one request. A call beside the agents of its trace (a
title, a guard) is a unit by itself, since its tier was chosen by itself. A run that makes no call
of its own (it only starts others) chose no tier and is no unit.
"""

from collections import Counter, defaultdict
from typing import NamedTuple

from tracetier.ingest.assemble.calls import Calls
from tracetier.ingest.assemble.tree import LEAF_KINDS, NONE, RUN_KINDS, Tree
from tracetier.ingest.span import Span
from tracetier.records import Level


class Unit(NamedTuple):
    """One invocation to be.

    Attributes
    ----------
    place : int
        The span that it is.
    level : {"call", "agent_run", "task"}
    calls : list of int
        Its own calls, by start; none where the log tells only of the run.
    parent : int
        The nearest unit above.
    has_others : bool
        Whether calls below it belong to other units, so that its own numbers may hold theirs.
    is_aside : bool
        Whether it is a call beside the agents of its trace: nothing that others come after.
    """

    place: int
    level: Level
    calls: list[int]
    parent: int = NONE
    has_others: bool = False
    is_aside: bool = False


def find_units(tree: Tree, calls: Calls, level: Level) -> tuple[list[Unit], Counter[str]]:
    """Return the units of a tree by start, and how many steps of which kind are none.

    The counts are ``calls_outside_runs`` (they became units by themselves), ``runs_without_model``
    (neither a call nor a model is told) and ``runs_without_calls`` (at the level of calls, a run
    that tells of a model but of no call).
    """
    if level == "call":
        units = [Unit(i, "call", [i]) for i in calls.places]
        return units, _n_runs_without_calls(tree, calls)
    return _runs(tree, calls) if level == "agent_run" else _tasks(tree, calls)


def _runs(tree: Tree, calls: Calls) -> tuple[list[Unit], Counter[str]]:
    own, counts = _own_calls(tree, calls), Counter[str]()
    above = _runs_above(tree, list(own))
    found = {i: Unit(i, "call", [i], is_aside=tree.parents[i] != NONE) for i in own.pop(NONE, ())}
    counts["calls_outside_runs"] = len(found)
    for i, kind in enumerate(tree.kinds):
        if i in own:
            found[i] = Unit(i, "agent_run", own[i], has_others=i in above)
        elif kind in RUN_KINDS and i not in above:
            if _model_of(tree.spans[i]):
                found[i] = Unit(i, "agent_run", [])
            else:
                counts["runs_without_model"] += 1
    above_of = _units_above(tree, found)
    return [found[i]._replace(parent=above_of[i]) for i in sorted(found)], counts


def _tasks(tree: Tree, calls: Calls) -> tuple[list[Unit], Counter[str]]:
    own: dict[str, list[int]] = {span.trace_id: [] for span in tree.spans}
    for i in calls.places:
        own[tree.spans[i].trace_id].append(i)
    units, counts = [], Counter[str]()
    for trace_id, root in _main_roots(tree).items():
        span = tree.spans[root]
        if own[trace_id] or (span.kind != "tool" and not span.is_judge and _model_of(span)):
            units.append(Unit(root, "task", own[trace_id]))
        else:
            counts["runs_without_model"] += 1
    return sorted(units), counts


def _own_calls(tree: Tree, calls: Calls) -> dict[int, list[int]]:
    """Return the calls of each run, and under `NONE` those of none."""
    own: defaultdict[int, list[int]] = defaultdict(list)
    for i in calls.places:
        own[tree.runs[i]].append(i)
    outside = own.pop(NONE, [])
    with_agents = {
        span.trace_id
        for span, kind in zip(tree.spans, tree.kinds, strict=True)
        if outside and kind in RUN_KINDS
    }
    for i in outside:
        root = tree.roots[i]
        is_run = tree.kinds[root] == "group" and tree.spans[i].trace_id not in with_agents
        own[root if is_run else NONE].append(i)
    return own


def _runs_above(tree: Tree, runs: list[int]) -> set[int]:
    """Return the runs that hold other runs which make calls."""
    above: set[int] = set()
    for i in runs:
        at = NONE if i == NONE else tree.runs[i]
        while at != NONE and at not in above:
            above.add(at)
            at = tree.runs[at]
    return above


def _units_above(tree: Tree, units: dict[int, Unit]) -> list[int]:
    """Return the nearest unit above each span."""
    above = [NONE] * len(tree.spans)
    for i in tree.order:
        run = tree.runs[i]
        if run != NONE:
            above[i] = run if run in units else above[run]
    return above


def _main_roots(tree: Tree) -> dict[str, int]:
    """Return the root of each trace: an agent or a chain before a stray step, then the first."""
    roots: dict[str, int] = {}
    for i, parent in enumerate(tree.parents):
        if parent == NONE:
            trace_id = tree.spans[i].trace_id
            best = roots.setdefault(trace_id, i)
            if tree.kinds[best] in LEAF_KINDS and tree.kinds[i] not in LEAF_KINDS:
                roots[trace_id] = i
    return roots


def _n_runs_without_calls(tree: Tree, calls: Calls) -> Counter[str]:
    if RUN_KINDS.isdisjoint(tree.kinds):
        return Counter()
    own = _own_calls(tree, calls)
    above = _runs_above(tree, list(own))
    return Counter(
        runs_without_calls=sum(
            tree.kinds[i] in RUN_KINDS and i not in own and i not in above and bool(_model_of(span))
            for i, span in enumerate(tree.spans)
        )
    )


def _model_of(span: Span) -> str | None:
    return span.model_asked or span.model_answered
