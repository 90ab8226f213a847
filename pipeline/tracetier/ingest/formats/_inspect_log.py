"""Records of an Inspect log, of all generations: the run, its samples, their events and scores."""

from typing import Any

from msgspec import Raw, Struct

from tracetier.ingest.formats._chat_messages import Message, ToolDef
from tracetier.ingest.formats._provider_record import ErrorBody

NULL = Raw(b"null")


class EvalSpec(Struct, frozen=True):
    """What was run."""

    run_id: str = ""
    eval_id: str = ""
    task: str | None = None
    task_id: str = ""
    model: str | None = None
    created: str | None = None


class Header(Struct, frozen=True):
    """A log without its samples."""

    version: int | None = None
    status: str | None = None
    eval: EvalSpec = EvalSpec()


class Log(Header, frozen=True):
    """A whole log in one document."""

    samples: list[Raw] | None = None


class GivenScore(Struct, frozen=True):
    """A score as the log holds it: a letter, a number, or several under names."""

    value: Any = None


class Limit(Struct, frozen=True):
    """Which limit ended a sample."""

    type: str | None = None


class Pool(Struct, frozen=True):
    """Messages that events name by their place."""

    messages: list[Raw] | None = None


class Transcript(Struct, frozen=True):
    """Events and long texts in logs of 2024."""

    events: list[Raw] | None = None
    content: dict[str, str] | None = None


class Sample(Struct, frozen=True):
    """One item in one epoch: one run of the agent."""

    id: int | float | str
    epoch: int = 1
    uuid: str | None = None
    input: str | list[Message] = ""
    scores: dict[str, GivenScore] | None = None
    score: GivenScore | None = None
    events: list[Raw] | None = None
    transcript: Transcript | None = None
    attachments: dict[str, str] | None = None
    events_data: Pool | None = None
    message_pool: list[Raw] | None = None
    started_at: str | None = None
    completed_at: str | None = None
    total_time: float | None = None
    error: ErrorBody | str | None = None
    limit: Limit | None = None
    invalidation: Raw = NULL


class ModelUsage(Struct, frozen=True):
    """Tokens of one call."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_tokens_cache_read: int | None = None
    input_tokens_cache_write: int | None = None
    total_cost: float | None = None

    @property
    def total_input(self) -> int:
        """Input with the cache, which most versions count apart and the oldest do not."""
        apart = self.input_tokens
        apart += (self.input_tokens_cache_read or 0) + (self.input_tokens_cache_write or 0)
        if not self.total_tokens or apart + self.output_tokens <= self.total_tokens:
            return apart
        return max(self.total_tokens - self.output_tokens, self.input_tokens)


class ModelOutput(Struct, frozen=True):
    """What a model answered, but for the text."""

    model: str | None = None
    usage: ModelUsage | None = None
    time: float | None = None
    error: str | None = None


class Event(Struct, frozen=True):
    """One event; which fields there are depends on its kind."""

    event: str = ""
    uuid: str | None = None
    span_id: str | None = None
    timestamp: str | None = None
    completed: str | None = None
    pending: bool | None = None
    id: str | None = None
    parent_id: str | None = None
    type: str | None = None
    name: str | None = None
    action: str | None = None
    model: str | None = None
    role: str | None = None
    requested_model: str | None = None
    input: Raw = NULL
    input_refs: list[tuple[int, int]] | None = None
    tools: list[ToolDef] | None = None
    output: ModelOutput | str | None = None
    cache: str | None = None
    function: str | None = None
    failed: bool | None = None
    error: ErrorBody | str | None = None
    events: list[Raw] | None = None
