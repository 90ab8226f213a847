"""One conversation of OpenHands → spans: the run, calls by its state, tools by its events."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tracetier.ingest.formats._chat_messages import text_of
from tracetier.ingest.formats._openhands_record import (
    Action,
    BaseState,
    Event,
    Metrics,
    NamedTool,
    Observation,
)
from tracetier.ingest.formats._test_commands import ran_tests
from tracetier.ingest.formats._typed_json import when
from tracetier.ingest.span import Outcome, Span

_ENDED: dict[str, Outcome] = {"finished": "ok", "error": "error", "stuck": "error"}
_QUARTER_S = 900


class Conversation:
    """One run of the agent.

    Parameters
    ----------
    id_ : str
        Of the conversation.
    state : BaseState
        Empty where only events are known.
    events : sequence of Event
    text : str
        What is asked, where no event tells it.
    """

    def __init__(
        self, id_: str, state: BaseState, events: Sequence[Event], *, text: str = ""
    ) -> None:
        self._id, self._state, self._events = id_.replace("-", ""), state, events
        self._text = next(filter(None, map(_user_text, events)), text)
        self._calls = list(self._told_calls())
        self._shift = self._shift_from_utc()

    def __iter__(self) -> Iterator[Span]:
        yield self._run()
        yield from self._calls
        known = {call.response_id for call in self._calls}
        for event in self._events:
            if event.llm_response_id and event.llm_response_id not in known:
                known.add(event.llm_response_id)
                yield self._bare_call(event, event.llm_response_id)
        yield from self._tools()

    def _told_calls(self) -> Iterator[Span]:
        for purpose, metrics in self._state.stats.usage_to_metrics.items():
            costs = metrics.costs if len(metrics.costs) == len(metrics.token_usages) else []
            took = {item.response_id: item.latency for item in metrics.response_latencies}
            for i, usage in enumerate(metrics.token_usages):
                cost = costs[i] if costs else None
                end = when(cost.timestamp, "timestamp") if cost is not None else None
                latency_s = took.get(usage.response_id) if usage.response_id else None
                yield Span(
                    trace_id=self._id,
                    span_id=usage.response_id or f"{purpose}-{i:05}",
                    parent_id="run",
                    kind="call",
                    name=purpose,
                    start=_before(end, latency_s),
                    end=end,
                    latency_s=latency_s,
                    text=self._text,
                    model_asked=usage.model or metrics.model_name,
                    response_id=usage.response_id or None,
                    input_tokens=usage.prompt_tokens,
                    output_tokens=usage.completion_tokens,
                    cache_read_tokens=usage.cache_read_tokens,
                    cache_write_tokens=usage.cache_write_tokens,
                    cost_usd=cost.cost or None if cost is not None else None,
                    outcome="ok",
                )

    def _bare_call(self, event: Event, response_id: str) -> Span:
        return Span(
            trace_id=self._id,
            span_id=response_id,
            parent_id="run",
            kind="call",
            end=self._utc(event.timestamp),
            text=self._text,
            model_asked=self._state.agent.llm.model,
            response_id=response_id,
            outcome="ok",
        )

    def _tools(self) -> Iterator[Span]:
        ended = {
            event.action_id or event.tool_call_id: event
            for event in self._events
            if event.observation is not None or event.kind == "AgentErrorEvent"
        }
        for i, event in enumerate(self._events):
            if event.action is None or not event.tool_name:
                continue
            result = ended.get(event.id) or ended.get(event.tool_call_id)
            action = event.action if isinstance(event.action, Action) else Action()
            seen = result.observation if result is not None else None
            output = (seen.content or seen.output) if isinstance(seen, Observation) else None
            yield Span(
                trace_id=self._id,
                span_id=event.id or f"event-{i:06}",
                parent_id="run",
                kind="tool",
                name=event.tool_name,
                start=self._utc(event.timestamp),
                end=self._utc(result.timestamp) if result is not None else None,
                outcome=_tool_outcome(result),
                files=(action.path,) if action.path else (),
                **ran_tests(action.command, output),
            )

    def _run(self) -> Span:
        state = self._state
        status = state.execution_status
        starts = [call.start for call in self._calls] + [
            self._utc(e.timestamp) for e in self._events[:1]
        ]
        ends = [call.end for call in self._calls] + [
            self._utc(e.timestamp) for e in self._events[-1:]
        ]
        outcome = None if status is None else _ENDED.get(status, "cancelled")
        metrics = state.stats.usage_to_metrics.get("agent", Metrics())
        usage = metrics.accumulated_token_usage
        return Span(
            trace_id=self._id,
            span_id="run",
            kind="agent",
            start=min(filter(None, starts), default=None),
            end=max(filter(None, ends), default=None),
            text=self._text,
            tools=self._offered(),
            model_asked=state.agent.llm.model or metrics.model_name,
            input_tokens=usage.prompt_tokens or None if usage is not None else None,
            output_tokens=usage.completion_tokens or None if usage is not None else None,
            cost_usd=metrics.accumulated_cost or None,
            outcome=outcome,
            error_type=status if outcome not in (None, "ok") else None,
            is_infrastructure_error=outcome == "cancelled",
        )

    def _offered(self) -> list[str] | None:
        tools: list[NamedTool | str] | None = self._state.agent.tools
        for event in self._events:
            if event.kind == "SystemPromptEvent" and event.tools is not None:
                tools = event.tools
                break
        if tools is None:
            return None
        names = (tool if isinstance(tool, str) else tool.name or tool.title for tool in tools)
        return [name for name in names if name]

    def _shift_from_utc(self) -> timedelta:
        """Return how far the events' clock is from UTC, to a quarter of an hour."""
        ends = {call.response_id: call.end for call in self._calls if call.end is not None}
        for event in self._events:
            end = ends.get(event.llm_response_id)
            local = when(event.timestamp, "timestamp") if end is not None else None
            if end is not None and local is not None:
                quarters = round((local - end).total_seconds() / _QUARTER_S)
                return timedelta(seconds=quarters * _QUARTER_S)
        return timedelta()

    def _utc(self, timestamp: str | None) -> datetime | None:
        local = when(timestamp, "timestamp")
        return local - self._shift if local is not None else None


def _user_text(event: Event) -> str:
    message = event.llm_message
    if event.kind != "MessageEvent" or event.source != "user" or message is None:
        return ""
    return text_of(message.content)


def _tool_outcome(result: Event | None) -> Outcome | None:
    if result is None:
        return None
    seen = result.observation
    failed = isinstance(seen, Observation) and (bool(seen.is_error) or bool(seen.exit_code))
    return "error" if failed or result.kind == "AgentErrorEvent" else "ok"


def _before(end: datetime | None, latency_s: float | None) -> datetime | None:
    if end is None or latency_s is None or not 0 <= latency_s < 1e7:
        return None
    return end - timedelta(seconds=latency_s)
