"""Tasks → matrices for training, by the same extractor that serves live requests."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracetier.features.extract import attr_value, extract
from tracetier.features.words import HASH_BITS
from tracetier.records import Task

Matrix = NDArray[np.float64]

_TASKS_PER_JOB = 2_000


class Design(NamedTuple):
    """Features of n tasks.

    Attributes
    ----------
    x : (n, d) array
        Numeric features and attributes, ``nan`` where unknown.
    words : (n, 2**HASH_BITS) sparse array
        1 where a hashed word occurs.
    """

    x: Matrix
    words: csr_array

    def take(self, index: NDArray[np.intp]) -> "Design":
        """Return the rows at ``index``."""
        return Design(self.x[index], self.words[index])


def numeric_attrs(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Names of the attributes that are numbers or booleans in at least one task, sorted."""
    found = {
        name
        for task in tasks
        for name, value in (task.attrs or {}).items()
        if not isinstance(value, str)
    }
    return tuple(sorted(found))


def build_design(tasks: Sequence[Task], attrs: Sequence[str], *, n_jobs: int = 1) -> Design:
    """Extract the features of all tasks.

    Parameters
    ----------
    tasks : sequence of Task, length n
    attrs : sequence of str
        Numeric attributes, appended as columns in this order.
    n_jobs : int
        Worker processes, as joblib counts them.

    Returns
    -------
    Design
    """
    chunks = [tasks[i : i + _TASKS_PER_JOB] for i in range(0, len(tasks), _TASKS_PER_JOB)]
    if n_jobs == 1 or len(chunks) < 2:
        parts = [_extract_chunk(chunk, attrs) for chunk in chunks]
    else:
        parts = Parallel(n_jobs=n_jobs)(delayed(_extract_chunk)(c, attrs) for c in chunks)
    x = np.concatenate([part[0] for part in parts])
    indices = np.concatenate([part[1] for part in parts])
    lengths = np.concatenate([part[2] for part in parts])
    indptr = np.concatenate(([0], np.cumsum(lengths)))
    if len(indices) < 2**31:  # else scipy widens the indices too, the bulk of the matrix
        indptr = indptr.astype(np.int32)
    shape = (len(tasks), 1 << HASH_BITS)
    return Design(x, csr_array((np.ones(len(indices)), indices, indptr), shape=shape))


def _extract_chunk(
    tasks: Sequence[Task], attrs: Sequence[str]
) -> tuple[Matrix, NDArray[np.int32], NDArray[np.int64]]:
    found = [extract(task) for task in tasks]
    x = np.array([one.row for one in found], dtype=np.float64)
    if attrs:
        extra = [[attr_value(task, name) for name in attrs] for task in tasks]
        x = np.concatenate([x, np.array(extra, dtype=np.float64)], axis=1)
    indices = np.concatenate([one.ids for one in found]).astype(np.int32)
    return x, indices, np.array([one.ids.size for one in found], dtype=np.int64)
