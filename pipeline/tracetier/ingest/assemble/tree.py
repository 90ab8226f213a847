"""The spans of a group, in the order in which they started, and how they hang together.

Parents may come after their children, never, or (in a broken log) be their own descendants. Spans
are known by their place in the sorted group; ``NONE`` stands for no span.
"""

from collections.abc import Sequence
from math import inf, nextafter
from typing import NamedTuple

from tracetier.ingest.span import Span, SpanKind

NONE = -1
RUN_KINDS = frozenset({"agent", "turn"})
LEAF_KINDS = frozenset({"call", "tool"})


class Tree(NamedTuple):
    """Spans with their links, each list as long as ``spans``.

    Attributes
    ----------
    spans : list of Span
        By start, those without one last; the order in which they were read changes nothing.
    starts, ends : list of float
        Seconds since 1970, ``inf`` where unknown. No span starts after one below it, and each
        ends later than it starts, by the least amount that a float can tell.
    kinds : list of SpanKind
        What each is to the agent: all that a grader or a simulated user does is a group.
    parents : list of int
        Of the spans that are there.
    roots : list of int
        The topmost span above, or the span itself.
    depths : list of int
        Spans above.
    runs : list of int
        The nearest agent or turn above.
    outer_calls : list of int
        The nearest call above, with nothing but groups between.
    is_delegated : list of bool
        Whether a tool or a call stands between the span and its run, as with a sub-agent that is
        used as a tool.
    order : list of int
        All places, parents before their children.
    cut : list of int
        Spans whose parent was one of their own descendants; they count as roots.
    """

    spans: list[Span]
    starts: list[float]
    ends: list[float]
    kinds: list[SpanKind]
    parents: list[int]
    roots: list[int]
    depths: list[int]
    runs: list[int]
    outer_calls: list[int]
    is_delegated: list[bool]
    order: list[int]
    cut: list[int]


def build_tree(spans: Sequence[Span]) -> Tree:
    """Link the spans of a group by their ids, which are unique within each trace."""
    raw = [inf if span.start is None else span.start.timestamp() for span in spans]
    ids = [(span.trace_id, span.span_id) for span in spans]
    by_start = [i for *_, i in sorted(zip(raw, ids, range(len(ids)), strict=True))]
    ordered = [spans[i] for i in by_start]
    place_of = {ids[i]: place for place, i in enumerate(by_start)}
    find = place_of.get
    parents = [
        find((span.trace_id, span.parent_id), NONE) if span.parent_id else NONE for span in ordered
    ]
    order, cut = _order(parents)
    starts = [raw[i] for i in by_start]
    _pull(starts, parents, order)
    ends = [_end(span, start) for span, start in zip(ordered, starts, strict=True)]
    kinds = _kinds(ordered, parents, order)
    return Tree(ordered, starts, ends, kinds, parents, *_above(kinds, parents, order), order, cut)


def _order(parents: list[int]) -> tuple[list[int], list[int]]:
    """Return the places, parents first, and cut each circle at the span that started first."""
    n = len(parents)
    order: list[int] = []
    cut: list[int] = []
    path_of = [NONE] * n  # which walk came by
    place = 0
    while place < n:
        path: list[int] = []
        at = place
        while at != NONE and path_of[at] == NONE:
            path_of[at] = place
            path.append(at)
            at = parents[at]
        if at != NONE and path_of[at] == place:
            first = min(path[path.index(at) :])  # places are sorted by start
            parents[first] = NONE
            cut.append(first)
            for met in path:
                path_of[met] = NONE
            continue  # the same walk once more, now with an end
        path.reverse()
        order += path
        place += 1
    return order, cut


def _pull(starts: list[float], parents: list[int], order: list[int]) -> None:
    """Let no step start after what it does: clocks of two machines differ."""
    for i in reversed(order):
        parent = parents[i]
        if parent != NONE and starts[i] < starts[parent]:
            starts[parent] = starts[i]


def _end(span: Span, start: float) -> float:
    if span.end is not None:
        end = span.end.timestamp()
    elif span.start is not None and span.latency_s is not None:
        end = span.start.timestamp() + span.latency_s
    else:
        return inf
    # Of two steps at one instant neither came before the other.
    return end if end > start or start == inf else nextafter(start, inf)


def _kinds(spans: list[Span], parents: list[int], order: list[int]) -> list[SpanKind]:
    kinds = [span.kind for span in spans]
    judges = {i for i, span in enumerate(spans) if span.is_judge}
    if judges:
        for i in order:
            if parents[i] in judges:
                judges.add(i)
        for i in judges:
            kinds[i] = "group"
    return kinds


def _above(
    kinds: list[SpanKind], parents: list[int], order: list[int]
) -> tuple[list[int], list[int], list[int], list[int], list[bool]]:
    n = len(kinds)
    roots, depths, runs, calls = list(range(n)), [0] * n, [NONE] * n, [NONE] * n
    is_delegated = [False] * n
    for i in order:
        parent = parents[i]
        if parent == NONE:
            continue
        roots[i], depths[i] = roots[parent], depths[parent] + 1
        kind = kinds[parent]
        if kind in RUN_KINDS:
            runs[i] = parent
            continue
        runs[i] = runs[parent]
        is_delegated[i] = is_delegated[parent] or kind != "group"
        if kind == "call":
            calls[i] = parent
        elif kind == "group":
            calls[i] = calls[parent]
    return roots, depths, runs, calls, is_delegated
