"""Train the recipe anew on parts of a table, and predict the parts that it had not seen."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tracetier.errors import TrainingError
from tracetier.evaluate.predictions import TaskPredictions
from tracetier.evaluate.splits import SplitPart
from tracetier.heads.prior import Prediction, Predictor
from tracetier.records import Task
from tracetier.train.model import fit_model
from tracetier.train.rows import TaskRows

Labels = NDArray[np.int64]


def refit_predictions(
    rows: TaskRows,
    parts: Sequence[SplitPart],
    bucket: Labels,
    *,
    cost_ref: float,
    seed: int,
    n_jobs: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[NDArray[np.intp], TaskPredictions]:
    """Train on each part's training rows and predict its test rows.

    Parameters
    ----------
    rows : TaskRows
    parts : sequence of SplitPart
        No row is tested twice.
    bucket : (n,) array of int
        Bucket of each row for the control by bucket means: each training has buckets of its own.
    cost_ref : float
        USD that count as reward cost 1, the same for all parts.
    seed, n_jobs : int
        Of each training.
    progress : callable
        Told the share that is done.

    Returns
    -------
    tested : (m,) array of int
        The rows that were tested, ascending.
    TaskPredictions
        Theirs.

    Raises
    ------
    TrainingError
        If a part has too little to learn from; the part is named.
    """
    found: dict[int, Prediction] = {}
    for done, part in enumerate(parts):
        progress(done / len(parts))
        try:
            model = fit_model(rows.take(part.train), seed=seed, n_jobs=n_jobs)
        except TrainingError as error:
            raise TrainingError(f"without {part.name}: {error}") from error
        tasks = [rows.tasks[i] for i in part.test]
        predicted = scaled_predictions(model.predictor(), tasks, model.cost_ref / cost_ref)
        found |= dict(zip(part.test.tolist(), predicted, strict=True))
    tested = np.array(sorted(found), dtype=np.intp)
    ordered = [found[i] for i in tested.tolist()]
    return tested, TaskPredictions(
        quality=np.array([p.quality for p in ordered]),
        cost_usd=np.array([p.cost_usd for p in ordered]),
        cost=np.array([p.cost for p in ordered]),
        bucket=bucket[tested],
        is_out_of_fold=np.zeros(len(tested), dtype=np.bool_),
    )


def scaled_predictions(
    predictor: Predictor, tasks: Sequence[Task], scale: float
) -> list[Prediction]:
    """Predict tasks, with reward costs in units of another ``cost_ref``; still at most 1."""
    found = [predictor.predict(task) for task in tasks]
    return [p._replace(cost=[min(1.0, scale * cost) for cost in p.cost]) for p in found]
