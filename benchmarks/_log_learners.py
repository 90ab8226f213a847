"""Who learns from a log in the benchmark, and the gain that a learner's choices have.

The signed gain is the mean height of the bare sweep above the hull of the fixed tiers: without the
fixed tiers among its points it may fall below 0, so it is what controls are judged by.
"""

from collections.abc import Callable
from importlib import import_module
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.bootstrap import bootstrap_means
from tracetier.measures.frontier import choose_tiers, sweep
from tracetier.measures.hull import quality_at, upper_hull
from tracetier.measures.metrics import aiq
from tracetier.records import Task
from tracetier.train.heads.bucket_mean import fit_bucket_means
from tracetier.train.model import fit_model
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

FOLDS = {"bfcl_claude": 5, "pareto3": 2}
N_DRAWS = 200
N_COSTS = 100


def predict(rows: TaskRows, test: TaskRows, seed: int) -> tuple[Matrix, Matrix]:
    """Train; predict quality and reward cost of other tasks by the serving path."""
    predictor = fit_model(rows, seed=seed, n_jobs=1).predictor()
    found = [predictor.predict(task) for task in test.tasks]
    return np.array([p.quality for p in found]), np.array([p.cost for p in found])


def predict_plainly(rows: TaskRows, test: TaskRows, seed: int) -> tuple[Matrix, Matrix]:
    """Train each tier on the tasks it was given, as if that were chance."""
    with patch.object(import_module("tracetier.train.model"), "correct_for_logging") as correct:
        correct.return_value = None
        return predict(rows, test, seed)


def bucket_means(rows: TaskRows, test: TaskRows, seed: int) -> tuple[Matrix, Matrix]:
    """Predict the mean of what each tier showed on each task type."""
    types = sorted({task.task_type or "" for task in (*rows.tasks, *test.tasks)})
    place, asked = (
        np.array([types.index(task.task_type or "") for task in part.tasks])
        for part in (rows, test)
    )
    cost_ref = float(np.nanmean(rows.cost_usd, axis=0).max())
    quality, cost = (
        fit_bucket_means(place, outcome, len(types))[asked]
        for outcome in (rows.quality, rows.cost_usd / cost_ref)
    )
    return quality, cost


def with_shuffled_labels(rows: TaskRows, seed: int) -> TaskRows:
    """Give each task the outcomes of another."""
    order = np.random.default_rng(seed).permutation(len(rows.tasks))
    moved = rows.take(order)
    return rows._replace(quality=moved.quality, cost_usd=moved.cost_usd, p_log=moved.p_log)


def with_random_features(rows: TaskRows, seed: int) -> TaskRows:
    """Replace each task by random words."""
    rng = np.random.default_rng(seed)
    words = [f"word{i}" for i in range(200)]
    return rows._replace(
        tasks=[Task(text=" ".join(rng.choice(words, rng.integers(5, 60)))) for _ in rows.tasks]
    )


Learner = Callable[[TaskRows, TaskRows, int], tuple[Matrix, Matrix]]
LEARNERS: dict[str, Learner] = {
    "tracetier": predict,
    "plain per-tier regressors": predict_plainly,
    "bucket mean": bucket_means,
    "shuffled labels": lambda rows, test, seed: predict(
        with_shuffled_labels(rows, seed), test, seed
    ),
    "random features": lambda rows, test, seed: predict(
        with_random_features(rows, seed), with_random_features(test, seed + 1), seed
    ),
}


def held_out(
    rows: TaskRows, full: TaskRows, folds: NDArray[np.int64], learner: Learner, seed: int
) -> tuple[Matrix, Matrix]:
    """Predict every task by a model of the other folds."""
    quality, cost = np.empty(full.quality.shape), np.empty(full.quality.shape)
    for fold in range(int(folds.max()) + 1):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        quality[test], cost[test] = learner(rows.take(train), full.take(test), seed)
    return quality, cost


def gain_draws(
    quality_hat: Matrix, cost_hat: Matrix, rows: TaskRows, seed: int, n_draws: int = N_DRAWS
) -> Matrix:
    """AIQ gain and signed gain on all tasks, then on resamples of groups, ``(1 + D, 2)``."""
    lams = sweep(quality_hat, cost_hat, rows.quality, rows.cost_usd, n_points=60).lam
    at = np.arange(len(rows.tasks))
    chosen = [choose_tiers(quality_hat, cost_hat, float(lam)) for lam in lams]
    columns = [values[at, c] for values in (rows.quality, rows.cost_usd) for c in chosen]
    columns += [*rows.quality.T, *rows.cost_usd.T]
    found = bootstrap_means(np.stack(columns, axis=1), rows.groups, n_draws=n_draws, seed=seed)
    means = np.vstack([found.means, found.draws])
    return np.array([_gains(row, len(lams), rows.quality.shape[1]) for row in means])


def _gains(means: Vector, n_points: int, n_tiers: int) -> tuple[float, float]:
    quality, cost, tier_quality, tier_cost = np.split(
        means, [n_points, 2 * n_points, 2 * n_points + n_tiers]
    )
    low, high = float(tier_cost.min()), float(tier_cost.max())
    fixed = upper_hull(tier_cost, tier_quality)
    hull = upper_hull(np.append(cost, tier_cost), np.append(quality, tier_quality))
    grid = np.linspace(low, high, N_COSTS)
    order = np.argsort(cost, kind="stable")
    # Outside of the sweep's own costs its end points stand.
    bare = np.interp(grid, cost[order], quality[order])
    signed = float((bare - np.asarray(quality_at(fixed, grid))).mean())
    return aiq(hull, low, high) - aiq(fixed, low, high), signed
