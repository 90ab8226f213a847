"""Records of calls to a provider, as loggers, batch files and the providers themselves write them.

One type takes all shapes, since loggers differ only in which parts they keep: ``request`` and
``response`` with or without an HTTP envelope, a batch's ``custom_id`` with ``body``, ``params``,
``response`` or ``result``, or the bare answer.
"""

from typing import Any

from msgspec import Struct

from tracetier.ingest.formats._chat_messages import Message, ToolDef
from tracetier.ingest.formats._provider_usage import Usage


class ErrorBody(Struct, frozen=True):
    """What a provider says of a failure."""

    type: str | None = None
    code: str | int | None = None
    message: str | None = None
    error: "ErrorBody | None" = None

    @property
    def kind(self) -> str | None:
        """The most telling of its words."""
        if self.error is not None:
            return self.error.kind
        return self.type or (None if self.code is None else str(self.code)) or self.message


class Reference(Struct, frozen=True):
    """An object named by its id."""

    id: str | None = None


class Request(Struct, frozen=True, kw_only=True):
    """What was asked: chat completions, Responses, Messages, or legacy completions."""

    model: str | None = None
    messages: list[Message] | None = None
    input: str | list[Message | str] | None = None
    prompt: str | list[Any] | None = None
    tools: list[ToolDef] | None = None
    functions: list[ToolDef] | None = None
    previous_response_id: str | None = None
    conversation: str | Reference | None = None
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """What came back, whole or folded from a stream."""

    id: str | None = None
    object: str | None = None
    type: str | None = None
    model: str | None = None
    created: float | str | None = None
    created_at: float | str | None = None
    status: str | int | None = None
    usage: Usage | None = None
    error: ErrorBody | str | None = None
    request_id: str | None = None
    service_tier: str | None = None
    previous_response_id: str | None = None
    conversation: str | Reference | None = None


class Event(Struct, frozen=True, kw_only=True):
    """One event of a stream, of either provider."""

    id: str | None = None
    object: str | None = None
    type: str | None = None
    model: str | None = None
    created: float | None = None
    service_tier: str | None = None
    usage: Usage | None = None
    message: Answer | str | None = None
    response: Answer | None = None
    error: ErrorBody | str | None = None


class Sent(Request, frozen=True, kw_only=True):
    """A request with its envelope; without one, the request itself."""

    url: str | None = None
    body: Request | str | None = None


class Received(Answer, frozen=True, kw_only=True):
    """A response with its envelope; without one, the answer itself."""

    status_code: int | None = None
    headers: dict[str, Any] | None = None
    body: Answer | list[Event] | str | None = None


class BatchResult(Struct, frozen=True):
    """The result of one request of an Anthropic batch."""

    type: str | None = None
    message: Answer | None = None
    error: ErrorBody | None = None


class Exchange(Answer, frozen=True, kw_only=True):
    """One record, of any shape."""

    request: Sent | str | None = None
    response: Received | list[Event] | str | None = None
    custom_id: str | None = None
    body: Request | None = None
    params: Request | None = None
    url: str | None = None
    result: BatchResult | None = None
    trace_id: str | None = None
    session_id: str | None = None
    conversation_id: str | None = None
    thread_id: str | None = None
    timestamp: float | str | None = None
    started_at: float | str | None = None
    start_time: float | str | None = None
    ended_at: float | str | None = None
    end_time: float | str | None = None
    duration_s: float | None = None
    latency_s: float | None = None
    elapsed_s: float | None = None
    duration_ms: float | None = None
    latency_ms: float | None = None
    elapsed_ms: float | None = None
