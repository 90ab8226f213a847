"""The steps of a Codex thread while its records come in, and the spans that they become."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tracetier.ingest.formats._cli_failure import Failure
from tracetier.ingest.formats._codex_record import ORIGIN, Record, Tokens
from tracetier.ingest.formats._codex_tool import Tool
from tracetier.ingest.formats._part import part
from tracetier.ingest.span import Outcome, Span

_NO_TOKENS = Tokens()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose thread it is.

    Attributes
    ----------
    parent_id : str, optional
        The thread that this one comes from.
    is_agent : bool
        Whether it is a sub-agent's.
    role : str, optional
        The sub-agent's.
    """

    thread_id: str
    session_id: str
    parent_id: str | None = None
    is_agent: bool = False
    role: str | None = None


def identity_of(meta: Record) -> Identity:
    """Return whose thread a ``session_meta`` opens. Its session is that of the main agent."""
    told, origin = meta.payload, part(meta.payload.source, ORIGIN)
    helper = None if origin is None else origin.subagent
    spawn = None if helper is None or isinstance(helper, str) else helper.thread_spawn
    parent_id = told.parent_thread_id or (spawn and spawn.parent_thread_id)
    thread_id = told.id or told.session_id or ""
    is_spawned = b"subagent" in bytes(told.thread_source)
    role = None if spawn is None else spawn.agent_role
    return Identity(
        thread_id=thread_id,
        session_id=told.session_id or parent_id or thread_id,
        parent_id=parent_id or told.forked_from_id,
        is_agent=is_spawned or helper is not None or parent_id is not None,
        role=helper if isinstance(helper, str) else role,
    )


@dataclass(slots=True)
class Run:
    """A turn of the user, or a sub-agent's run.

    Attributes
    ----------
    is_begun : bool
        Whether the log marks where it begins and ends; old ones do not.
    is_answered : bool
        Whether the last that was said is the model's message.
    n_calls : int
        Calls so far, finished or not.
    """

    kind: Literal["turn", "agent"]
    span_id: str
    start: datetime | None
    text: str = ""
    last: datetime | None = None
    is_begun: bool = False
    is_answered: bool = False
    n_calls: int = 0
    outcome: Outcome | None = None
    failure: Failure | None = None


@dataclass(slots=True)
class Call:
    """One answer of the model; ``is_waited`` once a tool that it called has answered."""

    span_id: str
    parent_id: str
    model: str | None
    start: datetime | None
    end: datetime | None
    usage: Tokens | None = None
    response_id: str | None = None
    is_waited: bool = False


def run_span(run: Run, owner: Identity) -> Span:
    """Return the span of a run, which has ended where the log says how."""
    failure = None if run.outcome == "cancelled" else run.failure
    outcome: Outcome | None = run.outcome if failure is None else "error"
    if outcome is None and run.is_answered and not run.is_begun:
        outcome = "ok"
    is_outside = failure is not None and failure.is_infrastructure
    return Span(
        is_record=False,
        kind=run.kind,
        trace_id=owner.thread_id,
        span_id=run.span_id,
        session_id=owner.session_id,
        name=owner.role if run.kind == "agent" else None,
        task_type=owner.role if run.kind == "agent" else None,
        text=run.text,
        start=run.start,
        end=None if outcome is None else run.last,
        outcome=outcome,
        error_type=None if failure is None else failure.error_type,
        is_infrastructure_error=outcome == "cancelled" or is_outside,
    )


def call_span(call: Call, owner: Identity) -> Span:
    """Return the span of a call; which model answered is not logged apart from the one asked."""
    usage = call.usage or _NO_TOKENS
    return Span(
        is_record=False,
        kind="call",
        trace_id=owner.thread_id,
        span_id=call.span_id,
        parent_id=call.parent_id,
        session_id=owner.session_id,
        start=call.start,
        end=call.end,
        model_asked=call.model,
        model_answered=call.model,
        response_id=call.response_id,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_input_tokens,
        outcome="ok",
    )


def tool_span(tool: Tool, owner: Identity, *, is_cut: bool) -> Span:
    """Return the span of a tool's execution; ``is_cut`` where its run was stopped."""
    outcome: Outcome | None = "error" if tool.is_failed else tool.outcome
    if outcome is None and is_cut:
        outcome = "cancelled"
    return Span(
        is_record=False,
        kind="tool",
        trace_id=owner.thread_id,
        span_id=tool.span_id,
        parent_id=tool.parent_id,
        session_id=owner.session_id,
        name=tool.name,
        start=tool.start,
        end=tool.end,
        outcome=outcome,
        is_infrastructure_error=outcome == "cancelled",
        files=tool.files,
        is_test=tool.is_test,
        have_passed=tool.have_passed,
    )
