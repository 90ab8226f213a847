"""Traces of OpenAI's Agents SDK: lines of ``trace`` and ``trace.span`` objects.

A span is written when it ends, so children come first. The SDK's own ``task`` and ``turn`` spans
repeat the usage of the calls below them and count as wrappers. ``response`` spans name no model
and hold no text: both are taken from a log of the Responses API beside the file, where there is
one, by the id of the answer.
"""

from collections import OrderedDict
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from tracetier.ingest.formats._chat_messages import Message, ToolDef, first_user_text, tool_names
from tracetier.ingest.formats._failures import is_infrastructure
from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._provider_usage import Usage, tokens_of
from tracetier.ingest.formats._responses_log import ResponsesLog
from tracetier.ingest.formats._test_commands import NO_TESTS, ran_tests
from tracetier.ingest.formats._typed_json import decoder, read_each, typed, when
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Score, Span, SpanKind
from tracetier.records import Level

_OBJECTS = ("trace", "trace.span")
_KINDS: dict[str, SpanKind] = {
    "agent": "agent",
    "generation": "call",
    "response": "call",
    "function": "tool",
}
_N_SESSIONS = 100_000


class Failure(Struct, frozen=True):
    """Why a step failed."""

    message: str | None = None


class SpanData(Struct, frozen=True):
    """What a span is about; which fields there are depends on its type."""

    type: str | None = None
    name: str | None = None
    model: str | None = None
    input: str | list[Message | str] | None = None
    output: object = None
    tools: list[ToolDef | str] | None = None
    usage: Usage | None = None
    response_id: str | None = None
    triggered: bool | None = None


class Entry(Struct, frozen=True):
    """One line: a trace, or a span of one."""

    object: str | None = None
    id: str | None = None
    trace_id: str | None = None
    parent_id: str | None = None
    group_id: str | None = None
    started_at: str | float | None = None
    ended_at: str | float | None = None
    span_data: SpanData | None = None
    error: Failure | str | None = None


class AgentInput(Struct, frozen=True):
    """Arguments of an agent that is used as a tool."""

    input: str = ""


class Export(Struct, frozen=True):
    """What the SDK sends at once."""

    data: list[Entry] | None = None


_ENTRY, _EXPORT, _INPUT = decoder(Entry), decoder(Export), decoder(AgentInput)


class OpenaiAgents:
    """Lines with ``object: trace`` or ``trace.span``."""

    name = "openai_agents"
    level: Level = "agent_run"
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the kind of the objects."""
        if head.kind == "jsonl":
            return float(any(_is_ours(record.get("object"), record) for record in head.records))
        told = outline(head)
        return float(
            any(
                told.texts.get(f"{at}object") in _OBJECTS and told.has(f"{at}id")
                for at in ("", "[].", "data[].")
            )
        )

    def read(self, source: Source, context: Context) -> Iterator[Span | NoStep | Issue]:
        """Yield one span per ``trace.span``; a ``trace`` only names the session."""
        sessions: OrderedDict[str, str] = OrderedDict()
        log = ResponsesLog(source.path)
        for entry in _entries(source):
            if isinstance(entry, Issue):
                yield entry
                continue
            try:
                step = _step(entry, sessions)
                yield step if isinstance(step, NoStep) else _completed(step, log)
            except Fault as fault:
                yield source.issue(fault)


def _is_ours(kind: object, record: dict[str, object]) -> bool:
    return kind in _OBJECTS and ("workflow_name" in record or "span_data" in record)


def _entries(source: Source) -> Iterator[Entry | Issue]:
    is_export = outline(source.head).has("data[].object")
    if not is_export:
        yield from read_each(source, _ENTRY)
        return
    for export in read_each(source, _EXPORT):
        if isinstance(export, Issue):
            yield export
            continue
        for source.line, entry in enumerate(export.data or (), 1):
            yield entry


def _step(entry: Entry, sessions: OrderedDict[str, str]) -> Span | NoStep:
    if entry.object not in _OBJECTS or not entry.id:
        raise Fault("missing", "record is neither a trace nor a trace.span with an id")
    if entry.object == "trace":
        if entry.group_id:
            sessions[entry.id] = entry.group_id
            if len(sessions) > _N_SESSIONS:
                sessions.popitem(last=False)
        return NoStep()
    if not entry.trace_id:
        raise Fault("missing", "span has no trace_id", pointer="trace_id")
    return _span(entry, entry.id, entry.trace_id, sessions.get(entry.trace_id))


def _span(entry: Entry, id_: str, trace_id: str, session_id: str | None) -> Span:
    data = entry.span_data or SpanData()
    kind = _KINDS.get(data.type or "", "group")
    tokens = tokens_of(data.usage if kind == "call" else None)
    error = entry.error.message if isinstance(entry.error, Failure) else entry.error
    failed = entry.error is not None
    return Span(
        trace_id=trace_id,
        span_id=id_,
        parent_id=entry.parent_id or None,
        session_id=session_id,
        kind=kind,
        name=data.name,
        start=when(entry.started_at, "started_at"),
        end=when(entry.ended_at, "ended_at"),
        text=_text(kind, data),
        tools=tool_names(data.tools) if kind == "agent" else None,
        model_asked=data.model if kind == "call" else None,
        response_id=data.response_id,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        outcome="error" if failed else "ok",
        error_type=(error or "error")[:80] if failed else None,
        is_infrastructure_error=failed
        and kind == "call"
        and is_infrastructure(None, error or "", None),
        scores=_scores(data),
        **(ran_tests(data.input, data.output) if kind == "tool" else NO_TESTS),
    )


def _completed(span: Span, log: ResponsesLog) -> Span:
    """Add what only the log of the answers tells of a call."""
    if span.kind != "call" or span.model_asked is not None or span.response_id is None:
        return span
    told = log.call_of(span.response_id)
    if told is None:
        return span
    return msgspec.structs.replace(
        span,
        model_asked=told.model_asked,
        model_answered=told.model_answered,
        text=span.text or told.text,
        tools=told.tools,
        price_factor=told.price_factor,
    )


def _text(kind: SpanKind, data: SpanData) -> str:
    """Return the first user text of a call; of a tool that runs an agent, the agent's prompt."""
    if kind == "call":
        return data.input if isinstance(data.input, str) else first_user_text(data.input)
    if kind == "tool" and isinstance(data.input, str) and data.input.startswith('{"input"'):
        try:
            return typed(data.input.encode("utf-8", "replace"), _INPUT).input
        except Fault:
            pass
    return ""


def _scores(data: SpanData) -> tuple[Score, ...]:
    if data.type != "guardrail" or data.triggered is None:
        return ()
    name = f"guardrail:{data.name}" if data.name else "guardrail"
    # Input that was refused is the user's, and what passed need not be good: no direction is told.
    return (Score(name=name, value=data.triggered, source="programmatic"),)


FORMAT = OpenaiAgents
