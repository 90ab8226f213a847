"""One observation of Langfuse → a span.

Observations that came in through OpenTelemetry keep their attributes in ``metadata.attributes``,
which tell more of models, agents and tools than Langfuse's own columns.
"""

import re

from msgspec import Struct, field

from tracetier.ingest.formats._amounts import Tokens, time_of
from tracetier.ingest.formats._error_text import Failure, failure_of
from tracetier.ingest.formats._langfuse_record import Record
from tracetier.ingest.formats._langfuse_scores import id_of
from tracetier.ingest.formats._langfuse_usage import cost_of, usage_of
from tracetier.ingest.formats._lazy_input import Inputs
from tracetier.ingest.formats._logged_input import (
    as_list,
    as_object,
    first_word,
    held,
    offered_tools,
    parsed,
    user_text,
    within,
    word,
)
from tracetier.ingest.formats._test_commands import NO_TESTS, ran_tests
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Outcome, Span, SpanKind

_KINDS: dict[str, SpanKind] = {"GENERATION": "call", "AGENT": "agent", "TOOL": "tool"}
_RUNS = frozenset({"LangGraph", "AgentExecutor"})
_WRAPPERS = frozenset({"SPAN", "CHAIN"})
_JUDGES = ("EVALUATOR", "GUARDRAIL")
_JUDGE_ENVIRONMENT = "langfuse-llm-as-a-judge"
_NONE = (None, None, None)
_INDEX = re.compile(r"\d{1,9}")


class About(Struct, frozen=True, kw_only=True, gc=False):
    """What a trace's own record adds to its observations.

    Attributes
    ----------
    session_id : str, optional
    name : str, optional
        Of the trace.
    text : str
        Its input.
    """

    session_id: str | None = None
    name: str | None = None
    text: str = ""


class Attributes(Struct, frozen=True, kw_only=True, gc=False):
    """What is read of a step's OpenTelemetry attributes."""

    model_asked: object = field(default=None, name="gen_ai.request.model")
    model_answered: object = field(default=None, name="gen_ai.response.model")
    response_id: object = field(default=None, name="gen_ai.response.id")
    agent: object = field(default=None, name="gen_ai.agent.name")
    agent_name: object = None
    tool: object = field(default=None, name="gen_ai.tool.name")
    session: object = field(default=None, name="session.id")
    conversation: object = field(default=None, name="gen_ai.conversation.id")
    tools: object = field(default=None, name="gen_ai.tool.definitions")
    parameters: object = field(default=None, name="model_request_parameters")
    messages: object = field(default=None, name="gen_ai.input.messages")
    all_messages: object = field(default=None, name="pydantic_ai.all_messages")
    new_message_index: object = field(default=None, name="pydantic_ai.new_message_index")


class Meta(Struct, frozen=True, kw_only=True, gc=False):
    """What is read of an observation's metadata."""

    attributes: Attributes | str | None = None
    thread_id: object = None
    ls_model_name: object = None


def span_of(record: Record, about: About, inputs: Inputs, *, seeks_tests: bool) -> Span:
    """Return an observation as a span.

    Parameters
    ----------
    about : About
        What is known of its trace.
    inputs : Inputs
        Reads those of one file, this one next.
    seeks_tests : bool
        Whether it is asked how tests ended that a tool ran.

    Raises
    ------
    Fault
        If an id is missing, or a time, count or cost cannot be read.
    """
    trace_id, span_id = ids_of(record)
    meta = held(record.metadata, Meta)
    told = meta.attributes
    attributes = told if isinstance(told, Attributes) else held(told, Attributes)
    is_judge = _is_judge(record)
    kind = "group" if is_judge else _kind(record, attributes)
    end = time_of(record.end_time, "endTime")
    failure = failure_of(record.status_message) if record.level == "ERROR" else None
    usage, cost_usd, asked, answered = Tokens(), None, None, None
    if kind in ("call", "agent"):
        usage, cost_usd = usage_of(record), cost_of(record)
        asked, answered = _models(record, meta, attributes)
    tests = NO_TESTS
    if seeks_tests and kind == "tool":
        tests = ran_tests(record.input, record.output)
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=id_of(record.parent_observation_id),
        session_id=_session(record, about, meta, attributes),
        kind=kind,
        name=_name(kind, record, attributes),
        start=time_of(record.start_time, "startTime"),
        end=end,
        text=_text(record, kind, about, inputs, attributes),
        task_type=word(record.trace_name) or about.name,
        tools=_tools(record, inputs, attributes) if kind == "call" else None,
        model_asked=asked,
        model_answered=answered,
        response_id=word(attributes.response_id) if kind == "call" else None,
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cost_usd=cost_usd,
        outcome=_outcome(failure, is_ended=end is not None),
        error_type=None if failure is None else failure.error_type,
        is_infrastructure_error=failure is not None
        and kind != "tool"
        and failure.is_infrastructure,
        is_judge=is_judge,
        **tests,
    )


