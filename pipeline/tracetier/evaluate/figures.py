"""All figures of a frontier with their intervals, from one resampling of tasks.

Row 0 of every array is over all tasks, the rows below are the resamples; so an estimate and its
draws go through the same code. Everything is told against the fixed tiers of the same row.
"""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.evaluate.resampling import Resampling, interval_of, recentred
from tracetier.measures.bootstrap import Interval
from tracetier.measures.frontier import Choices
from tracetier.measures.hull import Hull, quality_at, upper_hull
from tracetier.measures.metrics import aiq, cost_save, gap_at_oracle, log_costs, perf_gain
from tracetier.measures.operating_point import reference_tier

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

N_LOG_TARGETS = 60

N_EVEN_TARGETS = 41


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

    @property
    def targets_usd(self) -> Vector:
        """Mean costs at which a held-out frontier is told: log-spaced, evenly spaced, any."""
        low, high = float(self.cost_usd[0].min()), float(self.cost_usd[0].max())
        even = np.linspace(low, high, N_EVEN_TARGETS)
        return np.concatenate([log_costs(low, high, N_LOG_TARGETS), even, [np.inf]])

    def hull(self, row: int, also: SweepRows | None = None) -> Hull:
        """Return the hull of the tiers in a row, and of a sweep beside them."""
        cost, quality = self.cost_usd[row], self.quality[row]
        if also is not None:
            cost = np.concatenate([cost, also.cost_usd[row]])
            quality = np.concatenate([quality, also.quality[row]])
        return upper_hull(cost, quality)


class PublishedFigures(Struct, frozen=True, kw_only=True):
    """The figures as papers define them: the hull drawn on the very tasks that it is told on.

    For comparison with published numbers only. Chance lifts them, most where tasks are few.
    """

    aiq: float
    aiq_gain: float
    gap_closed: float
    saving_at_100: float
    saving_at_99: float
    perf_gain: float


class FrontierFigures(Struct, frozen=True, kw_only=True):
    """Figures of a frontier whose policies were chosen on other tasks than they are told on.

    Attributes
    ----------
    aiq, aiq_gain : Interval
        Mean quality over costs from the cheapest to the dearest tier's, in [0, 1], and what of it
        the fixed tiers and their mixtures alone do not reach at the same cost.
    gap_closed : Interval
        Share of the way from the fixed tiers to the oracle, over costs spaced evenly in their
        logarithm. 0 is what knowing nothing gives; below it, trusting the predictions harms.
    saving_at_100, saving_at_99 : Interval
        Saving at which all and 99 % of the best fixed tier's quality is first reached, as a share
        of its cost.
    perf_gain : Interval
        Quality of the policy chosen for quality alone over that of the best fixed tier, less 1.
    hindsight : PublishedFigures, optional
        The same, all chosen in hindsight. Oracle and fixed mixtures have nothing to choose.
    """

    aiq: Interval
    aiq_gain: Interval
    gap_closed: Interval
    saving_at_100: Interval
    saving_at_99: Interval
    perf_gain: Interval
    hindsight: PublishedFigures | None = None


class FigureRows(NamedTuple):
    """Each figure by row, ``(1 + D,)``: for intervals, and for paired differences of two."""

    aiq: Vector
    aiq_gain: Vector
    gap_closed: Vector
    saving_at_100: Vector
    saving_at_99: Vector
    perf_gain: Vector

    def figures(self, hindsight: PublishedFigures | None = None) -> FrontierFigures:
        """Return estimates with intervals."""
        intervals = {name: interval_of(rows) for name, rows in self._asdict().items()}
        return FrontierFigures(**intervals, hindsight=hindsight)


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


class CurveRows(NamedTuple):
    """A held-out frontier by row, and what of its targeted costs is left, ``(1 + D, J)`` each."""

    quality: Matrix
    cost_usd: Matrix
    unspent_usd: Matrix


