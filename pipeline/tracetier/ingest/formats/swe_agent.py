"""Runs of SWE-agent, ``.traj``: one document per run.

Tokens and cost are known for the run only, so its steps tell none. ``tokens_sent`` is the sum over
all calls, not the size of a prompt, and ``total_cost`` runs over the whole batch. ``submitted``
says that nothing crashed; whether the issue is solved stands in a report of SWE-bench.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from tracetier.ingest.formats._chat_messages import Content, Message, first_user_text
from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._swebench_report import score_of
from tracetier.ingest.formats._test_commands import ran_tests
from tracetier.ingest.formats._typed_json import decoder, read_bytes, typed
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span
from tracetier.records import Level

_OF_THE_HOST = ("exit_api", "exit_environment", "exit_total_execution", "exit_command_timeout")
_FOLDER = re.compile(r"(?P<model>[^/]+?)__[^/]*__(?:t-|default)")


class Turn(Struct, frozen=True):
    """One entry of the history."""

    role: str | None = None
    content: Content = None
    is_demo: bool | None = None


class Step(Struct, frozen=True):
    """One call of the model and the command it led to."""

    action: str | None = None
    observation: object = None
    execution_time: float | None = None


class Stats(Struct, frozen=True):
    """What the run used, in all."""

    instance_cost: float | None = None
    tokens_sent: int | None = None
    tokens_received: int | None = None
    api_calls: int | None = None


class Info(Struct, frozen=True):
    """How the run ended."""

    exit_status: str | None = None
    model_stats: Stats = Stats()


class ModelConfig(Struct, frozen=True):
    """The model that was asked for."""

    name: str | None = None


class AgentConfig(Struct, frozen=True):
    """Configuration of the agent."""

    model: ModelConfig | None = None


class Problem(Struct, frozen=True):
    """What is to be solved."""

    id: str | None = None


class Config(Struct, frozen=True):
    """Configuration of the run."""

    agent: AgentConfig | None = None
    problem_statement: Problem | None = None


class Run(Struct, frozen=True):
    """One ``.traj`` file."""

    trajectory: list[Step] | None = None
    history: list[Turn] | None = None
    info: Info | None = None
    replay_config: Config | str | None = None


_RUN, _CONFIG = decoder(Run), decoder(Config)


class SweAgent:
    """Documents with ``trajectory``, ``history`` and ``info.model_stats``."""

    name = "swe_agent"
    level: Level = "agent_run"

    def matches(self, head: Head) -> float:
        """Tell by the steps, the history, or the statistics, whichever comes first."""
        told = outline(head)
        has_steps = told.has("trajectory[].action", "trajectory[].observation")
        frame = ("environment", "history", "info", "trajectory[].thought")
        if has_steps and any(name in told.paths for name in frame):
            return 1.0
        has_history = told.has("environment", "history[].agent", "history[].role")
        return float(has_history or told.has("info.exit_status", "info.model_stats.tokens_sent"))

    def read(self, source: Source, context: Context) -> Iterator[Span | Issue]:
        """Yield the run, its calls and its commands."""
        data = read_bytes(source)
        if isinstance(data, Issue):
            yield data
            return
        source.line = 1
        try:
            run = typed(data, _RUN)
            if run.trajectory is None and run.info is None:
                raise Fault("missing", "document has neither trajectory nor info")
            yield from _spans(source, run, digest(data.decode("utf-8", "replace")))
        except Fault as fault:
            yield source.issue(fault)


def _spans(source: Source, run: Run, trace_id: str) -> Iterator[Span]:
    config = _config(run)
    problem = config.problem_statement
    instance_id = (problem.id if problem is not None else None) or source.path.name.removesuffix(
        ".json"
    ).removesuffix(".traj")
    model, text = _model(config, source), _text(run)
    yield _run_span(source, run, trace_id, instance_id, model, text)
    for i, step in enumerate(run.trajectory or (), 1):
        yield Span(
            trace_id=trace_id,
            span_id=f"step-{i:05}-call",
            parent_id="run",
            kind="call",
            text=text,
            model_asked=model,
            outcome="ok",
        )
        command = (step.action or "").split(maxsplit=1)
        if command:
            yield Span(
                trace_id=trace_id,
                span_id=f"step-{i:05}-tool",
                parent_id="run",
                kind="tool",
                name=command[0][:80],
                latency_s=step.execution_time,
                **ran_tests(step.action, step.observation),
            )


def _run_span(
    source: Source, run: Run, trace_id: str, instance_id: str, model: str | None, text: str
) -> Span:
    info = run.info or Info()
    stats = info.model_stats
    is_replay = not (stats.tokens_sent or stats.tokens_received or stats.instance_cost)
    status = info.exit_status or ""
    is_clean = status == "submitted"
    return Span(
        trace_id=trace_id,
        span_id="run",
        kind="agent",
        task_id=instance_id,
        text=text,
        model_asked=model,
        input_tokens=None if is_replay else stats.tokens_sent,
        output_tokens=None if is_replay else stats.tokens_received,
        cost_usd=stats.instance_cost or None,
        outcome=None if not status else "ok" if is_clean else "error",
        error_type=status[:80] if status and not is_clean else None,
        is_infrastructure_error=any(word in status for word in _OF_THE_HOST),
        scores=score_of(source.path, instance_id),
    )


def _config(run: Run) -> Config:
    if isinstance(run.replay_config, str):
        return typed(run.replay_config.encode("utf-8", "replace"), _CONFIG)
    return run.replay_config or Config()


def _model(config: Config, source: Source) -> str | None:
    """Return the model as configured, else by the folder: ``model__dataset__config__t-...``."""
    if config.agent is not None and config.agent.model is not None and config.agent.model.name:
        return config.agent.model.name
    folder = _FOLDER.match(source.path.absolute().parent.name)
    return folder["model"] if folder is not None else None


def _text(run: Run) -> str:
    turns = [turn for turn in run.history or () if not turn.is_demo]
    return first_user_text([Message(turn.role, turn.content) for turn in turns])


FORMAT = SweAgent
