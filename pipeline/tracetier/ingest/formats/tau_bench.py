"""Results of tau-bench: a list of runs with their reward; the agent's model is in the file's name.

``info.user_cost`` is the simulated user's. The instruction of the task is told to that user, not to
the agent, and the expected actions are the answer: neither is read.
"""

from collections.abc import Iterator

from msgspec import Struct

from tracetier.ingest.formats._chat_messages import Content, Message, first_user_text, text_of
from tracetier.ingest.formats._json_head import outline
from tracetier.ingest.formats._tau_names import Named, domain_of, named_by
from tracetier.ingest.formats._typed_json import decoder, raw_records, typed
from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import Score, Span
from tracetier.records import Level


class Turn(Struct, frozen=True):
    """One message."""

    role: str | None = None
    content: Content = None
    name: str | None = None


class Result(Struct, frozen=True):
    """One run of the agent."""

    task_id: int | str
    reward: float | None = None
    trial: int | None = None
    traj: list[Turn] = []


_RESULT = decoder(Result)


class TauBench:
    """A list of ``{task_id, reward, info, traj, trial}``."""

    name = "tau_bench"
    level: Level = "task"
    stands_alone = True

    def matches(self, head: Head) -> float:
        """Tell by the runs' reward and what is told of their task."""
        told = outline(head)
        has_task = told.has("[].info.task") or told.has("[].info.reward_info")
        return float(told.has("[].task_id", "[].reward", "[].info") and has_task)

    def read(self, source: Source, context: Context) -> Iterator[Span | Issue]:
        """Yield the spans of each run, a trace of its own."""
        named = named_by(source.path.name)
        for raw in raw_records(source):
            if isinstance(raw, Issue):
                yield raw
                continue
            try:
                whole = digest(named.model or "", bytes(raw).decode("utf-8", "replace"))
                yield from _spans(typed(raw, _RESULT), whole, named)
            except Fault as fault:
                yield source.issue(fault)


def _spans(result: Result, trace_id: str, named: Named) -> Iterator[Span]:
    text = first_user_text([Message(turn.role, turn.content) for turn in result.traj])
    policies = (text_of(turn.content) for turn in result.traj if turn.role == "system")
    domain = named.domain or domain_of(next(policies, ""))
    task_type = f"tau_bench/{domain}" if domain else "tau_bench"
    yield Span(
        trace_id=trace_id,
        span_id="run",
        kind="agent",
        task_id=f"{task_type}/{result.task_id}",
        text=text,
        task_type=task_type,
        model_asked=named.model,
        scores=_scores(result.reward),
    )
    for i, turn in enumerate(result.traj, 1):
        if turn.role in ("assistant", "tool"):
            is_call = turn.role == "assistant"
            yield Span(
                trace_id=trace_id,
                span_id=f"step-{i:05}",
                parent_id="run",
                kind="call" if is_call else "tool",
                name=None if is_call else turn.name,
                text=text if is_call else "",
                task_type=task_type,
                model_asked=named.model if is_call else None,
                outcome="ok" if is_call else None,
            )


def _scores(reward: float | None) -> tuple[Score, ...]:
    if reward is None:
        return ()
    return (
        Score(name="reward", value=reward, source="programmatic", low=0, high=1, better="high"),
    )


FORMAT = TauBench
