"""Who is compared on a table: the router, each head alone, and those who should gain nothing.

Every contender is trained on the training tasks and asked about the held-out ones. The controls
``shuffled labels`` and ``random features`` go through the whole training, as the router does: the
first learns outcomes that were dealt to other tasks, the second knows nothing of any task.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.records import Task
from tracetier.train.fit import HEADS, fit_heads, predict_heads
from tracetier.train.heads.ridge import choose_alphas
from tracetier.train.logged.cross_fit import type_places
from tracetier.train.model import TrainedModel, fit_model, training_data
from tracetier.train.rows import TaskRows
from tracetier.train.targets import join_quality

Matrix = NDArray[np.float64]

ROUTER, FIXED, ORACLE = "router", "fixed tiers, mixed at random", "oracle"
SHUFFLED, RANDOM = "control: shuffled labels", "control: random features"


class Beliefs(NamedTuple):
    """Quality, and cost in units of the dearest tier's mean, of n tasks and K tiers."""

    quality: Matrix
    cost: Matrix


class Contender(NamedTuple):
    """What one contender believes.

    Attributes
    ----------
    told : Beliefs
        Of the held-out tasks.
    trained : Beliefs
        Of the training tasks, by models that had not seen them: what its budgets are set by.
    rows : TaskRows
        The training tasks as it saw them.
    folds : (n,) array
        Of the training tasks.
    """

    told: Beliefs
    trained: Beliefs
    rows: TaskRows
    folds: NDArray[np.int64]


def contenders(train: TaskRows, told: TaskRows, seed: int) -> Iterator[tuple[str, Contender]]:
    """Train every contender on some tasks and ask it about others."""
    model = fit_model(train, seed=seed, n_jobs=1)
    router = _of_model(model, train, told)
    yield ROUTER, router
    yield from _heads(model, router, train, told, seed)
    yield FIXED, _fixed(router, train, told)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(train.tasks))
    dealt = train._replace(quality=train.quality[order], cost_usd=train.cost_usd[order])
    yield SHUFFLED, _of_model(fit_model(dealt, seed=seed, n_jobs=1), dealt, told)
    blind, asked = _random_features(train, rng), _random_features(told, rng)
    yield RANDOM, _of_model(fit_model(blind, seed=seed, n_jobs=1), blind, asked)
    knowing = [_outcomes(rows) for rows in (told, train)]
    yield ORACLE, Contender(knowing[0], knowing[1], train, router.folds)


def _of_model(model: TrainedModel, train: TaskRows, told: TaskRows) -> Contender:
    """Ask by the serving path."""
    predictor = model.predictor()
    found = [predictor.predict(task) for task in told.tasks]
    asked = Beliefs(np.array([p.quality for p in found]), np.array([p.cost for p in found]))
    trained = Beliefs(model.held_out.quality, model.held_out.cost)
    return Contender(asked, trained, train, model.folds)


def _heads(
    model: TrainedModel, router: Contender, train: TaskRows, told: TaskRows, seed: int
) -> Iterator[tuple[str, Contender]]:
    """Each head alone: its quality, beside the router's cost."""
    data = training_data(train)
    alphas = choose_alphas(data.design, type_places(data), data.targets, seed)
    heads = fit_heads(data, alphas=alphas, seed=seed)
    asked = join_quality(predict_heads(heads, training_data(told)))
    trained = join_quality(model.head_held_out)
    for place, head in enumerate(HEADS):
        yield (
            f"{head.replace('_', ' ')} alone",
            router._replace(
                told=router.told._replace(quality=asked[place]),
                trained=router.trained._replace(quality=trained[place]),
            ),
        )


def _fixed(router: Contender, train: TaskRows, told: TaskRows) -> Contender:
    """Know nothing of a task but what each tier does on average."""
    cost = train.cost_usd.mean(axis=0)
    quality = train.quality.mean(axis=0)
    known = [
        Beliefs(*(np.tile(means, (len(rows.tasks), 1)) for means in (quality, cost / cost.max())))
        for rows in (told, train)
    ]
    return router._replace(told=known[0], trained=known[1])


def _outcomes(rows: TaskRows) -> Beliefs:
    return Beliefs(rows.quality, rows.cost_usd / rows.cost_usd.mean(axis=0).max())


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
