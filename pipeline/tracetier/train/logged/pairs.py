"""Comparisons of two tiers on one task: which answer was preferred, or neither.

A battle is two rows of the feature table that share a ``trace_id``: the preferred answer has
``y_quality`` 1, the other 0, both 1/2 in a tie, and ``y_quality_source`` is ``preference``. That
says nothing of how good either answer was, only of their difference, so these rows train the
gain between the two tiers and never a tier's quality.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.train.logged.propensity import estimate_propensities
from tracetier.train.logged.pseudo_outcomes import pair_differences

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Index = NDArray[np.intp]

SOURCE = "preference"
"""What ``y_quality_source`` says of a row of a battle."""
EVEN_QUALITY = 0.5
"""Level of quality where nothing but preferences is known."""


class Pairs(NamedTuple):
    """m battles over the n tasks of a table.

    Attributes
    ----------
    row : (m,) array of int
        The task.
    tiers : (m, 2) array of int
        The two tiers, the smaller number first.
    gain : (m,) array
        Of the first over the second: 1 preferred, 0 a tie, -1 not preferred.
    """

    row: Index
    tiers: Index
    gain: Vector

    def take(self, index: Index) -> "Pairs":
        """Return the battles of the tasks at ``index``, numbered anew; no task twice."""
        place = np.full(max(int(self.row.max(initial=-1)), int(index.max(initial=-1))) + 1, -1)
        place[index] = np.arange(len(index))
        kept = np.flatnonzero(place[self.row] >= 0)
        return Pairs(place[self.row[kept]], self.tiers[kept], self.gain[kept])


def gather_pairs(trace_ids: Sequence[str], row: Index, tier: Index, score: Vector) -> Pairs:
    """Join the two rows of each battle.

    Parameters
    ----------
    trace_ids : sequence of str, length r
        Of the rows whose quality is a preference.
    row, tier : (r,) arrays of int
        Task and tier of each.
    score : (r,) array
        1, 0, or 1/2 each.

    Returns
    -------
    Pairs
        Without battles of two models of one tier, or of which one row is missing.

    Examples
    --------
    >>> tier, score = np.array([1, 0]), np.array([1.0, 0.0])
    >>> gather_pairs(["a", "a"], np.array([0, 0]), tier, score)
    Pairs(row=array([0]), tiers=array([[0, 1]]), gain=array([-1.]))
    """
    by_trace: dict[str, list[int]] = {}
    for place, name in enumerate(trace_ids):
        by_trace.setdefault(name, []).append(place)
    both = [
        sorted(places, key=lambda place: int(tier[place]))
        for places in by_trace.values()
        if len(places) == 2 and tier[places[0]] != tier[places[1]]
    ]
    found = np.array(both, dtype=np.intp).reshape(-1, 2)
    return Pairs(
        row=row[found[:, 0]],
        tiers=np.asarray(tier[found], dtype=np.intp),
        gain=np.asarray(score[found[:, 0]] - score[found[:, 1]]),
    )


def fill_residuals(residual: Matrix, pairs: Pairs) -> Matrix:
    """Put each battle into the cells of its two tiers where nothing better is known.

    Of tiers that met at random, half of a battle's gain is, on average, ``K / (K - 1) / 2`` times
    the tier's difference from the mean over tiers, and the rest of it comes from the opponents.

    Parameters
    ----------
    residual : (n, K) array
        Outcomes less the task's level, ``nan`` where not seen.
    pairs : Pairs
    """
    n_tiers = residual.shape[1]
    total, count = np.zeros_like(residual), np.zeros_like(residual)
    part = pairs.gain * (n_tiers - 1) / n_tiers
    for side, sign in ((0, 1.0), (1, -1.0)):
        np.add.at(total, (pairs.row, pairs.tiers[:, side]), sign * part)
        np.add.at(count, (pairs.row, pairs.tiers[:, side]), 1.0)
    empty = np.isnan(residual) & (count > 0)
    return np.where(empty, total / np.maximum(count, 1.0), residual)


def compared(pairs: Pairs, n_rows: int, n_tiers: int) -> NDArray[np.bool_]:
    """Which tiers some battle speaks of, per task, ``(n, K)``."""
    found = np.zeros((n_rows, n_tiers), dtype=np.bool_)
    found[pairs.row, pairs.tiers[:, 0]] = True
    found[pairs.row, pairs.tiers[:, 1]] = True
    return found


def preferred_quality(
    predicted: Matrix,
    pairs: Pairs,
    x: Matrix,
    bucket: Index,
    folds: NDArray[np.int64],
    *,
    seed: int,
) -> tuple[Matrix, Matrix]:
    """Qualities whose differences are what the battles say, doubly robust.

    Parameters
    ----------
    predicted : (n, K) array
        Quality by a model that had not seen the row.
    pairs : Pairs
    x, bucket, folds
        (n, d), (n,) and (n,), for the probability that two tiers were compared.
    seed : int

    Returns
    -------
    quality : (n, K) array
        Where there is a battle, else ``nan``. The level is the prediction's.
    propensity : (n, K) array
        Probability of the battle for its two tiers, else 1.
    """
    n_rows, n_tiers = predicted.shape
    place = pairs.tiers[:, 0] * n_tiers + pairs.tiers[:, 1]
    kinds, of_pair = np.unique(place, return_inverse=True)
    p_pair = estimate_propensities(
        x[pairs.row],
        bucket[pairs.row],
        of_pair[:, None] == np.arange(len(kinds)),
        folds[pairs.row],
        seed=seed,
    )[np.arange(len(place)), of_pair]
    difference = pair_differences(predicted[pairs.row], pairs.tiers, pairs.gain, p_pair)
    total, count = np.zeros((n_rows, n_tiers)), np.zeros((n_rows, 1))
    np.add.at(total, pairs.row, difference)
    np.add.at(count, pairs.row, 1.0)
    with np.errstate(invalid="ignore"):
        quality = predicted.mean(axis=1, keepdims=True) + total / np.where(count, count, np.nan)
    propensity = np.ones((n_rows, n_tiers))
    for side in (0, 1):
        propensity[pairs.row, pairs.tiers[:, side]] = p_pair
    return quality, propensity
