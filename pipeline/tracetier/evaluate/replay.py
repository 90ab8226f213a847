"""An artifact replayed over a full-information table, as if its tasks came live.

Every strategy meets the same random orders with the same random numbers, so strategies are
compared pair by pair. Intervals are over orders of one table: they say how much the order of
tasks and the exploration matter, not how another table would do.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracetier.artifact import load_artifact
from tracetier.errors import SettingsError
from tracetier.evaluate.outcomes import gather_full_outcomes
from tracetier.evaluate.over_orders import play_all, strategy_replay, versus_baseline
from tracetier.evaluate.predictions import TaskPredictions, predict_tasks
from tracetier.evaluate.regret import checkpoints, stream_figures, yardsticks
from tracetier.evaluate.replay_result import Replay
from tracetier.evaluate.stream import Stream, fresh_strategy
from tracetier.measures.frontier import sweep
from tracetier.measures.hull import mixture_at, upper_hull
from tracetier.route.router import checked_lam
from tracetier.table import read_table

__all__ = ["Replay", "replay"]

Vector = NDArray[np.float64]
Progress = Callable[[str, float], None]

BASELINES = ("greedy", "seed", "seed-cold")
"""The model alone without learning, the published rule started from it, and started from 0."""


def replay(
    artifact_path: str | Path,
    table_path: str | Path,
    *,
    strategy: str = "residual",
    lam: float | None = None,
    budget_usd: float | None = None,
    orders: int = 20,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Replay:
    """Route a full-information table as if live: decide, then see the chosen outcome only.

    Parameters
    ----------
    artifact_path, table_path : path
    strategy : {"residual", "seed", "seed-cold", "greedy"}
        How the router learns; ``seed`` starts from the model, ``seed-cold`` from 0 as published,
        and both are run as baselines beside any other.
    lam : float, optional
        Lambda of every decision; by default the artifact's.
    budget_usd : float, optional
        Solve lambda for this mean USD per task instead, from predictions alone (two neighbouring
        lambdas, drawn per task). There is no pacing: what is spent is told, not enforced.
    orders : int
        Random orders of the tasks.
    seed : int
        Of the orders and the exploration: same seed, same numbers.
    n_jobs : int
        Orders played at a time.
    progress : callable, optional
        Told what is being done and the share of it that is done.

    Raises
    ------
    TableError
        If no task has the outcome of every tier.
    SettingsError
        If the strategy is unknown, lambda is not finite or below 0, the seed is below 0, there is
        no order, or an impossible budget is given, or a budget beside lambda.
    """
    tell = progress or (lambda what, share: None)
    if orders < 1:
        raise SettingsError(f"orders is {orders}, must be at least 1")
    if seed < 0:
        raise SettingsError(f"seed is {seed}, must be at least 0")
    if lam is not None:
        lam = checked_lam(lam)
    if lam is not None and budget_usd is not None:
        raise SettingsError("give lam or budget_usd, not both: a budget solves for lambda")
    tell("reading", 0.0)
    artifact = load_artifact(artifact_path)
    fresh_strategy(strategy, artifact.prior, artifact.lam)
    outcomes = gather_full_outcomes(read_table(table_path), artifact.tiers)
    predictions = predict_tasks(
        artifact.predictor,
        outcomes.tasks,
        artifact.oof,
        progress=lambda share: tell("predicting", share),
    )
    stream = Stream(
        predictions=predictions.to_list(),
        quality=outcomes.quality,
        cost=np.minimum(1.0, outcomes.cost_usd / artifact.cost_ref),
        lam=_lams(predictions, artifact.lam if lam is None else lam, budget_usd, seed),
        prior=artifact.prior,
    )
    names = list(dict.fromkeys((strategy, *BASELINES)))
    played = play_all(
        stream,
        names,
        orders=orders,
        seed=seed,
        n_jobs=n_jobs,
        progress=lambda share: tell("replaying", share),
    )
    sticks = yardsticks(stream)
    figures = {
        name: [stream_figures(one, stream, outcomes.cost_usd, sticks) for one in each]
        for name, each in played.items()
    }
    tiers = artifact.tiers.names
    tell("done", 1.0)
    return Replay(
        artifact_id=artifact.artifact_id,
        table=str(table_path),
        strategy=strategy,
        tiers=tiers,
        lam=float(stream.lam.mean()),
        budget_usd=budget_usd,
        seed=seed,
        orders=orders,
        n_tasks=len(outcomes.tasks),
        n_left_out=outcomes.n_left_out,
        n_out_of_fold=int(predictions.is_out_of_fold.sum()),
        checkpoints=checkpoints(len(outcomes.tasks)),
        strategies={n: strategy_replay(played[n], figures[n], tiers, seed=seed) for n in names},
        versus={
            name: versus_baseline(figures[strategy], figures[name], seed=seed)
            for name in names
            if name != strategy
        },
        oracle_reward=float(sticks.oracle.mean()),
        bucket_reward=float(sticks.bucket.mean()),
    )


def budget_lams(
    predictions: TaskPredictions, budget_usd: float, rng: np.random.Generator
) -> Vector:
    """Lambda of each task so that the predicted mean cost is the budget, ``(n,)``.

    Raises
    ------
    SettingsError
        If even the cheapest policy is predicted to cost more.
    """
    found = sweep(predictions.quality, predictions.cost, predictions.quality, predictions.cost_usd)
    hull = upper_hull(found.cost_usd, found.quality)
    cheapest = float(hull.cost[0])
    if not budget_usd >= cheapest:
        raise SettingsError(
            f"a budget of {budget_usd:.3g} USD per task is below {cheapest:.3g} USD, the least "
            "that is predicted for these tasks; raise the budget"
        )
    mix = mixture_at(hull, budget_usd)
    is_dear = rng.random(len(predictions.quality)) < mix.p_dear
    return np.asarray(np.where(is_dear, found.lam[mix.dear], found.lam[mix.cheap]))


def _lams(predictions: TaskPredictions, lam: float, budget_usd: float | None, seed: int) -> Vector:
    if budget_usd is None:
        return np.full(len(predictions.quality), lam)
    return budget_lams(predictions, budget_usd, np.random.default_rng(seed))
