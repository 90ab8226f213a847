"""What the router needs of a model: a prediction per tier, and how far to trust it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.records import Task

Vector = NDArray[np.float64]


class Prediction(NamedTuple):
    """One task's predictions, a plain float per tier (cheap to dear).

    Attributes
    ----------
    quality : list of float, length K
        Expected quality in [0, 1].
    cost_usd : list of float, length K
        Expected cost in USD, > 0.
    cost : list of float, length K
        Expected reward cost ``E[min(1, cost_usd / cost_ref)]`` in [0, 1].
    bucket : int
        Index of the context bucket in ``PriorStats.buckets``.
    """

    quality: list[float]
    cost_usd: list[float]
    cost: list[float]
    bucket: int


class Predictor(Protocol):
    """Maps a task to its predictions; the same for live requests and table rows."""

    def predict(self, task: Task) -> Prediction:
        """Return the predictions for one task."""
        ...


@runtime_checkable
class BatchPredictor(Predictor, Protocol):
    """A predictor that takes less time for n tasks together than for each by itself."""

    def predict_many(self, tasks: Sequence[Task]) -> list[Prediction]:
        """Return the predictions for n tasks, as `predict` gives them but for rounding."""
        ...


def predict_many(predictor: Predictor, tasks: Sequence[Task]) -> list[Prediction]:
    """Return the predictions for n tasks, together where the predictor can."""
    if isinstance(predictor, BatchPredictor):
        return predictor.predict_many(tasks)
    return [predictor.predict(task) for task in tasks]


class PriorStats(Struct, frozen=True, kw_only=True):
    """Bucket means and out-of-fold spread of the predictions.

    Attributes
    ----------
    buckets : tuple of str, length B
        Names of the context buckets; the last is the pooled one, for all that is rare or new.
    n : (B,) array
        Training tasks per bucket.
    quality_mean, cost_mean : (B, K) array
        Mean *prediction* per bucket and tier: quality in [0, 1], reward cost in [0, 1].
    quality_var, cost_var : (K,) array
        Residual variance sigma^2 per tier, out of fold.
    quality_tau2, cost_tau2 : (K,) array
        Out-of-fold variance of the bucket-mean residuals, tau0^2, per tier.
    """

    buckets: tuple[str, ...]
    n: Vector
    quality_mean: Vector
    cost_mean: Vector
    quality_var: Vector
    cost_var: Vector
    quality_tau2: Vector
    cost_tau2: Vector
