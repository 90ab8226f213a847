"""The last tasks that came, on which a price is tried."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracetier.heads.prior import Prediction, PriorStats

Matrix = NDArray[np.float64]

_FROM_PRIOR = 200
"""Contexts made of bucket means where none came yet."""


class Contexts:
    """A ring of predictions; new ones are gathered in a list and turned to arrays when read."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._new: list[Prediction] = []
        self.bucket = np.zeros(0, dtype=np.intp)
        self.quality = self.cost = self.cost_usd = np.zeros((0, 0))

    def add(self, prediction: Prediction) -> None:
        """Keep a prediction; the oldest is forgotten."""
        self._new.append(prediction)
        if len(self._new) >= 2 * self._size:
            del self._new[: -self._size]

    def refresh(self) -> int:
        """Bring the arrays up to date and return how many contexts they hold."""
        if not self._new:
            return len(self.bucket)
        columns = list(zip(*self._new[-self._size :], strict=True))
        n_tiers = len(columns[0][0])
        if self.quality.shape[1:] != (n_tiers,):
            self.bucket = self.bucket[:0]
            self.quality = self.cost = self.cost_usd = np.zeros((0, n_tiers))
        keep = max(0, self._size - len(columns[0]))
        start = len(self.bucket) - min(keep, len(self.bucket))
        self.quality = np.concatenate([self.quality[start:], np.array(columns[0])])
        self.cost_usd = np.concatenate([self.cost_usd[start:], np.array(columns[1])])
        self.cost = np.concatenate([self.cost[start:], np.array(columns[2])])
        self.bucket = np.concatenate([self.bucket[start:], np.array(columns[3], dtype=np.intp)])
        self._new.clear()
        return len(self.bucket)


def prior_contexts(prior: PriorStats, cost_ref_usd: float) -> list[Prediction]:
    """Bucket means, each as often as its share of the training tasks asks for, interleaved.

    They miss how tasks differ within a bucket; out-of-fold predictions are better where at hand.
    """
    share = prior.n / max(float(prior.n.sum()), 1.0)
    times = np.maximum(1, np.round(share * _FROM_PRIOR)).astype(int)
    buckets = np.repeat(np.arange(len(times)), times)
    order = np.random.default_rng(0).permutation(len(buckets))
    return [_mean_prediction(prior, int(bucket), cost_ref_usd) for bucket in buckets[order]]


def _mean_prediction(prior: PriorStats, bucket: int, cost_ref_usd: float) -> Prediction:
    cost: list[float] = prior.cost_mean[bucket].tolist()
    cost_usd = [c * cost_ref_usd for c in cost]
    return Prediction(prior.quality_mean[bucket].tolist(), cost_usd, cost, bucket)


def thinned(predictions: Sequence[Prediction], n: int) -> list[Prediction]:
    """Return ``n`` of the predictions, drawn the same way every time."""
    order = np.random.default_rng(0).permutation(len(predictions))[:n]
    return [predictions[i] for i in order]
