"""Predictions that should not win, and the one that cannot lose.

Each control is a pair of arrays (predicted quality, predicted reward cost) that goes through the
same frontier code as the router's. A router that does not beat shuffled or random predictions
has learned nothing about single tasks; one that does not beat the bucket means needs no model;
the oracle knows the outcomes and bounds what any router could do.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.frontier import Choices, choose_tiers

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]

SHRINK = 10.0
"""Tasks' worth of the overall mean in each bucket's mean (success shrunk by n / (n + 10))."""


class Predictions(NamedTuple):
    """What a policy believes.

    Attributes
    ----------
    quality, cost : (n, K) arrays
        Quality in [0, 1], and reward cost (what multiplies lambda).
    """

    quality: Matrix
    cost: Matrix


def oracle_choice(quality: Matrix, cost: Matrix, lam: float) -> Choices:
    """Best tier of each task in hindsight: the largest ``10 q - lam c``, of equals the cheapest.

    Parameters
    ----------
    quality, cost : (n, K) arrays
        Outcomes: quality in [0, 1], cost in reward units.
    lam : float
        At least 0.

    Examples
    --------
    >>> oracle_choice(np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[0.1, 1.0], [0.1, 1.0]]), 0.3)
    array([0, 1])
    """
    return choose_tiers(quality, cost, lam)


def majority_tier(quality: Matrix, cost: Matrix, lam: float) -> int:
    """Tier that is the oracle's choice most often; of equals the cheapest.

    Examples
    --------
    >>> majority_tier(np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[0.1, 1.0], [0.1, 1.0]]), 0.3)
    0
    """
    chosen = oracle_choice(quality, cost, lam)
    return int(np.bincount(chosen, minlength=quality.shape[1]).argmax())


def shuffle_predictions(predictions: Predictions, rng: np.random.Generator) -> Predictions:
    """Give every task the predictions of another; nothing is trained again.

    The spread of the predictions stays, their tie to the task goes. A model of shuffled labels
    would not even have the spread.
    """
    order = rng.permutation(len(predictions.quality))
    return Predictions(predictions.quality[order], predictions.cost[order])


def random_predictions(predictions: Predictions, rng: np.random.Generator) -> Predictions:
    """Random quality with the tiers' means and spreads, as a model of random features gives.

    Costs are the tiers' mean predicted costs, the same for every task.
    """
    quality, cost = predictions
    noise = rng.standard_normal(quality.shape)
    return Predictions(
        quality.mean(axis=0) + quality.std(axis=0) * noise,
        np.broadcast_to(cost.mean(axis=0), cost.shape).copy(),
    )


def bucket_mean_predictions(
    outcomes: Predictions, buckets: Labels, folds: Labels, *, shrink: float = SHRINK
) -> Predictions:
    """Mean outcome of the task's bucket, out of fold.

    ``(sum of the bucket + shrink * overall mean) / (n of the bucket + shrink)``, each from the
    other folds only.

    Parameters
    ----------
    outcomes : Predictions
        Outcomes of every tier: quality in [0, 1], cost in reward units.
    buckets : (n,) array of int
        From 0.
    folds : (n,) array of int
        At least two different ones.
    shrink : float

    Examples
    --------
    >>> seen = Predictions(np.array([[0.0], [1.0], [1.0]]), np.zeros((3, 1)))
    >>> bucket_mean_predictions(
    ...     seen, np.array([0, 0, 1]), np.array([0, 1, 1]), shrink=1.0
    ... ).quality.tolist()
    [[1.0], [0.0], [0.0]]
    """
    return Predictions(
        _bucket_means(outcomes.quality, buckets, folds, shrink),
        _bucket_means(outcomes.cost, buckets, folds, shrink),
    )


def _bucket_means(values: Matrix, buckets: Labels, folds: Labels, shrink: float) -> Matrix:
    found = np.empty_like(values)
    n_buckets = int(buckets.max()) + 1
    for fold in np.unique(folds):
        here, seen = folds == fold, folds != fold
        if not seen.any():
            raise ValueError("bucket means out of fold need at least two folds")
        sums = np.zeros((n_buckets, values.shape[1]))
        np.add.at(sums, buckets[seen], values[seen])
        sizes = np.bincount(buckets[seen], minlength=n_buckets)[:, None]
        means = (sums + shrink * values[seen].mean(axis=0)) / (sizes + shrink)
        found[here] = means[buckets[here]]
    return found
