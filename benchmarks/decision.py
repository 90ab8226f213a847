"""Time of one decision in process: text and fields in, tier out, on one core.

    python benchmarks/decision.py

Each call gets another task, so nothing is cached between calls but what serving caches too; the
last rows ask in words that were never seen. With and without the accelerator (extra ``fast``), and
the same boosters, as a user of scikit-learn would hold them, take turns in the same run, so that a
busy moment of the machine hits each alike. ``least`` is the median over tasks of each task's
fastest time of several: what the code takes where nobody else wants the processor.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
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
from tracetier.heads.prior import Predictor, predict_many
from tracetier.records import Task
from tracetier.train.buckets import fit_buckets
from tracetier.train.fit import assign_all, n_tree_targets, tree_input
from tracetier.train.heads.boosting import n_trees, parameters
from tracetier.train.heads.bucket_mean import fit_bucket_means
from tracetier.train.heads.concepts import fit_concepts
from tracetier.train.model import training_data

N_WORDS = 100
N_TOGETHER = 16

Call = Callable[[int], object]
Heads = tuple[list[LGBMRegressor], np.ndarray]


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


def times_us(calls: Mapping[str, Call], n: int, n_rounds: int) -> dict[str, np.ndarray]:
    """Time of each of n calls in each round, ``(n_rounds, n)``, in microseconds; by turns."""
    found = {name: np.empty((n_rounds, n)) for name in calls}
    for number in range(n_rounds):
        for name, call in calls.items():
            for i in range(min(n, 100)):  # its code and tables come back into the cache
                call(i)
            for i in range(n):
                start = time.perf_counter_ns()
                call(i)
                found[name][number, i] = (time.perf_counter_ns() - start) / 1e3
    return found


def unseen_words(tasks: Sequence[Task]) -> list[Task]:
    """Return the same tasks in words that nobody has ever used, of the same lengths."""
    rng = np.random.default_rng(1)

    def unseen(word: str) -> str:
        return bytes(rng.integers(97, 123, len(word), np.uint8)).decode()

    return [
        msgspec.structs.replace(task, text=" ".join(map(unseen, task.text.split())))
        for task in tasks
    ]


def sklearn_heads(name: str) -> tuple[list[LGBMRegressor], np.ndarray]:
    """Fit the artifact's forests as scikit-learn estimators; return their input too."""
    _, rows = load_rows(name)
    data = training_data(rows)
    buckets = fit_buckets(data.task_types, data.design.x, data.quality, data.columns)
    bucket = assign_all(buckets, data)
    means = fit_bucket_means(bucket, data.targets, len(buckets.names))
    of_text = fit_concepts(data.design).of(data.design)
    features = tree_input(data.design.x, buckets, means, bucket, of_text)
    fitted = []
    for target in data.targets.T[: n_tree_targets(data)]:
        params = parameters("forest", len(target), 0)
        model = LGBMRegressor(n_estimators=n_trees(len(target)), **params)
        fitted.append(model.fit(features, target))
    return fitted, features


def contenders(
    routers: Mapping[str, tt.Router], tasks: Sequence[Task], heads: Heads, n_rows: int
) -> dict[str, Call]:
    """Return what is timed, by name."""
    plain = [msgspec.structs.replace(task, tools=None) for task in tasks]
    cold = unseen_words(tasks)
    calls: dict[str, Call] = {}
    for way, router in routers.items():
        predictor = router._model.base.predictor
        route, predict = router.route, predictor.predict
        calls[f"{way}: text, task type, two tools → decision"] = partial(_of, route, tasks)
        calls[f"{way}: text, task type → decision"] = partial(_of, route, plain)
        calls[f"{way}: unseen words → decision"] = partial(_of, route, cold)
        calls[f"{way}: of it, predictions"] = partial(_of, predict, tasks)
        calls[together(way)] = partial(_of_several, predictor, tasks)
    calls["plain: of it, features"] = partial(_of, extract, tasks)
    fitted, features = heads
    rows = [features[i % len(features)][None] for i in range(n_rows)]
    calls[f"LGBMRegressor.predict x {len(fitted)}, same boosters, features given"] = lambda i: [
        head.predict(rows[i % n_rows]) for head in fitted
    ]
    vectorizer = HashingVectorizer(ngram_range=(1, 2))
    calls["HashingVectorizer, same text"] = lambda i: vectorizer.transform([tasks[i].text])
    return calls


