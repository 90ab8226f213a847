"""What the trained model is worth on real outcomes of real tiers, by nested cross-validation.

    python benchmarks/learning.py [--seeds 3] [--only bfcl|pareto|gsm8k|halves] [--json]

Every figure is told on tasks that neither the model nor its lambda had seen: outer folds by task
group, the whole training (with its own inner folds) inside each. [..] 95 % intervals: of the mean
over seeds (Student's t), each seed with folds, models, shuffles of its own; of the fixed tiers over
task groups resampled, and so, in a table of their own, of savings (``_over_tasks.py``). Savings
and the gap closed are read off the hull of a frontier and the fixed tiers, where any point between
two policies is had by drawing one of them for each task; in ``set beforehand`` and
``above equal shares`` points are set on the training tasks (``_set_beforehand.py``), and the latter
is where controls are held to 0.

Heads and blends were chosen on the folds of seeds 100 to 109. Seeds 0 to 2 had been told before:
their folds are no longer wholly fresh, nor are the tasks, which are the same for all seeds.
"""

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
from _contenders import ROUTER, Beliefs, Contender, contenders
from _learning_tables import Figures, Table, show, show_fixed
from _outcomes import load_rows, without_types
from _over_tasks import interval_ends, savings_over_tasks
from _set_beforehand import above_equal_shares, set_beforehand
from joblib import Parallel, delayed
from numpy.typing import NDArray

from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import sweep
from tracetier.measures.hull import Hull, fixed_tier_hull, quality_at, upper_hull
from tracetier.measures.metrics import cost_save
from tracetier.measures.operating_point import Calibration
from tracetier.measures.spending import point_within
from tracetier.measures.two_tier import apgr, cpt, threshold_curve
from tracetier.train.blend import decision_value
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
Measure = Callable[[TaskRows, int, int], dict[str, Table]]

N_FOLDS = 5
ALL_POINTS = 100_000
"""More policies than a table has; 100 of them would lose .01 of a saving at the flat end."""
BUDGETS_USD = (3.0e-4, 6.62e-4, 1.87e-3)
GSM8K_TRAIN = 600
SUITES = ("bfcl", "pareto", "gsm8k", "halves")


def half_and_half(rows: TaskRows, held_out: NDArray[np.bool_], seed: int) -> dict[str, Contender]:
    """Every contender, trained on the rest and asked about the held-out tasks."""
    train, told = rows.take(np.flatnonzero(~held_out)), rows.take(np.flatnonzero(held_out))
    return dict(contenders(train, told, seed))


def cross_validate(
    rows: TaskRows, folds: NDArray[np.int64], seed: int, n_jobs: int
) -> list[dict[str, Contender]]:
    """Train and ask the contenders of each fold."""
    found: list[dict[str, Contender]] = Parallel(n_jobs=n_jobs)(
        delayed(half_and_half)(rows, folds == fold, seed) for fold in range(int(folds.max()) + 1)
    )
    return found


def pooled(parts: list[Matrix], folds: NDArray[np.int64]) -> Matrix:
    """Put what each fold was told back into the order of the tasks."""
    joined = np.empty((len(folds), parts[0].shape[1]))
    for fold, part in enumerate(parts):
        joined[folds == fold] = part
    return joined


def router_hull(beliefs: Beliefs, rows: TaskRows) -> Hull:
    """Hull of a sweep over every lambda that makes a difference, and of the fixed tiers."""
    frontier = sweep(
        beliefs.quality, beliefs.cost, rows.quality, rows.cost_usd, n_points=ALL_POINTS
    )
    return upper_hull(
        np.concatenate([frontier.cost_usd, rows.cost_usd.mean(axis=0)]),
        np.concatenate([frontier.quality, rows.quality.mean(axis=0)]),
    )


def saving_tables(rows: TaskRows, seed: int, n_jobs: int) -> dict[str, Table]:
    """Measure savings at 99 % and 100 % of the dearest tier's quality, and gap closed."""
    folds = grouped_folds(rows.groups, N_FOLDS, seed)
    parts = cross_validate(rows, folds, seed, n_jobs)
    by_fold = [rows.take(np.flatnonzero(folds == fold)) for fold in range(N_FOLDS)]
    dear = int(rows.cost_usd.mean(axis=0).argmax())
    reference = {
        "reference_quality": float(rows.quality[:, dear].mean()),
        "reference_cost": float(rows.cost_usd[:, dear].mean()),
    }
    table: Table = {}
    resampled: dict[str, Matrix] = {}
    for name in parts[0]:
        told = [part[name].told for part in parts]
        beliefs = Beliefs(
            pooled([each.quality for each in told], folds),
            pooled([each.cost for each in told], folds),
        )
        hull = router_hull(beliefs, rows)
        resampled[name] = savings_over_tasks(beliefs, rows)
        table[name] = {
            "saving at 99 %": cost_save(hull, fraction=0.99, **reference),
            "saving at 100 %": cost_save(hull, fraction=1.0, **reference),
            "gap closed": decision_value(
                beliefs.quality, beliefs.cost, rows.quality, rows.cost_usd
            ),
            **_mean_of(
                [
                    set_beforehand(part[name], told)
                    for part, told in zip(parts, by_fold, strict=True)
                ]
            ),
        }
    ours = resampled[ROUTER]
    over_tasks = {name: interval_ends(ours, draws) for name, draws in resampled.items()}
    return {"": table, ", savings over resampled tasks": over_tasks}


