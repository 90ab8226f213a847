"""A record of a call to a provider → one span.

Both providers' formats read with this, so a proxy's log that holds calls to either is read in
full whichever of the two recognises it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec
from msgspec import Raw

from tracetier.ingest.formats._chat_messages import first_user_text, tool_names
from tracetier.ingest.formats._failures import is_infrastructure
from tracetier.ingest.formats._provider_batch import BatchInputs, is_input
from tracetier.ingest.formats._provider_record import (
    Answer,
    ErrorBody,
    Event,
    Exchange,
    Received,
    Reference,
    Request,
    Sent,
)
from tracetier.ingest.formats._provider_stream import fold, fold_text
from tracetier.ingest.formats._provider_usage import tokens_of
from tracetier.ingest.formats._typed_json import decoder, raw_records, typed, when
from tracetier.ingest.identity import digest
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Outcome, Span

T = TypeVar("T")
ANSWERS = {"chat.completion", "chat.completion.chunk", "text_completion", "response"}
_OTHER_CALLS = ("embeddings", "moderations", "models", "files", "batches", "count_tokens")
_HALF_PRICE = {"flex", "batch"}
_N_CHAINED = 100_000
_EXCHANGE, _ANSWER, _REQUEST = decoder(Exchange), decoder(Answer), decoder(Request)


def read_calls(source: Source) -> Iterator[Span | NoStep | Issue]:
    """Yield one span per call that a file records."""
    chains = Chains()
    inputs = BatchInputs(source)
    for raw in raw_records(source):
        if isinstance(raw, Issue):
            yield raw
            continue
        try:
            yield _read(raw, chains, inputs)
        except Fault as fault:
            yield source.issue(fault)
    yield from inputs.issues()


class Chains:
    """Which conversation a Responses call continues, known from the calls before it."""

    def __init__(self) -> None:
        self._first_of: OrderedDict[str, str] = OrderedDict()

    def session_of(self, answer_id: str | None, previous_id: str | None) -> str | None:
        """Return the first answer of a chain, ``None`` for a call that continues none."""
        if previous_id is None:
            return None
        first = self._first_of.get(previous_id, previous_id)
        if answer_id is not None:
            self._first_of[answer_id] = first
            if len(self._first_of) > _N_CHAINED:
                self._first_of.popitem(last=False)
        return first


def _read(raw: bytes | Raw, chains: Chains, inputs: BatchInputs) -> Span | NoStep:
    record = typed(raw, _EXCHANGE)
    if is_input(record):
        return NoStep()
    request, answer = _request(record, inputs), _answer(record)
    if request is None and answer is None:
        raise Fault("missing", "record holds neither a request nor an answer to one")
    if _is_other_call(record, answer):
        return NoStep()
    request, answer = request or Request(), answer or Answer()
    id_ = answer.id or answer.request_id or digest(bytes(raw).decode("utf-8", "replace"))
    tokens = tokens_of(answer.usage, excludes_cache=answer.type == "message")
    start, end = _times(record, answer)
    error, status = _error(record, answer), _status(record)
    outcome = _outcome(record, answer, error)
    return Span(
        trace_id=record.trace_id or id_,
        span_id=id_,
        kind="call",
        session_id=_session(record, request, answer, chains),
        start=start,
        end=end,
        text=_text(request),
        tools=tool_names(request.tools if request.tools is not None else request.functions),
        model_asked=request.model or answer.model,
        model_answered=answer.model,
        response_id=answer.id,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        cache_write_1h_tokens=tokens.cache_write_1h,
        cost_usd=answer.usage.cost or None if answer.usage is not None else None,
        price_factor=_price_factor(record, answer),
        latency_s=_latency(record),
        outcome=outcome,
        error_type=error,
        is_infrastructure_error=outcome == "cancelled"
        or (error is not None and is_infrastructure(error, error, status)),
    )


def _request(record: Exchange, inputs: BatchInputs) -> Request | None:
    sent = record.request
    if isinstance(sent, str):
        return _from_text(sent, _REQUEST)
    if isinstance(sent, Sent):
        body = sent.body
        return _from_text(body, _REQUEST) if isinstance(body, str) else body or sent
    if record.custom_id is not None:
        return inputs.request_of(record.custom_id)
    return None


def _answer(record: Exchange) -> Answer | None:
    if record.result is not None:
        return record.result.message or Answer(error=record.result.error)
    found = record.response
    if isinstance(found, Received):
        return found if found.body is None else _whole(found.body)
    if found is None and (record.object in ANSWERS or record.type in ("message", "error")):
        return record
    return _whole(found)


def _whole(found: Answer | list[Event] | str | None) -> Answer | None:
    if isinstance(found, list):
        return fold(found)
    if not isinstance(found, str):
        return found
    if not found.strip():
        return None
    return _from_text(found, _ANSWER) if found.lstrip().startswith("{") else fold_text(found)


def _from_text(text: str, decode: "msgspec.json.Decoder[T]") -> T:
    return typed(text.encode("utf-8", "replace"), decode)


def _is_other_call(record: Exchange, answer: Answer | None) -> bool:
    url = record.url or (record.request.url if isinstance(record.request, Sent) else None) or ""
    path = url.partition("?")[0].rstrip("/")
    if path.rsplit("/", 1)[-1] in _OTHER_CALLS:
        return True
    return answer is not None and answer.object in ("list", "embedding")


def _session(record: Exchange, request: Request, answer: Answer, chains: Chains) -> str | None:
    told = record.session_id or record.conversation_id or record.thread_id
    conversation = request.conversation or answer.conversation
    if isinstance(conversation, Reference):
        conversation = conversation.id
    chained = chains.session_of(
        answer.id, request.previous_response_id or answer.previous_response_id
    )
    return told or conversation or _of_metadata(request) or chained


def _of_metadata(request: Request) -> str | None:
    values = request.metadata or {}
    for name in ("session_id", "thread_id", "conversation_id"):
        if isinstance(value := values.get(name), str) and value:
            return value
    user = values.get("user_id")  # of Claude Code: user_..._session_<id>
    _, mark, session = user.rpartition("_session_") if isinstance(user, str) else ("", "", "")
    return session if mark and session else None


def _times(record: Exchange, answer: Answer) -> tuple[datetime | None, datetime | None]:
    """Return start and end as the logger tells them; else when the provider says it began."""
    start = when(record.started_at or record.start_time or record.timestamp, "started_at")
    end = when(record.ended_at or record.end_time, "ended_at")
    if start is None:
        start = when(answer.created or answer.created_at, "created") or _of_headers(record)
    return start, end


def _of_headers(record: Exchange) -> datetime | None:
    """Return the date of the answer's header: good to a second, but not where latency starts."""
    headers = record.response.headers if isinstance(record.response, Received) else None
    for name, value in (headers or {}).items():
        if name.lower() == "date" and isinstance(value, str):
            try:
                found = parsedate_to_datetime(value)
                return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
            except (ValueError, TypeError, OverflowError):
                return None
    return None


