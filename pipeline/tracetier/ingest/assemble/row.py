"""A unit of a tree → the invocation that becomes a row."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tracetier.ingest.assemble.around import Around
from tracetier.ingest.assemble.before import Before
from tracetier.ingest.assemble.calls import Calls
from tracetier.ingest.assemble.numbers import (
    Cost,
    Price,
    cost_of,
    latency_of,
    latency_of_calls,
    total_cost,
    total_tokens,
)
from tracetier.ingest.assemble.outcome import End, action_of, end_of, model_of
from tracetier.ingest.assemble.tree import NONE, Tree
from tracetier.ingest.assemble.units import Unit
from tracetier.ingest.identity import digest, task_id_of
from tracetier.ingest.span import Span
from tracetier.records import Invocation, Task

_KNOWN = tuple(
    name for name in Task.__struct_fields__ if name not in ("text", "session_id", "level", "attrs")
)


class Facts(NamedTuple):
    """What is told of a unit by its own span and its own calls.

    Attributes
    ----------
    span : Span
        The step itself; of a call all that its reporters know.
    calls : list of Span
        Its own calls by start; none where the log tells only of the run.
    text : str
        Its task.
    cost : Cost
    model : str, optional
    is_mixed : bool
        Whether it used several models.
    end : End
    """

    span: Span
    calls: list[Span]
    text: str
    cost: Cost
    model: str | None
    is_mixed: bool
    end: End


def facts_of(tree: Tree, calls: Calls, unit: Unit, price: Price) -> Facts:
    """Gather what is told of a unit."""
    span = calls.facts.get(unit.place, tree.spans[unit.place])
    if unit.level == "call":
        text = _text(tree, unit, span, ())
        cost = cost_of(span, price)
        return Facts(span, [span], text, cost, action_of(span), False, end_of(span, ()))
    own = [calls.facts[i] for i in unit.calls]
    costs = [cost_of(call, price) for call in own]
    cost = total_cost(own, costs)
    if cost.usd is None and not unit.has_others:
        # Only the whole is told: SWE-agent's totals, a run whose calls were not traced.
        cached = any(call.is_cached_answer for call in own)
        cost = cost if cached else cost_of(span, price)
    model, is_mixed = model_of(span, own, costs)
    text = _text(tree, unit, span, own)
    return Facts(span, own, text, cost, model, is_mixed, end_of(span, own))


def invocation_of(
    tree: Tree, unit: Unit, facts: Facts, before: Before, around: Around
) -> Invocation:
    """Build the row of a unit; ``last_tier`` holds a model until the tiers are known."""
    span, known = facts.span, facts.span.known
    tools = _tools(span, facts.calls)
    n_input, n_output, n_read, n_write = _tokens(unit, facts)
    row = Invocation(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=_parent_id(tree, unit),
        session_id=around.session_id,
        task_id=_task_id(around.task_id, facts, before),
        timestamp=span.start or next((call.start for call in facts.calls if call.start), None),
        task_text=facts.text,
        task_type=around.task_type,
        agent_name=around.agent_name,
        tools=tools,
        n_tools=None if tools is None else len(tools),
        level=unit.level,
        attrs=around.attrs,
        context_tokens=before.context_tokens,
        turn_index=before.turn_index,
        n_prior_errors=before.n_prior_errors,
        n_prior_retries=before.n_prior_retries,
        n_files_touched=before.n_files_touched,
        idle_s=before.idle_s,
        last_tier=before.last_model,
        last_failed=before.last_failed,
        model=facts.model,
        p_log=span.p_log,
        y_cost_usd=facts.cost.usd,
        y_cost_source=facts.cost.source,
        y_latency_s=_latency(tree, unit, facts),
        y_input_tokens=n_input,
        y_output_tokens=n_output,
        y_cache_read_tokens=n_read,
        y_cache_write_tokens=n_write,
        y_status=facts.end.outcome,
        y_error_type=facts.end.error_type,
        tier=span.tier,
        task_text_hash=span.text_hash,
        x=span.x,
    )
    return row if known is None else msgspec.structs.replace(row, **_told(known))


def _told(known: Task) -> dict[str, object]:
    """Return what a router was told of a task, but for what names it."""
    every = ((name, getattr(known, name)) for name in _KNOWN)
    return {name: value for name, value in every if value is not None}


def _text(tree: Tree, unit: Unit, span: Span, own: Sequence[Span]) -> str:
    """Return the first text that is told: its own, its first call's, for a call its run's."""
    if span.text:
        return span.text
    if unit.level != "call":
        return own[0].text if own else ""
    run = tree.runs[unit.place]
    return "" if run == NONE else tree.spans[run].text


def _tools(span: Span, calls: Sequence[Span]) -> list[str] | None:
    """Return the tools offered at the start: those of the first call, else those of the run."""
    first = calls[0].tools if calls else None
    return span.tools if first is None else first


def _parent_id(tree: Tree, unit: Unit) -> str | None:
    """Return the run that started a unit: a row if there is one, else as its span is called.

    What is not in this part of the log may be in another, so its name is kept.
    """
    above = tree.runs[unit.place] if unit.parent == NONE else unit.parent
    if unit.level == "task":
        return None
    if above != NONE:
        return tree.spans[above].span_id
    span = tree.spans[unit.place]
    return None if tree.parents[unit.place] != NONE else span.parent_id or None


def _task_id(told: str | None, facts: Facts, before: Before) -> str:
    """Return the task's id as the log tells it, else by its text where that tells the whole task.

    Once something has happened in the conversation, the same words are another task.
    """
    if told:
        return f"{told}#{before.turn_index}" if before.turn_index else told
    if facts.text and not before.turn_index:
        return task_id_of(facts.text)
    return "step:" + digest(facts.span.trace_id, facts.span.span_id)


def _tokens(unit: Unit, facts: Facts) -> tuple[int | None, int | None, int | None, int | None]:
    if unit.level == "call":
        call = facts.span
        cached = call.cache_read_tokens, call.cache_write_tokens
        return call.input_tokens, call.output_tokens, *cached
    own = total_tokens(facts.calls)
    if own[0] is None and own[1] is None and not unit.has_others:
        return total_tokens([facts.span])
    return own


def _latency(tree: Tree, unit: Unit, facts: Facts) -> float | None:
    if any(call.is_cached_answer for call in facts.calls):
        return None
    whole = latency_of(facts.span)
    if whole is not None:
        return whole
    starts = [tree.starts[i] for i in unit.calls]
    return latency_of_calls(facts.calls, starts, [tree.ends[i] for i in unit.calls])
