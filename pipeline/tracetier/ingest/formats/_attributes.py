"""What the attributes of a span are called, as data: one row of names per fact, first present wins.

The names of all generations of OpenTelemetry's GenAI conventions, of OpenInference, and of the
instrumentations that came before them occur side by side, often on one span. They are
alternatives: adding them up counts a token twice.
"""

from typing import Any

from tracetier.ingest.coerce import count, number
from tracetier.ingest.formats._raw_span import Attrs
from tracetier.ingest.issue import Fault, excerpt

Names = tuple[str, ...]

OPERATION: Names = ("gen_ai.operation.name",)
OPENINFERENCE_KIND: Names = ("openinference.span.kind",)
TRACELOOP_KIND: Names = ("traceloop.span.kind",)
REQUEST_TYPE: Names = ("llm.request.type",)

MODEL_ASKED: Names = (
    "gen_ai.request.model",
    "llm.request.model_name",
    "llm.model_name",
    "model_name",  # Pydantic AI, on runs of agents
)
MODEL_ANSWERED: Names = ("gen_ai.response.model", "llm.response.model_name")
RESPONSE_ID: Names = ("gen_ai.response.id", "llm.response.id", "ai.response.id")

INPUT_TOKENS: Names = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
)
OUTPUT_TOKENS: Names = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
)
TOTAL_TOKENS: Names = (
    "gen_ai.usage.total_tokens",
    "llm.usage.total_tokens",
    "llm.token_count.total",
)
CACHE_READ_TOKENS: Names = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "llm.token_count.prompt_details.cache_read",
    "llm.usage.cache_read_input_tokens",
    "ai.usage.cachedInputTokens",
)
CACHE_WRITE_TOKENS: Names = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.details.cache_write_tokens",
    "llm.token_count.prompt_details.cache_write",
    "llm.usage.cache_creation_input_tokens",
)
COST_USD: Names = (
    "gen_ai.usage.cost",
    "gen_ai.usage.total_cost",
    "llm.cost.total",
    "operation.cost",
    "litellm.cost.total",
)

SESSION: Names = (
    "gen_ai.conversation.id",
    "session.id",
    "langfuse.session.id",
    "gcp.vertex.agent.session_id",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.thread_id",
    "traceloop.association.properties.conversation_id",
    "ai.telemetry.metadata.sessionId",
)
AGENT_NAME: Names = ("gen_ai.agent.name", "agent.name", "agent_name")
ENTITY_NAME: Names = ("traceloop.entity.name",)
TOOL_NAME: Names = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name")
TOOL_ARGUMENTS: Names = (
    "gen_ai.tool.call.arguments",
    "gcp.vertex.agent.tool_call_args",
    "ai.toolCall.args",
    "traceloop.entity.input",
    "input.value",
)
TOOL_RESULT: Names = (
    "gen_ai.tool.call.result",
    "gcp.vertex.agent.tool_response",
    "ai.toolCall.result",
    "traceloop.entity.output",
    "output.value",
)
TOOL_STATUS: Names = ("gen_ai.tool.status", "tool.status")
TAGS: Names = ("tag.tags", "langfuse.trace.tags")

ERROR_TYPE: Names = ("error.type", "exception.type")
HTTP_STATUS: Names = ("http.response.status_code", "http.status_code")

TOOLS_OFFERED: Names = (
    "gen_ai.tool.definitions",
    "gen_ai.agent.tools",
    "gen_ai.request.tools",
    "llm.tools",
    "ai.prompt.tools",
    "model_request_parameters",  # Pydantic AI: says so where there is no tool
    "request_data",  # Logfire
    "gcp.vertex.agent.llm_request",  # Google's Agent Development Kit
)
TOOLS_OFFERED_INDEXED: tuple[tuple[str, str], ...] = (
    ("llm.request.functions.", "name"),
    ("llm.tools.", "tool.json_schema"),
)
"""Prefix before the number, and what stands behind it."""

MESSAGES: Names = (
    "gen_ai.input.messages",
    "llm.input_messages",
    "ai.prompt.messages",
    "pydantic_ai.all_messages",
    "all_messages_events",
    "events",
    "request_data",
    "gcp.vertex.agent.llm_request",
    "gen_ai.prompt",
    "ai.prompt",
)
MESSAGES_INDEXED: Names = ("gen_ai.prompt.", "llm.input_messages.", "llm.prompts.")
INPUTS: Names = ("input.value", "traceloop.entity.input", "langfuse.observation.input")
"""What went into a step, in no form that is the same for all."""

_UNKNOWN = (None, "", "None", "nan", "NaN")


def first(attrs: Attrs, names: Names) -> Any:
    """Return the value of the first of these attributes that has one, else ``None``.

    Examples
    --------
    >>> first({"gen_ai.usage.prompt_tokens": 7}, INPUT_TOKENS)
    7
    """
    found = _first(attrs, names)
    return None if found is None else found[1]


def text_of(attrs: Attrs, names: Names) -> str | None:
    """Return the first of these attributes that is a text, ``None`` where none is."""
    texts = (attrs.get(name) for name in names)
    return next((text for text in texts if isinstance(text, str) and text not in _UNKNOWN), None)


def tokens_of(attrs: Attrs, names: Names) -> int | None:
    """Return a count of tokens.

    Raises
    ------
    Fault
        If the attribute is no whole number, or negative.
    """
    found = _first(attrs, names)
    if found is None:
        return None
    name, value = found
    try:
        n_tokens = count(value)
    except (Fault, OverflowError, ValueError):
        n_tokens = -1
    if n_tokens < 0:
        shown = excerpt(value)
        message = f"{name} is {shown}, must be a count of tokens"
        raise Fault("bad_value", message, pointer=name, value=value)
    return n_tokens


def amount_of(attrs: Attrs, names: Names) -> float | None:
    """Return an amount of money.

    Raises
    ------
    Fault
        If the attribute is no number.
    """
    found = _first(attrs, names)
    if found is None:
        return None
    name, value = found
    try:
        return number(value)
    except Fault as fault:
        message = f"{name} is {excerpt(value)}, must be {fault}"
        raise Fault("bad_value", message, pointer=name, value=value) from None


def indexed(attrs: Attrs, prefix: str) -> list[Attrs]:
    """Return the objects that stand under ``<prefix><number>.<name>``, in the order of the numbers.

    Examples
    --------
    >>> indexed({"p.10.role": "b", "p.9.role": "a"}, "p.")
    [{'role': 'a'}, {'role': 'b'}]
    """
    found: dict[int, Attrs] = {}
    for name, value in attrs.items():
        if name.startswith(prefix):
            place, _, rest = name[len(prefix) :].partition(".")
            if place.isdecimal() and len(place) < _MAX_DIGITS:
                found.setdefault(int(place), {})[rest] = value
    return [found[place] for place in sorted(found)]


_MAX_DIGITS = 9


def _first(attrs: Attrs, names: Names) -> tuple[str, Any] | None:
    for name in names:
        value = attrs.get(name)
        if not (value is None or (isinstance(value, str | float) and _is_unknown(value))):
            return name, value
    return None


def _is_unknown(value: str | float) -> bool:
    return value != value or value in _UNKNOWN
