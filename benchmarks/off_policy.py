"""Learning from one outcome per task, and valuing policies on such logs.

    python benchmarks/off_policy.py [--seeds 3] [--only learning|luck|values] [--table T] [--json]

``learning``: the gain in AIQ over the hull of the fixed tiers, on held-out tasks of which every
outcome is known, by models trained on a log of the other tasks; and as a share of what full
information on the same tasks gives. ``values``: what the estimators say of 20 random policies from
a log, against the truth on its tasks. Every seed draws a new log and new folds. [..] 95 %
intervals: seeds and, within each, task groups resampled.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import lru_cache

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
from _log_bounds import fewer_tasks, least_noise_rows
from _log_learners import (
    FOLDS,
    LEARNERS,
    bucket_means,
    gain_draws,
    held_out,
    predict,
)
from _log_luck import luck
from _logs import LOGS, draw_log
from _outcomes import load_rows
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from tracetier.evaluate.value_table import value_rows
from tracetier.measures.folds import grouped_folds
from tracetier.measures.off_policy.intervals import Estimates, estimate_all
from tracetier.tiers import Tier, TierSet
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = NDArray[np.intp]

N_POLICIES = 20
POLICY_DRAWS = 500
ESTIMATES = Estimates.__struct_fields__
OURS = "shrunk_dr"
"""Held against the others, on the same logs and policies."""


FULL = "full information"
FEWER = "full information, as many outcomes"
LEAST_NOISE = "least noise, bucket mean"
N_RIVALS = 3
"""The first learners are measured on every log, the controls on one."""
CONTROLLED = "logged"


@lru_cache
def full_information(table: str, seed: int, *, fewer: bool = False) -> Matrix:
    """Gains of a model that saw every tier on the tasks of the other folds, or on one in K."""
    _, rows = load_rows(table)
    folds = grouped_folds(rows.groups, FOLDS[table], seed)

    def learner(train: TaskRows, test: TaskRows, seed: int) -> tuple[Matrix, Matrix]:
        return predict(fewer_tasks(train, seed) if fewer else train, test, seed)

    return gain_draws(*held_out(rows, rows, folds, learner, seed), rows, seed)


def least_noise(
    table: str, log: str, logged: TaskRows, folds: NDArray[np.int64], seed: int
) -> Matrix:
    """Gains of bucket means of the log's pseudo-outcomes of least variance."""
    _, rows = load_rows(table)
    quality, cost = np.empty(rows.quality.shape), np.empty(rows.quality.shape)
    for fold in range(int(folds.max()) + 1):
        test = np.flatnonzero(folds == fold)
        train = least_noise_rows(table, log, logged, folds, fold, seed)
        quality[test], cost[test] = bucket_means(train, rows.take(test), seed)
    return gain_draws(quality, cost, rows, seed)


def one_seed(table: str, log: str, seed: int, learners: tuple[str, ...]) -> dict[str, Matrix]:
    """Draw a log and folds; gains of each learner, ``(1 + D, 2)``."""
    tiers, rows = load_rows(table)
    folds = grouped_folds(rows.groups, FOLDS[table], seed)
    logged, _ = draw_log(log, table, tiers, rows, seed)
    found = {
        FULL: full_information(table, seed),
        FEWER: full_information(table, seed, fewer=True),
        LEAST_NOISE: least_noise(table, log, logged, folds, seed),
    }
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
    by_name = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
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
    rng = np.random.default_rng(0)
    draws = rng.integers(0, n_seeds, (2000, n_seeds))
    figures = np.concatenate([errors[..., :1] ** 2, errors], axis=-1).mean(axis=1)
    # Of all seeds, then of resamples of them: (1 + 2000, E, 3).
    found = np.concatenate([figures.mean(axis=0)[None], figures[draws].mean(axis=1)])
    rmse, bias, covered = np.sqrt(found[..., 0]), found[..., 1], found[..., 2]
    ours = rmse[:, [ESTIMATES.index(OURS)]]

    def told(column: Vector) -> list[float]:
        return [float(v) for v in (column[0], *np.quantile(column[1:], [0.025, 0.975]))]

    return {
        name: {
            "RMSE x 1,000": told(1000 * rmse[:, e]),
            f"{OURS} - this, x 1,000": told(1000 * (ours - rmse)[:, e]),
            "bias x 1,000": told(1000 * bias[:, e]),
            "covers the truth": told(covered[:, e]),
        }
        for e, name in enumerate(ESTIMATES)
    }


PARTS = {"learning": learning, "luck": luck, "values": values}


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
            logs = ("given",) if part == "luck" else (args.log,) if args.log else LOGS
            for log in logs:
                n = len(load_rows(table)[1].tasks)
                title = f"{part}: {table}, {n:,} tasks, log {log}, {args.seeds} seeds"
                everything[title] = PARTS[part](table, log, args.seeds, args.jobs)
                if not args.json:
                    show(title, everything[title])
    if args.json:
        print(msgspec.json.encode(everything).decode())


if __name__ == "__main__":
    main()
