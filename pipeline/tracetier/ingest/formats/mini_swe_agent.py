"""Runs of mini-SWE-agent: one document per run, of both versions of the format.

Each answer carries its usage, cost and time. A bare list of messages, as the first version wrote
it, shows no sign of its own and is read with ``--format``. ``Submitted`` says that nothing crashed;
whether the issue is solved stands in a report of SWE-bench.
"""

from collections.abc import Iterator

from msgspec import Struct

from tracetier.ingest.formats._chat_messages import Content, Message, first_user_text
from tracetier.ingest.formats._failures import is_infrastructure
from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._provider_usage import Usage, tokens_of
from tracetier.ingest.formats._swebench_report import score_of
from tracetier.ingest.formats._typed_json import decoder, read_bytes, typed, when
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span
from tracetier.records import Level

_LIMITS = ("LimitsExceeded", "TimeExceeded", "RepeatedFormatError")


class Response(Struct, frozen=True):
    """The provider's answer."""

    id: str | None = None
    model: str | None = None
    created: float | None = None
    usage: Usage | None = None


class Extra(Struct, frozen=True):
    """What the agent notes of a message."""

    cost: float | None = None
    timestamp: float | None = None
    response: Response | None = None
    returncode: int | None = None
    exception_info: str | None = None


class Entry(Struct, frozen=True):
    """One message."""

    role: str | None = None
    object: str | None = None
    content: Content = None
    extra: Extra = Extra()


class Stats(Struct, frozen=True):
    """What the run used, in all."""

    instance_cost: float | None = None
    api_calls: int | None = None


class ModelConfig(Struct, frozen=True):
    """The model that was asked for."""

    model_name: str | None = None


class Config(Struct, frozen=True):
    """Configuration of the run."""

    model: ModelConfig = ModelConfig()


class Info(Struct, frozen=True):
    """How the run ended."""

    model_stats: Stats = Stats()
    config: Config = Config()
    exit_status: str | None = None


class Run(Struct, frozen=True):
    """One run."""

    info: Info = Info()
    messages: list[Entry] = []
    instance_id: str | None = None


_RUN, _ENTRIES = decoder(Run), decoder(list[Entry])


class MiniSweAgent:
    """Documents with ``trajectory_format`` or with the statistics of this agent."""

    name = "mini_swe_agent"
    level: Level = "agent_run"

    def matches(self, head: Head) -> float:
        """Tell by the format's name, else by the agent's version or configuration."""
        told = outline(head)
        if told.texts.get("trajectory_format", "").startswith("mini-swe-agent"):
            return 1.0
        has_stats = told.has("info.model_stats.instance_cost", "info.model_stats.api_calls")
        signs = ("info.mini_version", "info.config.agent_type", "info.config.model.model_name")
        return float(has_stats and any(sign in told.paths for sign in signs))

    def read(self, source: Source, context: Context) -> Iterator[Span | Issue]:
        """Yield the run, its calls and its commands."""
        data = read_bytes(source)
        if isinstance(data, Issue):
            yield data
            return
        source.line = 1
        try:
            is_bare = data.lstrip().startswith(b"[")
            run = Run(messages=typed(data, _ENTRIES)) if is_bare else typed(data, _RUN)
            if not run.messages:
                raise Fault("missing", "document has no messages", pointer="messages")
            yield from _spans(source, run, digest(data.decode("utf-8", "replace")))
        except Fault as fault:
            yield source.issue(fault)


def _spans(source: Source, run: Run, trace_id: str) -> Iterator[Span]:
    text = first_user_text([Message(entry.role, entry.content) for entry in run.messages])
    model = run.info.config.model.model_name
    yield _run_span(source, run, trace_id, model, text)
    last: float | None = None
    for i, entry in enumerate(run.messages, 1):
        if _is_call(entry):
            yield _call(entry, f"step-{i:05}", trace_id, model, text, last)
        elif entry.extra.returncode is not None or entry.extra.exception_info:
            yield _command(entry, f"step-{i:05}", trace_id, last)
        last = entry.extra.timestamp


def _is_call(entry: Entry) -> bool:
    """Whether a message is an answer; one that could not be parsed was paid for all the same."""
    is_answer = entry.role == "assistant" or entry.object == "response"
    return is_answer or entry.extra.response is not None or bool(entry.extra.cost)


def _call(
    entry: Entry, id_: str, trace_id: str, model: str | None, text: str, last: float | None
) -> Span:
    response = entry.extra.response or Response()
    tokens = tokens_of(response.usage)
    return Span(
        trace_id=trace_id,
        span_id=id_,
        parent_id="run",
        kind="call",
        start=when(last, "timestamp"),
        end=when(entry.extra.timestamp, "timestamp"),
        text=text,
        model_asked=model or response.model,
        model_answered=response.model,
        response_id=response.id,
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        cost_usd=entry.extra.cost or None,
        outcome="ok",
    )


def _command(entry: Entry, id_: str, trace_id: str, last: float | None) -> Span:
    failed = bool(entry.extra.returncode) or bool(entry.extra.exception_info)
    return Span(
        trace_id=trace_id,
        span_id=id_,
        parent_id="run",
        kind="tool",
        name="bash",
        start=when(last, "timestamp"),
        end=when(entry.extra.timestamp, "timestamp"),
        outcome="error" if failed else "ok",
    )


def _run_span(source: Source, run: Run, trace_id: str, model: str | None, text: str) -> Span:
    status = run.info.exit_status or ""
    is_clean = status.lower() == "submitted"
    instance_id = run.instance_id or source.path.name.removesuffix(".json").removesuffix(".traj")
    answers = [entry.extra.response for entry in run.messages if entry.extra.response is not None]
    times = [entry.extra.timestamp for entry in run.messages if entry.extra.timestamp is not None]
    began = min(filter(None, [answers[0].created if answers else None, *times]), default=None)
    return Span(
        trace_id=trace_id,
        span_id="run",
        kind="agent",
        start=when(began, "created"),
        end=when(max(times, default=None), "timestamp"),
        task_id=instance_id,
        text=text,
        model_asked=model or (answers[0].model if answers else None),
        cost_usd=run.info.model_stats.instance_cost or None,
        outcome=None if not status else "ok" if is_clean else "error",
        error_type=status[:80] if status and not is_clean else None,
        is_infrastructure_error=status not in _LIMITS and is_infrastructure(status, "", None),
        scores=score_of(source.path, instance_id),
    )


FORMAT = MiniSweAgent