def _of(call: Callable[[Task], object], tasks: Sequence[Task], i: int) -> object:
    return call(tasks[i])


def together(way: str) -> str:
    """Name of the predictions of several tasks at once, told per task."""
    return f"{way}: of it, predictions, each of {N_TOGETHER} at once"


def _of_several(predictor: Predictor, tasks: Sequence[Task], i: int) -> object:
    first = i % (len(tasks) - N_TOGETHER + 1)
    return predict_many(predictor, tasks[first : first + N_TOGETHER])


def check_alike(plain: tt.Router, fast: tt.Router, tasks: Sequence[Task]) -> float:
    """Largest difference between the two ways of predicting, relative above 1."""
    pairs = [
        (np.concatenate(a[:3]), np.concatenate(b[:3]))
        for a, b in ((plain._model.predict(task), fast._model.predict(task)) for task in tasks)
    ]
    return max(float((np.abs(a - b) / np.maximum(1.0, np.abs(a))).max()) for a, b in pairs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="pareto3")
    parser.add_argument("--calls", type=int, default=600, help="tasks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--artifact", help="in place of one trained on the data")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    path = shared_path(args.data)
    with tempfile.TemporaryDirectory() as folder:
        artifact = args.artifact
        if artifact is None:
            tt.ingest(path, Path(folder, "table"))
            artifact = Path(folder, "artifact")
            tt.train(Path(folder, "table"), artifact)
        routers = {"plain": tt.Router.load(artifact, seed=0)}
        if find_spec("numba") is not None:
            routers["fast"] = tt.Router.load(artifact, seed=0, accelerate=True)
        _, rows = load_rows(args.data)
        tasks = tasks_of(N_WORDS, rows.tasks, args.calls)
        difference = check_alike(routers["plain"], [*routers.values()][-1], tasks)
        calls = contenders(routers, tasks, sklearn_heads(args.data), len(rows.tasks))
        measured = times_us(calls, args.calls, args.rounds)
        for way in routers:
            measured[together(way)] /= N_TOGETHER
    show(measured, difference, as_json=args.json)


def show(measured: Mapping[str, np.ndarray], difference: float, *, as_json: bool) -> None:
    """Print medians, tails, and least times."""
    figures = {
        name: {
            "p50_us": float(np.median(times)),
            "p99_us": float(np.percentile(times, 99)),
            "least_us": float(np.median(times.min(axis=0))),
        }
        for name, times in measured.items()
    }
    load = os.getloadavg()[0]
    if as_json:
        found = {"times": figures, "largest_difference": difference, "load": load}
        print(msgspec.json.encode(found).decode())
        return
    title = f"One task of {N_WORDS} words at a time, one core; load of the machine {load:.1f}"
    table = Table(title=title, title_justify="left")
    for column in ("what", "p50 µs", "p99 µs", "least µs"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, of_name in figures.items():
        table.add_row(name, *(f"{value:.1f}" for value in of_name.values()))
    Console(width=100).print(table)
    for way in {name.partition(":")[0] for name in figures} & {"plain", "fast"}:
        warm, cold = (
            figures[f"{way}: {what} → decision"]["least_us"]
            for what in ("text, task type, two tools", "unseen words")
        )
        print(f"{way}: a vocabulary never seen takes {cold / warm:.2f} x (least times)")
    print(f"largest difference between plain and fast: {difference:.2g}")


if __name__ == "__main__":
    main()
