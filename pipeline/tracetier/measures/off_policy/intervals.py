"""Every estimator of a policy's value with its interval, from one resampling of task groups."""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.measures.bootstrap import (
    N_DRAWS,
    Groups,
    Interval,
    bootstrap_means,
    percentile_interval,
)
from tracetier.measures.off_policy.estimators import SWITCH_AT, PolicyRows
from tracetier.measures.off_policy.shrinkage import STRENGTHS, influences, take_strength

Vector = NDArray[np.float64]


class Estimates(Struct, frozen=True, kw_only=True):
    """A policy's value by every estimator, each with its 95 % interval.

    Attributes
    ----------
    dm, ips, snips, dr, sndr, switch_dr, shrunk_dr : Interval
        As `tracetier.measures.off_policy.estimators` defines them.
    """

    dm: Interval
    ips: Interval
    snips: Interval
    dr: Interval
    sndr: Interval
    switch_dr: Interval
    shrunk_dr: Interval


class EstimateDraws(NamedTuple):
    """One estimator's value on all rows, and on each resample."""

    value: float
    draws: Vector

    def minus(self, other: "EstimateDraws") -> "EstimateDraws":
        """Return the difference from another policy's value, resample by resample."""
        return EstimateDraws(self.value - other.value, self.draws - other.draws)

    def interval(self) -> Interval:
        """Return the value with its percentile interval."""
        return percentile_interval(self.value, self.draws)


_WEIGHT, _IPS, _DIRECT, _CORRECTION, _SWITCHED = range(5)
_SHRUNK = slice(5, 5 + len(STRENGTHS))
_SHRUNK_SQUARES = slice(_SHRUNK.stop, _SHRUNK.stop + len(STRENGTHS))


def estimate_draws(
    rows: PolicyRows,
    groups: Groups,
    *,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    switch_at: float = SWITCH_AT,
) -> dict[str, EstimateDraws]:
    """Estimate a policy's value on all rows and on each resample of groups.

    Parameters
    ----------
    rows : PolicyRows
        n rows.
    groups : (n,) array of int
        Rows of one group are drawn together.
    n_draws, seed : int
        Two policies under the same seed are told on the same resamples.
    switch_at : float

    Returns
    -------
    dict of str to EstimateDraws
        By the names of ``ESTIMATORS``.
    """
    correction = rows.weight * rows.residual
    switched = np.where(rows.weight <= switch_at, correction, 0.0)
    shrunk = influences(rows.direct, rows.weight, rows.residual)
    plain = [rows.weight, rows.weight * rows.outcome, rows.direct, correction, switched]
    columns = np.column_stack([*plain, shrunk, shrunk**2])
    found = bootstrap_means(columns, groups, n_draws=n_draws, seed=seed)
    return {
        name: EstimateDraws(
            float(_value(name, found.means, len(columns))),
            _value(name, found.draws, len(columns)),
        )
        for name in Estimates.__struct_fields__
    }


def estimate_all(
    rows: PolicyRows,
    groups: Groups,
    *,
    n_draws: int = N_DRAWS,
    seed: int = 0,
    switch_at: float = SWITCH_AT,
) -> Estimates:
    """Estimate a policy's value by every estimator, with intervals.

    Parameters
    ----------
    rows, groups, n_draws, seed, switch_at
        As for `estimate_draws`.

    Examples
    --------
    >>> rows = PolicyRows(*np.array([[2.0, 0.0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]))
    >>> estimate_all(rows, np.arange(2), n_draws=20).dr
    Interval(estimate=0.5, low=0.5, high=0.5)
    """
    found = estimate_draws(rows, groups, n_draws=n_draws, seed=seed, switch_at=switch_at)
    return Estimates(**{name: draws.interval() for name, draws in found.items()})


def _value(name: str, means: NDArray[np.float64], n_rows: int) -> NDArray[np.float64]:
    """Compute an estimator from the means of the columns, ``(..., P) -> (...)``."""
    column = np.moveaxis(means, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "dm":
            found = column[_DIRECT]
        elif name == "ips":
            found = column[_IPS]
        elif name == "snips":
            found = column[_IPS] / column[_WEIGHT]
        elif name == "dr":
            found = column[_DIRECT] + column[_CORRECTION]
        elif name == "sndr":
            correction = np.where(column[_WEIGHT] > 0, column[_CORRECTION] / column[_WEIGHT], 0.0)
            found = column[_DIRECT] + correction
        elif name == "switch_dr":
            found = column[_DIRECT] + column[_SWITCHED]
        else:
            found = take_strength(means[..., _SHRUNK], means[..., _SHRUNK_SQUARES], n_rows)
    return np.asarray(found)
