"""Train on a large table: how much time is LightGBM's own, and the same through Dask.

    python benchmarks/large.py --tasks 1000000
    python benchmarks/large.py --tasks 100000 --engine "dask://local?workers=2"

The table is made up: n tasks with 12 types, about 30 words from a vocabulary of 5,000, tools and
counts, and an outcome of each of three tiers that depends on them. Beside the whole training run
stands, in the same process, what LightGBM alone takes for the same boosters on the same
matrices: one ``Dataset`` and one ``train`` each, as a user of the library would write it. Both are
processor time of this process, all threads; what an engine takes is time by the clock.
"""

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent / "pipeline"))

import lightgbm

from tracetier.records import Task
from tracetier.train.blend import decision_value
from tracetier.train.heads import boosting
from tracetier.train.model import TrainedModel, fit_model
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]

N_TYPES, N_WORDS = 12, 5_000


def make_rows(n: int, seed: int) -> TaskRows:
    """Draw n tasks with the outcomes of three tiers."""
    rng = np.random.default_rng(seed)
    vocabulary = [f"w{rng.integers(1_000_000):06d}" for _ in range(N_WORDS)]
    effect = rng.normal(0.0, 0.6, N_WORDS)
    of_type = rng.normal(0.0, 1.0, N_TYPES)
    kind = rng.integers(0, N_TYPES, n)
    turn, errors = rng.poisson(6.0, n), rng.poisson(0.5, n)
    tasks: list[Task] = []
    hard = of_type[kind] + 0.08 * turn + 0.4 * errors
    for i in range(n):
        chosen = (rng.random(30) ** 2 * N_WORDS).astype(int)
        hard[i] += effect[chosen].sum() / 30**0.5
        tasks.append(
            Task(
                text=" ".join([vocabulary[j] for j in chosen]),
                task_type=f"kind {kind[i]}",
                tools=["read", "edit", "bash"][: int(kind[i]) % 4],
                turn_index=int(turn[i]),
                n_prior_errors=int(errors[i]),
            )
        )
    skill = np.array([0.0, 1.2, 2.4])
    chance = 1.0 / (1.0 + np.exp(hard[:, None] - 1.0 - skill))
    quality = (rng.random((n, 3)) < chance).astype(float)
    cost = np.array([0.001, 0.004, 0.02]) * rng.lognormal(0.0, 0.5, (n, 3))
    return TaskRows(
        task_ids=[str(i) for i in range(n)],
        tasks=tasks,
        groups=np.arange(n, dtype=np.int64),
        quality=quality,
        cost_usd=cost,
        p_log=np.full((n, 3), np.nan),
        models=(None, None, None),
    )


class Peer:
    """What LightGBM alone takes for the boosters of a run: a ``Dataset`` and a ``train`` each.

    It is run on the same matrices right after each of ours, and its time is taken off the run's.
    """

    def __init__(self) -> None:
        self.seconds, self.fits = 0.0, 0
        self._ours = boosting._fit_on

    def beside(self, x: Matrix, goals: Matrix, kind: boosting.Kind, seed: int) -> list[str]:
        """Fit as the package does, then as a user of the library would."""
        texts = self._ours(x, goals, kind, seed)
        started = time.process_time()
        for goal in goals.T:
            params = boosting.parameters(kind, len(goal), seed)
            lightgbm.train(params, lightgbm.Dataset(x, goal), boosting.n_trees(len(goal)))
        self.seconds += time.process_time() - started
        self.fits += goals.shape[1]
        return texts


def value(model: TrainedModel, rows: TaskRows) -> float:
    """Gap closed between the fixed tiers and the oracle, out of fold."""
    return decision_value(model.held_out.quality, model.held_out.cost, rows.quality, rows.cost_usd)


def main() -> None:
    """Train, in this process and through an engine where one is named, and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=100_000, help="three rows each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", help='for example "dask://local?workers=2"')
    parser.add_argument("--no-peer", action="store_true", help="leave LightGBM alone out")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = make_rows(arguments.tasks, arguments.seed)
    figures: dict[str, object] = {"tasks": arguments.tasks, "rows": 3 * arguments.tasks}
    if not arguments.no_peer:
        peer = Peer()
        boosting._fit_on = peer.beside
    started = time.process_time()
    model = fit_model(rows, seed=arguments.seed, n_jobs=1)
    seconds = time.process_time() - started
    figures["gap_closed"] = value(model, rows)
    if not arguments.no_peer:
        boosting._fit_on = peer._ours
        seconds -= peer.seconds
        figures |= {
            "lightgbm_fits": peer.fits,
            "lightgbm_s": peer.seconds,
            "ratio": seconds / peer.seconds,
        }
    figures["train_s"] = seconds
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if arguments.engine:
        started = time.perf_counter()
        other = fit_model(rows, seed=arguments.seed, engine=arguments.engine)
        figures["engine"] = arguments.engine
        figures["engine_s"] = time.perf_counter() - started
        figures["engine_gap_closed"] = value(other, rows)
    figures["load_average"] = os.getloadavg()[0]
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:18s} {figure:,.4f}" if isinstance(figure, float) else f"{name:18s} {figure}")


if __name__ == "__main__":
    main()
