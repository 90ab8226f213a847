"""The spans of one group of traces → its invocations, whatever the format."""

from collections import Counter
from collections.abc import Container, Sequence
from typing import NamedTuple

from tracetier.ingest.assemble.additions import add_to_spans
from tracetier.ingest.assemble.around import around_all
from tracetier.ingest.assemble.attribution import scores_of_units
from tracetier.ingest.assemble.before import Ended, Past
from tracetier.ingest.assemble.calls import Calls, distinct_calls
from tracetier.ingest.assemble.conversations import find_conversations
from tracetier.ingest.assemble.judge import NO_MAP, Judges, judge, with_quality
from tracetier.ingest.assemble.numbers import Price
from tracetier.ingest.assemble.outcome import end_of
from tracetier.ingest.assemble.row import Facts, facts_of, invocation_of
from tracetier.ingest.assemble.signs import signs_of_units
from tracetier.ingest.assemble.tree import Tree, build_tree
from tracetier.ingest.assemble.units import Unit, find_units
from tracetier.ingest.span import Addition, Span
from tracetier.records import Invocation, Level


class Assembly(NamedTuple):
    """What a group of spans gave.

    Attributes
    ----------
    rows : list of Invocation
        By start; ``last_tier`` holds a model, and ``tier`` is open.
    circles : list of Span
        Spans that were their own ancestors and count as roots.
    left : list of Addition
        Told of steps that are not here.
    counts : Counter of str
        What was found and gave no row, by kind.
    """

    rows: list[Invocation]
    circles: list[Span]
    left: list[Addition]
    counts: Counter[str]


def _no_price(call: Span) -> float | None:
    return None


def assemble(
    spans: Sequence[Span],
    level: Level,
    *,
    additions: Sequence[Addition] = (),
    price: Price = _no_price,
    judges: Judges = NO_MAP,
    parts: Container[str] = (),
) -> Assembly:
    """Turn spans into invocations.

    Parameters
    ----------
    spans : sequence of Span
        Of whole traces, and of all traces of a session, in any order; ids unique within a trace.
    level : {"call", "agent_run", "task"}
        What is routed.
    additions : sequence of Addition
        What is told of these spans apart from them.
    price : callable
        From a call to its cost in USD by its tokens, for calls whose cost is not logged.
    judges : Judges
        By what quality is judged.
    parts : container of str
        Traces of which, or of whose session, earlier parts were read before, so that what came
        before an invocation cannot be counted.

    Returns
    -------
    Assembly
        The same for any order of the spans.

    Examples
    --------
    >>> run = Span(trace_id="t", span_id="r", kind="agent", name="coder", text="Fix the test.")
    >>> calls = [
    ...     Span(
    ...         trace_id="t",
    ...         span_id=f"c{i}",
    ...         parent_id="r",
    ...         kind="call",
    ...         model_asked="claude-haiku-4-5",
    ...         input_tokens=100 * i,
    ...         output_tokens=10,
    ...     )
    ...     for i in (1, 2)
    ... ]
    >>> (row,) = assemble([*calls, run], "agent_run").rows
    >>> row.agent_name, row.task_text, row.y_input_tokens
    ('coder', 'Fix the test.', 300)
    """
    given = judges.given
    added = add_to_spans(spans if given is None else map(given.added_to, spans), additions)
    tree = build_tree(added.spans)
    calls, places = distinct_calls(tree), find_conversations(tree)
    units, counts = find_units(tree, calls, level)
    facts = [facts_of(tree, calls, unit, price) for unit in units]
    ended = [_ended(tree, calls, unit, known) for unit, known in zip(units, facts, strict=True)]
    past = Past(tree, calls, places, units, ended, parts=parts)
    scores, n_left = scores_of_units(tree, units, places.sessions, added)
    around = around_all(tree, places)
    rows = [
        invocation_of(tree, unit, known, past.before(unit, known.text), around[unit.place])
        for unit, known in zip(units, facts, strict=True)
    ]
    signs = None if judges.proxies is None else signs_of_units(tree, places, units, facts)
    for k, row in enumerate(rows):
        if judges.given or k in scores or signs:
            sign = signs[k] if signs else None
            quality = judge(judges, row, facts[k], scores.get(k), sign)
            rows[k] = row if quality is None else with_quality(row, quality)
    counts["retold_calls"] += calls.n_retold
    counts["unplaced_scores"] += n_left
    counts["mixed_models"] += sum(known.is_mixed for known in facts)
    circles = [tree.spans[i] for i in tree.cut]
    return Assembly(rows, circles, added.left, +counts)


def _ended(tree: Tree, calls: Calls, unit: Unit, known: Facts) -> Ended:
    """Return what others could know of a unit, and from when on."""
    firsts = [calls.first_told[i] for i in unit.calls]
    taken = known.span.tier or known.model
    if unit.level == "call":
        (first,) = firsts
        told = tree.spans[first]
        return Ended(tree.ends[first], taken, end_of(told, ()).failed)
    over = max([tree.ends[unit.place], *(tree.ends[i] for i in firsts)])
    return Ended(over, taken, known.end.failed)
