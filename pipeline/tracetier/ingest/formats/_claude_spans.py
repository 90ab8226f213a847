"""The steps of a Claude Code session → spans.

What a sub-agent's tool says of tokens is left alone: it is the context of the last call, not the
sum of the run.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from tracetier.ingest.formats._claude_line import Usage
from tracetier.ingest.formats._claude_link import Launch
from tracetier.ingest.formats._claude_session import Session
from tracetier.ingest.formats._claude_steps import Call, Ending, Retry, Run, ToolUse
from tracetier.ingest.span import Outcome, Span

_ENDED: dict[str, Outcome] = {
    "completed": "ok",
    "failed": "error",
    "error": "error",
    "killed": "cancelled",
    "stopped": "cancelled",
    "cancelled": "cancelled",
}
_AS_PARENT = "inherit"


class _End(NamedTuple):
    """How a run came out, and when; ``None`` while it was going on."""

    outcome: Outcome | None = None
    time: datetime | None = None


def spans_of(session: Session, launches: dict[str, Launch]) -> Iterator[Span]:
    """Yield the spans of all that was told in transcripts."""
    for run in session.runs:
        if run.is_step:
            is_turn = run.kind == "turn"
            yield turn_span(run) if is_turn else _agent_span(run, launches[run.span_id], session)
    for call in session.calls.values():
        yield call_span(call)
    for tool in session.tools.values():
        yield tool_span(tool)
    for retry in session.retries:
        yield retry_span(retry)


def turn_span(run: Run) -> Span:
    """Return the span of a user's turn. Its model is that of its calls: it may change within."""
    outcome = _told_outcome(run) or ("ok" if run.is_answered else None)
    return Span(
        is_record=False,
        kind="turn",
        trace_id=run.trace_id,
        span_id=run.span_id,
        session_id=run.session_id,
        text=run.text,
        start=run.start,
        end=run.last,
        outcome=outcome,
        error_type=_error_type(run),
        is_infrastructure_error=_is_outside(run, outcome),
    )


def _agent_span(run: Run, launch: Launch, session: Session) -> Span:
    asks, end = launch.asks, _end_of(run, launch.asks, session.endings)
    outcome = _told_outcome(run) or end.outcome
    return Span(
        is_record=False,
        kind="agent",
        trace_id=run.trace_id,
        span_id=run.span_id,
        parent_id=None if launch.parent is None else launch.parent.span_id,
        session_id=run.session_id,
        name=_type_of(asks) or run.meta.agent_type,
        task_type=_type_of(asks) or run.meta.agent_type,
        text=_prompt_of(asks) or run.text,
        model_asked=_model_of(asks) or _own(run.meta.model),
        start=run.start,
        end=end.time,
        latency_s=_duration_s(asks),
        outcome=outcome,
        error_type=_error_type(run),
        is_infrastructure_error=_is_outside(run, outcome),
    )


def lost_agent_span(asks: list[ToolUse], session: Session) -> Span:
    """Return the span of a sub-agent whose transcript is not there: nothing is known of its calls.

    Parameters
    ----------
    asks : list of ToolUse
        Uses of a tool that it answered, at least one.
    """
    first, told = asks[0], asks[0].result
    end = _end_of(None, asks, session.endings)
    return Span(
        is_record=False,
        kind="agent",
        trace_id=first.trace_id,
        span_id=(told and told.agent_id) or f"{first.span_id}/agent",
        parent_id=first.span_id,
        session_id=first.session_id,
        name=_type_of(asks),
        task_type=_type_of(asks),
        text=_prompt_of(asks),
        model_asked=_model_of(asks),
        model_answered=None if told is None else told.resolved_model,
        start=first.start,
        end=end.time,
        latency_s=_duration_s(asks),
        outcome=end.outcome,
        is_infrastructure_error=end.outcome == "cancelled",
    )


