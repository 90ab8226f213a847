"""Learning from one outcome per task, and valuing policies on such logs.

    python benchmarks/off_policy.py [--seeds 3] [--only learning|values] [--table NAME] [--json]

``learning``: the gain in AIQ over the hull of the fixed tiers, on held-out tasks of which every
outcome is known, by models trained on a log of the other tasks; and as a share of what full
information on the same tasks gives. ``values``: what the estimators say of 20 random policies from
a log, against the truth on its tasks. Every seed draws a new log and new folds. [..] 95 %
intervals: seeds and, within each, task groups resampled.

The signed gain is the mean height of the bare sweep above the hull of the fixed tiers: without the
fixed tiers among its points it may fall below 0, so it is what controls are judged by.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
from _logs import LOGS, draw_log
from _outcomes import load_rows
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from tracetier.evaluate.policy_value import value_rows
from tracetier.measures.bootstrap import bootstrap_means
from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import choose_tiers, sweep
from tracetier.measures.hull import quality_at, upper_hull
from tracetier.measures.metrics import aiq
from tracetier.measures.off_policy.intervals import Estimates, estimate_all
from tracetier.records import Task
from tracetier.tiers import Tier, TierSet
from tracetier.train.heads.bucket_mean import fit_bucket_means
from tracetier.train.model import fit_model
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = NDArray[np.intp]

FOLDS = {"bfcl_claude": 5, "pareto3": 2}
N_DRAWS = 200
N_COSTS = 100
N_POLICIES = 20
POLICY_DRAWS = 500
ESTIMATES = Estimates.__struct_fields__


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
FULL = "full information"
N_RIVALS = 3
"""The first learners are measured on every log, the controls on one."""
CONTROLLED = "logged"


def held_out(
    rows: TaskRows, full: TaskRows, folds: NDArray[np.int64], learner: Learner, seed: int
) -> tuple[Matrix, Matrix]:
    """Predict every task by a model of the other folds."""
    quality, cost = np.empty(full.quality.shape), np.empty(full.quality.shape)
    for fold in range(int(folds.max()) + 1):
        train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        quality[test], cost[test] = learner(rows.take(train), full.take(test), seed)
    return quality, cost


def gain_draws(quality_hat: Matrix, cost_hat: Matrix, rows: TaskRows, seed: int) -> Matrix:
    """AIQ gain and signed gain on all tasks, then on resamples of groups, ``(1 + D, 2)``."""
    lams = sweep(quality_hat, cost_hat, rows.quality, rows.cost_usd, n_points=60).lam
    at = np.arange(len(rows.tasks))
    chosen = [choose_tiers(quality_hat, cost_hat, float(lam)) for lam in lams]
    columns = [values[at, c] for values in (rows.quality, rows.cost_usd) for c in chosen]
    columns += [*rows.quality.T, *rows.cost_usd.T]
    found = bootstrap_means(np.stack(columns, axis=1), rows.groups, n_draws=N_DRAWS, seed=seed)
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


@lru_cache
def full_information(table: str, seed: int) -> Matrix:
    """Gains of a model that saw every tier on the tasks of the other folds."""
    _, rows = load_rows(table)
    folds = grouped_folds(rows.groups, FOLDS[table], seed)
    return gain_draws(*held_out(rows, rows, folds, predict, seed), rows, seed)


def one_seed(table: str, log: str, seed: int, learners: tuple[str, ...]) -> dict[str, Matrix]:
    """Draw a log and folds; gains of each learner, ``(1 + D, 2)``."""
    tiers, rows = load_rows(table)
    folds = grouped_folds(rows.groups, FOLDS[table], seed)
    logged, _ = draw_log(log, table, tiers, rows, seed)
    found = {FULL: full_information(table, seed)}
    for name in learners:
        predicted = held_out(logged, rows, folds, LEARNERS[name], seed)
        found[name] = gain_draws(*predicted, rows, seed)
    return found


def interval(draws: Matrix, statistic: Callable[[Matrix], Vector], seed: int = 0) -> list[float]:
    """Estimate and 95 % interval of a statistic of means over seeds.

    Parameters
    ----------
    draws : (S, 1 + D, P) array
        Per seed: all tasks, then resamples of them.
    statistic : callable
        ``(..., P) -> (...)``.
    """
    n_seeds, n_rows, _ = draws.shape
    rng = np.random.default_rng(seed)
    n = 2000
    seeds = rng.integers(0, n_seeds, (n, n_seeds))
    resamples = rng.integers(1, n_rows, (n, n_seeds))
    estimate = statistic(draws[:, 0].mean(axis=0)[None])[0]
    found = statistic(draws[seeds, resamples].mean(axis=1))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return [float(estimate), float(low), float(high)]


def learning(table: str, log: str, n_seeds: int, n_jobs: int) -> dict[str, dict[str, list[float]]]:
    """Figures of every learner on one kind of log."""
    learners = tuple(LEARNERS) if log == CONTROLLED else tuple(LEARNERS)[:N_RIVALS]
    parts = Parallel(n_jobs=n_jobs)(
        delayed(one_seed)(table, log, seed, learners) for seed in range(n_seeds)
    )
    by_name = {name: np.stack([part[name] for part in parts]) for name in (FULL, *learners)}
    ours, found = by_name["tracetier"], {}
    for name, draws in by_name.items():
        both = np.concatenate([draws, by_name[FULL], ours], axis=2)
        found[name] = {
            "AIQ gain x 1,000": [1000 * v for v in interval(draws, lambda m: m[..., 0])],
            "signed gain x 1,000": [1000 * v for v in interval(draws, lambda m: m[..., 1])],
            "share of full information": interval(both, lambda m: m[..., 0] / m[..., 2]),
            "tracetier - this, x 1,000": [
                1000 * v for v in interval(both, lambda m: m[..., 4] - m[..., 0])
            ],
        }
    return found


def random_policies(rows: TaskRows, seed: int) -> Iterator[Matrix]:
    """Yield 20 random policies: a softmax of a taste per task type and a slope on the length."""
    rng = np.random.default_rng(seed)
    types = sorted({task.task_type or "" for task in rows.tasks})
    place = np.array([types.index(task.task_type or "") for task in rows.tasks])
    length = np.log1p([len(task.text) for task in rows.tasks])
    z = (length - length.mean()) / length.std()
    n_tiers = rows.quality.shape[1]
    for _ in range(N_POLICIES):
        taste = 1.5 * rng.standard_normal((len(types), n_tiers))
        odds = np.exp(taste[place] + np.outer(z, rng.standard_normal(n_tiers)))
        yield odds / odds.sum(axis=1, keepdims=True)


def value_errors(table: str, log: str, seed: int) -> Matrix:
    """Error, and whether the interval covers the truth, of each estimate: ``(20, E, 2)``."""
    tiers, rows = load_rows(table)
    logged, _ = draw_log(log, table, tiers, rows, seed)
    known = value_rows(logged, TierSet(tuple(Tier(name=name) for name in tiers)), seed=seed)
    found = []
    for number, p_new in enumerate(random_policies(rows, seed)):
        truth = float((p_new * rows.quality).sum(axis=1).mean())
        on_rows = known.on(p_new, known.quality, known.quality_hat)
        told = estimate_all(on_rows, known.groups, n_draws=POLICY_DRAWS, seed=number)
        intervals = [getattr(told, name) for name in ESTIMATES]
        found.append([[i.estimate - truth, i.low <= truth <= i.high] for i in intervals])
    return np.array(found, dtype=np.float64)


def values(table: str, log: str, n_seeds: int, n_jobs: int) -> dict[str, dict[str, list[float]]]:
    """Error and coverage of every estimator on one kind of log; intervals over seeds."""
    parts = Parallel(n_jobs=n_jobs)(
        delayed(value_errors)(table, log, seed) for seed in range(n_seeds)
    )
    errors = np.stack(parts)
    squared, bias, covered = errors[..., 0] ** 2, errors[..., 0], errors[..., 1]
    rng = np.random.default_rng(0)
    draws = rng.integers(0, n_seeds, (2000, n_seeds))

    def told(per_seed: Vector, root: bool = False) -> list[float]:
        resampled = per_seed[draws].mean(axis=1)
        low, high = np.quantile(resampled, [0.025, 0.975])
        found = np.array([per_seed.mean(), low, high])
        return [float(v) for v in (np.sqrt(found) if root else found)]

    return {
        name: {
            "RMSE x 1,000": [1000 * v for v in told(squared[:, :, e].mean(axis=1), root=True)],
            "bias x 1,000": [1000 * v for v in told(bias[:, :, e].mean(axis=1))],
            "covers the truth": told(covered[:, :, e].mean(axis=1)),
        }
        for e, name in enumerate(ESTIMATES)
    }


PARTS = {"learning": learning, "values": values}


def show(title: str, found: dict[str, dict[str, list[float]]]) -> None:
    """Print one table."""
    columns = list(next(iter(found.values())))
    table = Table(title=title, title_justify="left")
    for column in ("", *columns):
        table.add_column(column, justify="right" if column else "left")
    for name, figures in found.items():
        cells = (f"{v:.3g} [{low:.3g}, {high:.3g}]" for v, low, high in figures.values())
        table.add_row(name, *cells)
    Console(width=140).print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=list(PARTS))
    parser.add_argument("--table", choices=list(FOLDS))
    parser.add_argument("--log", choices=LOGS)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    everything = {}
    for part in [args.only] if args.only else list(PARTS):
        for table in [args.table] if args.table else list(FOLDS):
            for log in [args.log] if args.log else LOGS:
                n = len(load_rows(table)[1].tasks)
                title = f"{part}: {table}, {n:,} tasks, log {log}, {args.seeds} seeds"
                everything[title] = PARTS[part](table, log, args.seeds, args.jobs)
                if not args.json:
                    show(title, everything[title])
    if args.json:
        print(msgspec.json.encode(everything).decode())


if __name__ == "__main__":
    main()
