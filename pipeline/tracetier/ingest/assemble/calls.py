"""Which model calls there were: each once, however many reporters told of it.

Instrumentations wrap one another, and one call is then a chain of nested spans with the same
tokens. A failed try inside a call that succeeded in the end is a call of its own.
"""

from math import inf
from typing import NamedTuple

import msgspec

from tracetier.ingest.assemble.tree import NONE, Tree
from tracetier.ingest.span import Span

_SKEW_S = 0.001
"""Reporters read the clock one after the other, and round it."""

_FACTS = (
    *("text", "task_id", "task_type", "tools", "model_asked", "model_answered", "p_log"),
    *("response_id", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    "cache_write_1h_tokens",
    *("cost_usd", "latency_s", "outcome", "error_type", "attrs"),
)
_FLAGS = ("is_infrastructure_error", "is_cached_answer")
_UNKNOWN = (None, "")


class Calls(NamedTuple):
    """The distinct calls of a tree.

    Attributes
    ----------
    places : list of int
        Of one reporter of each call, by start: the innermost that knows the answer's id, else the
        innermost that knows anything.
    facts : dict of int to Span
        By place, what all reporters know of the call together.
    first_told : dict of int to int
        By place, the reporter that ended first: what was known of the call from then on.
    n_retold : int
        Spans that told of a call which another span tells.
    """

    places: list[int]
    facts: dict[int, Span]
    first_told: dict[int, int]
    n_retold: int


def distinct_calls(tree: Tree) -> Calls:
    """Find the calls of a tree, each once."""
    told = [i for i, kind in enumerate(tree.kinds) if kind == "call"]
    facts = {i: tree.spans[i] for i in told}
    first_told = {i: i for i in told}
    for chain in _chains(tree, told):
        chain.sort(key=lambda i: _knowledge(tree, i), reverse=True)
        for i in chain:
            del facts[i], first_told[i]
        facts[chain[0]] = _together([tree.spans[i] for i in chain])
        first_told[chain[0]] = min(chain, key=lambda i: tree.ends[i])
    return Calls(sorted(facts), facts, first_told, len(told) - len(facts))


def _chains(tree: Tree, told: list[int]) -> list[list[int]]:
    """Return the reporters of each call that several tell."""
    inner: dict[int, list[int]] = {}
    for i in told:
        if tree.outer_calls[i] != NONE:
            inner.setdefault(tree.outer_calls[i], []).append(i)
    follows = {same: i for i in inner if (same := _retold(tree, i, inner[i])) != NONE}
    _link_answers(tree, told, follows)
    chain_of: dict[int, list[int]] = {}
    tops: dict[int, int] = {}
    for i in follows:
        path = []
        while i in follows and i not in tops:
            path.append(i)
            i = follows[i]
        top = tops.get(i, i)
        tops.update(dict.fromkeys(path, top))
    for i, top in tops.items():
        chain_of.setdefault(top, [top]).append(i)
    return list(chain_of.values())


def _retold(tree: Tree, outer: int, inner: list[int]) -> int:
    """Return the one of the calls inside a call that is the same call, ``NONE`` where none is."""
    spans, whole = tree.spans, tree.spans[outer]
    for i in reversed(inner):  # the last try is the one whose answer was taken
        if _is_same(tree, outer, i):
            return i
    if _tells_nothing(whole):
        return inner[-1]
    silent = [i for i in inner if _tells_nothing(spans[i]) and spans[i].outcome != "error"]
    return silent[-1] if silent and len(silent) == len(inner) else NONE


def _is_same(tree: Tree, outer: int, inner: int) -> bool:
    one, other = tree.spans[outer], tree.spans[inner]
    if one.response_id and other.response_id:
        return one.response_id == other.response_id
    tokens = (one.input_tokens, one.output_tokens)
    if None in tokens or tokens != (other.input_tokens, other.output_tokens):
        return False
    starts, ends = tree.starts, tree.ends
    return starts[outer] - _SKEW_S <= starts[inner] and (
        ends[inner] <= ends[outer] + _SKEW_S or inf in (ends[outer], ends[inner])
    )


def _tells_nothing(span: Span) -> bool:
    return span.response_id is None and span.input_tokens is None and span.output_tokens is None


def _link_answers(tree: Tree, told: list[int], follows: dict[int, int]) -> None:
    """Join calls side by side that give one answer: the same id, at the same time."""
    first: dict[tuple[str, str], int] = {}
    for i in told:
        span = tree.spans[i]
        if span.response_id is None or i in follows:
            continue
        one = first.setdefault((span.trace_id, span.response_id), i)
        is_untimed = tree.starts[i] == inf
        if one != i and (is_untimed or tree.starts[i] < tree.ends[one] + _SKEW_S):
            follows[i] = one


def _knowledge(tree: Tree, place: int) -> tuple[bool, bool, int, int]:
    """Rank reporters of one call: who knows the answer's id, who counted, who is nearest to it."""
    span = tree.spans[place]
    has_counted = span.input_tokens is not None or span.output_tokens is not None
    return span.response_id is not None, has_counted, tree.depths[place], -place


def _together(told: list[Span]) -> Span:
    """Fill what the first reporter does not know with what the others do."""
    best, *others = told
    filled = {
        name: value
        for name in _FACTS
        if getattr(best, name) in _UNKNOWN and (value := _first_known(others, name)) is not None
    }
    flags = {name: any(getattr(span, name) for span in told) for name in _FLAGS}
    return msgspec.structs.replace(best, **filled, **flags)


def _first_known(others: list[Span], name: str) -> object:
    for span in others:
        value = getattr(span, name)
        # The cost on a wrapper that counted no tokens may be that of several calls.
        if value not in _UNKNOWN and not (name == "cost_usd" and _tells_nothing(span)):
            return value
    return None
