"""What the trained model is worth on real outcomes of real tiers, by nested cross-validation.

    python benchmarks/learning.py [--seeds 3] [--only bfcl|pareto|gsm8k|halves] [--json]

Every figure is told on tasks that neither the model nor its lambda had seen: outer folds by task
group, the whole training (with its own inner folds) inside each. ``±`` is the standard deviation
over seeds (for halves: the 95 % interval over halvings, each both ways). Heads and blends were
chosen on the folds of seeds 100 to 105; two weights of them were looked at anew, on those folds,
after seeds 0 to 2 had been told, so these are not wholly fresh.
"""

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
from _halves import half_figures
from _outcomes import load_rows, without_types
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import sweep
from tracetier.measures.hull import Hull, fixed_tier_hull, quality_at, upper_hull
from tracetier.measures.metrics import cost_save
from tracetier.measures.operating_point import Calibration
from tracetier.measures.spending import point_within
from tracetier.measures.two_tier import apgr, cpt, threshold_curve
from tracetier.train.blend import decision_value
from tracetier.train.model import TrainedModel, fit_model
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
Figures = dict[str, float]

N_FOLDS = 5
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 8: 2.36, 10: 2.26}
"""Student's t for the mean of so many seeds."""
BUDGETS_USD = (3.0e-4, 6.62e-4, 1.87e-3)
GSM8K_TRAIN = 600
SUITES = ("bfcl", "pareto", "gsm8k", "halves")


def predictions(model: TrainedModel, rows: TaskRows) -> tuple[Matrix, Matrix]:
    """Predict quality and reward cost of tasks by the serving path, each (n, K)."""
    predictor = model.predictor()
    found = [predictor.predict(task) for task in rows.tasks]
    return np.array([p.quality for p in found]), np.array([p.cost for p in found])


def fold_result(rows: TaskRows, held_out: NDArray[np.bool_], seed: int) -> dict[str, Matrix]:
    """Train on the rest, predict the held-out tasks, and apply budgets solved on the rest."""
    train = rows.take(np.flatnonzero(~held_out))
    test = rows.take(np.flatnonzero(held_out))
    model = fit_model(train, seed=seed, n_jobs=1)
    quality_hat, cost_hat = predictions(model, test)
    calibration = Calibration.fit(
        model.held_out.quality, model.held_out.cost, train.quality, train.cost_usd
    )
    found = {"quality_hat": quality_hat, "cost_hat": cost_hat}
    for budget in BUDGETS_USD:
        if calibration.hull.cost[0] <= budget:
            point = point_within(
                calibration,
                model.held_out.quality,
                model.held_out.cost,
                train.quality,
                train.cost_usd,
                model.folds,
                budget,
            )
            found[f"p at {budget:g}"] = point.probabilities(quality_hat, cost_hat)
    return found


def cross_validate(
    rows: TaskRows, seed: int, n_jobs: int, n_folds: int = N_FOLDS
) -> dict[str, Matrix]:
    """Held-out predictions and budgeted choices of every task."""
    folds = grouped_folds(rows.groups, n_folds, seed)
    parts = Parallel(n_jobs=n_jobs)(
        delayed(fold_result)(rows, folds == fold, seed) for fold in range(n_folds)
    )
    joined = {name: np.empty((len(folds), values.shape[1])) for name, values in parts[0].items()}
    for fold, part in enumerate(parts):
        for name, values in part.items():
            joined[name][folds == fold] = values
    return joined


def router_hull(found: dict[str, Matrix], rows: TaskRows) -> Hull:
    """Hull of the router's sweep and the fixed tiers."""
    frontier = sweep(found["quality_hat"], found["cost_hat"], rows.quality, rows.cost_usd)
    return upper_hull(
        np.concatenate([frontier.cost_usd, rows.cost_usd.mean(axis=0)]),
        np.concatenate([frontier.quality, rows.quality.mean(axis=0)]),
    )


def saving_figures(rows: TaskRows, seed: int, n_jobs: int) -> Figures:
    """Measure savings at 99 % and 100 % of the dearest tier's quality, and gap closed."""
    found = cross_validate(rows, seed, n_jobs)
    hull = router_hull(found, rows)
    dear = int(rows.cost_usd.mean(axis=0).argmax())
    reference = {
        "reference_quality": float(rows.quality[:, dear].mean()),
        "reference_cost": float(rows.cost_usd[:, dear].mean()),
    }
    return {
        "saving at 99 %": cost_save(hull, fraction=0.99, **reference),
        "saving at 100 %": cost_save(hull, fraction=1.0, **reference),
        "gap closed": decision_value(
            found["quality_hat"], found["cost_hat"], rows.quality, rows.cost_usd
        ),
    }


