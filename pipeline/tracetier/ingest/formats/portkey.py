"""Portkey: exported logs, JSON Lines with one request each.

Which fields there are is the user's choice at export. Costs are US cents, whatever they are called.
"""

import contextlib
from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from tracetier.ingest.formats._amounts import (
    Tokens,
    finite_of,
    known_cost,
    time_of,
    tokens_of,
    usd_of,
    with_cache,
)
from tracetier.ingest.formats._error_text import Failure, failure_of
from tracetier.ingest.formats._json_items import read_items, record_paths
from tracetier.ingest.formats._logged_input import (
    Object,
    as_object,
    first_word,
    offered_tools,
    user_text,
    within,
    word,
)
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span
from tracetier.records import Level

_SIGNS = frozenset({"ai_model", "req_units"}), frozenset({"ai_model", "ai_org", "created_at"})
_CENTS = 100
_CURRENCIES = (None, "", "usd", "cents", "cent")
_GMT_CHARS = len("Mon Aug 10 2026 12:00:00 GMT+0000")
_HITS = ("HIT", "SEMANTIC HIT")
_FIRST_ERROR = 400
_READS = (("prompt_tokens_details", "cached_tokens"), ("cache_read_input_tokens",))
_WRITES = (("cache_creation_input_tokens",),)


class Log(Struct, frozen=True, kw_only=True):
    """One request as Portkey exports it."""

    id: str | None = None
    trace_id: str | None = None
    created_at: object = None
    request: object = None
    response: object = None
    is_success: object = None
    ai_org: str | None = None
    ai_model: str | None = None
    req_units: object = None
    res_units: object = None
    total_units: object = None
    cost: object = None
    cost_currency: str | None = None
    response_time: object = None
    response_status_code: object = None
    cache_status: str | None = None
    prompt_slug: str | None = None


class Portkey:
    """Requests that Portkey saw."""

    name = "portkey"
    level: Level = "call"
    stands_alone = True
    is_spread = True

    def matches(self, head: Head) -> float:
        """Tell by the names that only Portkey has for provider, model and tokens."""
        paths = record_paths(head)
        return float(any(sign <= paths for sign in _SIGNS))

    def read(self, source: Source, context: Context) -> Iterator[Span | Issue]:
        """Yield one span per request."""
        for log in read_items(source, Log):
            if isinstance(log, Issue):
                yield log
                continue
            try:
                yield span_of(log, digest(source.name, str(source.line)))
            except Fault as fault:
                yield source.issue(fault)


def span_of(log: Log, place_id: str) -> Span:
    """Return a request as a span.

    Parameters
    ----------
    place_id : str
        Its id where the export has none.

    Raises
    ------
    Fault
        If a time, count or cost cannot be read.
    """
    span_id = log.id or place_id
    body, answer = _body(log.request), _body(log.response)
    status = tokens_of(log.response_status_code, "response_status_code")
    failure = _failure(log, status, answer)
    usage = _usage(log, as_object(answer.get("usage")))
    duration_ms = finite_of(log.response_time, "response_time")
    return Span(
        trace_id=log.trace_id or span_id,
        span_id=span_id,
        session_id=log.trace_id,
        kind="call",
        start=_start(log.created_at),
        latency_s=None if duration_ms is None or duration_ms < 0 else duration_ms / 1000,
        text=user_text(body),
        task_type=word(log.prompt_slug),
        tools=offered_tools(body.get("tools")),
        model_asked=first_word((body.get("model"), log.ai_model)),
        model_answered=first_word((answer.get("model"), log.ai_model)),
        response_id=word(answer.get("id")),
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cost_usd=_cost(log),
        outcome=("ok" if status is not None else None) if failure is None else failure.outcome,
        error_type=None if failure is None else failure.error_type or str(status),
        is_infrastructure_error=failure is not None and failure.is_infrastructure,
        is_cached_answer=(log.cache_status or "").upper() in _HITS,
    )


def _body(value: object) -> Object:
    held = as_object(value)
    return as_object(held["body"]) if "body" in held else held


def _start(value: object) -> datetime | None:
    """Return a time, also as JavaScript prints it: ``Mon Aug 10 2026 12:00:00 GMT+0000 (...)``."""
    if isinstance(value, str) and " GMT" in value:
        with contextlib.suppress(ValueError):  # then told as what is no time
            value = datetime.strptime(value[:_GMT_CHARS], "%a %b %d %Y %H:%M:%S GMT%z")
    return time_of(value, "created_at")


def _usage(log: Log, usage: Object) -> Tokens:
    n_input, n_output = tokens_of(log.req_units, "req_units"), tokens_of(log.res_units, "res_units")
    if not n_input and not n_output:
        return Tokens()
    return with_cache(
        n_input,
        n_output,
        total=tokens_of(log.total_units, "total_units"),
        cache_read=_part(usage, _READS),
        cache_write=_part(usage, _WRITES),
    )


def _part(usage: Object, paths: tuple[tuple[str, ...], ...]) -> int | None:
    for path in paths:
        if (value := within(usage, *path)) is not None:
            return tokens_of(value, ".".join(("response", "usage", *path)))
    return None


def _cost(log: Log) -> float | None:
    cost = usd_of(log.cost, "cost")
    currency = None if log.cost_currency is None else log.cost_currency.lower()
    return known_cost(cost / _CENTS) if cost is not None and currency in _CURRENCIES else None


def _failure(log: Log, status: int | None, answer: Object) -> Failure | None:
    if status is None or status < _FIRST_ERROR:
        return None
    error = answer.get("error")
    said = word(within(error, "message")) or word(error)
    return failure_of(said, error_type=word(within(error, "type")), status=status)


FORMAT = Portkey
