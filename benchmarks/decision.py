"""Time of one decision in process: text and fields in, tier out, on one core.

    python benchmarks/decision.py

Each call gets another task, so nothing is cached between calls but what serving caches too. The
same boosters, as a user of scikit-learn would hold them, are timed in the same run.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import msgspec
import numpy as np
from _outcomes import load_rows, shared_path
from lightgbm import LGBMRegressor
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import HashingVectorizer

import tracetier as tt
from tracetier.features.extract import extract
from tracetier.records import Task
from tracetier.train.buckets import fit_buckets
from tracetier.train.fit import assign_all, tree_input
from tracetier.train.heads.boosting import Kind, n_trees, parameters
from tracetier.train.heads.bucket_mean import fit_bucket_means
from tracetier.train.heads.concepts import fit_concepts
from tracetier.train.model import training_data

N_WORDS = 100


def tasks_of(n_words: int, rows_tasks: Sequence[Task], n: int) -> list[Task]:
    """Real prompts, joined or cut to a number of words, with two tools offered."""
    words = " ".join(task.text for task in rows_tasks).split()
    tasks = []
    for i in range(n):
        start = (i * n_words) % (len(words) - n_words)
        tasks.append(
            msgspec.structs.replace(
                rows_tasks[i % len(rows_tasks)],
                text=" ".join(words[start : start + n_words]),
                tools=["bash", "edit_file"],
            )
        )
    return tasks


def times_us(call: Callable[[int], object], n: int) -> np.ndarray:
    """Time of each of n calls, in microseconds."""
    for i in range(min(n, 200)):
        call(i)
    found = np.empty(n)
    for i in range(n):
        start = time.perf_counter_ns()
        call(i)
        found[i] = (time.perf_counter_ns() - start) / 1e3
    return found


def sklearn_heads(name: str) -> tuple[list[LGBMRegressor], np.ndarray]:
    """Fit the artifact's randomised trees as scikit-learn estimators; return their input too."""
    _, rows = load_rows(name)
    data = training_data(rows)
    buckets = fit_buckets(data.task_types, data.design.x, data.quality, data.columns)
    bucket = assign_all(buckets, data)
    means = fit_bucket_means(bucket, data.targets, len(buckets.names))
    of_text = fit_concepts(data.design).of(data.design)
    features = tree_input(data.design.x, buckets, means, bucket, of_text)
    fitted = []
    kinds: tuple[tuple[Kind, int], ...] = (("extra", len(rows.models)), ("forest", len(means[0])))
    for kind, n_targets in kinds:
        for target in data.targets.T[:n_targets]:
            params = parameters(kind, len(target), 0)
            model = LGBMRegressor(n_estimators=n_trees(len(target)), **params)
            fitted.append(model.fit(features, target))
    return fitted, features


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="pareto3")
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    path = shared_path(args.data)
    with tempfile.TemporaryDirectory() as folder:
        tt.ingest(path, Path(folder, "table"))
        artifact = tt.train(Path(folder, "table"), Path(folder, "artifact"))
        router = tt.Router.load(Path(folder, "artifact"), seed=0)
        _, rows = load_rows(args.data)
        tasks = tasks_of(N_WORDS, rows.tasks, args.calls)
        plain = [msgspec.structs.replace(task, tools=None) for task in tasks]
        heads, features = sklearn_heads(args.data)
        vectorizer = HashingVectorizer(ngram_range=(1, 2))
        one_by_one = [artifact.predictor.predict(task) for task in tasks[:500]]
        again = [artifact.predictor.predict(task) for task in reversed(tasks[:500])][::-1]
        assert one_by_one == again, "a prediction depends on what was asked before"
        measured = {
            "route: text, task type, two tools → decision": times_us(
                lambda i: router.route(tasks[i]), args.calls
            ),
            "route: text, task type → decision": times_us(
                lambda i: router.route(plain[i]), args.calls
            ),
            "  of it: features": times_us(lambda i: extract(tasks[i]), args.calls),
            "  of it: features and all heads": times_us(
                lambda i: artifact.predictor.predict(tasks[i]), args.calls
            ),
            f"LGBMRegressor.predict x {len(heads)}, same boosters, features given": times_us(
                lambda i: [h.predict(features[i % len(features)][None]) for h in heads],
                min(args.calls, 300),
            ),
            "HashingVectorizer, same text": times_us(
                lambda i: vectorizer.transform([tasks[i].text]), min(args.calls, 1000)
            ),
        }
    show(measured, as_json=args.json)


def show(measured: dict[str, np.ndarray], *, as_json: bool) -> None:
    """Print medians, tails, and the ratio to the decision itself."""
    base = float(np.median(next(iter(measured.values()))))
    if as_json:
        figures = {
            name: {"p50_us": float(np.median(values)), "p99_us": float(np.percentile(values, 99))}
            for name, values in measured.items()
        }
        print(msgspec.json.encode(figures).decode())
        return
    table = Table(title=f"One task of {N_WORDS} words at a time, one core", title_justify="left")
    for column in ("what", "p50 µs", "p99 µs", "x decision"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, values in measured.items():
        p50, p99 = np.percentile(values, (50, 99))
        table.add_row(name, f"{p50:.1f}", f"{p99:.1f}", f"{p50 / base:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
