"""Nearest neighbours as a control: what the most similar other tasks gave, no model at all."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracetier.evaluate.controls import Predictions
from tracetier.records import Task
from tracetier.train.design import build_design, numeric_attrs

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]

N_NEIGHBOURS = 30
MAX_POOL = 10_000
"""Tasks among which neighbours are looked for; a control need not cost more than the model."""

_N_WORD_DIRECTIONS = 64
_BLOCK = 500


def task_features(tasks: Sequence[Task], bucket: Labels) -> Matrix:
    """Place each task among the others by its numbers, its words and its bucket.

    Numbers are standardised, unknown ones at their mean; words are weighted by their inverse
    document frequency, scaled to length 1 and cast onto 64 random directions. The three
    families weigh the same.

    Parameters
    ----------
    tasks : sequence of Task, length n
    bucket : (n,) array of int

    Returns
    -------
    (n, d) array
    """
    design = build_design(tasks, numeric_attrs(tasks))
    families = (
        _standardised(design.x),
        _words(design.words),
        np.eye(int(bucket.max()) + 1)[bucket],
    )
    return np.hstack([_equal_weight(family) for family in families])


def neighbour_predictions(
    outcomes: Predictions, features: Matrix, folds: Labels, *, k: int = N_NEIGHBOURS, seed: int = 0
) -> Predictions:
    """Mean outcome of the nearest tasks of the other folds.

    Parameters
    ----------
    outcomes : Predictions
        Outcomes of every tier: quality in [0, 1], cost in reward units.
    features : (n, d) array
    folds : (n,) array of int
        At least two different ones.
    k : int
        Neighbours, or fewer where the other folds hold fewer tasks.
    seed : int
        Of the sample of ``MAX_POOL`` tasks, where there are more.

    Examples
    --------
    >>> seen = Predictions(np.array([[0.0], [0.2], [1.0]]), np.zeros((3, 1)))
    >>> near = np.array([[0.0], [0.1], [5.0]])
    >>> neighbour_predictions(seen, near, np.array([0, 1, 1]), k=1).quality.ravel().tolist()
    [0.2, 0.0, 0.0]
    """
    joined = np.hstack(outcomes)
    found = np.empty_like(joined)
    rng = np.random.default_rng(seed)
    for fold in np.unique(folds):
        pool = np.flatnonzero(folds != fold)
        if len(pool) == 0:
            raise ValueError("neighbours out of fold need at least two folds")
        if len(pool) > MAX_POOL:
            pool = rng.choice(pool, MAX_POOL, replace=False)
        asked = np.flatnonzero(folds == fold)
        for start in range(0, len(asked), _BLOCK):
            block = asked[start : start + _BLOCK]
            near = _nearest(features[block], features[pool], min(k, len(pool)))
            found[block] = joined[pool[near]].mean(axis=1)
    n_tiers = outcomes.quality.shape[1]
    return Predictions(found[:, :n_tiers], found[:, n_tiers:])


def _nearest(asked: Matrix, pool: Matrix, k: int) -> NDArray[np.intp]:
    """Places of the k nearest of the pool, in no order; the asked one's own length is left out."""
    distance = (pool**2).sum(axis=1) - 2.0 * asked @ pool.T
    return np.argpartition(distance, k - 1, axis=1)[:, :k]


def _standardised(x: Matrix) -> Matrix:
    known = ~np.isnan(x)
    n_known = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0.0).sum(axis=0) / n_known
    centred = np.where(known, x - mean, 0.0)
    spread = np.sqrt((centred**2).sum(axis=0) / n_known)
    return np.asarray(centred[:, spread > 0] / spread[spread > 0])


def _words(words: csr_array) -> Matrix:
    """Words that occur in two tasks or more, cast onto a few directions."""
    frequency = np.bincount(words.indices, minlength=words.shape[1])
    used = np.flatnonzero(frequency > 1)
    if used.size == 0:
        return np.zeros((words.shape[0], 0))
    idf = np.log(words.shape[0] / frequency[used])
    directions = np.random.default_rng(0).standard_normal((len(used), _N_WORD_DIRECTIONS))
    cast = np.asarray(words[:, used] @ (idf[:, None] * directions))
    length = np.sqrt(np.asarray(words[:, used] @ idf**2))
    return np.asarray(cast / np.where(length > 0, length, 1.0)[:, None])


def _equal_weight(family: Matrix) -> Matrix:
    """Scale so that the mean squared length is 1."""
    length = float((family**2).sum(axis=1).mean()) if family.size else 0.0
    return np.asarray(family / np.sqrt(length)) if length > 0 else family
