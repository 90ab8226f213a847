"""Many orders of one stream: played side by side, then told with intervals over orders."""

from collections.abc import Callable, Sequence

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from tracetier.evaluate.regret import StreamFigures, sign_test
from tracetier.evaluate.replay_result import PhaseReplay, StrategyReplay, VersusBaseline
from tracetier.evaluate.stream import Played, Stream, play
from tracetier.measures.bootstrap import (
    MeanDraws,
    bootstrap_means,
    column_interval,
    difference_interval,
    ratio_interval,
)

Matrix = NDArray[np.float64]


def play_all(
    stream: Stream,
    names: Sequence[str],
    *,
    orders: int,
    seed: int,
    n_jobs: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> dict[str, list[Played]]:
    """Play every strategy in every order; the result does not depend on ``n_jobs``."""
    jobs = [(name, order) for order in range(orders) for name in names]
    run = Parallel(n_jobs=n_jobs, return_as="generator")
    played: dict[str, list[Played]] = {name: [] for name in names}
    results = run(delayed(play)(stream, name, seed=seed, order=order) for name, order in jobs)
    for done, ((name, _), one) in enumerate(zip(jobs, results, strict=True), start=1):
        played[name].append(one)
        progress(done / len(jobs))
    return played


def strategy_replay(
    played: Sequence[Played],
    figures: Sequence[StreamFigures],
    tiers: Sequence[str],
    *,
    seed: int,
    stream: Stream | None = None,
) -> StrategyReplay:
    """Mean figures of one strategy over orders, each with its interval.

    Given the stream, also what it did between the events of its scenario.
    """
    n_figures, n_checkpoints = len(StreamFigures._fields), len(figures[0].reward)
    found = _over_orders([np.stack(each).ravel() for each in figures], seed)
    intervals = {
        field: [column_interval(found, f * n_checkpoints + c) for c in range(n_checkpoints)]
        for f, field in zip(range(n_figures), StreamFigures._fields, strict=True)
    }
    taken = np.concatenate([one.tier for one in played])
    share = np.bincount(taken, minlength=len(tiers)) / len(taken)
    return StrategyReplay(
        explored=sum(one.n_explored for one in played) / len(taken),
        share=dict(zip(tiers, share.tolist(), strict=True)),
        phases=[] if stream is None else phase_replays(played, stream, tiers, seed=seed),
        spent=_spent(figures, stream),
        **intervals,
    )


def phase_replays(
    played: Sequence[Played], stream: Stream, tiers: Sequence[str], *, seed: int
) -> list[PhaseReplay]:
    """Tell what a strategy did between the events of the scenario, with intervals over orders."""
    happened = [stream.in_order(one.order) for one in played]
    rows = np.arange(len(stream.predictions))
    quality = np.stack([h.quality[rows, p.tier] for h, p in zip(happened, played, strict=True)])
    cost = np.stack([h.cost_usd[rows, p.tier] for h, p in zip(happened, played, strict=True)])
    tier = np.stack([one.tier for one in played])
    starts = stream.scenario.starts(len(rows))
    budget = stream.goal.budget_usd if stream.goal is not None else None
    found = []
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        means = np.column_stack(
            [quality[:, start:end].mean(axis=1), cost[:, start:end].mean(axis=1)]
        )
        over = None if budget is None else np.column_stack([means, means[:, 1] / budget])
        draws = _over_orders(list(means if over is None else over), seed)
        share = np.bincount(tier[:, start:end].ravel(), minlength=len(tiers))
        found.append(
            PhaseReplay(
                start=start,
                end=end,
                quality=column_interval(draws, 0),
                cost_usd=column_interval(draws, 1),
                cost_share=None if over is None else column_interval(draws, 2),
                most=None if over is None else float(over[:, 2].max()),
                share=dict(zip(tiers, (share / share.sum()).tolist(), strict=True)),
            )
        )
    return found


def _spent(figures: Sequence[StreamFigures], stream: Stream | None) -> list[float]:
    budget = stream.goal.budget_usd if stream is not None and stream.goal is not None else None
    if budget is None:
        return []
    costs = [float(each.cost_usd[-1]) / budget for each in figures]
    return [min(costs), max(costs)]


def versus_baseline(
    own: Sequence[StreamFigures], baseline: Sequence[StreamFigures], *, seed: int
) -> VersusBaseline:
    """Compare two strategies on the same orders, pair by pair."""
    n_checkpoints = len(own[0].reward)
    parts = (
        [each.regret_oracle for each in own],
        [each.regret_oracle for each in baseline],
        [each.regret_bucket for each in own],
        [each.regret_bucket for each in baseline],
    )
    found = _over_orders([np.concatenate(row) for row in zip(*parts, strict=True)], seed)
    places = range(n_checkpoints)
    gap = np.array(parts[0]) - np.array(parts[1])
    n_better, n_worse = (gap < 0).sum(axis=0).tolist(), (gap > 0).sum(axis=0).tolist()
    return VersusBaseline(
        regret_ratio=[ratio_interval(found, c, n_checkpoints + c) for c in places],
        regret_difference=[
            difference_interval(found, 2 * n_checkpoints + c, 3 * n_checkpoints + c) for c in places
        ],
        n_better=n_better,
        n_worse=n_worse,
        p_value=[sign_test(b, w) for b, w in zip(n_better, n_worse, strict=True)],
    )


def _over_orders(rows: Sequence[NDArray[np.float64]], seed: int) -> MeanDraws:
    """Resample orders: a row per order, each an independent replicate; one has no interval."""
    found = bootstrap_means(np.stack(rows), np.arange(len(rows)), seed=seed)
    if len(rows) > 1:
        return found
    return found._replace(draws=np.full_like(found.draws, np.nan))