def budget_figures(rows: TaskRows, seed: int, n_jobs: int) -> Figures:
    """Held-out quality and cost at each budget, trained and set on half, told on the other."""
    found = cross_validate(rows, seed, n_jobs, n_folds=2)
    hull, fixed = router_hull(found, rows), fixed_tier_hull(rows.quality, rows.cost_usd)
    figures: Figures = {}
    for budget in BUDGETS_USD:
        p = found[f"p at {budget:g}"]
        quality = float((p * rows.quality).sum(axis=1).mean())
        cost = float((p * rows.cost_usd).sum(axis=1).mean())
        figures[f"frontier at ${budget:g}"] = float(quality_at(hull, budget))
        figures[f"calibrated for ${budget:g}: quality"] = quality
        figures[f"calibrated for ${budget:g}: cost / budget"] = cost / budget
        figures[f"calibrated for ${budget:g}: above fixed hull"] = quality - float(
            quality_at(fixed, cost)
        )
    figures["gap closed"] = decision_value(
        found["quality_hat"], found["cost_hat"], rows.quality, rows.cost_usd
    )
    return figures


def gsm8k_figures(rows: TaskRows, seed: int, n_jobs: int) -> Figures:
    """APGR and CPT(50), trained on 600 tasks and told on the rest."""
    order = np.random.default_rng(seed).permutation(len(rows.tasks))
    train, test = rows.take(order[:GSM8K_TRAIN]), rows.take(order[GSM8K_TRAIN:])
    quality_hat, _ = predictions(fit_model(train, seed=seed, n_jobs=n_jobs), test)
    score = quality_hat[:, 1] - quality_hat[:, 0]
    curve = threshold_curve(score, test.quality[:, 0], test.quality[:, 1])
    weak, strong = test.quality.mean(axis=0)
    return {"APGR": apgr(curve, weak, strong), "CPT(50)": cpt(curve, weak, strong, p=0.5)}


def halves_figures(rows: TaskRows, seed: int, n_jobs: int) -> Figures:
    """Gap closed of the router, each head alone and the controls, both ways of one halving."""
    halves = grouped_folds(rows.groups, 2, seed)
    ways = Parallel(n_jobs=n_jobs)(
        delayed(half_figures)(rows, halves == half, seed) for half in (0, 1)
    )
    figures: Figures = {}
    for place, what in enumerate(("gap closed", "set beforehand")):
        for name in ways[0]:
            figures[f"{what}: {name}"] = float(np.mean([way[name][place] for way in ways]))
    return figures


def suite(name: str) -> dict[str, tuple[Callable[[TaskRows, int, int], Figures], TaskRows]]:
    """Return the measurements of one table."""
    if name == "bfcl":
        _, rows = load_rows("bfcl_claude")
        return {
            "bfcl_claude with task type": (saving_figures, rows),
            "bfcl_claude without task type": (saving_figures, without_types(rows)),
        }
    if name == "halves":
        return {
            f"{title}, random halves": (halves_figures, rows)
            for title, rows in (
                ("pareto3", load_rows("pareto3")[1]),
                ("bfcl_claude", load_rows("bfcl_claude")[1]),
                ("routellm2 GSM8K", load_rows("routellm2")[1]),
            )
        }
    if name == "pareto":
        return {"pareto3, trained on half": (budget_figures, load_rows("pareto3")[1])}
    return {"routellm2 GSM8K, 600 tasks": (gsm8k_figures, load_rows("routellm2")[1])}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=SUITES)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = {}
    for name in [args.only] if args.only else SUITES:
        for title, (measure, rows) in suite(name).items():
            runs = [measure(rows, seed, args.jobs) for seed in range(args.seeds)]
            found[title] = {key: [run[key] for run in runs] for key in runs[0]}
            if not args.json:
                show(title, found[title])
    if args.json:
        print(msgspec.json.encode(found).decode())


def show(title: str, figures: dict[str, list[float]]) -> None:
    """Print one table's figures, each with the interval of its mean over the seeds."""
    table = Table(title=title, title_justify="left")
    for column in ("figure", "mean", "± sd", "95 % interval", "seeds"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for name, values in figures.items():
        mean, spread = (
            float(np.mean(values)),
            float(np.std(values, ddof=1)) if len(values) > 1 else 0,
        )
        reach = T_95.get(len(values), 1.96) * spread / len(values) ** 0.5
        table.add_row(
            name,
            f"{mean:.4f}",
            f"{np.std(values):.4f}",
            f"[{mean - reach:.4f}, {mean + reach:.4f}]" if len(values) > 1 else "",
            str(len(values)),
        )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
