"""Results of tau2-bench: the agent's model, and one simulation per task and trial.

Messages and calls of the simulated user are not the agent's, nor are the tools that it calls. Runs
that ended by an error of the infrastructure say nothing of the model. ``tasks`` hold the expected
actions and are never read.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Raw

from tracetier.errors import InputError
from tracetier.ingest.formats._chat_messages import Message, first_user_text
from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._tau2_record import Results, Setup, Simulation, Turn
from tracetier.ingest.formats._typed_json import decoder, read_bytes, read_document, typed, when
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Outcome, Score, Span
from tracetier.records import Level

_RESULTS, _SIMULATION = decoder(Results), decoder(Simulation)
_FAILED = ("agent_error", "too_many_errors", "max_steps", "invalid_agent_message", "timeout")
_OF_THE_HOST = ("infrastructure_error", "user_error", "unexpected_error", "cancelled")


class Tau2:
    """``info.agent_info`` with ``simulations``, there or in a folder beside."""

    name = "tau2"
    level: Level = "task"

    def matches(self, head: Head) -> float:
        """Tell by what is told of the agent and the simulated user, or by a run's own file."""
        told = outline(head)
        has_setup = told.has("info.agent_info") or told.has("info.num_trials", "info.max_steps")
        if has_setup and "info.user_info" in told.paths:
            return 1.0
        is_run = told.has("task_id", "termination_reason") and "id" in told.paths
        signs = ("reward_info", "agent_cost", "messages", "ticks")
        return float(is_run and any(sign in told.paths for sign in signs))

    def read(self, source: Source, context: Context) -> Iterator[Span | NoStep | Issue]:
        """Yield the spans of each simulation, a trace of its own."""
        if "info.user_info" not in outline(source.head).paths:
            yield from _read_one(source)
            return
        results = read_document(source, _RESULTS)
        if isinstance(results, Issue):
            yield results
            return
        simulations: Iterable[bytes | Raw] = results.simulations or _apart(source.path)
        source.line = 0
        for source.line, raw in enumerate(simulations, 1):
            yield from _read(source, raw, results.info)
        if source.line == 0:
            source.line = 1
            yield NoStep()


def _read_one(source: Source) -> Iterator[Span | NoStep | Issue]:
    """Read a run's own file: told with the results where they are, else without its model."""
    if _results_of(source.path).is_file():
        yield NoStep()
        return
    data = read_bytes(source)
    source.line = 1
    if isinstance(data, Issue):
        yield data
    else:
        yield from _read(source, data, Setup())


def _results_of(simulation: Path) -> Path:
    return simulation.absolute().parent.parent / "results.json"


def _apart(results: Path) -> Iterator[bytes]:
    folder = results.parent / "simulations"
    for path in sorted(folder.rglob("*.json")) if folder.is_dir() else ():
        try:
            data = read_bytes(Source(path))
        except InputError:
            continue
        if isinstance(data, bytes):
            yield data


def _read(source: Source, raw: bytes | Raw, setup: Setup) -> Iterator[Span | Issue]:
    try:
        run = typed(raw, _SIMULATION)
        if run.task_id is None:
            raise Fault("missing", "simulation has no task_id", pointer="task_id")
        model = setup.agent_info.llm or ""
        id_ = run.id or digest(model, bytes(raw).decode("utf-8", "replace"))
        yield from _spans(run, id_, setup)
    except Fault as fault:
        yield source.issue(fault)


def _spans(run: Simulation, trace_id: str, setup: Setup) -> Iterator[Span]:
    turns = run.messages or []
    text = first_user_text([Message(turn.role, turn.content) for turn in turns])
    domain, model = setup.environment_info.domain_name, setup.agent_info.llm
    task_type = f"tau2/{domain}" if domain else "tau2"
    reason = run.termination_reason or ""
    yield Span(
        trace_id=trace_id,
        span_id="run",
        kind="agent",
        name=setup.agent_info.implementation,
        start=when(run.start_time, "start_time"),
        end=when(run.end_time, "end_time"),
        latency_s=run.duration,
        task_id=f"{task_type}/{run.task_id}",
        text=text,
        task_type=task_type,
        model_asked=model,
        cost_usd=run.agent_cost or None,
        outcome=_outcome(reason),
        error_type=reason if reason in _FAILED + _OF_THE_HOST else None,
        is_infrastructure_error=reason in _OF_THE_HOST,
        scores=_scores(run),
    )
    for i, turn in enumerate(turns, 1):
        if turn.role == "assistant" and _is_generated(turn):
            yield _call(turn, f"step-{i:05}", trace_id, task_type, model, text)
        elif turn.role == "tool" and turn.requestor != "user":
            yield _tool(turn, f"step-{i:05}", trace_id)


def _is_generated(turn: Turn) -> bool:
    """Whether a model wrote it: the greeting that opens each run is fixed."""
    return turn.usage is not None or bool(turn.cost) or turn.generation_time_seconds is not None


def _call(
    turn: Turn, id_: str, trace_id: str, task_type: str, model: str | None, text: str
) -> Span:
    usage = turn.usage
    return Span(
        trace_id=trace_id,
        span_id=id_,
        parent_id="run",
        kind="call",
        end=when(turn.timestamp, "timestamp"),
        latency_s=turn.generation_time_seconds,
        text=text,
        task_type=task_type,
        model_asked=model,
        input_tokens=usage.prompt_tokens if usage is not None else None,
        output_tokens=usage.completion_tokens if usage is not None else None,
        cost_usd=turn.cost or None,
        outcome="ok",
    )


def _tool(turn: Turn, id_: str, trace_id: str) -> Span:
    return Span(
        trace_id=trace_id,
        span_id=id_,
        parent_id="run",
        kind="tool",
        name=turn.name,
        end=when(turn.timestamp, "timestamp"),
        outcome="error" if turn.error else "ok",
    )


def _outcome(reason: str) -> Outcome | None:
    if not reason:
        return None
    return "error" if reason in _FAILED + _OF_THE_HOST else "ok"


def _scores(run: Simulation) -> tuple[Score, ...]:
    """Return the reward; none for a run that the infrastructure ended."""
    reward = run.reward_info.reward if run.reward_info is not None else None
    if reward is None or run.termination_reason in _OF_THE_HOST:
        return ()
    return (
        Score(name="reward", value=reward, source="programmatic", low=0, high=1, better="high"),
    )


FORMAT = Tau2
