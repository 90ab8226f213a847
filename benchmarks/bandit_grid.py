"""Cumulative regret of the strategies in simulated worlds, with good to adversarial priors.

    python benchmarks/bandit_grid.py [--replicates 200] [--buckets 6 30 1] [--delay 0 100] [--json]

Each world has three tiers. Regret is counted in quality (0-1 scale, reward / 10) against the best
tier of each task. In every replicate all strategies meet the same tasks, noise and prior. Printed
are the means with the half-width of a 95 % interval over replicates, the ratio to the published
rule with a bootstrap interval, and the mean reward cost that was paid. Settings were chosen on
replicates 10,000 and above; those that are printed start at 0.

"unrelated" is a control: a prior that says nothing, where "inverted" and "adversarial" say the
reverse of the truth, which is as good as the truth to whoever looks at the sign.
"""

import argparse
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent / "pipeline"))

from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.choice import Report
from tracetier.route.residual import ResidualParams
from tracetier.route.strategy import Strategy, start_strategy
from tracetier.route.tally import Tally

Floats = NDArray[np.float64]

LAM = 0.3
NOISE_SD = 0.3
"""Spread of an outcome around its tier's expected quality for the task."""
WITHIN_SD = 0.1
"""Spread of the expected quality within a bucket."""
DROP = 0.25
"""How far the middle tier falls half-way through a drifting world."""

PRIORS = ("good", "noisy", "flat", "inverted", "adversarial", "unrelated")
WORLDS = (*PRIORS, "drift")

STRATEGIES = ("seed", "residual", "residual, no near-ties", "thompson", "greedy")


def start(name: str, prior: PriorStats) -> Strategy:
    """Return a strategy that has seen nothing."""
    base, _, variant = name.partition(", ")
    params = ResidualParams(tie_weight=0.0) if variant else None
    return start_strategy(base, prior, params=params, lam=LAM)


class World(NamedTuple):
    """A stream of T tasks: (T,) buckets; (T, K) expected and noisy quality, predictions, costs."""

    bucket: NDArray[np.int64]
    quality: Floats
    outcome: Floats
    predicted: Floats
    cost: Floats
    prior: PriorStats
    counted_from: int


class Run(NamedTuple):
    """Cumulative regret (quality, 0-1) and mean reward cost of one strategy in one world."""

    regret: float
    cost: float


class Row(NamedTuple):
    """One strategy in one cell: regret with its interval, ratio to the published rule, cost."""

    world: str
    buckets: int
    delay: int
    strategy: str
    regret: float
    half_width: float
    ratio: float
    low: float
    high: float
    cost: float