def budget_tables(rows: TaskRows, seed: int, n_jobs: int) -> dict[str, Table]:
    """Held-out quality and cost at each budget, trained and set on half, told on the other."""
    folds = grouped_folds(rows.groups, 2, seed)
    parts = cross_validate(rows, folds, seed, n_jobs)
    fixed = fixed_tier_hull(rows.quality, rows.cost_usd)
    tables: dict[str, Table] = {}
    for budget in BUDGETS_USD:
        table = tables[f", ${budget:g} per task"] = {}
        for name in parts[0]:
            taken = pooled([within_budget(part[name], budget) for part in parts], folds)
            quality = float((taken * rows.quality).sum(axis=1).mean())
            cost = float((taken * rows.cost_usd).sum(axis=1).mean())
            table[name] = {
                "quality": quality,
                "cost / budget": cost / budget,
                "above fixed hull": quality - float(quality_at(fixed, cost)),
                "above equal shares": above_equal_shares(taken, rows.quality),
            }
    return tables


def within_budget(contender: Contender, budget_usd: float) -> Matrix:
    """Probability of each tier for the held-out tasks, set on the training tasks."""
    trained, rows = contender.trained, contender.rows
    outcomes = trained.quality, trained.cost, rows.quality, rows.cost_usd
    point = point_within(Calibration.fit(*outcomes), *outcomes, contender.folds, budget_usd)
    return point.probabilities(*contender.told)


def gsm8k_tables(rows: TaskRows, seed: int, n_jobs: int) -> dict[str, Table]:
    """APGR and CPT(50), trained on 600 tasks and told on the rest; .5 is what chance gives."""
    order = np.random.default_rng(seed).permutation(len(rows.tasks))
    held_out = np.ones(len(order), dtype=np.bool_)
    held_out[order[:GSM8K_TRAIN]] = False
    test = rows.take(np.flatnonzero(held_out))
    weak, strong = test.quality.mean(axis=0)
    table: Table = {}
    for name, contender in half_and_half(rows, held_out, seed).items():
        score = contender.told.quality[:, 1] - contender.told.quality[:, 0]
        curve = threshold_curve(score, test.quality[:, 0], test.quality[:, 1])
        table[name] = {
            "APGR": apgr(curve, weak, strong),
            "CPT(50)": cpt(curve, weak, strong, p=0.5),
        }
    return {"": table}


def halves_tables(rows: TaskRows, seed: int, n_jobs: int) -> dict[str, Table]:
    """Gap closed of every contender, the mean of both ways of one halving."""
    halves = grouped_folds(rows.groups, 2, seed)
    parts = cross_validate(rows, halves, seed, n_jobs)
    by_half = [rows.take(np.flatnonzero(halves == half)) for half in (0, 1)]
    return {
        "": {
            name: _mean_of(
                [_half_figures(part[name], told) for part, told in zip(parts, by_half, strict=True)]
            )
            for name in parts[0]
        }
    }


def _half_figures(contender: Contender, told: TaskRows) -> Figures:
    quality, cost = contender.told
    value = decision_value(quality, cost, told.quality, told.cost_usd)
    return {"gap closed": value, **set_beforehand(contender, told)}


def _mean_of(parts: list[Figures]) -> Figures:
    return {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}


def suite(name: str) -> dict[str, tuple[Measure, TaskRows]]:
    """Return the measurements of one table."""
    if name == "bfcl":
        _, rows = load_rows("bfcl_claude")
        return {
            "bfcl_claude with task type": (saving_tables, rows),
            "bfcl_claude without task type": (saving_tables, without_types(rows)),
        }
    if name == "halves":
        return {
            f"{title}, random halves": (halves_tables, load_rows(table)[1])
            for title, table in (
                ("pareto3", "pareto3"),
                ("bfcl_claude", "bfcl_claude"),
                ("routellm2 GSM8K", "routellm2"),
            )
        }
    if name == "pareto":
        return {"pareto3, trained on half": (budget_tables, load_rows("pareto3")[1])}
    return {"routellm2 GSM8K, 600 tasks": (gsm8k_tables, load_rows("routellm2")[1])}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=SUITES)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for name in [args.only] if args.only else SUITES:
        for title, (measure, rows) in suite(name).items():
            if not args.json:
                show_fixed(title, rows)
            runs = [measure(rows, seed, args.jobs) for seed in range(args.seeds)]
            for part, table in runs[0].items():
                found[title + part] = {
                    contender: {key: [run[part][contender][key] for run in runs] for key in figures}
                    for contender, figures in table.items()
                }
                if not args.json:
                    show(title + part, found[title + part])
    if args.json:
        print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()
