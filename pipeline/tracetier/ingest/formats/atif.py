"""Trajectories in ATIF, as Harbor and others write them: one document per run, sub-agents inside.

Each step of the agent is a call. ``prompt_tokens`` include what came from the cache. Steps that
were copied from another trajectory are not counted again; the reward is in the trial's result.
"""

from collections.abc import Iterator
from typing import Optional

from msgspec import Struct

from tracetier.ingest.formats._chat_messages import Content, ToolDef, text_of, tool_names
from tracetier.ingest.formats._failures import is_infrastructure
from tracetier.ingest.formats._harbor_result import Trial, trial_of
from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._typed_json import decoder, read_document, when
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span
from tracetier.records import Level


class Used(Struct, frozen=True):
    """What one call used."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None


class Totals(Struct, frozen=True):
    """What the run used."""

    total_prompt_tokens: int | None = None
    total_completion_tokens: int | None = None
    total_cached_tokens: int | None = None
    total_cost_usd: float | None = None


class Reference(Struct, frozen=True):
    """Names the trajectory of a sub-agent."""

    trajectory_id: str | None = None
    session_id: str | None = None


class Result(Struct, frozen=True):
    """Result of one tool call."""

    source_call_id: str | None = None
    subagent_trajectory_ref: list[Reference] | None = None


class Observed(Struct, frozen=True):
    """Results of a step's tool calls."""

    results: list[Result] | None = None


class ToolCall(Struct, frozen=True):
    """One tool call."""

    tool_call_id: str | None = None
    function_name: str | None = None


class Step(Struct, frozen=True):
    """One step, of the user, the system or the agent."""

    step_id: int | str | None = None
    timestamp: str | float | None = None
    source: str | None = None
    model_name: str | None = None
    message: Content = None
    tool_calls: list[ToolCall] | None = None
    observation: Observed | None = None
    metrics: Used | None = None
    is_copied_context: bool | None = None
    llm_call_count: int | None = None


class Agent(Struct, frozen=True):
    """The agent."""

    name: str | None = None
    model_name: str | None = None
    tool_definitions: list[ToolDef] | None = None


class Trajectory(Struct, frozen=True):
    """One run."""

    schema_version: str | None = None
    session_id: str | None = None
    trajectory_id: str | None = None
    agent: Agent = Agent()
    steps: list[Step] = []
    final_metrics: Totals = Totals()
    subagent_trajectories: list[Optional["Trajectory"]] | None = None


_TRAJECTORY = decoder(Trajectory)
_MAX_NESTING = 20


class Atif:
    """Documents whose ``schema_version`` starts ``ATIF-``."""

    name = "atif"
    level: Level = "agent_run"

    def matches(self, head: Head) -> float:
        """Tell by the version of the schema."""
        return float(outline(head).texts.get("schema_version", "").startswith("ATIF-"))

    def read(self, source: Source, context: Context) -> Iterator[Span | Issue]:
        """Yield the run, its calls, its tools and its sub-agents."""
        found = read_document(source, _TRAJECTORY)
        if isinstance(found, Issue):
            yield found
            return
        try:
            if not found.steps:
                raise Fault("missing", "trajectory has no steps", pointer="steps")
            trial = trial_of(source.path)
            own = digest(*(text_of(step.message) for step in found.steps[:5]))
            trace_id = trial.trial_name or found.trajectory_id or found.session_id or own
            yield from Run(found, trace_id, trial).spans()
        except Fault as fault:
            yield source.issue(fault)