def held_out_figures(
    curve: CurveRows,
    fixed: FixedTiers,
    *,
    fixed_heights: Vector,
    oracle_heights: Vector,
) -> FigureRows:
    """All figures of a frontier whose policies were chosen on other tasks.

    ``gain(c) = q(c) - fixed(cost(c) + unspent(c))``: quality over what the fixed tiers give for
    the money that was really spent; money for which there is no use counts as spent.

    Parameters
    ----------
    curve : CurveRows
        At the costs of ``fixed.targets_usd``.
    fixed : FixedTiers
    fixed_heights, oracle_heights : (1 + D,) arrays
        ``log_heights`` of the fixed tiers alone and of the oracle's sweep.
    """
    quality, cost, left = curve
    gains = np.empty_like(quality)
    plain = np.empty(len(quality))
    for row in range(len(quality)):
        hull = fixed.hull(row)
        # np.interp stays level below the cheapest vertex, where quality_at knows no quality.
        gains[row] = quality[row] - np.interp(cost[row] + left[row], hull.cost, hull.quality)
        low, high = float(fixed.cost_usd[row].min()), float(fixed.cost_usd[row].max())
        plain[row] = aiq(hull, low, high)
    even = slice(N_LOG_TARGETS, N_LOG_TARGETS + N_EVEN_TARGETS)
    gain = (0.5 * (gains[:, even][:, 1:] + gains[:, even][:, :-1])).mean(axis=1)
    span = oracle_heights - fixed_heights
    gap = np.full(len(span), np.nan)
    np.divide(gains[:, :N_LOG_TARGETS].mean(axis=1), span, out=gap, where=span > 0)
    best = fixed.quality[:, fixed.reference]
    top = np.full(len(span), np.nan)
    np.divide(quality[:, -1], best, out=top, where=best > 0)
    saved = [_saving(quality, cost, fixed, fraction) for fraction in (1.0, 0.99)]
    return FigureRows(
        aiq=recentred(plain + gain),
        aiq_gain=recentred(gain),
        gap_closed=recentred(gap),
        saving_at_100=saved[0],
        saving_at_99=saved[1],
        perf_gain=recentred(top - 1.0),
    )


def _saving(quality: Matrix, cost: Matrix, fixed: FixedTiers, fraction: float) -> Vector:
    """Find the saving at which each row's curve first reaches a share of the best quality."""
    reference_cost = fixed.cost_usd[:, fixed.reference]
    best = fixed.quality[:, fixed.reference]
    wanted = fraction * best
    # The reference itself can always be had, whatever its place among the costs.
    quality = np.column_stack([quality[:, : N_LOG_TARGETS + N_EVEN_TARGETS], best])
    cost = np.column_stack([cost[:, : N_LOG_TARGETS + N_EVEN_TARGETS], reference_cost])
    order = np.argsort(cost, axis=1, kind="stable")
    cost = np.take_along_axis(cost, order, axis=1)
    reached = np.maximum.accumulate(np.take_along_axis(quality, order, axis=1), axis=1)
    at = (reached >= wanted[:, None]).argmax(axis=1)
    rows, before = np.arange(len(at)), np.maximum(at - 1, 0)
    low, high = reached[rows, before], reached[rows, at]
    part = np.ones(len(at))
    np.divide(wanted - low, high - low, out=part, where=high > low)
    # Where the first point of all is good enough there is nothing to mix with.
    paid = cost[rows, before] + np.clip(part, 0.0, 1.0) * (cost[rows, at] - cost[rows, before])
    saving = np.full(len(at), np.nan)
    np.divide(paid, reference_cost, out=saving, where=reference_cost > 0)
    return 1.0 - saving


def hull_figures(
    sweep: SweepRows, fixed: FixedTiers, *, fixed_heights: Vector, oracle_heights: Vector
) -> FigureRows:
    """All figures of a frontier drawn on the very tasks that it is told on.

    Right for the oracle, which chooses in hindsight by its nature, and for no sweep at all.

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
    whole, gain, save_100, save_99, best = rows.T
    return FigureRows(whole, gain, gap, save_100, save_99, best)


def published_figures(
    sweep: SweepRows, fixed: FixedTiers, *, fixed_heights: Vector, oracle_heights: Vector
) -> PublishedFigures:
    """Return the figures of ``hull_figures`` over all tasks, without resamples."""
    found = hull_figures(
        SweepRows(sweep.quality[:1], sweep.cost_usd[:1]),
        FixedTiers(fixed.quality[:1], fixed.cost_usd[:1], fixed.reference),
        fixed_heights=fixed_heights[:1],
        oracle_heights=oracle_heights[:1],
    )
    return PublishedFigures(**{name: float(rows[0]) for name, rows in found._asdict().items()})


def oracle_gap(oracle: SweepRows, quality: Vector) -> Interval:
    """Gap@O of a policy whose mean quality by row is given, ``(1 + D,)``."""
    best = oracle.quality.max(axis=1)
    gaps = [gap_at_oracle(b, q) for b, q in zip(best.tolist(), quality.tolist(), strict=True)]
    return interval_of(np.array(gaps))


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
