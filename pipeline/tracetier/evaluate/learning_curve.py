"""How many traces are enough: the recipe trained on more and more tasks, always told on others.

Each fifth of the groups is predicted by trainings on nested samples of the other four fifths, so
every point of the curve is told on all tasks, and neighbouring points on the same ones.
"""

from collections.abc import Callable

import numpy as np
from joblib import Parallel, delayed
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.evaluate.splits import by_group
from tracetier.heads.prior import Prediction
from tracetier.measures.bootstrap import Interval
from tracetier.train.model import fit_model
from tracetier.train.rows import TaskRows

Index = NDArray[np.intp]
Matrix = NDArray[np.float64]

SMALLEST = 60
"""Tasks of the first point; each further one has twice as many, and the last has all."""
_INNER_FOLDS = 3


class LearningPoint(Struct, frozen=True, kw_only=True):
    """What the recipe is worth after so many tasks.

    Attributes
    ----------
    n_tasks : int
        Tasks of each training.
    gap_closed : Interval
        Told on tasks that were in none of them.
    gained : Interval or None
        Paired difference from the point before; ``None`` for the first.
    """

    n_tasks: int
    gap_closed: Interval
    gained: Interval | None = None


def curve_sizes(n_tasks: int) -> tuple[int, ...]:
    """Sizes of the trainings, doubling up to all that can train.

    Examples
    --------
    >>> curve_sizes(1000), curve_sizes(50)
    ((60, 120, 240, 480, 800), (40,))
    """
    most = int(n_tasks * 0.8)
    sizes = []
    size = SMALLEST
    while size <= 0.75 * most:
        sizes.append(size)
        size *= 2
    return (*sizes, most)


def nested_sample(train: Index, groups: NDArray[np.int64], size: int, seed: int) -> Index:
    """Take the first groups of a random order that hold ``size`` tasks; larger hold smaller ones.

    Examples
    --------
    >>> rows, groups = np.arange(6), np.array([0, 0, 1, 1, 2, 2])
    >>> small, large = (set(nested_sample(rows, groups, n, 0).tolist()) for n in (2, 4))
    >>> len(small), len(large), small < large
    (2, 4, True)
    """
    names = np.unique(groups[train])
    rank = np.empty(len(names))
    rank[np.random.default_rng(seed).permutation(len(names))] = np.arange(len(names))
    of_row = rank[np.searchsorted(names, groups[train])]
    order = np.argsort(of_row, kind="stable")
    last = of_row[order[min(size, len(order)) - 1]]
    return np.sort(train[of_row <= last])


def learning_predictions(
    rows: TaskRows,
    sizes: tuple[int, ...],
    *,
    cost_ref: float,
    seed: int,
    n_jobs: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> list[tuple[Matrix, Matrix]]:
    """Predicted quality and reward cost of every task, for each size of the trainings.

    Parameters
    ----------
    rows : TaskRows
        With at least two groups.
    sizes : tuple of int
    cost_ref : float
        USD that count as reward cost 1.
    seed : int
    n_jobs : int
        Trainings at a time.
    progress : callable
        Told the share that is done.
    """
    parts = by_group(rows.groups, seed=seed)
    works = [(size, part) for size in sizes for part in parts]
    jobs = (
        delayed(_trained)(
            rows.take(nested_sample(part.train, rows.groups, size, seed)),
            rows.take(part.test),
            cost_ref,
            seed,
        )
        for size, part in works
    )
    shape = (len(rows.tasks), rows.quality.shape[1])
    found = {size: (np.empty(shape), np.empty(shape)) for size in sizes}
    finished = Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    for done, ((size, part), predicted) in enumerate(zip(works, finished, strict=True)):
        for kept, values in zip(found[size], predicted, strict=True):
            kept[part.test] = values
        progress((done + 1) / len(works))
    return [found[size] for size in sizes]


def _trained(train: TaskRows, test: TaskRows, cost_ref: float, seed: int) -> tuple[Matrix, Matrix]:
    model = fit_model(train, seed=seed, n_folds=_INNER_FOLDS, n_jobs=1)
    predictor = model.predictor()
    found: list[Prediction] = [predictor.predict(task) for task in test.tasks]
    cost = np.array([p.cost for p in found]) * model.cost_ref / cost_ref
    return np.array([p.quality for p in found]), np.minimum(1.0, cost)
