"""Test-then-train on real outcomes: the default strategy beside the published rule.

    python benchmarks/replay.py [--data pareto3 bfcl_claude] [--orders 20] [--json]

Tasks stream in a random order, only the outcome of the chosen tier is revealed, predictions are
out of fold. Regret is told against the best tier of each task in hindsight. Intervals are 95 %
bootstraps over orders; a ratio below 1 with an interval that excludes 1 is a win.
"""

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
from _outcomes import shared_path
from rich.console import Console

import tracetier as tt
from tracetier.evaluate.render_replay import render_replay
from tracetier.evaluate.replay import replay


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", nargs="+", default=["pareto3", "bfcl_claude"])
    parser.add_argument("--lam", nargs="+", type=float, default=[0.3, 3.0])
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = {}
    for name in args.data:
        path = shared_path(name)
        with tempfile.TemporaryDirectory() as folder:
            table, model = Path(folder, "table"), Path(folder, "artifact")
            tt.ingest(path, table)
            tt.train(table, model)
            for lam in args.lam:
                result = replay(model, table, lam=lam, orders=args.orders, seed=0)
                found[f"{name}, lambda {lam:g}"] = result.summary()
                if not args.json:
                    Console(width=110).print(f"\n[bold]{name}[/bold]", render_replay(result))
    if args.json:
        print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()