def ids_of(record: Record) -> tuple[str, str]:
    """Return the ids of an observation's trace and of itself.

    Raises
    ------
    Fault
        If one is missing.
    """
    trace_id, span_id = id_of(record.trace_id), id_of(record.id)
    if trace_id is None or span_id is None:
        name = "traceId" if trace_id is None else "id"
        raise Fault("missing", f"{name} is missing, every observation needs one", pointer=name)
    return trace_id, span_id


def _is_judge(record: Record) -> bool:
    """Whether a step judges or guards the agent's work: what it uses is not the agent's."""
    environment = record.environment or ""
    return record.type in _JUDGES or environment.startswith(_JUDGE_ENVIRONMENT)


def _kind(record: Record, attributes: Attributes) -> SpanKind:
    if record.type in _WRAPPERS and (record.name in _RUNS or _agent_name(attributes)):
        return "agent"
    return _KINDS.get(record.type or "", "group")


def _agent_name(attributes: Attributes) -> str | None:
    if word(attributes.tool):
        return None  # a tool that says which agent runs it
    return first_word((attributes.agent, attributes.agent_name))


def _name(kind: SpanKind, record: Record, attributes: Attributes) -> str | None:
    own = word(record.name)
    if kind == "tool":
        return word(attributes.tool) or own
    return (_agent_name(attributes) or own) if kind == "agent" else own


def _models(record: Record, meta: Meta, attributes: Attributes) -> tuple[str | None, str | None]:
    """Return the model asked and the one that answered."""
    logged = word(record.model) or word(record.provided_model_name)
    asked = first_word((attributes.model_asked, meta.ls_model_name, logged))
    return asked, first_word((attributes.model_answered, logged, asked))


def _session(record: Record, about: About, meta: Meta, attributes: Attributes) -> str | None:
    told = (meta.thread_id, attributes.session, attributes.conversation)
    return id_of(record.session_id) or about.session_id or first_word(told)


def _text(
    record: Record, kind: SpanKind, about: About, inputs: Inputs, attributes: Attributes
) -> str:
    is_root = id_of(record.parent_observation_id) is None
    if kind not in ("call", "agent") and not is_root:
        return ""
    if found := inputs.user_text(record.input):
        return found
    if kind == "agent" and (found := _run_text(attributes)):
        return found
    return about.text if is_root else ""


def _run_text(attributes: Attributes) -> str:
    """Return the first text of a run from its messages, those of earlier runs left out."""
    start = str(attributes.new_message_index or 0)
    if messages := as_list(attributes.all_messages):
        return user_text(messages[int(start) if _INDEX.fullmatch(start) else 0 :])
    return user_text(attributes.messages)


def _tools(record: Record, inputs: Inputs, attributes: Attributes) -> list[str] | None:
    of_input = inputs.tools(record.input)
    if not of_input and (record.tool_definitions, attributes.tools, attributes.parameters) == _NONE:
        return None
    definitions = parsed(record.tool_definitions)
    places = [
        dict(as_object(definitions)) or definitions or None,  # empty where nothing was logged
        attributes.tools,
        within(attributes.parameters, "function_tools"),
        *of_input,
    ]
    if not any(places):  # what is empty says nothing but that, except for a list
        places = [place for place in places if isinstance(place, list)]
    told = [found for place in places if (found := offered_tools(place)) is not None]
    return next((found for found in told if found), told[0] if told else None)


def _outcome(failure: Failure | None, *, is_ended: bool) -> Outcome | None:
    if failure is not None:
        return failure.outcome
    return "ok" if is_ended else None
