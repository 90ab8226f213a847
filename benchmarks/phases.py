"""What the world does to a router: a silent drop, a price that comes and goes, a new tier.

    python benchmarks/phases.py [--orders 20] [--json]

Three phases of a third of the tasks each; what happens, happens in the second. A drop scales the
middle tier's quality to a mean of .75. The price of the dear tier falls to 1/100 and returns. A
fourth tier joins after a third: a good one has the dear tier's outcomes at half the middle tier's
cost, a bad one the cheap tier's outcomes at one and a half times the middle tier's. Nothing tells
the router but the outcomes (of a new tier it knows the price). Means over orders with 95 %
bootstrap intervals, and the largest cost over budget of any order.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
from _streams import BUDGETS, FIRST_ORDER, at_budget, half_stream, interval, realised
from joblib import Parallel, delayed
from rich.console import Console
from rich.table import Table

from tracetier.evaluate.newcomer import as_newcomers
from tracetier.evaluate.scenario import Event
from tracetier.evaluate.stream import Stream, play
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.tiers import Tier, TierSet

Figures = dict[str, float | list[float]]


def phased(stream: Stream, name: str, order: int) -> np.ndarray:
    """Quality and cost over budget in the three phases, ``(2, 3)``."""
    quality, cost_usd = realised(stream, play(stream, name, seed=0, order=order))
    third = len(quality) // 3
    assert stream.goal is not None
    assert stream.goal.budget_usd is not None
    parts = [slice(0, third), slice(third, 2 * third), slice(2 * third, len(quality))]
    return np.array(
        [
            [quality[part].mean() for part in parts],
            [cost_usd[part].mean() / stream.goal.budget_usd for part in parts],
        ]
    )


def three_phases(
    stream: Stream, kind: str, name: str, orders: range, work: Parallel
) -> dict[str, Figures]:
    """Figures of a scenario per budget, and over all nine cells."""
    third = len(stream.predictions) // 3
    event = {
        "drop": Event(kind="drop", tier=stream.tiers[1], start=third, end=2 * third, value=0.75),
        "price": Event(kind="price", tier=stream.tiers[-1], start=third, end=2 * third, value=0.01),
        "nothing": Event(kind="price", tier=stream.tiers[0], start=0, value=1.0),
    }[kind]
    found: dict[str, Figures] = {}
    cells, recovery = [], []
    for budget in BUDGETS:
        held = at_budget(stream, budget, event)
        runs = np.array(work(delayed(phased)(held, name, order) for order in orders))
        quality, cost = runs[:, 0], runs[:, 1]
        ratio = quality[:, 2] / quality[:, 0]
        cells.append(quality.mean(axis=1))
        recovery.append(ratio)
        found[f"{kind}, {name}, {budget:.3g} USD"] = {
            "quality": quality.mean(axis=0).tolist(),
            "cost_over_budget": cost.mean(axis=0).tolist(),
            "most": cost.max(axis=0).tolist(),
            "recovery": float(ratio.mean()),
            "recovery_interval": list(interval(ratio)),
        }
    mean, back = np.mean(cells, axis=0), np.mean(recovery, axis=0)
    found[f"{kind}, {name}, all"] = {
        "quality": float(mean.mean()),
        "quality_interval": list(interval(mean)),
        "recovery": float(back.mean()),
        "recovery_interval": list(interval(back)),
    }
    return found


def with_fourth(stream: Stream, *, is_good: bool) -> Stream:
    """Return the stream with a tier that joins after a third of the tasks."""
    assert stream.cost_usd is not None
    source, factor, at = (2, 0.5, 1) if is_good else (0, 1.5, 2)
    quality = np.insert(stream.quality, at, stream.quality[:, source], axis=1)
    cost_usd = np.insert(stream.cost_usd, at, factor * stream.cost_usd[:, 1], axis=1)
    names = [*stream.tiers[:at], "new", *stream.tiers[at:]]
    prior = stream.prior
    widened = PriorStats(
        buckets=prior.buckets,
        n=prior.n,
        **{
            field: np.insert(getattr(prior, field), at, getattr(prior, field)[..., 1], axis=-1)
            for field in (
                "quality_mean",
                "cost_mean",
                "quality_var",
                "cost_var",
                "quality_tau2",
                "cost_tau2",
            )
        },
    )
    wide = stream._replace(
        predictions=[
            Prediction(*[[*row[:at], row[1], *row[at:]] for row in p[:3]], p.bucket)
            for p in stream.predictions
        ],
        quality=quality,
        cost_usd=cost_usd,
        cost=np.minimum(1.0, cost_usd / stream.cost_ref),
        prior=widened,
        tiers=tuple(names),
    )
    event = Event(kind="add", tier="new", start=len(stream.predictions) // 3)
    tiers = TierSet(tuple(Tier(name=name) for name in names))
    wide = at_budget(wide, BUDGETS[1], event)
    return as_newcomers(wide, tiers, cost_usd.mean(axis=0).tolist())


def uptake(stream: Stream, name: str, order: int) -> np.ndarray:
    """Shares of the new tier over decisions since it joined.

    Over 1-100, 101-200, beyond 200, and beyond its first 20 pulls; and the decision after which
    it never has less than a quarter of any 50.
    """
    played = play(stream, name, seed=0, order=order)
    at = stream.tiers.index("new")
    taken = (played.tier[stream.scenario.events[0].start :] == at).astype(float)
    burnt = int(np.searchsorted(taken.cumsum(), 20.0)) + 1
    final = taken[200:].mean()
    moving = np.convolve(taken, np.ones(50) / 50, mode="valid")
    low = np.flatnonzero(moving < 0.25)
    sustained = 0.0 if not len(low) else float(low[-1] + 1)
    return np.array(
        [taken[:100].mean(), taken[100:200].mean(), final, taken[burnt:].mean(), sustained]
    )


def newcomers(stream: Stream, name: str, orders: range, work: Parallel) -> dict[str, Figures]:
    """Figures of a good and of a bad tier that joins."""
    found: dict[str, Figures] = {}
    for is_good in (True, False):
        wide = with_fourth(stream, is_good=is_good)
        runs = np.array(work(delayed(uptake)(wide, name, order) for order in orders))
        keys = ("share_1_100", "share_101_200", "share_after_200", "share_after_burn_in")
        figures: Figures = dict(zip(keys, runs.mean(axis=0)[:4].tolist(), strict=True))
        figures["share_after_burn_in_interval"] = list(interval(runs[:, 3]))
        figures["most_after_burn_in"] = float(runs[:, 3].max())
        if is_good:
            figures["sustained_from"] = float(np.median(runs[:, 4]))
            figures["sustained_at_latest"] = float(runs[:, 4].max())
        found[f"{'good' if is_good else 'bad'} new tier, {name}"] = figures
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--strategies", nargs="+", default=["residual", "seed"])
    parser.add_argument("--tuning", action="store_true", help="exchange the halves")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    stream = half_stream(is_tuning=args.tuning)
    orders = range(FIRST_ORDER, FIRST_ORDER + args.orders)
    work = Parallel(n_jobs=args.jobs)
    found: dict[str, Figures] = {}
    for name in args.strategies:
        for kind in ("drop", "price", "nothing"):
            found |= three_phases(stream, kind, name, orders, work)
        found |= newcomers(stream, name, orders, work)
    if args.json:
        print(msgspec.json.encode(found).decode())
        return
    table = Table(title=f"pareto3, {args.orders} orders", title_justify="left", show_lines=True)
    table.add_column("scenario, strategy, budget")
    table.add_column("figures")
    for row, figures in found.items():
        table.add_row(row, "\n".join(f"{key} {told(value)}" for key, value in figures.items()))
    Console(width=110).print(table)


def told(value: float | list[float]) -> str:
    """Write a figure, or several."""
    return " ".join(f"{each:.4g}" for each in (value if isinstance(value, list) else [value]))


if __name__ == "__main__":
    main()
