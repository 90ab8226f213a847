"""How much of a log's figure is the luck of its draw, and which cell of it misleads most.

The log that comes with a table is one draw of a known policy. Many other draws of that policy tell
what bucket means learn from such a log, and where the given one stands among them. A cell is a
kind of task and a tier: few rows of it were seen, and where their mean is far from the truth every
learner is misled alike.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from _log_learners import FOLDS, bucket_means, gain_draws, held_out
from _logs import draw_log, logging_policy
from _outcomes import load_rows
from numpy.typing import NDArray

from tracetier.measures.folds import grouped_folds
from tracetier.measures.off_policy.weights import effective_sample_size
from tracetier.train.rows import TaskRows

Vector = NDArray[np.float64]

N_LUCK_DRAWS = 100

Gain = Callable[[TaskRows, int], float]


class Cell(NamedTuple):
    """One kind of task and tier of a log.

    Attributes
    ----------
    kind, tier : str
    n_tasks, n_seen : int
    ess : float
        Effective sample size of the rows seen.
    shown, truth : float
        Mean quality of the rows seen, and of all tasks of the kind.
    gain : float
        What is learned where this cell's outcomes are replaced by the truth.
    """

    kind: str
    tier: str
    n_tasks: int
    n_seen: int
    ess: float
    shown: float
    truth: float
    gain: float


def gains_of_draws(
    table: str, tiers: tuple[str, ...], rows: TaskRows, gain: Gain, n_draws: int
) -> NDArray[np.float64]:
    """Gain learned from each of many draws of the given log's policy, ``(n_draws,)``."""
    logs = (draw_log("logged", table, tiers, rows, seed)[0] for seed in range(n_draws))
    return np.array([gain(log, seed) for seed, log in enumerate(logs)])


def most_misleading(
    table: str, tiers: tuple[str, ...], rows: TaskRows, gain: Gain, n_seeds: int
) -> Cell:
    """Find the cell of the given log whose truth would raise the gain most, over fold draws.

    Only the cells whose error weighs most in tasks are tried.
    """
    logged, _ = draw_log("given", table, tiers, rows, 0)
    policy = logging_policy("given", table, tiers, rows)
    seen = ~np.isnan(logged.quality)
    kinds = np.array([task.task_type or "" for task in rows.tasks])
    weighed = []
    for kind in sorted(set(kinds.tolist())):
        of_kind = kinds == kind
        for k in range(len(tiers)):
            rows_seen = of_kind & seen[:, k]
            if rows_seen.any():
                error = logged.quality[rows_seen, k].mean() - rows.quality[of_kind, k].mean()
                weighed.append((abs(float(error)) * int(of_kind.sum()), kind, k))

    def with_truth(kind: str, k: int) -> Cell:
        of_kind = kinds == kind
        rows_seen = of_kind & seen[:, k]
        truth = float(rows.quality[of_kind, k].mean())
        quality = logged.quality.copy()
        quality[rows_seen, k] = truth
        mended = logged._replace(quality=quality)
        return Cell(
            kind=kind,
            tier=tiers[k],
            n_tasks=int(of_kind.sum()),
            n_seen=int(rows_seen.sum()),
            ess=effective_sample_size(1.0 / policy[rows_seen, k]),
            shown=float(logged.quality[rows_seen, k].mean()),
            truth=truth,
            gain=float(np.mean([gain(mended, seed) for seed in range(n_seeds)])),
        )

    tried = [with_truth(kind, k) for _, kind, k in sorted(weighed, reverse=True)[:5]]
    return max(tried, key=lambda cell: cell.gain)


def luck(table: str, log: str, n_seeds: int, n_jobs: int) -> dict[str, dict[str, list[float]]]:
    """Bucket means' share of their own gain with full information, over draws of one policy.

    The log is the given one; in one process.
    """
    tiers, rows = load_rows(table)

    def gain(logged: TaskRows, seed: int) -> float:
        folds = grouped_folds(rows.groups, FOLDS[table], seed)
        predicted = held_out(logged, rows, folds, bucket_means, seed)
        return float(gain_draws(*predicted, rows, seed, 1)[0, 0])

    full = float(np.mean([gain(rows, seed) for seed in range(n_seeds)]))
    given, _ = draw_log("given", table, tiers, rows, 0)
    of_given = [gain(given, seed) / full for seed in range(n_seeds)]
    of_draws = gains_of_draws(table, tiers, rows, gain, N_LUCK_DRAWS) / full
    cell = most_misleading(table, tiers, rows, gain, n_seeds)
    mended = f"given, {cell.kind} x {cell.tier} as in truth"
    shown = f"  n {cell.n_tasks}, seen {cell.n_seen}, ESS {cell.ess:.0f}; shown, truth"

    def spread(values: Vector) -> dict[str, list[float]]:
        low, high = np.quantile(values, [0.025, 0.975])
        return {"share of full information": [float(values.mean()), float(low), float(high)]}

    rank = float((of_draws <= np.mean(of_given)).mean())
    return {
        f"{N_LUCK_DRAWS} draws": spread(of_draws),
        f"given ({rank:.0%} of the draws are no better)": spread(np.array(of_given)),
        mended: spread(np.array([cell.gain / full])),
        shown: {"share of full information": [cell.shown, cell.truth, cell.truth]},
    }
