"""All figures of a frontier with their intervals, from one resampling of tasks.

Row 0 of every array is over all tasks, the rows below are the resamples; so an estimate and its
draws go through the same code. Everything is told against the fixed tiers of the same row.
"""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.measures.bootstrap import Groups, Interval, bootstrap_means, percentile_interval
from tracetier.measures.frontier import Choices
from tracetier.measures.hull import Hull, quality_at, upper_hull
from tracetier.measures.metrics import aiq, cost_save, gap_at_oracle, log_costs, perf_gain
from tracetier.measures.operating_point import reference_tier

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class Resampling(NamedTuple):
    """How tasks are resampled; the same values give the same draws for all that is compared."""

    groups: Groups
    n_draws: int
    seed: int

    def rows(self, values: Matrix) -> Matrix:
        """Return the means over all tasks, then over each resample, ``(1 + D, P)``."""
        found = bootstrap_means(values, self.groups, n_draws=self.n_draws, seed=self.seed)
        return np.vstack([found.means, found.draws])


class SweepRows(NamedTuple):
    """Mean outcomes of P policies, ``(1 + D, P)`` each."""

    quality: Matrix
    cost_usd: Matrix


class FixedTiers(NamedTuple):
    """What every frontier is told against, by row.

    Attributes
    ----------
    quality, cost_usd : (1 + D, K) arrays
        Means of the tiers.
    reference : int
        The best fixed tier over all tasks; the same in every resample.
    """

    quality: Matrix
    cost_usd: Matrix
    reference: int

    @classmethod
    def of(cls, quality: Matrix, cost_usd: Matrix, resampling: Resampling) -> "FixedTiers":
        """Resample the outcomes ``(n, K)`` of the tiers."""
        rows = resampling.rows(np.hstack([quality, cost_usd]))
        n_tiers = quality.shape[1]
        tier_quality, tier_cost = rows[:, :n_tiers], rows[:, n_tiers:]
        return cls(tier_quality, tier_cost, reference_tier(tier_quality[0], tier_cost[0]))

    def hull(self, row: int, also: SweepRows | None = None) -> Hull:
        """Return the hull of the tiers in a row, and of a sweep beside them."""
        cost, quality = self.cost_usd[row], self.quality[row]
        if also is not None:
            cost = np.concatenate([cost, also.cost_usd[row]])
            quality = np.concatenate([quality, also.quality[row]])
        return upper_hull(cost, quality)


class FrontierFigures(Struct, frozen=True, kw_only=True):
    """Figures of a frontier, the fixed tiers among its points.

    Attributes
    ----------
    aiq, aiq_gain : Interval
        Mean height of the hull between the cheapest and the dearest tier's mean cost, in [0, 1],
        and what of it the fixed tiers alone do not reach.
    gap_closed : Interval
        Share of the way from the fixed tiers to the oracle. Never below 0, since the fixed tiers
        are among the points of the hull: chance alone lifts it, most of all in the resamples.
        What of it is chance, the shuffled control shows.
    saving_at_100, saving_at_99 : Interval
        Saving at no less than all and 99 % of the best fixed tier's quality, as a share of its
        cost. Read off the frontier in hindsight; see the calibrated point for an honest one.
    perf_gain : Interval
        Best quality at any cost over that of the best fixed tier, less 1.
    """

    aiq: Interval
    aiq_gain: Interval
    gap_closed: Interval
    saving_at_100: Interval
    saving_at_99: Interval
    perf_gain: Interval


def sweep_rows(
    quality: Matrix, cost_usd: Matrix, choices: Choices, resampling: Resampling
) -> SweepRows:
    """Resample the outcomes of the tiers that each policy of a sweep chose, ``(n, P)``."""
    chosen = [np.take_along_axis(values, choices, axis=1) for values in (quality, cost_usd)]
    rows = resampling.rows(np.hstack(chosen))
    n_policies = choices.shape[1]
    return SweepRows(rows[:, :n_policies], rows[:, n_policies:])


def log_heights(fixed: FixedTiers, sweep: SweepRows | None = None) -> Vector:
    """Mean height of each row's hull over log-spaced costs, ``(1 + D,)``; see ``gap_closed``."""
    heights = np.empty(len(fixed.quality))
    for row in range(len(heights)):
        costs = log_costs(fixed.cost_usd[row].min(), fixed.cost_usd[row].max())
        heights[row] = quality_at(fixed.hull(row, sweep), costs).mean()
    return heights


def frontier_figures(
    sweep: SweepRows, fixed: FixedTiers, *, fixed_heights: Vector, oracle_heights: Vector
) -> FrontierFigures:
    """All figures of one frontier.

    Parameters
    ----------
    sweep : SweepRows
    fixed : FixedTiers
    fixed_heights, oracle_heights : (1 + D,) arrays
        ``log_heights`` of the fixed tiers alone and of the oracle's sweep.
    """
    rows = np.stack([_row_figures(sweep, fixed, row) for row in range(len(fixed.quality))])
    span = oracle_heights - fixed_heights
    gap = np.full(len(rows), np.nan)
    np.divide(log_heights(fixed, sweep) - fixed_heights, span, out=gap, where=span > 0)
    whole, gain, save_100, save_99, best = (_interval(column) for column in rows.T)
    return FrontierFigures(
        aiq=whole,
        aiq_gain=gain,
        gap_closed=_interval(gap),
        saving_at_100=save_100,
        saving_at_99=save_99,
        perf_gain=best,
    )


def oracle_gap(oracle: SweepRows, quality: Vector) -> Interval:
    """Gap@O of a policy whose mean quality by row is given, ``(1 + D,)``."""
    best = oracle.quality.max(axis=1)
    gaps = [gap_at_oracle(b, q) for b, q in zip(best.tolist(), quality.tolist(), strict=True)]
    return _interval(np.array(gaps))


def _row_figures(sweep: SweepRows, fixed: FixedTiers, row: int) -> Vector:
    hull, plain = fixed.hull(row, sweep), fixed.hull(row)
    low, high = float(fixed.cost_usd[row].min()), float(fixed.cost_usd[row].max())
    quality = float(fixed.quality[row, fixed.reference])
    cost = float(fixed.cost_usd[row, fixed.reference])
    saved = [
        cost_save(hull, reference_quality=quality, reference_cost=cost, fraction=fraction)
        for fraction in (1.0, 0.99)
    ]
    whole = aiq(hull, low, high)
    gain = whole - aiq(plain, low, high)
    return np.array([whole, gain, *saved, perf_gain(float(hull.quality[-1]), quality)])


def _interval(rows: Vector) -> Interval:
    return percentile_interval(float(rows[0]), rows[1:])