def call_span(call: Call) -> Span:
    """Return the span of a call. Only the model that answered is logged, so it is the one asked."""
    usage = call.usage if call.usage is not None and call.usage.is_told else Usage()
    return Span(
        is_record=False,
        kind="call",
        trace_id=call.run.trace_id,
        span_id=call.span_id,
        parent_id=call.run.span_id,
        session_id=call.run.session_id,
        start=call.start,
        end=call.end,
        model_asked=call.model,
        model_answered=call.model,
        response_id=call.response_id,
        input_tokens=usage.all_input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_input_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens,
        cache_write_1h_tokens=usage.hour_tokens,
        cost_usd=call.cost_usd,
        latency_s=call.duration_s,
        outcome="ok",
    )


def tool_span(tool: ToolUse) -> Span:
    """Return the span of a tool's execution; one without a result was cut off with its run."""
    is_cut = tool.outcome is None and tool.run is not None and tool.run.is_cancelled
    outcome: Outcome | None = "cancelled" if is_cut else tool.outcome
    above = tool.call or tool.run
    return Span(
        is_record=False,
        kind="tool",
        trace_id=tool.trace_id,
        span_id=tool.span_id,
        parent_id=None if above is None else above.span_id,
        session_id=tool.session_id,
        name=tool.name,
        start=tool.start,
        end=tool.end,
        outcome=outcome,
        is_infrastructure_error=outcome == "cancelled",
        files=tool.files,
        is_test=tool.is_test,
        have_passed=tool.have_passed,
    )


def retry_span(retry: Retry) -> Span:
    """Return the span of a failed attempt, of the model that answered in the end."""
    return Span(
        is_record=False,
        kind="call",
        trace_id=retry.run.trace_id,
        span_id=retry.span_id,
        parent_id=retry.run.span_id,
        session_id=retry.run.session_id,
        start=retry.time,
        end=retry.time,
        model_asked=None if retry.call is None else retry.call.model,
        outcome="error",
        error_type=retry.failure.error_type,
        is_infrastructure_error=retry.failure.is_infrastructure,
    )


def _end_of(run: Run | None, asks: list[ToolUse], endings: dict[str, Ending]) -> _End:
    """Return how a sub-agent's run came out: as its tool says, its notification, or its own end."""
    last = asks[-1] if asks else None
    if last is not None and last.outcome is not None:
        is_launch = last.result is not None and last.result.is_launch
        if not is_launch:
            return _End(last.outcome, last.end)
        agent_id = (last.result and last.result.agent_id) or ""
        ending = endings.get(last.span_id) or endings.get(agent_id)
        if ending is not None:
            return _End(_ENDED.get(ending.status or ""), ending.time)
    if run is not None and run.is_answered and (last is None or last.outcome is not None):
        return _End("ok", run.last)
    return _End()


def _told_outcome(run: Run) -> Outcome | None:
    if run.is_cancelled:
        return "cancelled"
    return "error" if run.failure is not None else None


def _error_type(run: Run) -> str | None:
    return run.failure.error_type if run.failure and not run.is_cancelled else None


def _is_outside(run: Run, outcome: Outcome | None) -> bool:
    if outcome == "cancelled":
        return True
    return run.failure is not None and run.failure.is_infrastructure


def _type_of(asks: list[ToolUse]) -> str | None:
    told = (
        (tool.ask and tool.ask.subagent_type) or (tool.result and tool.result.agent_type)
        for tool in asks
    )
    return next((name for name in told if name), None)


def _prompt_of(asks: list[ToolUse]) -> str:
    return next((tool.ask.prompt for tool in asks if tool.ask and tool.ask.prompt), "")


def _model_of(asks: list[ToolUse]) -> str | None:
    return next((model for tool in asks if tool.ask and (model := _own(tool.ask.model))), None)


def _own(model: str | None) -> str | None:
    """Return a model that was asked for, unless it was "as the main agent's"."""
    return None if model == _AS_PARENT else model


def _duration_s(asks: list[ToolUse]) -> float | None:
    told = [tool.result.total_duration_ms for tool in asks if tool.result]
    known = [ms for ms in told if ms is not None]
    return sum(known) / 1000 if known else None
