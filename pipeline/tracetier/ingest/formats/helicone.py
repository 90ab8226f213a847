"""Helicone: exported requests, one per row, as its export tool and its API give them.

Bodies are there only where they were asked for. Costs are read from ``costUSD`` alone: what stands
under ``cost`` is stored in other units.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from tracetier.ingest.coerce import count, flag
from tracetier.ingest.formats._amounts import (
    Tokens,
    finite_of,
    known_cost,
    read_as,
    time_of,
    tokens_of,
    usd_of,
    verdict,
    with_cache,
)
from tracetier.ingest.formats._error_text import Failure, failure_of
from tracetier.ingest.formats._json_items import as_row, read_items, record_paths
from tracetier.ingest.formats._logged_input import (
    Object,
    as_list,
    as_object,
    first_word,
    offered_tools,
    user_text,
    within,
    word,
)
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Outcome, Score, Span
from tracetier.records import Level

_SIGNS = frozenset({"response_status", "request_created_at"})
_BESIDE = frozenset({"request_model", "request_body", "response_model", "request_properties"})
_SESSION, _PATH = "Helicone-Session-Id", "Helicone-Session-Name"
_NO_REFERENCE = ("", "00000000-0000-0000-0000-000000000000")
_FIRST_ERROR, _CANCELLED = 400, -3


class Request(Struct, frozen=True, kw_only=True):
    """A request with its response, or a page of them."""

    request_id: str | None = None
    response_id: str | None = None
    request_created_at: object = None
    response_created_at: object = None
    request_body: object = None
    response_body: object = None
    request_model: str | None = None
    model_override: str | None = None
    response_model: str | None = None
    model: str | None = None
    request_properties: object = None
    response_status: object = None
    prompt_tokens: object = None
    completion_tokens: object = None
    total_tokens: object = None
    prompt_cache_read_tokens: object = None
    prompt_cache_write_tokens: object = None
    costUSD: object = None
    cache_reference_id: str | None = None
    delay_ms: object = None
    scores: object = None
    feedback_rating: object = None
    feedback_created_at: object = None
    data: object = None


class Helicone:
    """Requests that Helicone saw."""

    name = "helicone"
    level: Level = "call"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the status of a response beside the time of its request."""
        paths = {path.removeprefix("data[].") for path in record_paths(head)}
        return float(paths >= _SIGNS and bool(paths & _BESIDE))

    def read(self, source: Source, context: Context) -> Iterator[Span | Issue]:
        """Yield one span per request."""
        n_held = 0
        for record in read_items(source, Request):
            if isinstance(record, Issue):
                yield record
                continue
            page = as_list(record.data)
            for item in page or (record,):
                n_held += 1
                if page and source.head.kind == "json":
                    source.line = n_held
                yield _told(source, item)


def _told(source: Source, item: object) -> Span | Issue:
    try:
        return span_of(item if isinstance(item, Request) else as_row(item, Request))
    except Fault as fault:
        return source.issue(fault)


def span_of(request: Request) -> Span:
    """Return a request as a span.

    Raises
    ------
    Fault
        If its id is missing, or a time, count or cost cannot be read.
    """
    span_id = request.request_id or request.response_id
    if not span_id:
        told = "request_id is missing, every request needs one"
        raise Fault("missing", told, pointer="request_id")
    properties = as_object(request.request_properties)
    body, answer = as_object(request.request_body), as_object(request.response_body)
    session_id = word(properties.get(_SESSION))
    status = read_as(count, request.response_status, "response_status")
    failure = _failure(status, answer)
    delay_ms = finite_of(request.delay_ms, "delay_ms")
    usage = _usage(request)
    return Span(
        trace_id=session_id or span_id,
        span_id=span_id,
        session_id=session_id,
        kind="call",
        start=time_of(request.request_created_at, "request_created_at"),
        end=time_of(request.response_created_at, "response_created_at"),
        text=user_text(body),
        task_type=word(properties.get(_PATH)),
        tools=offered_tools(body.get("tools")),
        model_asked=first_word((request.model_override, request.request_model, request.model)),
        model_answered=first_word((request.response_model, request.model, request.request_model)),
        response_id=word(answer.get("id")),
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cost_usd=known_cost(usd_of(request.costUSD, "costUSD")),
        latency_s=None if delay_ms is None or delay_ms < 0 else delay_ms / 1000,
        outcome=_outcome(status, failure),
        error_type=None if failure is None else failure.error_type or str(status),
        is_infrastructure_error=failure is not None and failure.is_infrastructure,
        is_cached_answer=(request.cache_reference_id or "") not in _NO_REFERENCE,
        scores=tuple(_scores(request)),
    )


def _usage(request: Request) -> Tokens:
    n_input = tokens_of(request.prompt_tokens, "prompt_tokens")
    n_output = tokens_of(request.completion_tokens, "completion_tokens")
    if not n_input and not n_output:
        return Tokens()
    return with_cache(
        n_input,
        n_output,
        total=tokens_of(request.total_tokens, "total_tokens"),
        cache_read=tokens_of(request.prompt_cache_read_tokens, "prompt_cache_read_tokens"),
        cache_write=tokens_of(request.prompt_cache_write_tokens, "prompt_cache_write_tokens"),
    )


def _failure(status: int | None, answer: Object) -> Failure | None:
    if status == _CANCELLED:
        return Failure("cancelled", "cancelled", True)
    if status is None or status < _FIRST_ERROR:
        return None
    return failure_of(word(within(answer, "error", "message")), status=status)


def _outcome(status: int | None, failure: Failure | None) -> Outcome | None:
    if failure is not None:
        return failure.outcome
    return "ok" if status is not None and status > 0 else None


def _scores(request: Request) -> Iterator[Score]:
    rating = read_as(flag, request.feedback_rating, "feedback_rating")
    if rating is not None:
        time = time_of(request.feedback_created_at, "feedback_created_at")
        yield Score(name="feedback_rating", value=rating, source="human", time=time)
    for name, held in as_object(request.scores).items():
        value = verdict(held.get("value") if isinstance(held, Mapping) else held)
        if value is not None:
            yield Score(name=name, value=value)


FORMAT = Helicone
