"""Conversations of OpenHands: a state with the usage of every call, and events joined to it by ids.

The state has tokens, cost and latency, the events have text and tools. A file of events beside its
state is told with the state. Events give local time without a zone: its distance from UTC is
measured against the state's own clock; without a state it is taken for UTC.
"""

from collections.abc import Iterator, Sequence

import msgspec

from tracetier.ingest.formats._failures import is_infrastructure
from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._openhands_conversation import Conversation
from tracetier.ingest.formats._openhands_files import events_of, many_events, read_events, state_of
from tracetier.ingest.formats._openhands_output import Output
from tracetier.ingest.formats._openhands_record import (
    Agent,
    BaseState,
    Event,
    Metrics,
    State,
    Stats,
)
from tracetier.ingest.formats._typed_json import decoder, read_document, read_each
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span
from tracetier.records import Level

_KINDS = ("SystemPromptEvent", "MessageEvent", "ActionEvent", "ObservationEvent")
_STATE, _EVENT, _OUTPUT = decoder(State), decoder(Event), decoder(Output)


class Openhands:
    """Lists of ``ActionEvent`` and the like, or a state with ``stats.usage_to_metrics``."""

    name = "openhands"
    level: Level = "agent_run"

    def matches(self, head: Head) -> float:
        """Tell by the kinds of the events, or by the agent and workspace of a state."""
        told = outline(head)
        for at in ("", "[]."):
            kind = told.texts.get(f"{at}kind", "")
            if kind in _KINDS and told.has(f"{at}source", f"{at}timestamp"):
                return 1.0
        if _is_output(told.paths):
            return 1.0
        return float(any(_is_state(told.paths, at) for at in ("", "baseState.", "base_state.")))

    def read(self, source: Source, context: Context) -> Iterator[Span | NoStep | Issue]:
        """Yield the run, its calls and its tools."""
        told = outline(source.head)
        if any(_is_state(told.paths, at) for at in ("", "baseState.", "base_state.")):
            yield from _read_state(source)
        elif _is_output(told.paths):
            yield from _read_output(source)
        else:
            yield from _read_events(source)


def _is_state(paths: set[str], at: str) -> bool:
    signs = ("stats.usage_to_metrics", "workspace", "execution_status", "agent.kind", "agent.tools")
    return f"{at}agent.llm.model" in paths and any(at + sign in paths for sign in signs)


def _is_output(paths: set[str]) -> bool:
    return {"instance_id", "metadata.llm_config", "metadata.agent_class"} <= paths


def _read_output(source: Source) -> Iterator[Span | Issue]:
    for line in read_each(source, _OUTPUT):
        if isinstance(line, Issue):
            yield line
            continue
        told = line.metadata
        state = BaseState(
            agent=Agent(llm=told.llm_config),
            execution_status="error" if line.error else "finished",
            stats=Stats({"agent": line.metrics or Metrics()}),
        )
        id_ = digest(line.instance_id, str(told), str(line.metrics))
        try:
            run, *calls = Conversation(id_, state, (), text=line.instruction or "")
            yield msgspec.structs.replace(
                run,
                name=told.agent_class,
                task_id=line.instance_id,
                task_type=told.dataset,
                error_type=line.error[:80] if line.error else None,
                is_infrastructure_error=is_infrastructure(None, line.error or "", None),
                scores=line.scores,
            )
            yield from calls
        except Fault as fault:
            yield source.issue(fault)


def _read_state(source: Source) -> Iterator[Span | Issue]:
    state = read_document(source, _STATE)
    if isinstance(state, Issue):
        yield state
        return
    events: list[Event] = []
    for event in read_events(events_of(source.path.absolute())):
        if isinstance(event, Issue):
            yield event
        else:
            events.append(event)
    whole = state.baseState or state.base_state or state
    try:
        yield from Conversation(
            whole.id or state.id or source.path.absolute().parent.name, whole, events
        )
    except Fault as fault:
        yield source.issue(fault)


def _read_events(source: Source) -> Iterator[Span | NoStep | Issue]:
    """Read events that have no state; those that have one are told with it."""
    own = source.path.absolute()
    is_part = state_of(own) is not None
    events: list[Event] = []
    for event in read_each(source, _EVENT):
        if isinstance(event, Issue):
            yield event
        else:
            yield NoStep()
            events.append(event)
    if is_part:
        return
    first, *others = many_events(own.parent) if own.parent.name == "events" else [own]
    if first == own:
        more = [event for event in read_events(others) if isinstance(event, Event)]
        try:
            yield from Conversation(_id_of(events), BaseState(), events + more)
        except Fault as fault:
            yield source.issue(fault)


def _id_of(events: Sequence[Event]) -> str:
    return digest(*(event.id or event.timestamp or "" for event in events[:3]))


FORMAT = Openhands
