"""What the artifact predicts of a table's tasks: out of fold where it has seen them in training.

A model knows the outcomes it was trained on; told on those it looks better than it is. The
artifact therefore keeps, for its training tasks, the predictions of models that had not seen
them, and these are used wherever a task is one of those.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.features.task_hash import task_hashes
from tracetier.heads.prior import Prediction, Predictor
from tracetier.records import Task

Matrix = NDArray[np.float64]


class TaskPredictions(NamedTuple):
    """Predictions of n tasks.

    Attributes
    ----------
    quality, cost_usd, cost : (n, K) arrays
        Quality in [0, 1], cost in USD, and reward cost in [0, 1].
    bucket : (n,) array of int
    is_out_of_fold : (n,) array of bool
        Whether the task was in training, and its prediction comes from a model that had not
        seen it.
    """

    quality: Matrix
    cost_usd: Matrix
    cost: Matrix
    bucket: NDArray[np.int64]
    is_out_of_fold: NDArray[np.bool_]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> "TaskPredictions":
        """Return the predictions of some tasks."""
        return TaskPredictions(
            self.quality[rows],
            self.cost_usd[rows],
            self.cost[rows],
            self.bucket[rows],
            self.is_out_of_fold[rows],
        )

    def to_list(self) -> list[Prediction]:
        """Return one ``Prediction`` of plain floats per task."""
        columns = zip(
            self.quality.tolist(),
            self.cost_usd.tolist(),
            self.cost.tolist(),
            self.bucket.tolist(),
            strict=True,
        )
        return [Prediction(*values) for values in columns]


def predict_tasks(
    predictor: Predictor,
    tasks: Sequence[Task],
    oof: Mapping[str, NDArray[Any]],
    *,
    progress: Callable[[float], None] = lambda share: None,
) -> TaskPredictions:
    """Predict every task, out of fold where that is needed.

    Parameters
    ----------
    predictor : Predictor
    tasks : sequence of Task, length n
        At least one.
    oof : mapping of str to array
        What the artifact keeps of its m training tasks: ``task_hash`` (m,), and ``quality``,
        ``cost_usd``, ``cost`` (m, K). Where it is empty all tasks count as fresh.
    progress : callable
        Told the share that is done.
    """
    found: list[Prediction] = []
    for done, task in enumerate(tasks):
        found.append(predictor.predict(task))
        if done % 256 == 0:
            progress(done / len(tasks))
    fresh = TaskPredictions(
        np.array([p.quality for p in found]),
        np.array([p.cost_usd for p in found]),
        np.array([p.cost for p in found]),
        np.array([p.bucket for p in found], dtype=np.int64),
        np.zeros(len(tasks), dtype=np.bool_),
    )
    known = oof.get("task_hash")
    if known is None or len(known) == 0:
        return fresh
    place, seen = _find(task_hashes(tasks), known)
    fresh.quality[seen] = oof["quality"][place[seen]]
    fresh.cost_usd[seen] = oof["cost_usd"][place[seen]]
    fresh.cost[seen] = oof["cost"][place[seen]]
    return fresh._replace(is_out_of_fold=seen)


def _find(
    wanted: NDArray[np.uint64], known: NDArray[np.uint64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each wanted hash stands among the known ones, and whether it stands there at all."""
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
    place = order[at]
    return place, known[place] == wanted
