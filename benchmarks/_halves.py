"""Random halves, each the test of the other: the router beside its heads and its controls.

The gap closed of a hull is never below 0, since the fixed tiers are among its points and it is
read off in hindsight. So that chance can show, a second figure is set on one half of the test tasks
and told on the other: it may fall below 0, and for a model that learned nothing it should be 0.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import sweep
from tracetier.measures.hull import fixed_tier_hull, quality_at, upper_hull
from tracetier.measures.metrics import log_costs
from tracetier.measures.operating_point import Calibration
from tracetier.records import Task
from tracetier.train.blend import WITH_TYPES, WITHOUT_TYPES, decision_value
from tracetier.train.fit import HEADS, TrainingData, fit_heads, predict_heads
from tracetier.train.heads.ridge import choose_alphas
from tracetier.train.logged.cross_fit import type_places
from tracetier.train.model import fit_model, training_data
from tracetier.train.rows import TaskRows
from tracetier.train.targets import join_quality, stack_targets

Matrix = NDArray[np.float64]
Index = NDArray[np.intp]

N_BUDGETS = 12


class Beliefs(NamedTuple):
    """Quality, and cost in units of the dearest tier's mean, of n tasks and K tiers."""

    quality: Matrix
    cost: Matrix


def half_figures(rows: TaskRows, test: NDArray[np.bool_], seed: int) -> dict[str, list[float]]:
    """Gap closed, in hindsight and set beforehand, of every contender on the test half."""
    train, told = rows.take(np.flatnonzero(~test)), rows.take(np.flatnonzero(test))
    folds = grouped_folds(told.groups, 2, seed)
    return {
        name: [
            decision_value(beliefs.quality, beliefs.cost, told.quality, told.cost_usd),
            set_beforehand(beliefs, told, folds),
        ]
        for name, beliefs in _contenders(train, told, seed)
    }


def _contenders(train: TaskRows, told: TaskRows, seed: int) -> Iterator[tuple[str, Beliefs]]:
    model = fit_model(train, seed=seed, n_jobs=1)
    predictor = model.predictor()
    found = [predictor.predict(task) for task in told.tasks]
    quality = np.array([p.quality for p in found])
    cost = np.array([p.cost for p in found])
    yield "router", Beliefs(quality, cost)
    in_usd = np.array([p.cost_usd for p in found]) / model.cost_ref
    yield "router, cost not capped", Beliefs(quality, in_usd)
    data, asked = training_data(train), training_data(told)
    for head, joined in zip(HEADS, _by_head(data, asked, seed), strict=True):
        yield f"head {head} alone", Beliefs(joined, cost)
    means = np.tile(train.cost_usd.mean(axis=0) / model.cost_ref, (len(told.tasks), 1))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(train.tasks))
    shuffled = data._replace(
        targets=stack_targets(train.quality[order], train.cost_usd[order]),
        quality=train.quality[order],
    )
    yield "control: shuffled labels", Beliefs(_default(shuffled, asked, seed), means)
    drawn = [training_data(_random_features(part, rng)) for part in (train, told)]
    yield "control: random features", Beliefs(_default(drawn[0], drawn[1], seed), means)
    ref = told.cost_usd.mean(axis=0).max()
    yield "oracle", Beliefs(told.quality, told.cost_usd / ref)


def _by_head(data: TrainingData, asked: TrainingData, seed: int) -> Matrix:
    """Quality of the asked rows by each head alone, ``(H, n, K)``."""
    alphas = choose_alphas(data.design, type_places(data), data.targets, seed)
    return join_quality(predict_heads(fit_heads(data, alphas=alphas, seed=seed), asked))


def _default(data: TrainingData, asked: TrainingData, seed: int) -> Matrix:
    has_types = any(kind is not None for kind in data.task_types)
    weights = (WITH_TYPES if has_types else WITHOUT_TYPES)["default"]
    return np.tensordot(np.array(weights), _by_head(data, asked, seed), 1)


def _random_features(rows: TaskRows, rng: np.random.Generator) -> TaskRows:
    """Forget all that is known of the tasks; eight random numbers and a random type instead."""
    drawn = rng.normal(size=(len(rows.tasks), 8))
    types = rng.integers(0, 5, len(rows.tasks))
    has_types = any(task.task_type is not None for task in rows.tasks)
    tasks = [
        Task(
            task_type=f"type {kind}" if has_types else None,
            attrs={f"noise_{j}": value for j, value in enumerate(row.tolist())},
        )
        for kind, row in zip(types, drawn, strict=True)
    ]
    return rows._replace(tasks=tasks)


def set_beforehand(beliefs: Beliefs, rows: TaskRows, folds: NDArray[np.int64]) -> float:
    """Gap closed by points that were set on one fold and told on the other; may be below 0.

    The mean over budgets, spaced evenly in their logarithm between the cheapest and the dearest
    tier, of the quality above the fixed tiers at the cost that was really paid, as a share of
    what the oracle has above them.
    """
    gains, whole = [], []
    for fold in np.unique(folds):
        here, seen = folds == fold, folds != fold
        point = Calibration.fit(
            beliefs.quality[seen], beliefs.cost[seen], rows.quality[seen], rows.cost_usd[seen]
        )
        quality, cost_usd = rows.quality[here], rows.cost_usd[here]
        fixed = fixed_tier_hull(quality, cost_usd)
        ref = cost_usd.mean(axis=0).max()
        perfect = sweep(quality, cost_usd / ref, quality, cost_usd)
        oracle = upper_hull(perfect.cost_usd, perfect.quality)
        low, high = point.tier_cost_usd.min(), point.tier_cost_usd.max()
        for budget in log_costs(low, high, N_BUDGETS)[1:-1]:
            if budget < point.hull.cost[0]:
                continue
            taken = point.at_cost(float(budget)).probabilities(
                beliefs.quality[here], beliefs.cost[here]
            )
            cost = max(float((taken * cost_usd).sum(axis=1).mean()), float(fixed.cost[0]))
            base = float(quality_at(fixed, cost))
            gains.append(float((taken * quality).sum(axis=1).mean()) - base)
            whole.append(float(quality_at(oracle, cost)) - base)
    return float(np.mean(gains) / np.mean(whole))
