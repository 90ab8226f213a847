"""Budgets held on real outcomes: quality, and cost over budget in every single run.

    python benchmarks/budget.py [--orders 20] [--strategies residual thompson seed greedy] [--json]

Per budget: mean quality with a 95 % bootstrap interval over orders, mean cost over budget and its
range over the orders; once where the number of requests is declared and once where it is not
("open end": the stream ends without notice). Controls: every fixed tier; and the best that one
fixed price could have done with the prior's predictions, found in hindsight (no learner can know
it).
"""

import argparse
import os
from itertools import product

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
from _streams import BUDGETS, FIRST_ORDER, at_budget, half_stream, interval, realised
from joblib import Parallel, delayed
from rich.console import Console
from rich.table import Table

from tracetier.evaluate.stream import Stream, play

AIMS = dict(zip(BUDGETS, (0.898, 0.923, 0.925), strict=True))


def run(
    stream: Stream, name: str, budget: float, order: int, *, is_open: bool
) -> tuple[float, float]:
    """Mean quality, and cost over budget, of one order."""
    held = at_budget(stream, budget, requests=None if is_open else len(stream.predictions))
    quality, cost_usd = realised(held, play(held, name, seed=0, order=order))
    return float(quality.mean()), float(cost_usd.mean() / budget)


def hindsight(stream: Stream, budget: float) -> tuple[float, float]:
    """Mean quality and cost over budget of the best fixed price, by the prior's predictions."""
    quality = np.array([p.quality for p in stream.predictions])
    cost = np.array([p.cost for p in stream.predictions])
    usd, rows = stream.cost_usd, np.arange(len(quality))
    assert usd is not None
    best = (0.0, 0.0)
    for price in np.geomspace(1e-3, 1e3, 1_500):
        tier = (10.0 * quality - price * cost).argmax(axis=1)
        spent = usd[rows, tier].mean() / budget
        found = (float(stream.quality[rows, tier].mean()), float(spent))
        if spent <= 1.0 and found[0] > best[0]:
            best = found
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--strategies", nargs="+", default=["residual", "thompson", "greedy"])
    parser.add_argument("--tuning", action="store_true", help="exchange the halves")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    stream = half_stream(is_tuning=args.tuning)
    orders = range(FIRST_ORDER, FIRST_ORDER + args.orders)
    work = Parallel(n_jobs=args.jobs)
    found = {}
    for budget in BUDGETS:
        for name, is_open in product(args.strategies, (False, True)):
            runs = np.array(
                work(delayed(run)(stream, name, budget, order, is_open=is_open) for order in orders)
            )
            low, high = interval(runs[:, 0])
            found[f"{name}{', open end,' if is_open else ''} at {budget:.3g} USD"] = {
                "quality": float(runs[:, 0].mean()),
                "quality_low": low,
                "quality_high": high,
                "aim": AIMS[budget],
                "cost_over_budget": float(runs[:, 1].mean()),
                "least": float(runs[:, 1].min()),
                "most": float(runs[:, 1].max()),
            }
        quality, spent = hindsight(stream, budget)
        found[f"hindsight at {budget:.3g} USD"] = {"quality": quality, "cost_over_budget": spent}
    assert stream.cost_usd is not None
    for tier, quality, cost in zip(
        stream.tiers, stream.quality.mean(axis=0), stream.cost_usd.mean(axis=0), strict=True
    ):
        found[f"always {tier} ({cost:.3g} USD)"] = {"quality": float(quality)}
    show(found, args.orders, as_json=args.json)


def show(found: dict[str, dict[str, float]], orders: int, *, as_json: bool) -> None:
    """Print the table."""
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    title = f"pareto3, prior from one half, streamed over the other, {orders} orders"
    table = Table(title=title, title_justify="left")
    for column in ("policy", "quality", "95 %", "aim", "cost / budget", "least", "most"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for name, row in found.items():
        bounds = f"{row['quality_low']:.4f}-{row['quality_high']:.4f}" if "aim" in row else ""
        keys = ("cost_over_budget", "least", "most")
        cells = [f"{row[key]:.3f}" if key in row else "" for key in keys]
        aim = f"{row['aim']:.3f}" if "aim" in row else ""
        table.add_row(name, f"{row['quality']:.4f}", bounds, aim, *cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
