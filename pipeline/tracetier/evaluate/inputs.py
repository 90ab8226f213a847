"""Which inputs the decisions rest on: each is dealt to other tasks, and decisions are compared.

No outcome is needed, so nothing here can be flattered by training. An input that another one can
stand in for moves little, however much it would carry alone.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.heads.prior import Predictor
from tracetier.measures.frontier import choose_tiers
from tracetier.records import Task

Matrix = NDArray[np.float64]

MAX_TASKS = 400
MAX_ATTRS = 12

INPUTS: dict[str, tuple[str, ...]] = {
    "task text": ("text",),
    "task type": ("task_type",),
    "agent": ("agent_name",),
    "tools offered": ("tools", "n_tools"),
    "prompt size": ("prompt_tokens_est",),
    "context size": ("context_tokens",),
    "latency limit": ("latency_limit_s",),
    "session so far": (
        *("turn_index", "n_prior_errors", "n_prior_retries", "n_files_touched", "idle_s"),
        *("last_tier", "last_failed"),
    ),
}
"""What is shuffled together: the fields of a task, in the words of a reader."""


class InputWeight(Struct, frozen=True, kw_only=True):
    """How much decisions rest on one input.

    Attributes
    ----------
    name : str
    decisions_changed : float
        Share of decisions that change at the evaluation's lambda, in [0, 1].
    quality_moved : float
        Mean change of the predicted gain of the dearest tier over the cheapest, in [0, 1].
    """

    name: str
    decisions_changed: float
    quality_moved: float


def input_weights(
    predictor: Predictor,
    tasks: Sequence[Task],
    lam: float,
    *,
    seed: int,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[InputWeight, ...]:
    """Shuffle each input between tasks and compare the decisions, the weightiest input first.

    Parameters
    ----------
    predictor : Predictor
    tasks : sequence of Task
        A sample of at most ``MAX_TASKS`` is used.
    lam : float
    seed : int
    progress : callable
        Told the share that is done.
    """
    rng = np.random.default_rng(seed)
    if len(tasks) > MAX_TASKS:
        tasks = [tasks[i] for i in rng.choice(len(tasks), MAX_TASKS, replace=False)]
    before = _believed(predictor, tasks)
    varied = [
        (name, fields, attr)
        for name, fields, attr in _inputs(tasks)
        if _varies(tasks, fields, attr)
    ]
    found = []
    for done, (name, fields, attr) in enumerate(varied):
        progress(done / len(varied))
        order = rng.permutation(len(tasks))
        dealt = [_with(task, tasks[i], fields, attr) for task, i in zip(tasks, order, strict=True)]
        after = _believed(predictor, dealt)
        changed = choose_tiers(*before, lam) != choose_tiers(*after, lam)
        gains = [quality[:, -1] - quality[:, 0] for quality, _ in (before, after)]
        found.append(
            InputWeight(
                name=name,
                decisions_changed=float(changed.mean()),
                quality_moved=float(np.abs(gains[0] - gains[1]).mean()),
            )
        )
    return tuple(sorted(found, key=lambda each: -each.quality_moved))


def _inputs(tasks: Sequence[Task]) -> list[tuple[str, tuple[str, ...], str | None]]:
    attrs = sorted({name for task in tasks for name in task.attrs or {}})[:MAX_ATTRS]
    fields: list[tuple[str, tuple[str, ...], str | None]] = [
        (name, fields, None) for name, fields in INPUTS.items()
    ]
    return fields + [(f"attr {name}", (), name) for name in attrs]


def _varies(tasks: Sequence[Task], fields: tuple[str, ...], attr: str | None) -> bool:
    if attr is not None:
        return len({(task.attrs or {}).get(attr) for task in tasks}) > 1
    return len({repr([getattr(task, field) for field in fields]) for task in tasks}) > 1


def _with(task: Task, other: Task, fields: tuple[str, ...], attr: str | None) -> Task:
    """Give a task some of another's inputs."""
    if attr is None:
        return msgspec.structs.replace(task, **{field: getattr(other, field) for field in fields})
    attrs = dict(task.attrs or {})
    attrs.pop(attr, None)
    if other.attrs and attr in other.attrs:
        attrs[attr] = other.attrs[attr]
    return msgspec.structs.replace(task, attrs=attrs or None)


def _believed(predictor: Predictor, tasks: Sequence[Task]) -> tuple[Matrix, Matrix]:
    found = [predictor.predict(task) for task in tasks]
    return np.array([p.quality for p in found]), np.array([p.cost for p in found])