class Run:
    """One trajectory within a trace.

    Parameters
    ----------
    told : Trajectory
    trace_id : str
    trial : Trial
        Empty for a sub-agent.
    place : str
        Tells it from other trajectories of the trace.
    parent_id : str, optional
        The tool call that started it.
    """

    def __init__(
        self,
        told: Trajectory,
        trace_id: str,
        trial: Trial,
        place: str = "run",
        parent_id: str | None = None,
        depth: int = 0,
    ) -> None:
        self._told, self._trace_id, self._trial = told, trace_id, trial
        self._place, self._parent_id, self._depth = place, parent_id, depth
        users = (text_of(step.message) for step in told.steps if step.source == "user")
        self._text = next(filter(None, users), "")

    def spans(self) -> Iterator[Span]:
        """Yield the run, then what is in it."""
        yield self._run()
        started: dict[str, str] = {}
        for i, step in enumerate(self._told.steps, 1):
            if step.source != "agent" or step.is_copied_context:
                continue
            if step.llm_call_count != 0:  # some steps are dispatched without a call
                yield self._call(step, f"{self._place}/{i:05}")
            yield from self._tools(step, f"{self._place}/{i:05}", started)
        for n, sub in enumerate(self._told.subagent_trajectories or (), 1):
            if sub is not None and self._depth < _MAX_NESTING:
                parent_id = started.get(sub.trajectory_id or "") or started.get(
                    sub.session_id or "", self._place
                )
                place = f"{self._place}/sub-{n:03}"
                yield from Run(
                    sub, self._trace_id, Trial(), place, parent_id, self._depth + 1
                ).spans()

    def _call(self, step: Step, id_: str) -> Span:
        used = step.metrics or Used()
        return Span(
            trace_id=self._trace_id,
            span_id=id_,
            parent_id=self._place,
            session_id=self._told.session_id,
            kind="call",
            start=when(step.timestamp, "timestamp"),
            text=self._text,
            tools=tool_names(self._told.agent.tool_definitions),
            model_asked=step.model_name or self._model,
            input_tokens=used.prompt_tokens,
            output_tokens=used.completion_tokens,
            cache_read_tokens=used.cached_tokens,
            cost_usd=used.cost_usd or None,
            outcome="ok",
        )

    def _tools(self, step: Step, id_: str, started: dict[str, str]) -> Iterator[Span]:
        results = step.observation.results if step.observation is not None else None
        links = {
            result.source_call_id: result.subagent_trajectory_ref or () for result in results or ()
        }
        for n, call in enumerate(step.tool_calls or (), 1):
            span_id = f"{id_}/tool-{n:03}"
            for link in links.get(call.tool_call_id, ()):
                started[link.trajectory_id or link.session_id or ""] = span_id
            yield Span(
                trace_id=self._trace_id,
                span_id=span_id,
                parent_id=self._place,
                session_id=self._told.session_id,
                kind="tool",
                name=call.function_name,
                start=when(step.timestamp, "timestamp"),
            )

    @property
    def _model(self) -> str | None:
        info = self._trial.agent_info
        told = info.model_info.name if info is not None and info.model_info is not None else None
        return self._told.agent.model_name or told

    def _run(self) -> Span:
        told, totals, raised = self._told, self._told.final_metrics, self._trial.exception_info
        times = [when(step.timestamp, "timestamp") for step in told.steps]
        failure = (raised.exception_type or "exception") if raised is not None else None
        is_told = raised is not None or self._trial.verifier_result is not None
        return Span(
            trace_id=self._trace_id,
            span_id=self._place,
            parent_id=self._parent_id,
            session_id=told.session_id,
            kind="agent",
            name=told.agent.name,
            start=min(filter(None, times), default=None),
            end=max(filter(None, times), default=None),
            task_id=self._trial.task_name,
            text=self._text,
            tools=tool_names(told.agent.tool_definitions),
            model_asked=self._model,
            input_tokens=totals.total_prompt_tokens or None,
            output_tokens=totals.total_completion_tokens or None,
            cache_read_tokens=totals.total_cached_tokens,
            cost_usd=totals.total_cost_usd or None,
            outcome=("error" if failure else "ok") if is_told else None,
            error_type=failure,
            is_infrastructure_error=failure is not None and is_infrastructure(failure, "", None),
            scores=self._trial.scores,
        )


FORMAT = Atif
