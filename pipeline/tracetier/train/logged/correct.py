"""Rows of which only some tiers were seen → what every tier is to be learned from.

Rows on which every tier ran stay as they are. Of the others each tier gets its doubly robust
pseudo-outcome, so that no tier's quality is learned from the tasks that the log chose for it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.train.fit import TrainingData
from tracetier.train.logged.blend import trust_in_heads
from tracetier.train.logged.cross_fit import (
    cross_fitted_outcomes,
    type_places,
    weighted_tier_means,
)
from tracetier.train.logged.pairs import Pairs, compared, preferred_quality
from tracetier.train.logged.propensity import MIN_PROPENSITY, estimate_propensities
from tracetier.train.logged.pseudo_outcomes import correction_share, pseudo_outcomes
from tracetier.train.logged.targeting import drawn_to_means, target_kinds
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]

_LEAST_TRUST = 0.5
"""In the model's finer view beside the tiers' means: where a model in use is plainly wrong, a few
hundred reports have to show it."""


class Propensities(NamedTuple):
    """How likely each tier was to be seen.

    Attributes
    ----------
    values : (n, K) array
        In (0, 1]; 1 where every tier ran.
    n_logged : int
        Rows on which not every tier was seen.
    n_estimated : int
        Of these, rows on which a propensity had to be estimated: what is learned from them is
        observational.
    """

    values: Matrix
    n_logged: int
    n_estimated: int


class Corrected(NamedTuple):
    """What is learned in place of the outcomes.

    Attributes
    ----------
    quality : (n, K) array
        Pseudo-outcomes about the targeted predictions (see `targeting`), corrected by ``share``;
        the outcomes themselves where every tier ran.
    predicted : (n, K) array
        What the cross-fitted model says of each row.
    propensities : Propensities
    seen : (n, K) array of bool
        Of which tiers a row speaks, by an outcome or by a battle.
    share : float
        Of the correction that is learned from, see `correction_share`.
    """

    quality: Matrix
    predicted: Matrix
    propensities: Propensities
    seen: NDArray[np.bool_]
    share: float


def find_propensities(
    data: TrainingData, seen: NDArray[np.bool_], p_log: Matrix, folds: NDArray[np.int64], seed: int
) -> Propensities:
    """Take the logged propensities where they are known, estimate them elsewhere.

    Parameters
    ----------
    data : TrainingData
        n rows.
    seen : (n, K) array of bool
        Where a tier's quality is known.
    p_log : (n, K) array
        Logged propensity of what was taken, ``nan`` where unknown.
    folds : (n,) array of int
    seed : int
    """
    found = np.ones(seen.shape)
    logged = np.asarray(~seen.all(axis=1))
    unknown = logged & (seen & np.isnan(p_log)).any(axis=1)  # rows of battles only are not
    if unknown.any():
        rows = np.flatnonzero(logged & seen.any(axis=1))
        found[rows] = estimate_propensities(
            data.design.x[rows], type_places(data)[rows], seen[rows], folds[rows], seed=seed
        )
    known = logged[:, None] & ~np.isnan(p_log)
    found[known] = np.maximum(p_log[known], MIN_PROPENSITY)
    return Propensities(found, int(logged.sum()), int(unknown.sum()))


def correct_for_logging(
    data: TrainingData,
    rows: TaskRows,
    folds: NDArray[np.int64],
    *,
    seed: int = 0,
    n_jobs: int = 1,
) -> Corrected | None:
    """Replace the outcomes of rows that show only some tiers; ``None`` where all show all.

    Parameters
    ----------
    data : TrainingData
        Features of the rows.
    rows : TaskRows
        Each with the quality of at least one tier, or a battle.
    folds : (n,) array of int
        Of the models behind the correction.
    seed : int
    n_jobs : int
        Fits at a time.
    """
    seen = ~np.isnan(rows.quality)
    if seen.all():
        return None
    propensities = find_propensities(data, seen, rows.p_log, folds, seed)
    predicted = cross_fitted_outcomes(
        data,
        rows.quality,
        propensities.values,
        folds,
        seed=seed,
        n_jobs=n_jobs,
        pairs=rows.pairs,
    )
    logged = ~seen.all(axis=1)
    share = correction_share(predicted[logged], rows.quality[logged], propensities.values[logged])
    targeted = _targeted(data, rows.quality, predicted, propensities)
    quality = pseudo_outcomes(targeted, rows.quality, propensities.values)
    quality[logged] = targeted[logged] + share * (quality[logged] - targeted[logged])
    found = Corrected(quality, predicted, propensities, seen, share)
    return found if rows.pairs is None else _with_battles(found, data, rows.pairs, folds, seed)


def _targeted(
    data: TrainingData, observed: Matrix, predicted: Matrix, propensities: Propensities
) -> Matrix:
    """Rest on what a kind of task showed, and on the model's finer view as far as rows allow."""
    kind, seen = type_places(data), ~np.isnan(observed)
    n_kinds = int(kind.max(initial=0)) + 1
    if n_kinds > 1:
        tier_mean = weighted_tier_means(observed, propensities.values)
        trust = max(_LEAST_TRUST, trust_in_heads(propensities.n_logged))
        predicted = drawn_to_means(predicted, tier_mean, seen, trust)
    return target_kinds(predicted, observed, propensities.values, kind, n_kinds)


def _with_battles(
    found: Corrected,
    data: TrainingData,
    pairs: Pairs,
    folds: NDArray[np.int64],
    seed: int,
) -> Corrected:
    """Let battles speak where no outcome does."""
    quality, propensity = preferred_quality(
        found.predicted, pairs, data.design.x, type_places(data), folds, seed=seed
    )
    silent = ~found.seen.any(axis=1, keepdims=True)
    by_battle = silent & compared(pairs, *found.seen.shape)
    values = np.where(by_battle, propensity, found.propensities.values)
    return Corrected(
        quality=np.where(silent & ~np.isnan(quality), quality, found.quality),
        predicted=found.predicted,
        propensities=found.propensities._replace(values=values),
        seen=found.seen | by_battle,
        share=found.share,
    )
