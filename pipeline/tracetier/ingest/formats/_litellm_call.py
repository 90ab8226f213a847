"""One call that LiteLLM saw, as a row of its spend log or as the payload of a callback → a span.

The two name the same things alike. In rows objects are JSON text and texts are mostly left out; in
payloads times are seconds, and a session, where one is set, takes the place of the trace.
"""

from msgspec import Struct

from tracetier.ingest.coerce import flag
from tracetier.ingest.formats._amounts import Tokens, read_as, time_of, tokens_of, usd_of
from tracetier.ingest.formats._error_text import Failure, failure_of
from tracetier.ingest.formats._logged_input import (
    Object,
    as_list,
    as_object,
    first_word,
    held,
    offered_tools,
    user_text,
    within,
    word,
)
from tracetier.ingest.issue import Fault
from tracetier.ingest.span import Outcome, Span

CALL_TYPES = frozenset(
    {"completion", "acompletion", "anthropic_messages", "responses", "aresponses"}
    | {"text_completion", "atext_completion"}
)
"""Requests to a chat model; embeddings, moderations, images and the like are no tier's work."""

_HEALTH_CHECK = "litellm-internal-health-check"
_TASK_TAGS = ("task:", "task_type:", "task-type:")
_REDACTED = "redacted-by-litellm"
_READS = (
    ("cache_read_input_tokens",),
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cached_tokens"),
)
_WRITES = (
    ("cache_creation_input_tokens",),
    ("prompt_tokens_details", "cache_creation_tokens"),
    ("prompt_tokens_details", "cache_write_tokens"),
)


class Call(Struct, frozen=True, kw_only=True):
    """A row of the spend log, or a standard logging payload.

    ``spend`` is the row's, ``response_cost`` the payload's; ``request_id`` is the row's id.
    """

    request_id: str | None = None
    id: str | None = None
    session_id: str | int | None = None
    trace_id: str | int | None = None
    call_type: str | None = None
    status: str | None = None
    cache_hit: object = None
    api_key: str | None = None
    startTime: object = None
    endTime: object = None
    model: str | None = None
    model_group: str | None = None
    prompt_tokens: object = None
    completion_tokens: object = None
    spend: object = None
    response_cost: object = None
    metadata: object = None
    request_tags: object = None
    agent_id: str | None = None
    messages: object = None
    response: object = None
    proxy_server_request: object = None
    model_parameters: object = None
    error_str: str | None = None
    error_information: object = None


class Meta(Struct, frozen=True, kw_only=True):
    """What is read of a call's metadata."""

    usage_object: object = None
    additional_usage_values: object = None
    error_information: object = None


class Answer(Struct, frozen=True, kw_only=True):
    """What is read of a response."""

    id: object = None
    model: object = None
    usage: object = None


def is_step(call: Call) -> bool:
    """Whether it is a request to a chat model, and not LiteLLM's own question if one is alive."""
    is_check = call.api_key == _HEALTH_CHECK or _HEALTH_CHECK in as_list(call.request_tags)
    return call.call_type in CALL_TYPES and not is_check


def span_of(call: Call) -> Span:
    """Return a call as a span.

    Raises
    ------
    Fault
        If it has no id, or a time, count or cost cannot be read.
    """
    span_id = call.request_id or call.id
    if not span_id:
        raise Fault("missing", "id is missing, every call needs one", pointer=_id_name(call))
    session_id = _text(call.session_id) or _text(call.trace_id)
    meta, answer = held(call.metadata, Meta), held(call.response, Answer)
    request = as_object(call.proxy_server_request)
    failure = _failure(call, meta)
    usage = _usage(call, meta, answer)
    is_cached = _is_cached(call.cache_hit)
    end = time_of(call.endTime, "endTime")
    return Span(
        trace_id=session_id or span_id,
        span_id=span_id,
        session_id=session_id,
        kind="call",
        name=word(call.agent_id),
        start=time_of(call.startTime, "startTime"),
        end=end,
        text=_prompt(call, request),
        task_type=_task_type(call),
        tools=_tools(call, request),
        model_asked=first_word((call.model_group, call.model)),
        model_answered=first_word((answer.model, call.model)),
        response_id=word(answer.id),
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cost_usd=_cost(call, is_free=is_cached or (failure is not None and not usage.output)),
        outcome=_outcome(call, failure, is_ended=end is not None),
        error_type=None if failure is None else failure.error_type,
        is_infrastructure_error=failure is not None and failure.is_infrastructure,
        is_cached_answer=is_cached,
    )


def _usage(call: Call, meta: Meta, answer: Answer) -> Tokens:
    """Return the counts, whose input includes the cache; all 0 on an answer is unknown."""
    n_input = tokens_of(call.prompt_tokens, "prompt_tokens")
    n_output = tokens_of(call.completion_tokens, "completion_tokens")
    if not n_input and not n_output and call.status != "failure":
        return Tokens()
    places = (meta.usage_object, answer.usage, meta.additional_usage_values)
    usage = next((found for place in places if (found := as_object(place))), {})
    return Tokens(n_input, n_output, _part(usage, _READS), _part(usage, _WRITES))


def _part(usage: Object, paths: tuple[tuple[str, ...], ...]) -> int | None:
    for path in paths:
        if (value := within(usage, *path)) is not None:
            return tokens_of(value, ".".join(("usage_object", *path)))
    return None


def _cost(call: Call, *, is_free: bool) -> float | None:
    """Return the cost; 0 stands for an unknown price unless nothing had to be paid."""
    name = "response_cost" if call.spend is None else "spend"
    cost_usd = usd_of(getattr(call, name), name)
    return cost_usd if cost_usd or is_free else None


def _is_cached(value: object) -> bool:
    is_unknown = value is None or str(value).strip().lower() in ("", "none", "null")
    return not is_unknown and bool(read_as(flag, value, "cache_hit"))


def _prompt(call: Call, request: Object) -> str:
    found = user_text(call.messages) or user_text(request.get("messages") or request.get("input"))
    return "" if found == _REDACTED else found


def _tools(call: Call, request: Object) -> list[str] | None:
    places = (within(call.model_parameters, "tools"), request.get("tools"))
    told = (offered_tools(place) for place in places)
    return next((found for found in told if found is not None), None)


def _task_type(call: Call) -> str | None:
    """Return the tag that names a task; other tags may name the tier that was taken."""
    for tag in as_list(call.request_tags):
        for prefix in _TASK_TAGS:
            if isinstance(tag, str) and tag.startswith(prefix):
                return word(tag.removeprefix(prefix).strip())
    return None


def _failure(call: Call, meta: Meta) -> Failure | None:
    told = as_object(call.error_information) or as_object(meta.error_information)
    if call.status != "failure" and not call.error_str:
        return None
    code = str(told.get("error_code") or "")
    return failure_of(
        word(told.get("error_message")) or call.error_str,
        error_type=word(told.get("error_class")),
        status=int(code) if code.isdecimal() and len(code) == 3 else None,
    )


def _outcome(call: Call, failure: Failure | None, *, is_ended: bool) -> Outcome | None:
    if failure is not None:
        return failure.outcome
    return "ok" if is_ended or call.status == "success" else None


def _text(value: str | int | None) -> str | None:
    return str(value) if value is not None and str(value) else None


def _id_name(call: Call) -> str:
    return "id" if call.spend is None else "request_id"
