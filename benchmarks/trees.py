"""Time one fresh row through a router's boosters: ours beside LightGBM's own calls.

    python benchmarks/trees.py

All columns are measured in the same run, one row at a time, interleaved so that a busy moment
of the machine hits each alike. Every contender gets the same rows and must give the same
numbers, else the script stops.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec

os.environ["OMP_NUM_THREADS"] = "1"  # before LightGBM's library is loaded

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from tracetier.heads.trees import BackendName, TreeEnsemble, merge_boosters

Floats = NDArray[np.float64]
Predict = Callable[[Floats], Floats]

BACKENDS: tuple[BackendName, ...] = ("numpy", "lightgbm")
if find_spec("numba") is not None:
    BACKENDS += ("numba",)


def main() -> None:
    """Train, check that all agree, time, print."""
    options = _options()
    rng = np.random.default_rng(0)
    rows = _rows(rng, 4000, options.features)
    models = [
        _fit(rows, _target(rng, rows, output), options.trees, options.leaves)
        for output in range(options.outputs)
    ]
    contenders = _contenders(models)
    fresh = _rows(rng, options.rows, options.features)
    _check(contenders, fresh[:20])
    print(
        f"{options.outputs} outputs x {options.trees} trees x {options.leaves} leaves, "
        f"{options.features} columns, one core; {options.rows} fresh rows, one at a time"
    )
    _print_table(_times_us(contenders, fresh))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--outputs", type=int, default=6, help="tiers x (quality, cost)")
    parser.add_argument("--trees", type=int, default=200, help="trees per output")
    parser.add_argument("--leaves", type=int, default=31, help="leaves per tree")
    parser.add_argument("--features", type=int, default=60, help="columns of a row")
    parser.add_argument("--rows", type=int, default=600, help="fresh rows to time")
    return parser.parse_args()


def _rows(rng: np.random.Generator, n: int, n_features: int) -> Floats:
    rows = rng.normal(size=(n, n_features))
    rows[rng.random(rows.shape) < 0.05] = np.nan
    return rows


def _target(rng: np.random.Generator, rows: Floats, output: int) -> Floats:
    known = np.nan_to_num(rows)
    n_features = rows.shape[1]
    first, second, third = (known[:, (output + shift) % n_features] for shift in range(3))
    target: Floats = first**2 + second * third + 0.3 * rng.normal(size=len(rows))
    return target


def _fit(rows: Floats, target: Floats, n_trees: int, n_leaves: int) -> lgb.LGBMRegressor:
    model = lgb.LGBMRegressor(
        n_estimators=n_trees, num_leaves=n_leaves, learning_rate=0.05, n_jobs=1, verbose=-1
    )
    return model.fit(rows, target)


def _contenders(models: Sequence[lgb.LGBMRegressor]) -> dict[str, Predict]:
    boosters = [model.booster_ for model in models]
    text = merge_boosters([[(1.0, booster.model_to_string())] for booster in boosters])
    merged = lgb.Booster(model_str=text)
    number = len(models)

    def each(models: Sequence[lgb.LGBMRegressor | lgb.Booster], x: Floats) -> Floats:
        return np.concatenate([model.predict(x[None, :], num_threads=1) for model in models])

    ours = {
        f"TreeEnsemble, {backend}": TreeEnsemble.from_text(text, backend=backend).predict_one
        for backend in BACKENDS
    }
    return {
        f"LGBMRegressor.predict x{number}": partial(each, models),
        f"Booster.predict x{number}": partial(each, boosters),
        "Booster.predict, merged": lambda x: merged.predict(x[None, :], num_threads=1)[0],
        **ours,
    }


def _check(contenders: dict[str, Predict], rows: Floats) -> None:
    reference, *_ = contenders.values()
    for row in rows:
        for name, predict in contenders.items():
            np.testing.assert_allclose(
                predict(row), reference(row), rtol=0, atol=1e-9, err_msg=name
            )


def _times_us(
    contenders: dict[str, Predict], rows: Floats, n_blocks: int = 10
) -> dict[str, Floats]:
    """Return each contender's times; they take turns, a block of rows each."""
    times: dict[str, list[int]] = {name: [] for name in contenders}
    for block in np.array_split(rows, n_blocks):
        for name, predict in contenders.items():
            times[name] += _block_ns(predict, block)
    return {name: np.array(block_times) / 1e3 for name, block_times in times.items()}


def _block_ns(predict: Predict, rows: Floats) -> list[int]:
    for row in rows[:10]:  # its code and trees come back into the cache
        predict(row)
    times = []
    for row in rows:
        fresh = row.copy()
        start = time.perf_counter_ns()
        predict(fresh)
        times.append(time.perf_counter_ns() - start)
    return times


def _print_table(times_us: dict[str, Floats]) -> None:
    reference = float(np.median(next(iter(times_us.values()))))
    print(f"{'':<28}{'p50, us':>10}{'p99, us':>10}{'faster by':>12}")
    for name, times in times_us.items():
        p50, p99 = np.percentile(times, [50, 99])
        print(f"{name:<28}{p50:>10.1f}{p99:>10.1f}{reference / p50:>11.1f}x")


if __name__ == "__main__":
    main()
