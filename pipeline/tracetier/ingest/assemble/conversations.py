"""Which spans continue one another: the session of a trace, and the chains within it.

A *conversation* is what shares a growing context: the turns of a main agent, the runs of the same
agent in one session, the calls within one sub-agent. *Siblings* are the units that one run starts
by its tools, or that a user starts one after the other.
"""

from collections.abc import Hashable
from typing import NamedTuple

from tracetier.ingest.assemble.tree import NONE, RUN_KINDS, Tree


class Conversations(NamedTuple):
    """For each span, keys that are equal for spans which continue one another.

    Attributes
    ----------
    sessions : list of str
        The session of the trace; the trace itself where it is in none.
    is_placed : list of bool
        Whether the log tells where in a session or run the span stands. Of a lone call without
        session nobody knows how many came before.
    siblings, chains : list of int
        Equal for units beside one another, and for calls with one context.
    """

    sessions: list[str]
    is_placed: list[bool]
    siblings: list[int]
    chains: list[int]


def find_conversations(tree: Tree) -> Conversations:
    """Find which spans continue one another."""
    session_of, spans = sessions_of(tree), tree.spans
    sessions = [session_of.get(span.trace_id) or span.trace_id for span in spans]
    is_placed = [bool(span.trace_id in session_of or span.parent_id) for span in spans]
    siblings, contexts, chains = ([NONE] * len(spans) for _ in range(3))
    keys: dict[Hashable, int] = {}

    def number(*key: Hashable) -> int:
        return keys.setdefault(key, len(keys))

    for i in tree.order:
        span, run = spans[i], tree.runs[i]
        kind = tree.kinds[i]
        is_run = kind in RUN_KINDS
        if is_run and tree.is_delegated[i]:
            by = sessions[i] if run == NONE else spans[run].span_id
            siblings[i] = number("by", span.trace_id, by)
            contexts[i] = number("in", span.trace_id, span.span_id)
        elif run == NONE:
            # Steps of a run that is not there still name it as their parent.
            lost = spans[tree.roots[i]].parent_id or ""
            siblings[i] = contexts[i] = number("of", sessions[i], lost)
        else:
            siblings[i], contexts[i] = siblings[run], contexts[run]
        chains[i] = contexts[i] if run == NONE or is_run else chains[run]
        if kind == "agent":
            chains[i] = number("as", chains[i], span.name)
        elif not is_run:
            siblings[i] = chains[i]
    return Conversations(sessions, is_placed, siblings, chains)


def sessions_of(tree: Tree) -> dict[str, str]:
    """Return the session of each trace that is in one.

    A sub-agent may have a conversation id of its own; the trace is then in that of its root.
    """
    best: dict[str, tuple[bool, float, str]] = {}
    for i, span in enumerate(tree.spans):
        if span.session_id:
            rank = (tree.parents[i] != NONE, tree.starts[i], span.session_id)
            best[span.trace_id] = min(best.get(span.trace_id, rank), rank)
    return {trace_id: session for trace_id, (_, _, session) in best.items()}
