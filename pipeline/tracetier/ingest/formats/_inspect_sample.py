"""One sample of an Inspect log → spans: the run as root, its agents, calls and tools.

A call below a scorer, or in the role of a grader or of a simulated user, is not the agent's: it
becomes a wrapper without counts. ``target`` is the answer and is never read.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from msgspec import Raw

from tracetier.ingest.formats._chat_messages import Message, first_user_text, tool_names
from tracetier.ingest.formats._failures import is_infrastructure
from tracetier.ingest.formats._inspect_log import (
    NULL,
    EvalSpec,
    Event,
    ModelOutput,
    Sample,
)
from tracetier.ingest.formats._inspect_scores import scores_of
from tracetier.ingest.formats._provider_record import ErrorBody
from tracetier.ingest.formats._typed_json import decoder, typed, when
from tracetier.ingest.identity import digest
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Outcome, Span, SpanKind

ROOT = "sample"
_NOT_THE_AGENT = {"grader", "judge", "scorer", "user", "simulator", "user_simulator"}
_ATTACHED = ("attachment://", "tc://")
_MAX_NESTING = 20
_EVENT, _MESSAGES = decoder(Event), decoder(list[Message])


class Scope(msgspec.Struct, kw_only=True):
    """A stretch of a sample that holds events: a solver, an agent, a scorer, a tool."""

    id: str
    parent_id: str | None
    kind: SpanKind
    name: str | None = None
    is_grading: bool = False
    has_calls: bool = False
    start: datetime | None = None
    end: datetime | None = None
    text: str | None = None


class Walk:
    """Goes through the events of a sample once, in their order.

    Parameters
    ----------
    sample : Sample
    spec : EvalSpec
        The run it is of.
    """

    def __init__(self, sample: Sample, spec: EvalSpec) -> None:
        self._sample, self._spec = sample, spec
        content = sample.transcript.content if sample.transcript is not None else None
        self._attached = sample.attachments or content or {}
        self._trace_id = sample.uuid or digest(
            spec.run_id, spec.eval_id, spec.task_id, str(sample.id), str(sample.epoch)
        )
        self._root = Scope(id=ROOT, parent_id=None, kind="agent")
        self._scopes = {ROOT: self._root}
        self._steps: list[Scope] = []
        self._n_events = 0
        self._last: datetime | None = None

    def spans(self) -> Iterator[Span | Fault]:
        """Yield the spans of the calls and tools, then those around them, the root last."""
        told = self._sample.transcript
        events = self._sample.events or (told.events if told is not None else None) or ()
        yield from self._within(events, self._root, 0)
        for scope in list(self._scopes.values())[1:]:
            yield self._around(scope)
        yield self._run()

    def _within(self, events: Sequence[Raw], at: Scope, depth: int) -> Iterator[Span | Fault]:
        n_open = len(self._steps)
        for raw in events:
            try:
                yield from self._event(typed(raw, _EVENT), at, depth)
            except Fault as fault:
                yield fault
        del self._steps[n_open:]

    def _event(self, event: Event, at: Scope, depth: int) -> Iterator[Span | Fault]:
        self._n_events += 1
        time = when(event.timestamp, "timestamp")
        end = when(event.completed, "completed") or time
        self._last = max(filter(None, (self._last, end)), default=None)
        self._root.start = self._root.start or time
        scope = self._scope_of(event, at)
        if event.event == "span_begin" and event.id:
            self._open(event.id, event, self._scopes.get(event.parent_id or "", at), time)
        elif event.event == "span_end" and event.id in self._scopes:
            self._scopes[event.id].end = time
        elif event.event == "step":
            self._step(event, scope, time)
        elif event.event == "model":
            yield self._call(event, scope, time)
        elif event.event in ("tool", "subtask"):
            yield from self._tool(event, scope, time, depth)

    def _scope_of(self, event: Event, at: Scope) -> Scope:
        if event.span_id is not None and event.span_id in self._scopes:
            return self._scopes[event.span_id]
        return self._steps[-1] if self._steps else at

    def _open(self, id_: str, event: Event, parent: Scope, time: datetime | None) -> Scope:
        is_agent = event.type == "agent"
        scope = Scope(
            id=id_,
            parent_id=parent.id,
            kind="agent" if is_agent else "group",
            name=event.name,
            is_grading=parent.is_grading or event.type in ("scorer", "scorers"),
            start=time,
        )
        return self._scopes.setdefault(id_, scope)

    def _step(self, event: Event, parent: Scope, time: datetime | None) -> None:
        """Open or close a step: logs of 2024 nest by order, not by ids."""
        if event.action == "begin":
            self._steps.append(self._open(f"step-{self._n_events}", event, parent, time))
        elif self._steps:
            self._steps.pop().end = time

    def _tool(
        self, event: Event, scope: Scope, time: datetime | None, depth: int
    ) -> Iterator[Span | Fault]:
        id_ = event.uuid or f"event-{self._n_events}"
        is_tool = event.event == "tool" and not scope.is_grading
        failure = event.error.kind if isinstance(event.error, ErrorBody) else event.error
        failed = bool(event.failed) or failure is not None
        yield Span(
            trace_id=self._trace_id,
            span_id=id_,
            parent_id=scope.id,
            kind="tool" if is_tool else "group",
            name=event.function or event.name,
            start=time,
            end=when(event.completed, "completed"),
            outcome="error" if failed else "ok",
            error_type=(failure or "failed")[:80] if failed else None,
        )
        if event.events and depth < _MAX_NESTING:
            inner = Scope(id=id_, parent_id=scope.id, kind="group", is_grading=scope.is_grading)
            inner.text = scope.text
            yield from self._within(event.events, inner, depth + 1)

    def _call(self, event: Event, scope: Scope, time: datetime | None) -> Span:
        scope.has_calls = True
        output = event.output if isinstance(event.output, ModelOutput) else ModelOutput()
        is_agents = not scope.is_grading and (event.role or "") not in _NOT_THE_AGENT
        id_, end = event.uuid or f"event-{self._n_events}", when(event.completed, "completed")
        if not is_agents:
            return Span(
                trace_id=self._trace_id, span_id=id_, parent_id=scope.id, kind="group",
                name=event.role or "grader", start=time, end=end,
            )  # fmt: skip
        usage, outcome, failure = output.usage, *_outcome_of(event, output)
        return Span(
            trace_id=self._trace_id,
            span_id=id_,
            parent_id=scope.id,
            kind="call",
            start=time,
            end=end,
            text=self._text_of(event, scope),
            task_type=self._spec.task,
            tools=tool_names(event.tools),
            model_asked=event.requested_model or event.model or self._spec.model,
            model_answered=output.model,
            input_tokens=usage.total_input if usage is not None else None,
            output_tokens=usage.output_tokens if usage is not None else None,
            cache_read_tokens=usage.input_tokens_cache_read if usage is not None else None,
            cache_write_tokens=usage.input_tokens_cache_write if usage is not None else None,
            cost_usd=usage.total_cost or None if usage is not None else None,
            latency_s=output.time if end is None else None,
            outcome=outcome,
            error_type=failure[:80] if failure else None,
            is_infrastructure_error=outcome == "cancelled"
            or is_infrastructure(failure, failure or "", None),
            is_cached_answer=event.cache == "read",
        )

    def _text_of(self, event: Event, scope: Scope) -> str:
        """Return the first user text of a call: the same for all calls of a scope, read once."""
        if scope.text is None:
            scope.text = self._resolved(self._input_text(event))
        return scope.text

    def _input_text(self, event: Event) -> str:
        if not event.input_refs:
            return "" if event.input == NULL else first_user_text(typed(event.input, _MESSAGES))
        pool = self._sample.message_pool
        if self._sample.events_data is not None:
            pool = self._sample.events_data.messages
        for start, end in event.input_refs:
            for raw in (pool or ())[start:end]:
                if found := first_user_text(typed(b"[" + bytes(raw) + b"]", _MESSAGES)):
                    return found
        return ""

    def _resolved(self, text: str) -> str:
        for prefix in _ATTACHED:
            if text.startswith(prefix):
                return self._attached.get(text.removeprefix(prefix), "")
        return text

    def _around(self, scope: Scope) -> Span:
        return Span(
            trace_id=self._trace_id,
            span_id=scope.id,
            parent_id=scope.parent_id,
            kind="group" if scope.is_grading else scope.kind,
            name=scope.name,
            start=scope.start,
            end=scope.end,
            text=scope.text or "" if scope.kind == "agent" else "",
            task_type=self._spec.task,
        )

    def _run(self) -> Span:
        """Return the span of the whole run, which ends where scoring begins."""
        sample, spec = self._sample, self._spec
        graders = [scope.start for scope in self._scopes.values() if scope.is_grading]
        end = min(filter(None, graders), default=None)
        failure, outcome = _ending(sample)
        start = when(sample.started_at, "started_at") or self._root.start
        end = end or self._last or when(sample.completed_at, "completed_at")
        given = sample.input
        return Span(
            trace_id=self._trace_id,
            span_id=ROOT,
            kind="agent",
            start=start,
            end=end,
            task_id=f"{spec.task or spec.task_id}/{_plain(sample.id)}",
            text=self._resolved(given if isinstance(given, str) else first_user_text(given)),
            task_type=spec.task,
            model_asked=None if spec.model in (None, "none", "none/none") else spec.model,
            latency_s=sample.total_time if start is None or end is None else None,
            outcome=outcome,
            error_type=failure,
            is_infrastructure_error=outcome == "cancelled"
            or is_infrastructure(failure, failure or "", None),
            scores=scores_of(sample, self._judges()),
        )

    def _judges(self) -> set[str | None]:
        """Return the scorers that called a model."""
        scopes = self._scopes.values()
        return {scope.name for scope in scopes if scope.is_grading and scope.has_calls}


def _outcome_of(event: Event, output: ModelOutput) -> tuple[Outcome, str | None]:
    error = event.error.kind if isinstance(event.error, ErrorBody) else event.error
    failure = error or output.error
    if event.pending and output.usage is None:
        return "cancelled", failure
    if failure is not None:
        return "cancelled" if failure.startswith("Cancelled by") else "error", failure
    return "ok", None


def _ending(sample: Sample) -> tuple[str | None, Outcome]:
    if sample.error is not None:
        error = sample.error
        told = (error.message or error.kind) if isinstance(error, ErrorBody) else error
        return (told or "error")[:80], "error"
    if sample.limit is not None and sample.limit.type:
        is_person = sample.limit.type == "operator"
        return f"limit_{sample.limit.type}", "cancelled" if is_person else "error"
    return None, "ok"


def _plain(id_: int | float | str) -> str:
    return str(int(id_)) if isinstance(id_, float) and id_.is_integer() else str(id_)
