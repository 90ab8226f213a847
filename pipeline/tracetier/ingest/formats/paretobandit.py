"""ParetoBandit's reward files: JSON Lines, one prompt per line with the outcome of every arm.

Everything else on a line (``difficulty``, ``best_arm``, ``reward_spread``, ...) is computed from
those outcomes and is never read. The reward is a judge's, from 0 to 1. The ids come from the
content: the same prompt in two files is the same task, the same outcome read twice a duplicate.
"""

from collections.abc import Iterator

from msgspec import Struct

from tracetier.ingest.head import Head
from tracetier.ingest.identity import digest, task_id_of
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.rows import read_rows
from tracetier.ingest.source import Source
from tracetier.records import Invocation, Level

_FIELDS = {
    "task_text": "prompt",
    "y_quality": "arms.*.reward",
    "y_cost_usd": "arms.*.cost",
    "model": "arms",
}


class Arm(Struct, frozen=True):
    """Outcome of one model: reward in [0, 1], cost in USD."""

    reward: float | None = None
    cost: float | None = None


class PromptLine(Struct, frozen=True):
    """One prompt with all its outcomes."""

    prompt: str
    arms: dict[str, Arm]
    source: str | None = None


class ParetoBandit:
    """Lines of ``{prompt, source, arms: {model: {reward, cost}}}``."""

    name = "paretobandit"
    level: Level = "task"
    stands_alone = True
    splittable = True

    def matches(self, head: Head) -> float:
        """Tell by ``arms``, an object of objects with a reward."""
        return float(any("prompt" in record and _has_arms(record) for record in head.records))

    def read(self, source: Source, context: Context) -> Iterator[Invocation | Issue]:
        """Yield one invocation per prompt and arm."""
        source.fields.update(_FIELDS)
        for line in read_rows(source, PromptLine):
            if isinstance(line, Issue):
                yield line
            elif not line.arms:
                yield source.fault("missing", "arms is empty, must hold an outcome", pointer="arms")
            else:
                yield from _invocations(line)


def _has_arms(record: dict[str, object]) -> bool:
    arms = record.get("arms")
    return isinstance(arms, dict) and any(
        isinstance(arm, dict) and "reward" in arm for arm in arms.values()
    )


def _invocations(line: PromptLine) -> Iterator[Invocation]:
    task_id = task_id_of(line.prompt)
    for model, arm in line.arms.items():
        yield Invocation(
            trace_id=digest(line.prompt, model, repr(arm.reward), repr(arm.cost)),
            task_id=task_id,
            task_text=line.prompt,
            task_type=line.source,
            model=model,
            y_quality=arm.reward,
            y_quality_source=None if arm.reward is None else "judge",
            y_cost_usd=arm.cost,
        )


FORMAT = ParetoBandit
