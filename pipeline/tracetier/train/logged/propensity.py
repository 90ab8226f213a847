"""How likely the log was to take each tier, where it does not say so.

A multinomial logit on the numbers and on each bucket's smoothed shares, fitted without the row
that it is asked about. It can only know what the features know: a choice that hung on more leaves
the result observational.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Index = NDArray[np.intp]
Seen = NDArray[np.bool_]

MIN_PROPENSITY = 0.05
SHRINKAGE = 10.0
"""Pseudo-rows at the overall shares: a bucket's shares are smoothed by n / (n + 10)."""

_MAX_ROWS = 50_000
_MAX_DEVIATIONS = 4.0
_INVERSE_PENALTY = 0.1


def bucket_shares(bucket: Index, taken: Seen, n_buckets: int) -> Matrix:
    """Share of each tier among what was taken in each bucket, smoothed, ``(n_buckets, K)``.

    Examples
    --------
    >>> taken = np.array([[True, False], [False, True]])
    >>> bucket_shares(np.array([0, 0]), taken, 2)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    overall = taken.sum(axis=0) / max(1, int(taken.sum()))
    count = np.zeros((n_buckets, taken.shape[1]))
    np.add.at(count, bucket, taken)
    total = count.sum(axis=1, keepdims=True)
    return np.asarray((count + SHRINKAGE * overall) / (total + SHRINKAGE))


def estimate_propensities(
    x: Matrix, bucket: Index, taken: Seen, folds: NDArray[np.int64], *, seed: int
) -> Matrix:
    """Probability of each tier for each row, by models that had not seen the row.

    Parameters
    ----------
    x : (n, d) array
        Numeric features, ``nan`` where unknown.
    bucket : (n,) array of int
        Of context; made without the outcomes of the row where that matters.
    taken : (n, K) array of bool
        At least one per row.
    folds : (n,) array of int
    seed : int
        Of the sample where there are more than 50,000 rows.

    Returns
    -------
    (n, K) array
        In [0.05, 1]. A row on which m tiers were taken has m chances to take each.
    """
    found = np.empty(taken.shape)
    n_buckets = int(bucket.max(initial=0)) + 1
    for fold in np.unique(folds):
        held_out = folds == fold
        others = np.flatnonzero(~held_out)
        if not others.size:
            others = np.flatnonzero(held_out)
        if len(others) > _MAX_ROWS:
            rng = np.random.default_rng(seed)
            others = np.sort(rng.choice(others, _MAX_ROWS, replace=False))
        shares = bucket_shares(bucket[others], taken[others], n_buckets)
        center, scale = _scaling(x[others])
        features = np.concatenate(
            [np.log(np.maximum(shares[bucket], 1e-3)), _standardised(x, center, scale)], axis=1
        )
        found[held_out] = _fit_and_predict(features, taken, others, np.flatnonzero(held_out))
    chances = np.minimum(1.0, taken.sum(axis=1, keepdims=True) * found)
    return np.asarray(np.maximum(chances, MIN_PROPENSITY))


def _fit_and_predict(features: Matrix, taken: Seen, fitted: Index, asked: Index) -> Matrix:
    from sklearn.linear_model import LogisticRegression

    row, tier = np.nonzero(taken[fitted])
    found = np.zeros((len(asked), taken.shape[1]))
    known = np.unique(tier)
    if len(known) == 1:
        found[:, known] = 1.0
        return found
    # A row on which several were taken counts once in all.
    weight = 1.0 / taken[fitted].sum(axis=1)[row]
    model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=500)
    model.fit(features[fitted][row], tier, sample_weight=weight)
    found[:, known] = model.predict_proba(features[asked])
    return found


def _scaling(x: Matrix) -> tuple[Matrix, Matrix]:
    known = ~np.isnan(x)
    n_known = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, x, 0.0).sum(axis=0) / n_known
    spread = np.sqrt((np.where(known, x - center, 0.0) ** 2).sum(axis=0) / n_known)
    return center, np.where(spread > 1e-9, spread, 1.0)


def _standardised(x: Matrix, center: Matrix, scale: Matrix) -> Matrix:
    filled = np.where(np.isnan(x), center, x)
    return np.asarray(((filled - center) / scale).clip(-_MAX_DEVIATIONS, _MAX_DEVIATIONS))