def _latency(record: Exchange) -> float | None:
    for value in (record.duration_s, record.latency_s, record.elapsed_s):
        if value is not None:
            return value
    for value in (record.duration_ms, record.latency_ms, record.elapsed_ms):
        if value is not None:
            return value / 1000
    return None


def _text(request: Request) -> str:
    if isinstance(request.input, str):
        return request.input
    if isinstance(request.prompt, str):
        return request.prompt
    return first_user_text(request.messages or request.input)


def _price_factor(record: Exchange, answer: Answer) -> float:
    tier = answer.service_tier or (answer.usage.service_tier if answer.usage else None)
    return 0.5 if record.custom_id is not None or tier in _HALF_PRICE else 1.0


def _status(record: Exchange) -> int | None:
    received = record.response
    if not isinstance(received, Received):
        return None
    if received.status_code is not None:
        return received.status_code
    return received.status if isinstance(received.status, int) else None


def _error(record: Exchange, answer: Answer) -> str | None:
    for error in (answer.error, record.error):
        if isinstance(error, ErrorBody):
            return (error.kind or "error")[:80]
        if error:
            return error[:80]
    if record.result is not None and record.result.type in ("canceled", "expired", "errored"):
        return record.result.type
    status = _status(record)
    if status is not None and status >= 400:
        return f"http_{status}"
    return "failed" if answer.status == "failed" else None


def _outcome(record: Exchange, answer: Answer, error: str | None) -> Outcome | None:
    result = record.result.type if record.result is not None else None
    if result in ("canceled", "expired") or answer.status in ("cancelled", "canceled"):
        return "cancelled"
    if error is not None:
        return "error"
    return None if answer.id is None and answer.usage is None else "ok"