def make_world(kind: str, seed: int, *, n_steps: int, n_buckets: int) -> World:
    """Draw a world; one seed gives the same tasks and outcomes under every prior."""
    rng = np.random.default_rng(seed)
    bucket = rng.integers(0, n_buckets, size=n_steps)
    base = rng.uniform(0.35, 0.85, (n_buckets, 3)) + np.array([-0.05, 0.0, 0.05])
    bucket_cost = np.array([0.05, 0.3, 1.0]) * rng.uniform(0.6, 1.0, (n_buckets, 3))
    within = rng.normal(0.0, WITHIN_SD, (n_steps, 3))
    noise = rng.normal(0.0, NOISE_SD, (n_steps, 3))
    mean, predicted = _predictions("good" if kind == "drift" else kind, base, bucket, within, rng)
    quality = base[bucket] + within
    if kind == "drift":
        quality[n_steps // 2 :, 1] -= DROP
    return World(
        bucket=bucket,
        quality=quality,
        outcome=quality + noise,
        predicted=predicted,
        cost=bucket_cost[bucket],
        prior=_prior(mean, bucket_cost, tau=0.03 if kind in ("good", "drift") else 0.05),
        counted_from=n_steps // 2 if kind == "drift" else 0,
    )


def _predictions(
    kind: str, base: Floats, bucket: NDArray[np.int64], within: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the bucket means (B, K) and the predictions (T, K) of a prior of that kind."""
    if kind == "flat":
        mean = np.full_like(base, 0.6)
        return mean, mean[bucket]
    if kind == "inverted":
        mean = 2 * base.mean() - base
        return mean, mean[bucket] - within
    if kind == "adversarial":  # in each bucket the best tier is predicted worst, and so on
        mean = np.empty_like(base)
        np.put_along_axis(mean, np.argsort(-base, axis=1), np.sort(base, axis=1), axis=1)
        return mean, mean[bucket] - within
    if kind == "unrelated":  # bucket means of other buckets, and noise of the same spread
        mean = rng.uniform(0.35, 0.85, base.shape)
        return mean, mean[bucket] + rng.normal(0.0, WITHIN_SD, within.shape)
    error_sd = {"good": 0.03, "noisy": 0.12}[kind]
    mean = base + rng.normal(0.0, error_sd, base.shape)
    return mean, mean[bucket] + within + rng.normal(0.0, error_sd / 2, within.shape)


def _prior(mean: Floats, cost: Floats, *, tau: float) -> PriorStats:
    """Return what training would believe of itself; a wrong prior does not know that it is."""
    return PriorStats(
        buckets=tuple(map(str, range(len(mean)))),
        n=np.full(len(mean), 100.0),
        quality_mean=mean,
        cost_mean=cost,
        quality_var=np.full(3, NOISE_SD**2),
        cost_var=np.full(3, 0.01),
        quality_tau2=np.full(3, tau**2),
        cost_tau2=np.full(3, 0.0004),
    )


def play(world: World, strategy: Strategy, *, seed: int, delay: int) -> Run:
    """Decide on every task; the outcome of the tier taken is reported ``delay`` decisions later."""
    rng, allowed = Random(seed), [0, 1, 2]
    tally = Tally([[0] * 3 for _ in world.prior.buckets])
    reward = 10.0 * world.quality - LAM * world.cost
    taken = np.empty(len(reward), dtype=np.int64)
    waiting: deque[Report] = deque()
    rows = zip(
        world.bucket.tolist(),
        world.predicted.tolist(),
        world.cost.tolist(),
        (10.0 * world.outcome).tolist(),
        strict=True,
    )
    for step, (bucket, predicted, cost, outcome) in enumerate(rows):
        prediction = Prediction(predicted, cost, cost, bucket)
        tier = strategy.choose(prediction, lam=LAM, allowed=allowed, tally=tally, rng=rng).tier
        strategy.observe(prediction)
        tally.decided(bucket, tier)
        taken[step] = tier
        waiting.append(
            Report(bucket, tier, predicted[tier], cost[tier], LAM, outcome[tier], cost[tier])
        )
        if len(waiting) > delay:
            report = waiting.popleft()
            tally.settled(report.bucket, report.tier)
            strategy.update(report)
    steps = np.arange(len(reward))
    regret = (reward.max(axis=1) - reward[steps, taken])[world.counted_from :].sum() / 10.0
    return Run(float(regret), float(world.cost[steps, taken].mean()))


def ratio_interval(ours: Floats, theirs: Floats, *, n_draws: int = 2_000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of mean(ours) / mean(theirs) over paired replicates."""
    rows = np.random.default_rng(0).integers(0, len(ours), (n_draws, len(ours)))
    low, high = np.quantile(ours[rows].mean(axis=1) / theirs[rows].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def replicate(
    kind: str, seed: int, names: Sequence[str], n_steps: int, n_buckets: int, delay: int
) -> list[Run]:
    """Play every strategy in one world."""
    world = make_world(kind, seed, n_steps=n_steps, n_buckets=n_buckets)
    return [play(world, start(name, world.prior), seed=seed, delay=delay) for name in names]


def cell(kind: str, n_buckets: int, delay: int, arguments: argparse.Namespace) -> list[Row]:
    """Play all strategies in one kind of world and return a row for each."""
    names = list(dict.fromkeys(["seed", *arguments.strategies]))
    work = Parallel(n_jobs=arguments.jobs, batch_size=4)
    runs = work(
        delayed(replicate)(kind, seed, names, arguments.steps, n_buckets, delay)
        for seed in range(arguments.first, arguments.first + arguments.replicates)
    )
    regrets = np.array([[run.regret for run in each] for each in runs])
    costs = np.array([[run.cost for run in each] for each in runs]).mean(axis=0)
    rows = []
    for place, name in enumerate(names):
        regret = regrets[:, place]
        low, high = ratio_interval(regret, regrets[:, 0])
        rows.append(
            Row(
                world=kind,
                buckets=n_buckets,
                delay=delay,
                strategy=name,
                regret=float(regret.mean()),
                half_width=float(1.96 * regret.std(ddof=1) / len(regret) ** 0.5),
                ratio=float(regret.mean() / regrets[:, 0].mean()),
                low=low,
                high=high,
                cost=float(costs[place]),
            )
        )
    return rows


def main() -> None:
    """Print the grid."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="first replicate")
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--buckets", type=int, nargs="+", default=[6, 30, 1])
    parser.add_argument("--delay", type=int, nargs="+", default=[0, 100])
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=WORLDS)
    parser.add_argument("--strategies", nargs="+", default=["residual"], choices=STRATEGIES)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    if not arguments.json:
        print(
            f"{arguments.replicates} replicates from {arguments.first}, {arguments.steps} steps; "
            "delay in decisions; drift counts the second half only"
        )
        heading = f"{'strategy':24s} {'regret':>12s}   ratio to seed          cost"
        print(f"{'world':12s} buckets delay {heading}")
    for n_buckets in arguments.buckets:
        for delay in arguments.delay:
            for kind in arguments.worlds:
                found = cell(kind, n_buckets, delay, arguments)
                rows += found
                for row in found if not arguments.json else ():
                    print(
                        f"{kind:12s} {n_buckets:7d} {delay:5d} {row.strategy:24s} "
                        f"{row.regret:6.1f} ± {row.half_width:4.1f}   "
                        f"{row.ratio:4.3f} [{row.low:.3f}, {row.high:.3f}]   {row.cost:.3f}",
                        flush=True,
                    )
    if arguments.json:
        print(msgspec.json.encode(rows).decode())


if __name__ == "__main__":
    main()
