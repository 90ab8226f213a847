"""Any policy on tasks of full outcomes, told against the fixed tiers and the oracle."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.evaluate.controls import Predictions
from tracetier.evaluate.curve_rows import curve_rows
from tracetier.evaluate.figures import (
    CurveRows,
    FigureRows,
    FixedTiers,
    SweepRows,
    held_out_figures,
    hull_figures,
    log_heights,
    published_figures,
    sweep_rows,
)
from tracetier.evaluate.fold_means import FoldMeans, fold_means
from tracetier.evaluate.held_out_curve import held_out_curve, policy_outcomes
from tracetier.evaluate.resampling import Resampling, interval_of, recentred
from tracetier.evaluate.result import Candidate, CurvePoint, PolicyOutcome
from tracetier.evaluate.set_point import PointRows
from tracetier.measures.frontier import QUALITY_SCALE, choose_tiers, lam_grid, sweep_choices

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Labels = NDArray[np.int64]

_N_POLICIES = 61
"""Lambdas of a frontier: enough to draw it, and few enough to choose among anew each time."""


class FullTasks(NamedTuple):
    """Outcomes of every tier on n tasks, and how a reward is made of them.

    Attributes
    ----------
    quality, cost_usd : (n, K) arrays
        In [0, 1] and USD.
    bucket : (n,) array of int
        Context bucket, from 0.
    tiers : sequence of str, length K
        Cheap to dear.
    lam, cost_ref : float
        ``reward = 10 quality - lam min(1, cost_usd / cost_ref)``.
    features : (n, d) array, optional
        Where each task lies among the others, for the control by nearest neighbours.
    """

    quality: Matrix
    cost_usd: Matrix
    bucket: Labels
    tiers: Sequence[str]
    lam: float
    cost_ref: float
    features: Matrix | None = None

    @property
    def cost(self) -> Matrix:
        """Reward cost, ``(n, K)`` in [0, 1]."""
        return np.minimum(1.0, self.cost_usd / self.cost_ref)

    def one_hot(self, choice: NDArray[np.intp]) -> Matrix:
        """Return a choice per task as probabilities, ``(n, K)``."""
        return np.eye(len(self.tiers))[choice]


class CandidateRows(NamedTuple):
    """One candidate by row: its figures, quality and reward at lambda, and all of its policies."""

    figures: FigureRows
    quality: Vector
    reward: Vector
    policies: FoldMeans


class PolicyEvaluator:
    """Tells policies against the fixed tiers below them and the oracle above, resampled once."""

    def __init__(self, tasks: FullTasks, resampling: Resampling) -> None:
        self.tasks = tasks
        self.resampling = resampling
        self.fixed = FixedTiers.of(tasks.quality, tasks.cost_usd, resampling)
        self.oracle = self._sweep(Predictions(tasks.quality, tasks.cost_usd / tasks.cost_ref))
        self._heights = {
            "fixed_heights": log_heights(self.fixed),
            "oracle_heights": log_heights(self.fixed, self.oracle),
        }

    def _sweep(self, predictions: Predictions) -> SweepRows:
        choices = sweep_choices(*predictions, lam_grid(*predictions))
        return sweep_rows(self.tasks.quality, self.tasks.cost_usd, choices, self.resampling)

    def hull_figures(self, rows: SweepRows) -> FigureRows:
        """Figures of a sweep that chooses in hindsight, or of none."""
        return hull_figures(rows, self.fixed, **self._heights)

    def candidate(self, predictions: Predictions) -> tuple[CandidateRows, Candidate]:
        """Outcome of predictions at lambda, and of the frontier that they make."""
        tasks, resampling = self.tasks, self.resampling
        choices = sweep_choices(*predictions, lam_grid(*predictions, _N_POLICIES))
        outcomes = policy_outcomes(choices, tasks.quality, tasks.cost_usd)
        targets = self.fixed.targets_usd
        whole = held_out_curve(outcomes, targets, groups=resampling.groups, seed=resampling.seed)
        found = fold_means(choices, tasks.quality, tasks.cost_usd, tasks.cost, resampling)
        curve = curve_rows(found, targets, whole)
        figures = held_out_figures(curve, self.fixed, **self._heights)
        means = SweepRows(*(outcome.mean(axis=0)[None] for outcome in outcomes))
        point = self._point_rows(tasks.one_hot(choose_tiers(*predictions, tasks.lam)))
        rows = CandidateRows(figures, point.quality, self._reward(point), found)
        return rows, Candidate(
            at_lam=self.outcome(point),
            frontier=figures.figures(published_figures(means, self.fixed, **self._heights)),
            curve=_curve_points(curve),
        )

    def always(self, tier: int) -> Matrix:
        """Return the policy that takes one tier for all tasks, ``(n, K)``."""
        return self.tasks.one_hot(np.full(len(self.tasks.quality), tier, dtype=np.intp))

    def policy(self, probabilities: Matrix) -> PolicyOutcome:
        """Outcome of a policy that takes each tier with these probabilities, ``(n, K)``."""
        return self.outcome(self._point_rows(probabilities))

    def _point_rows(self, probabilities: Matrix) -> PointRows:
        tasks = self.tasks
        outcomes = (tasks.quality, tasks.cost_usd, tasks.cost)
        columns = np.stack([(probabilities * each).sum(axis=1) for each in outcomes], axis=1)
        quality, cost_usd, cost = self.resampling.rows(columns).T
        return PointRows(quality, cost_usd, cost, probabilities.mean(axis=0))

    def _reward(self, rows: PointRows) -> Vector:
        return QUALITY_SCALE * rows.quality - self.tasks.lam * rows.cost

    def outcome(self, rows: PointRows) -> PolicyOutcome:
        """Outcome of a policy that was resampled already."""
        reference = self.fixed.reference
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = rows.quality / self.fixed.quality[:, reference]
            share = rows.cost_usd / self.fixed.cost_usd[:, reference]
        return PolicyOutcome(
            quality=interval_of(rows.quality),
            cost_usd=interval_of(rows.cost_usd),
            reward=interval_of(self._reward(rows)),
            quality_kept=interval_of(kept),
            cost_share=interval_of(share),
            saving=interval_of(1.0 - share),
            share=dict(zip(self.tasks.tiers, rows.share.tolist(), strict=True)),
        )


def _curve_points(curve: CurveRows) -> tuple[CurvePoint, ...]:
    """Draw the points of a frontier, without that of quality at any cost, by cost."""
    cost = curve.cost_usd[0, :-1]
    return tuple(
        CurvePoint(float(cost[j]), interval_of(recentred(curve.quality[:, j])))
        for j in np.argsort(cost, kind="stable")
    )
