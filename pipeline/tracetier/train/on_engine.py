"""The models of a training run on an engine: one item per fold, and one for the final model.

The training data is written once to a folder that all workers see, as plain arrays that they map
into memory, so that a table of gigabytes is sent to nobody. What comes back is what a run in this
process computes, to the bit.
"""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracetier.engine.engine import engine_named
from tracetier.train.design import Design
from tracetier.train.fit import HEADS, FittedHeads, TrainingData, fit_heads
from tracetier.train.out_of_fold import predict_fold

Matrix = NDArray[np.float64]

ALL_ROWS = -1
"""The item that is the final model."""

_ARRAYS = ("x", "indices", "indptr", "targets", "quality", "folds", "alphas", "types")


class _Item(NamedTuple):
    """One model: the fold that it must not see, or `ALL_ROWS`."""

    folder: str
    fold: int
    seed: int


def fit_on_engine(
    data: TrainingData,
    folds: NDArray[np.int64],
    *,
    alphas: NDArray[np.float64],
    seed: int,
    engine: str,
    jobs: int = 1,
    scratch: Path | None = None,
    advance: Callable[[], None] = lambda: None,
) -> tuple[Matrix, FittedHeads]:
    """Predict every row out of fold, and fit the heads on all rows.

    Parameters
    ----------
    data : TrainingData
        n rows, T targets.
    folds : (n,) array of int
    alphas : (T,) array
        Ridge penalty of each target.
    seed : int
    engine : str
        As `engine_named` takes it.
    jobs : int
        Processes of a local engine.
    scratch : Path, optional
        A folder that the workers see under the same path; by default that of temporary files.
    advance : callable
        Called once for each model.

    Returns
    -------
    tuple of (H, n, T) array and FittedHeads

    Raises
    ------
    SettingsError
        If the engine is unknown, cannot be reached, or a library of it is missing.
    WorkError
        If workers die again and again.
    """
    order = [*range(int(folds.max()) + 1), ALL_ROWS]
    predicted = np.empty((len(HEADS), *data.targets.shape))
    final: FittedHeads | None = None
    workers = engine_named(engine, jobs=jobs)
    with tempfile.TemporaryDirectory(prefix=".tracetier-train-", dir=scratch) as folder:
        write_data(Path(folder), data, folds, alphas)
        items = [_Item(folder, fold, seed) for fold in order]
        try:
            for fold, found in zip(order, workers.stream(_fit_item, items), strict=True):
                if isinstance(found, FittedHeads):
                    final = found
                else:
                    predicted[:, folds == fold] = found
                advance()
        finally:
            workers.close()
    assert final is not None  # the last item
    return predicted, final


def write_data(
    folder: Path, data: TrainingData, folds: NDArray[np.int64], alphas: NDArray[np.float64]
) -> None:
    """Write what the workers read."""
    names = sorted({name for name in data.task_types if name is not None})
    place = {name: i for i, name in enumerate(names)}
    types = [-1 if name is None else place[name] for name in data.task_types]
    words = data.design.words
    arrays = (
        *(data.design.x, words.indices, words.indptr, data.targets, data.quality),
        *(folds, alphas, np.array(types, dtype=np.int64)),
    )
    for name, array in zip(_ARRAYS, arrays, strict=True):
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    told = {"types": names, "columns": data.columns, "n_words": words.shape[1]}
    (folder / "names.json").write_text(json.dumps(told))


def read_data(
    folder: Path,
) -> tuple[TrainingData, NDArray[np.int64], NDArray[np.float64]]:
    """Return data, folds and penalties as `write_data` wrote them; the bulk stays on disk."""
    told = json.loads((folder / "names.json").read_text())
    x, indices, indptr, targets, quality, folds, alphas, types = (
        np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS
    )
    names = [*told["types"], None]  # -1 is the last
    shape = (len(x), told["n_words"])
    data = TrainingData(
        task_types=[names[place] for place in types.tolist()],
        design=Design(x, csr_array((np.ones(len(indices)), indices, indptr), shape=shape)),
        targets=targets,
        quality=quality,
        columns=tuple(told["columns"]),
    )
    return data, folds, np.array(alphas)


def _fit_item(item: _Item) -> Iterator[Matrix | FittedHeads]:
    data, folds, alphas = read_data(Path(item.folder))
    if item.fold == ALL_ROWS:
        yield fit_heads(data, alphas=alphas, seed=item.seed)
    else:
        yield predict_fold(data, folds, item.fold, alphas=alphas, seed=item.seed)
