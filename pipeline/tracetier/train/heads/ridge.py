"""Ridge regression on hashed TF-IDF, standardised numbers and the task type.

Targets that were seen on the same rows share one fit. The penalty is chosen once by closed-form
leave-one-out on a sample and then kept over the folds: one number, so it can hardly leak.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from tracetier.train.design import Design
from tracetier.train.heads.conjugate_gradients import solve_ridge
from tracetier.train.shared_rows import shared_rows
from tracetier.train.tfidf import inverse_document_frequency, unit_rows

Matrix = NDArray[np.float64]
Index = NDArray[np.intp]

ALPHAS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_LOO_ROWS = 1_500
_LARGE = 20_000
# Share of each family in the kernel. A text has length 1, the numbers together have about that,
# and a type counts five times: the penalty must not shrink away what is known best.
_TYPE_WEIGHT = 5.0**0.5
_MAX_DEVIATIONS = 4.0


class RidgeWeights(NamedTuple):
    """A fitted ridge head, for T targets over P task types, d numbers and W words.

    Attributes
    ----------
    words : (W, T) array
        Weight per hashed word, its inverse document frequency folded in.
    idf2 : (W,) array
        Squared inverse document frequency; a row's text has the length ``sqrt(sum idf2)``.
    center, low, high : (d,) array
        Stand-in for an unknown number, and the range of four standard deviations about it,
        beyond which the line is not continued.
    dense : (d, T) array
    types : (P, T) array
        Weight of the task type, the intercept folded in.
    """

    words: Matrix
    idf2: NDArray[np.float64]
    center: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    dense: Matrix
    types: Matrix

    def predict(self, design: Design, place: Index) -> Matrix:
        """Predict n rows, ``(n, T)``."""
        x = np.where(np.isnan(design.x), self.center, design.x).clip(self.low, self.high)
        length = np.sqrt(design.words @ self.idf2)
        text = (design.words @ self.words) / np.where(length > 0, length, 1.0)[:, None]
        return np.asarray(self.types[place] + x @ self.dense + text)


class Scaling(NamedTuple):
    """How rows are weighed: rare words more, every number by its spread.

    Attributes
    ----------
    idf : (W,) array
    center, scale : (d,) array
        Mean and standard deviation of the known values.
    """

    idf: NDArray[np.float64]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]

    @property
    def number_weight(self) -> NDArray[np.float64]:
        """What a number's deviation is multiplied by."""
        return np.asarray(1.0 / (self.scale * len(self.scale) ** 0.5))

    @property
    def low(self) -> NDArray[np.float64]:
        """Least value that counts."""
        return self.center - _MAX_DEVIATIONS * self.scale

    @property
    def high(self) -> NDArray[np.float64]:
        """Largest value that counts."""
        return self.center + _MAX_DEVIATIONS * self.scale


def choose_alphas(design: Design, place: Index, y: Matrix, seed: int) -> NDArray[np.float64]:
    """Return each target's penalty, ``(T,)``: least leave-one-out error, in closed form.

    Rows beyond 1,500 are sampled.
    """
    from sklearn.linear_model import RidgeCV

    chosen = np.full(y.shape[1], ALPHAS[-1])
    for rows, targets in shared_rows(y):
        if len(rows) > _LOO_ROWS:
            rows = np.sort(np.random.default_rng(seed).choice(rows, _LOO_ROWS, replace=False))
        part = design.take(rows)
        features = _features(part, place[rows], int(place.max()) + 1, fit_scaling(part))
        goal = y[np.ix_(rows, np.array(targets))]
        model = RidgeCV(alphas=ALPHAS, fit_intercept=False, alpha_per_target=True)
        chosen[targets] = model.fit(features, goal - goal.mean(axis=0)).alpha_
    return chosen


def fit_ridge(
    design: Design, place: Index, y: Matrix, n_places: int, alphas: NDArray[np.float64]
) -> RidgeWeights:
    """Fit one ridge per target.

    Parameters
    ----------
    design : Design
        n rows.
    place : (n,) array of int
        The task type of each row, as a number below ``n_places``.
    y : (n, T) array
        Targets, ``nan`` where not seen.
    n_places : int
    alphas : (T,) array
        Penalty of each target, > 0.

    Returns
    -------
    RidgeWeights
    """
    scaling = fit_scaling(design)
    features = _features(design, place, n_places, scaling)
    weights = np.zeros((features.shape[1], y.shape[1]))
    intercept = np.zeros(y.shape[1])
    for rows, targets in shared_rows(y):
        goal = y[np.ix_(rows, np.array(targets))]
        intercept[targets] = goal.mean(axis=0)
        weights[:, targets] = solve_ridge(
            features[rows], goal - intercept[targets], alphas[targets], _tolerance(len(rows))
        )
    n_words, n_numbers = design.words.shape[1], design.x.shape[1]
    words = weights[:n_words] * scaling.idf[:, None]
    dense = weights[n_words : n_words + n_numbers] * scaling.number_weight[:, None]
    types = weights[n_words + n_numbers :] * _TYPE_WEIGHT + intercept
    return RidgeWeights(
        words=words,
        idf2=scaling.idf**2,
        center=scaling.center,
        low=scaling.low,
        high=scaling.high,
        dense=dense,
        types=types - scaling.center @ dense,
    )


def _tolerance(n_rows: int) -> float:
    """Residual at which a solution is good enough, relative to the target.

    On large tables the last digits are far below the noise of the outcomes, and cost as many
    iterations as the first.
    """
    return 1e-6 if n_rows < _LARGE else 1e-4


def fit_scaling(design: Design) -> Scaling:
    """Measure how rare each word is and how each number spreads."""
    known = ~np.isnan(design.x)
    n_known = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, design.x, 0.0).sum(axis=0) / n_known
    filled = np.where(known, design.x, center)
    spread = np.sqrt(((filled - center) ** 2).sum(axis=0) / n_known)
    return Scaling(
        idf=inverse_document_frequency(design.words),
        center=center,
        scale=np.where(spread > 1e-9, spread, 1.0),
    )


def _features(design: Design, place: Index, n_places: int, scaling: Scaling) -> csr_array:
    words = unit_rows(design.words, scaling.idf)
    x = np.where(np.isnan(design.x), scaling.center, design.x).clip(scaling.low, scaling.high)
    numbers = (x - scaling.center) * scaling.number_weight
    n = len(place)
    of_type = csr_array((np.full(n, _TYPE_WEIGHT), place, np.arange(n + 1)), shape=(n, n_places))
    return csr_array(hstack([words, csr_array(numbers), of_type]))
