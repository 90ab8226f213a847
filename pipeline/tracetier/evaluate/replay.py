"""An artifact replayed over a full-information table, as if its tasks came live.

Every strategy meets the same random orders with the same random numbers, so strategies are
compared pair by pair. Intervals are over orders of one table: they say how much the order of
tasks and the exploration matter, not how another table would do.
"""

from collections.abc import Callable, Sequence
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from tracetier.artifact import Artifact
from tracetier.errors import SettingsError
from tracetier.evaluate.arguments import lam_given, opened_artifact, table_path, whole_number
from tracetier.evaluate.newcomer import as_newcomers
from tracetier.evaluate.outcomes import FullOutcomes, gather_full_outcomes
from tracetier.evaluate.over_orders import play_all, strategy_replay, versus_baseline
from tracetier.evaluate.predictions import TaskPredictions, predict_tasks
from tracetier.evaluate.regret import StreamFigures, checkpoints, order_figures
from tracetier.evaluate.replay_result import Replay
from tracetier.evaluate.scenario import Scenario
from tracetier.evaluate.stream import Stream, fresh_strategy
from tracetier.measures.frontier import sweep
from tracetier.measures.hull import mixture_at, upper_hull
from tracetier.route.control.goal import Goal
from tracetier.table import read_table

__all__ = ["Replay", "replay"]

Vector = NDArray[np.float64]
Progress = Callable[[str, float], None]

BASELINES = ("greedy", "seed-warm", "seed")
"""The model alone without learning, the published rule started from it, and started from 0."""


def replay(
    artifact: Artifact | str | PathLike[str],
    table: str | PathLike[str],
    *,
    strategy: str = "residual",
    lam: float | None = None,
    budget_usd: float | None = None,
    is_end_known: bool = False,
    scenario: Scenario | None = None,
    baselines: Sequence[str] = BASELINES,
    orders: int = 20,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Replay:
    """Route a full-information table as if live: decide, then see the chosen outcome only.

    Parameters
    ----------
    artifact : Artifact or path
    table : path
    strategy : {"residual", "seed-warm", "seed", "greedy", "thompson"}
        How the router learns; ``seed-warm`` starts from the model, ``seed`` from 0 as published,
        and both are run as baselines beside any other.
    lam : float, optional
        Lambda of every decision; by default the artifact's.
    budget_usd : float, optional
        Hold this mean USD per task by a pacer instead; the baselines are held to it too.
    is_end_known : bool
        Whether the pacer is told for how many tasks the budget is.
    scenario : Scenario, optional
        What happens on the way: phases, delay, missing and noisy reports. A tier that is added on
        the way is unknown to the model: its predictions come from its neighbours by cost.
    baselines : sequence of str
        Strategies beside it.
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
        no order, an impossible budget is given, or a budget beside lambda, or a phase is about a
        tier that is not there.
    """
    tell = progress or (lambda what, share: None)
    orders = whole_number("orders", orders, least=1)
    seed = whole_number("seed", seed, least=0)
    lam = lam_given(lam)
    path = table_path(table)
    if lam is not None and budget_usd is not None:
        raise SettingsError("give lam or budget_usd, not both: a budget solves for lambda")
    if is_end_known and budget_usd is None:
        raise SettingsError("a known end is for a budget: give budget_usd (--budget-usd) as well")
    names = list(dict.fromkeys((strategy, *baselines)))
    tell("reading", 0.0)
    artifact = opened_artifact(artifact)
    for name in names:
        fresh_strategy(name, artifact.prior, artifact.lam)
    outcomes = gather_full_outcomes(read_table(path), artifact.tiers)
    predictions = predict_tasks(
        artifact.predictor,
        outcomes.tasks,
        artifact.oof,
        progress=lambda share: tell("predicting", share),
    )
    stream = _stream(artifact, outcomes, predictions, scenario or Scenario())
    stream = stream._replace(
        lam=_lams(predictions, artifact.lam if lam is None else lam, budget_usd, seed),
        goal=_goal(budget_usd, len(outcomes.tasks) if is_end_known else None),
    )
    stream.in_order(np.arange(len(outcomes.tasks)))  # a phase that cannot be is told at once
    played = play_all(
        stream,
        names,
        orders=orders,
        seed=seed,
        n_jobs=n_jobs,
        progress=lambda share: tell("replaying", share),
    )
    figures = {name: [order_figures(one, stream) for one in each] for name, each in played.items()}
    tiers = artifact.tiers.names
    n_tasks = len(outcomes.tasks)
    tell("done", 1.0)
    return Replay(
        artifact_id=artifact.artifact_id,
        table=str(path),
        strategy=strategy,
        tiers=tiers,
        lam=float(stream.lam.mean()),
        budget_usd=budget_usd,
        seed=seed,
        orders=orders,
        n_tasks=n_tasks,
        n_left_out=outcomes.n_left_out,
        n_out_of_fold=int(predictions.is_out_of_fold.sum()),
        checkpoints=checkpoints(n_tasks),
        strategies={
            name: strategy_replay(played[name], figures[name], tiers, seed=seed, stream=stream)
            for name in names
        },
        versus={
            name: versus_baseline(figures[strategy], figures[name], seed=seed)
            for name in names
            if name != strategy
        },
        oracle_reward=_yardstick(figures[strategy], "regret_oracle", n_tasks),
        bucket_reward=_yardstick(figures[strategy], "regret_bucket", n_tasks),
        scenario=stream.scenario,
    )


def _stream(
    artifact: Artifact,
    outcomes: FullOutcomes,
    predictions: TaskPredictions,
    scenario: Scenario,
) -> Stream:
    cost_ref = artifact.cost_ref
    stream = Stream(
        predictions=predictions.to_list(),
        quality=outcomes.quality,
        cost=np.minimum(1.0, outcomes.cost_usd / cost_ref),
        lam=np.zeros(len(outcomes.tasks)),
        prior=artifact.prior,
        tiers=artifact.tiers.names,
        scenario=scenario,
        cost_usd=outcomes.cost_usd,
        cost_ref=cost_ref,
    )
    return as_newcomers(stream, artifact.tiers, outcomes.cost_usd.mean(axis=0).tolist())


def _goal(budget_usd: float | None, requests: int | None) -> Goal | None:
    return None if budget_usd is None else Goal(budget_usd=budget_usd, requests=requests)


def _yardstick(figures: Sequence[StreamFigures], name: str, n_tasks: int) -> float:
    """Mean reward of a yardstick over the orders: what was had, and what was missed."""
    had = [float(each.reward[-1]) + float(getattr(each, name)[-1]) / n_tasks for each in figures]
    return float(np.mean(had))


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
