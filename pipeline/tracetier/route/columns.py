"""Tiers as columns over a model: how tiers can come, go and change price without training.

An artifact predicts for the tiers that it was trained on. A router's tiers are columns over those:
each takes its quality from one of them, or from two neighbours mixed by price, and its cost from
one, times a factor. So a tier that was never trained on starts from its neighbours, a new price
is a factor, and a removed tier is a column that is gone.
"""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import StateError
from tracetier.heads.prior import Prediction, Predictor, PriorStats
from tracetier.records import Task
from tracetier.tiers import Tier, TierSet

JOINED_TRUST = 4.0
"""Reports' worth of trust in the prior of a tier that nobody ever trained on."""


class Column(Struct, frozen=True, kw_only=True):
    """One tier, as a column over a model's tiers.

    Attributes
    ----------
    tier : Tier
    low, high : int
        Tiers of the model whose quality it is mixed from.
    weight : float
        Share of ``high``, in [0, 1].
    shift : float
        Added to the quality, in [-1, 1].
    cost_factor : float
        Its cost is this times that of ``low``, > 0.
    has_joined : bool
        Whether the model was never trained on it.
    """

    tier: Tier
    low: int
    high: int
    weight: float = 0.0
    shift: float = 0.0
    cost_factor: float = 1.0
    has_joined: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is a tier of the model as it is, by whatever name."""
        return self.weight == 0.0 and self.shift == 0.0 and self.cost_factor == 1.0


def plain_columns(tiers: TierSet) -> tuple[Column, ...]:
    """Return the tiers of a model as columns that change nothing."""
    return tuple(Column(tier=tier, low=k, high=k) for k, tier in enumerate(tiers.tiers))


def is_unchanged(columns: Sequence[Column], n_tiers: int) -> bool:
    """Whether predictions of a model over ``n_tiers`` can be used as they are."""
    return len(columns) == n_tiers and all(
        column.low == k and column.is_plain for k, column in enumerate(columns)
    )


def tiers_of(columns: Sequence[Column]) -> TierSet:
    """Return the tiers that the columns stand for, in their order."""
    return TierSet(tuple(column.tier for column in columns))


class ColumnPredictor:
    """A model's predictions, as columns.

    Parameters
    ----------
    model : Predictor
    columns : sequence of Column
    """

    def __init__(self, model: Predictor, columns: Sequence[Column]) -> None:
        self._model = model
        self._columns = tuple(columns)

    def predict(self, task: Task) -> Prediction:
        """Return the predictions for one task; a column's reward cost stays within [0, 1]."""
        found = self._model.predict(task)
        quality, cost_usd, cost = [], [], []
        for column in self._columns:
            low, factor = column.low, column.cost_factor
            q = found.quality[low]
            if not column.is_plain:
                q += column.weight * (found.quality[column.high] - q) + column.shift
                q = min(1.0, max(0.0, q))
            quality.append(q)
            cost_usd.append(found.cost_usd[low] * factor)
            cost.append(min(1.0, found.cost[low] * factor))
        return Prediction(quality, cost_usd, cost, found.bucket)


def column_prior(prior: PriorStats, columns: Sequence[Column]) -> PriorStats:
    """Return the bucket means and spreads of the columns.

    A variance of quality is that of ``low``, a variance of cost that times the factor squared. A
    tier that joined has ``tau2 = sigma2 / 4``: four reports weigh as much as its prior.
    """
    low = [column.low for column in columns]
    high = [column.high for column in columns]
    weight = np.array([column.weight for column in columns])
    shift = np.array([column.shift for column in columns])
    factor = np.array([column.cost_factor for column in columns])
    joined = np.array([column.has_joined for column in columns])
    quality, cost = prior.quality_mean[:, low], prior.cost_mean[:, low]
    quality_var = prior.quality_var[low]
    cost_var = prior.cost_var[low] * factor**2
    return PriorStats(
        buckets=prior.buckets,
        n=prior.n,
        quality_mean=_within(
            quality + weight * (prior.quality_mean[:, high] - quality) + shift,
            joined | (shift != 0),
        ),
        cost_mean=np.minimum(1.0, cost * factor) if (factor != 1.0).any() else cost,
        quality_var=quality_var,
        cost_var=cost_var,
        quality_tau2=np.where(joined, quality_var / JOINED_TRUST, prior.quality_tau2[low]),
        cost_tau2=np.where(joined, cost_var / JOINED_TRUST, prior.cost_tau2[low] * factor**2),
    )


def _within(quality: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(where, np.clip(quality, 0.0, 1.0), quality)


def mean_costs_usd(prior: PriorStats, columns: Sequence[Column], cost_ref: float) -> list[float]:
    """Return the mean predicted cost per column, in USD, over the training tasks (capped)."""
    means = column_prior(prior, columns).cost_mean
    total = prior.n.sum()
    weights = prior.n / total if total > 0.0 else np.full(len(prior.n), 1.0 / len(prior.n))
    return [float(cost) * cost_ref for cost in weights @ means]


def audit_columns(columns: Sequence[Column], names: Sequence[str]) -> None:
    """Raise `StateError` for columns that no router can have made."""
    if [column.tier.name for column in columns] != list(names):
        raise StateError(
            f"columns are of {[column.tier.name for column in columns]}, the tiers are {names}"
        )
    for column in columns:
        if not (
            min(column.low, column.high) >= 0
            and 0.0 <= column.weight <= 1.0
            and -1.0 <= column.shift <= 1.0
            and column.cost_factor > 0.0
        ):
            raise StateError(f"column {column} is out of range")


def joined_column(
    tier: Tier, columns: Sequence[Column], costs_usd: Sequence[float], cost_usd: float
) -> Column:
    """Return a column for a tier that the model does not know, from its neighbours by cost.

    Quality is interpolated between the two neighbours in the logarithm of cost, and is that of the
    nearest where it is cheaper or dearer than all; nothing is extrapolated.

    Parameters
    ----------
    tier : Tier
        The new tier.
    columns : sequence of Column
        The present tiers; those that joined are no neighbours.
    costs_usd : sequence of float
        Their mean cost per request.
    cost_usd : float
        Expected mean cost of the new one, > 0.

    Raises
    ------
    StateError
        If no present tier is of the model.
    """
    known = sorted(
        (cost, column.low)
        for cost, column in zip(costs_usd, columns, strict=True)
        if not column.has_joined and cost > 0.0
    )
    if not known:
        raise StateError(
            f"tier {tier.name!r} cannot be added: no present tier has a cost that the model "
            "predicts, from which it could start; train an artifact that holds it"
        )
    below = [pair for pair in known if pair[0] <= cost_usd]
    above = [pair for pair in known if pair[0] > cost_usd]
    (low_usd, low), (high_usd, high) = (below or above[:1])[-1], (above or below[-1:])[0]
    if low == high:
        return Column(tier=tier, low=low, high=low, cost_factor=cost_usd / low_usd, has_joined=True)
    weight = math.log(cost_usd / low_usd) / math.log(high_usd / low_usd)
    return Column(
        tier=tier,
        low=low,
        high=high,
        weight=weight,
        cost_factor=cost_usd / low_usd,
        has_joined=True,
    )
