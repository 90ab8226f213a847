"""Estimators of a policy's value, as pure functions of per-row values.

Each takes the same four columns and returns the estimate with one influence value per row: the
mean of the influences is the estimate, and their spread over the root of n its standard error.

Formulas: Horvitz and Thompson, JASA 1952 (IPS); Swaminathan and Joachims, NIPS 2015 (SNIPS);
Dudik, Erhan, Langford and Li, Statistical Science 2014 (DM, DR); Wang, Agarwal and Dudik, ICML
2017 (switch); Su et al., ICML 2020 (shrunk); the self-normalised DR divides the correction by the
sum of the weights.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.measures.off_policy.shrinkage import choose_strength, influences
from tracetier.measures.off_policy.weights import importance_weights

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Index = NDArray[np.integer]

SWITCH_AT = 10.0
"""Weight above which Switch-DR trusts the model alone."""


class PolicyRows(NamedTuple):
    """A policy on n logged rows.

    Attributes
    ----------
    weight : (n,) array
        ``p_new / p_log`` of the tier that was taken.
    direct : (n,) array
        What the model says that the policy would have got: ``sum_a p_new(a) q_hat(a)``.
    predicted : (n,) array
        What the model says of the tier that was taken.
    outcome : (n,) array
        What the tier that was taken got.
    """

    weight: Vector
    direct: Vector
    predicted: Vector
    outcome: Vector

    @classmethod
    def of(
        cls,
        p_new: Matrix,
        q_hat: Matrix,
        tier: Index,
        p_log: Vector,
        outcome: Vector,
        *,
        max_weight: float = np.inf,
    ) -> "PolicyRows":
        """Put a policy and a model's predictions, ``(n, K)`` each, on logged rows.

        The model must not have seen the outcomes of the rows that it predicts.
        """
        return cls(
            weight=importance_weights(p_new, tier, p_log, max_weight=max_weight),
            direct=np.asarray((p_new * q_hat).sum(axis=1)),
            predicted=np.asarray(q_hat[np.arange(len(tier)), tier]),
            outcome=outcome,
        )

    @property
    def residual(self) -> Vector:
        """What the model missed on the tier that was taken, ``(n,)``."""
        return np.asarray(self.outcome - self.predicted)


class Estimate(NamedTuple):
    """An estimate, and each row's part in it.

    Attributes
    ----------
    value : float
        ``nan`` where no row has any weight and the estimator rests on weights alone.
    influence : (n,) array
        Mean ``value``; for ratios to first order in the deviation of the weights.
    """

    value: float
    influence: Vector

    @property
    def standard_error(self) -> float:
        """Of independent rows."""
        return float(self.influence.std() / len(self.influence) ** 0.5)


def direct_method(rows: PolicyRows) -> Estimate:
    """Trust the model: ``DM = mean(direct)``. Biased as the model is.

    Examples
    --------
    >>> rows = PolicyRows(*np.array([[2.0, 0.0], [0.6, 0.8], [0.5, 0.5], [1.0, 0.0]]))
    >>> direct_method(rows).value
    0.7
    """
    return Estimate(float(rows.direct.mean()), rows.direct)


def ips(rows: PolicyRows) -> Estimate:
    """Weight the outcomes: ``IPS = mean(w y)``. Unbiased, and of large variance.

    Examples
    --------
    >>> rows = PolicyRows(*np.array([[2.0, 0.0], [0.6, 0.8], [0.5, 0.5], [0.9, 0.0]]))
    >>> ips(rows).value
    0.9
    """
    influence = rows.weight * rows.outcome
    return Estimate(float(influence.mean()), influence)


def snips(rows: PolicyRows) -> Estimate:
    """Weighted mean of the outcomes: ``SNIPS = sum(w y) / sum(w)``.

    Adding a constant to all outcomes adds it to the estimate, which IPS does not have.

    Examples
    --------
    >>> rows = PolicyRows(*np.array([[2.0, 1.0], [0.6, 0.8], [0.5, 0.5], [0.9, 0.0]]))
    >>> round(snips(rows).value, 3)
    0.6
    """
    value, deviation = _weighted_mean(rows.weight, rows.outcome)
    return Estimate(value, value + deviation)


def doubly_robust(rows: PolicyRows) -> Estimate:
    """Correct the model by its weighted misses: ``DR = mean(direct + w (y - predicted))``.

    Unbiased where the propensities are right, whatever the model, and where the model is right,
    whatever the propensities.

    Examples
    --------
    >>> rows = PolicyRows(*np.array([[2.0, 0.0], [0.6, 0.8], [0.5, 0.5], [0.9, 0.0]]))
    >>> round(doubly_robust(rows).value, 3)
    1.1
    """
    influence = rows.direct + rows.weight * rows.residual
    return Estimate(float(influence.mean()), influence)


def self_normalized_dr(rows: PolicyRows) -> Estimate:
    """Correct the model by the weighted mean of its misses.

    ``SNDR = mean(direct) + sum(w (y - predicted)) / sum(w)``; the model alone where no row has
    weight.

    Examples
    --------
    >>> rows = PolicyRows(*np.array([[2.0, 1.0], [0.6, 0.8], [0.5, 0.5], [0.9, 0.0]]))
    >>> round(self_normalized_dr(rows).value, 3)
    0.8
    """
    if not rows.weight.any():
        return direct_method(rows)
    correction, deviation = _weighted_mean(rows.weight, rows.residual)
    return Estimate(
        float(rows.direct.mean()) + correction, np.asarray(rows.direct + correction + deviation)
    )


def switch_dr(rows: PolicyRows, switch_at: float = SWITCH_AT) -> Estimate:
    """Doubly robust where the weight is at most ``switch_at``, the model alone elsewhere.

    ``mean(direct + 1{w <= switch_at} w (y - predicted))``: 0 is DM, infinity is DR.

    Examples
    --------
    >>> rows = PolicyRows(*np.array([[2.0, 0.0], [0.6, 0.8], [0.5, 0.5], [0.9, 0.0]]))
    >>> switch_dr(rows, 1.0).value
    0.7
    """
    kept = np.where(rows.weight <= switch_at, rows.weight, 0.0)
    return doubly_robust(rows._replace(weight=kept))


def shrunk_dr(rows: PolicyRows) -> Estimate:
    """Doubly robust with weights shrunk as far as the estimated error falls, see `shrinkage`.

    Between DM, which it is where the model is right, and DR, where the model is plainly wrong.

    Examples
    --------
    >>> rows = PolicyRows(*np.array([[2.0, 1.0], [0.6, 0.8], [0.5, 0.5], [0.5, 0.5]]))
    >>> shrunk_dr(rows).value
    0.7
    """
    found = influences(rows.direct, rows.weight, rows.residual)
    means, squares = found.mean(axis=0), (found**2).mean(axis=0)
    place = int(choose_strength(means, squares, len(found)))
    return Estimate(float(means[place]), np.asarray(found[:, place]))


ESTIMATORS: Mapping[str, Callable[[PolicyRows], Estimate]] = {
    "dm": direct_method,
    "ips": ips,
    "snips": snips,
    "dr": doubly_robust,
    "sndr": self_normalized_dr,
    "switch_dr": switch_dr,
    "shrunk_dr": shrunk_dr,
}
"""By the name that results are told under."""


def _weighted_mean(weight: Vector, values: Vector) -> tuple[float, Vector]:
    """Weighted mean, ``nan`` where nothing has weight, and each row's deviation (mean 0)."""
    mean_weight = float(weight.mean())
    if mean_weight == 0.0:
        return float("nan"), np.full(len(weight), np.nan)
    share = weight / mean_weight
    value = float((share * values).mean())
    return value, np.asarray(share * (values - value))
