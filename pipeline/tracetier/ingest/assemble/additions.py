"""What a log tells of steps apart from them, brought to the steps that it is about."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from math import inf
from typing import NamedTuple

import msgspec

from tracetier.ingest.span import Addition, After, Score, Span


class Added(NamedTuple):
    """Spans with what was told of them elsewhere, and what belongs to no single span.

    Attributes
    ----------
    spans : list of Span
    of_traces, of_sessions : defaultdict of str to list of Score
        Scores of a whole trace or session.
    left : list of Addition
        About steps that are not among the spans.
    """

    spans: list[Span]
    of_traces: defaultdict[str | None, list[Score]]
    of_sessions: defaultdict[str | None, list[Score]]
    left: list[Addition]


def add_to_spans(spans: Iterable[Span], additions: Sequence[Addition]) -> Added:
    """Bring each addition to the step, else the trace, else the session that it names.

    A text told of a whole trace is that of its root.
    """
    added = Added(list(spans), defaultdict(list), defaultdict(list), [])
    if not additions:
        return added
    is_of_steps = any(addition.span_id or addition.response_id for addition in additions)
    steps, roots = _steps(added.spans) if is_of_steps else {}, _roots(added.spans)
    additions = sorted(additions, key=_time)
    sessions = {span.session_id for span in added.spans if span.session_id}
    for addition in additions:
        if addition.span_id or addition.response_id:
            _add(added, addition, steps.get(_key(addition)))
        elif addition.trace_id in roots:
            added.of_traces[addition.trace_id] += addition.scores
            _fill(added.spans, roots[addition.trace_id], addition)
        elif addition.session_id in sessions:
            added.of_sessions[addition.session_id] += addition.scores
        else:
            added.left.append(addition)
    return added


def _add(added: Added, addition: Addition, place: int | None) -> None:
    if place is None:
        added.left.append(addition)
        return
    _fill(added.spans, place, addition)
    span = added.spans[place]
    scores = (*span.scores, *addition.scores)
    after = {} if addition.after is None else _told(addition.after)
    added.spans[place] = msgspec.structs.replace(span, scores=scores, **after)


def _fill(spans: list[Span], place: int, addition: Addition) -> None:
    span = spans[place]
    text, tools = span.text or addition.text, span.tools
    tools = addition.tools if tools is None else tools
    if (text, tools) != (span.text, span.tools):
        spans[place] = msgspec.structs.replace(span, text=text, tools=tools)


def _time(addition: Addition) -> float:
    """Return when what came of a step was told; all else keeps its order, before it."""
    time = None if addition.after is None else addition.after.time
    return -inf if time is None else time.timestamp()


def _told(after: After) -> dict[str, object]:
    """Return what is known afterwards."""
    names = (name for name in After.__struct_fields__ if name != "time")
    every = ((name, getattr(after, name)) for name in names)
    return {name: value for name, value in every if value is not None}


def _key(addition: Addition) -> Hashable:
    if addition.span_id:
        return "span", addition.trace_id, addition.span_id
    return "answer", addition.trace_id, addition.response_id


def _steps(spans: Sequence[Span]) -> dict[Hashable, int]:
    """Return where each step stands, by each key that may name it."""
    places: dict[Hashable, int] = {}
    for i, span in enumerate(spans):
        for trace_id in (span.trace_id, None):
            places.setdefault(("span", trace_id, span.span_id), i)
            if span.response_id and span.kind == "call":
                places.setdefault(("answer", trace_id, span.response_id), i)
    return places


def _roots(spans: Sequence[Span]) -> dict[str | None, int]:
    """Return a span of each trace, one without parent if there is one."""
    roots: dict[str | None, int] = {}
    for i, span in enumerate(spans):
        best = roots.setdefault(span.trace_id, i)
        if spans[best].parent_id and not span.parent_id:
            roots[span.trace_id] = i
    return roots
