"""One span of an MLflow trace → a span.

Counts and costs of agents are theirs only where nothing below them has any: for whoever assembles
the trace to decide. What chains state is a sum, and is left out.
"""

from datetime import datetime

from msgspec import Struct

from tracetier.ingest.formats._amounts import (
    Tokens,
    known_cost,
    time_of,
    tokens_of,
    usd_of,
    with_cache,
)
from tracetier.ingest.formats._error_text import Failure, failure_of
from tracetier.ingest.formats._logged_input import (
    Object,
    as_list,
    as_object,
    first_word,
    offered_tools,
    parsed,
    user_text,
    within,
    word,
)
from tracetier.ingest.formats._mlflow_trace import SpanRecord, pairs
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Outcome, Span, SpanKind

_KINDS: dict[str | None, SpanKind] = {
    "CHAT_MODEL": "call",
    "LLM": "call",
    "AGENT": "agent",
    "TOOL": "tool",
}
_JUDGES = ("EVALUATOR", "GUARDRAIL")
_USAGE = "mlflow.chat.tokenUsage"
_COST = "mlflow.llm.cost"


class About(Struct, frozen=True, kw_only=True):
    """What is known of the trace to which a span belongs."""

    trace_id: str
    session_id: str | None = None
    task_type: str | None = None


def span_of(record: SpanRecord, about: About) -> Span:
    """Return a step of a trace as a span.

    Raises
    ------
    Fault
        If its id is missing, or a time, count or cost cannot be read.
    """
    span_id, parent_id = record.own_id, record.above_id
    if span_id is None:
        raise Fault("missing", "span_id is missing, every span needs one", pointer="span_id")
    attributes = pairs(record.attributes)
    type_ = word(parsed(attributes.get("mlflow.spanType"))) or record.span_type
    inputs = parsed(attributes.get("mlflow.spanInputs", record.inputs))
    kind = _KINDS.get(type_, "group")
    is_call, is_step = kind == "call", kind in ("call", "agent")
    failure = _failure(record)
    end = _time(record.end_time_unix_nano, record.end_time, "end_time")
    usage = _tokens(attributes) if is_step else Tokens()
    outputs = parsed(attributes.get("mlflow.spanOutputs")) if is_call else None
    asked, answered = _models(attributes, inputs, outputs) if is_call else (None, None)
    return Span(
        trace_id=about.trace_id,
        span_id=span_id,
        parent_id=parent_id,
        session_id=about.session_id,
        kind=kind,
        name=word(record.name),
        start=_time(record.start_time_unix_nano, record.start_time, "start_time"),
        end=end,
        text=user_text(inputs) if is_step or parent_id is None else "",
        task_type=about.task_type,
        tools=_tools(attributes, inputs) if is_call else None,
        model_asked=asked,
        model_answered=answered,
        response_id=word(within(outputs, "id")),
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cost_usd=_cost(attributes) if is_step else None,
        outcome=_outcome(failure, is_ended=end is not None),
        error_type=None if failure is None else failure.error_type,
        is_infrastructure_error=failure is not None
        and kind != "tool"
        and failure.is_infrastructure,
        is_judge=type_ in _JUDGES,
    )


def _time(nanos: object, older: object, pointer: str) -> datetime | None:
    return time_of(nanos or older, f"{pointer}_unix_nano" if nanos else pointer)


def _models(attributes: Object, inputs: object, outputs: object) -> tuple[str | None, str | None]:
    """Return the model asked and the one that answered."""
    noted = parsed(attributes.get("mlflow.llm.model"))
    asked = first_word((within(inputs, "model"), noted))
    return asked, first_word((within(outputs, "model"), noted, asked))


def _tokens(attributes: Object) -> Tokens:
    """Return the counts, unknown where all are 0."""
    usage = as_object(attributes.get(_USAGE))

    def count(name: str) -> int | None:
        return tokens_of(usage.get(name), f"{_USAGE}.{name}")

    n_input, n_output = count("input_tokens"), count("output_tokens")
    if not n_input and not n_output:
        return Tokens()
    return with_cache(
        n_input,
        n_output,
        total=count("total_tokens"),
        cache_read=count("cache_read_input_tokens"),
        cache_write=count("cache_creation_input_tokens"),
    )


def _cost(attributes: Object) -> float | None:
    return known_cost(usd_of(within(attributes, _COST, "total_cost"), f"{_COST}.total_cost"))


def _tools(attributes: Object, inputs: object) -> list[str] | None:
    told = offered_tools(attributes.get("mlflow.chat.tools"))
    return told if told is not None else offered_tools(within(inputs, "tools"))


def _failure(record: SpanRecord) -> Failure | None:
    status = as_object(record.status)
    code = str(status.get("code") or record.status_code or "").upper()
    if not code.endswith("ERROR") and code != "2":
        return None
    raised = (
        within(event, "attributes", "exception.type")
        for event in as_list(record.events)
        if within(event, "name") == "exception"
    )
    return failure_of(word(status.get("message")), error_type=first_word(raised))


def _outcome(failure: Failure | None, *, is_ended: bool) -> Outcome | None:
    if failure is not None:
        return failure.outcome
    return "ok" if is_ended else None
