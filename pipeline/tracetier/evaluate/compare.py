"""The router, the fixed tiers and the controls on the same tasks, under the same resampling."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.evaluate.calibration import TierCalibration, calibration_of
from tracetier.evaluate.call_share import call_share
from tracetier.evaluate.controls import (
    Predictions,
    bucket_mean_predictions,
    majority_tier,
    oracle_choice,
    random_predictions,
    shuffle_predictions,
)
from tracetier.evaluate.curve_rows import curve_rows
from tracetier.evaluate.figures import (
    CurveRows,
    FigureRows,
    FixedTiers,
    Resampling,
    SweepRows,
    held_out_figures,
    hull_figures,
    interval_of,
    log_heights,
    oracle_gap,
    published_figures,
    recentred,
    sweep_rows,
)
from tracetier.evaluate.fold_means import FoldMeans, fold_means
from tracetier.evaluate.held_out_curve import N_FOLDS, held_out_curve, policy_outcomes
from tracetier.evaluate.learning_curve import LearningPoint
from tracetier.evaluate.neighbours import neighbour_predictions
from tracetier.evaluate.result import (
    Candidate,
    CurvePoint,
    FrontierPoint,
    FullResult,
    PolicyOutcome,
    TwoTierFigures,
    Versus,
)
from tracetier.evaluate.set_point import PointRows, Solve, keep, set_point
from tracetier.measures.bootstrap import Interval
from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import (
    QUALITY_SCALE,
    choose_tiers,
    lam_grid,
    sweep,
    sweep_choices,
)
from tracetier.measures.two_tier import Curve, apgr, cpt, threshold_masks

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


def compare(
    tasks: FullTasks,
    predictions: Predictions,
    resampling: Resampling,
    *,
    goal: Solve | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> FullResult:
    """Evaluate predictions against fixed tiers and controls.

    Parameters
    ----------
    tasks : FullTasks
        At least two groups.
    predictions : Predictions
        The router's, of tasks that it had not seen: quality in [0, 1], and reward cost.
    resampling : Resampling
        Its seed is that of the folds and the random controls too.
    goal : Solve, optional
        How a point is set for a goal.
    progress : callable
        Told the share that is done.
    """
    ladder = _Ladder(tasks, resampling)
    predicted = {"router": predictions, **_control_predictions(tasks, predictions, resampling)}
    found: dict[str, Candidate] = {}
    rows: dict[str, _Rows] = {}
    for done, (name, each) in enumerate(predicted.items()):
        progress(done / len(predicted))
        rows[name], found[name] = ladder.candidate(each)
    found |= _bounds(tasks, ladder)
    router = found.pop("router")
    return FullResult(
        reference=tasks.tiers[ladder.fixed.reference],
        fixed={name: ladder.policy(ladder.always(k)) for k, name in enumerate(tasks.tiers)},
        router=router,
        calibrated=_calibrated(rows["router"].policies, ladder, goal),
        controls=found,
        versus_bucket_mean=_versus(rows["router"], rows["bucket mean"]),
        gap_at_oracle=oracle_gap(ladder.oracle, rows["router"].quality),
        calibration=_calibration(tasks, predictions, resampling),
        points=_points(tasks, predictions),
        two_tier=_two_tier(tasks, predictions, resampling) if len(tasks.tiers) == 2 else None,
        call_share=call_share(*predictions, tasks.quality, tasks.cost_usd, tasks.tiers, resampling),
    )


def learning_points(
    tasks: FullTasks,
    sizes: Sequence[int],
    predicted: Sequence[Predictions],
    resampling: Resampling,
) -> tuple[LearningPoint, ...]:
    """Tell what trainings of several sizes are worth on the same tasks.

    Parameters
    ----------
    tasks : FullTasks
    sizes : sequence of int
    predicted : sequence of Predictions
        One for each size, of tasks that the training had not seen.
    resampling : Resampling
    """
    ladder = _Ladder(tasks, resampling)
    gaps = [ladder.candidate(each)[0].figures.gap_closed for each in predicted]
    return tuple(
        LearningPoint(
            n_tasks=size,
            gap_closed=interval_of(gap),
            gained=None if place == 0 else interval_of(gap - gaps[place - 1]),
        )
        for place, (size, gap) in enumerate(zip(sizes, gaps, strict=True))
    )


class _Rows(NamedTuple):
    """One candidate by row: its figures, quality and reward at lambda, and all of its policies."""

    figures: FigureRows
    quality: Vector
    reward: Vector
    policies: FoldMeans


class _Ladder:
    """From the fixed tiers at the bottom to the oracle at the top, resampled once."""

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
        return hull_figures(rows, self.fixed, **self._heights)

    def candidate(self, predictions: Predictions) -> tuple[_Rows, Candidate]:
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
        point = self._point_rows(_at_lam(tasks, predictions))
        at_lam = self.outcome(point)
        return _Rows(figures, point.quality, self._reward(point), found), Candidate(
            at_lam=at_lam,
            frontier=figures.figures(published_figures(means, self.fixed, **self._heights)),
            curve=_curve_points(curve),
        )

    def always(self, tier: int) -> Matrix:
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


def _oracle_curve(ladder: _Ladder) -> tuple[CurvePoint, ...]:
    hull = ladder.fixed.hull(0, ladder.oracle)
    nan = float("nan")
    pairs = zip(hull.cost.tolist(), hull.quality.tolist(), strict=True)
    return tuple(CurvePoint(cost, Interval(quality, nan, nan)) for cost, quality in pairs)


def _versus(ours: _Rows, theirs: _Rows) -> Versus:
    """Paired differences: both were resampled alike."""
    return Versus(
        gap_closed=interval_of(ours.figures.gap_closed - theirs.figures.gap_closed),
        aiq=interval_of(ours.figures.aiq - theirs.figures.aiq),
        reward=interval_of(ours.reward - theirs.reward),
    )


def _calibration(
    tasks: FullTasks, predictions: Predictions, resampling: Resampling
) -> dict[str, TierCalibration]:
    return {
        name: calibration_of(predictions.quality[:, k], tasks.quality[:, k], resampling)
        for k, name in enumerate(tasks.tiers)
    }


def _bounds(tasks: FullTasks, ladder: _Ladder) -> dict[str, Candidate]:
    """Return what needs no predictions: fixed mixtures, the majority tier, and the oracle."""
    nothing = SweepRows(ladder.oracle.quality[:, :0], ladder.oracle.cost_usd[:, :0])
    majority = majority_tier(tasks.quality, tasks.cost, tasks.lam)
    best = oracle_choice(tasks.quality, tasks.cost, tasks.lam)
    return {
        "fixed mixtures": Candidate(frontier=ladder.hull_figures(nothing).figures()),
        "majority tier": Candidate(at_lam=ladder.policy(ladder.always(majority))),
        # Its frontier is that of uncapped cost, as far up as a policy can come; at lambda it
        # takes the best reward, which is made of the capped one.
        "oracle": Candidate(
            at_lam=ladder.policy(tasks.one_hot(best)),
            frontier=ladder.hull_figures(ladder.oracle).figures(),
            curve=_oracle_curve(ladder),
        ),
    }


def _at_lam(tasks: FullTasks, predictions: Predictions) -> Matrix:
    return tasks.one_hot(choose_tiers(*predictions, tasks.lam))


def _control_predictions(
    tasks: FullTasks, predictions: Predictions, resampling: Resampling
) -> dict[str, Predictions]:
    rng = np.random.default_rng(resampling.seed)
    folds = grouped_folds(resampling.groups, N_FOLDS, resampling.seed)
    outcomes = Predictions(tasks.quality, tasks.cost)
    found = {"bucket mean": bucket_mean_predictions(outcomes, tasks.bucket, folds)}
    if tasks.features is not None:
        found["kNN"] = neighbour_predictions(outcomes, tasks.features, folds, seed=resampling.seed)
    found["shuffled"] = shuffle_predictions(predictions, rng)
    found["random"] = random_predictions(predictions, rng)
    return found


def _calibrated(
    policies: FoldMeans, ladder: _Ladder, goal: Solve | None
) -> dict[str, PolicyOutcome]:
    recipes = {"quality_99": keep(0.99, ladder.fixed), "quality_100": keep(1.0, ladder.fixed)}
    if goal is not None:
        recipes["goal"] = goal
    return {name: ladder.outcome(set_point(policies, each)) for name, each in recipes.items()}


def _points(tasks: FullTasks, predictions: Predictions) -> tuple[FrontierPoint, ...]:
    found = sweep(*predictions, tasks.quality, tasks.cost_usd)
    columns = zip(
        found.lam.tolist(),
        found.quality.tolist(),
        found.cost_usd.tolist(),
        found.share.tolist(),
        strict=True,
    )
    return tuple(
        FrontierPoint(lam, quality, cost, dict(zip(tasks.tiers, share, strict=True)))
        for lam, quality, cost, share in columns
    )


def _two_tier(tasks: FullTasks, predictions: Predictions, resampling: Resampling) -> TwoTierFigures:
    strong = threshold_masks(predictions.quality[:, 1] - predictions.quality[:, 0])
    quality = np.where(strong, tasks.quality[:, 1:], tasks.quality[:, :1])
    rows = resampling.rows(np.hstack([strong.astype(np.float64), quality, tasks.quality]))
    n_points = strong.shape[1]
    found: list[list[float]] = []
    for row in rows:
        curve = Curve(row[:n_points], row[n_points:-2])
        weak_q, strong_q = row[-2:].tolist()
        found.append(
            [
                apgr(curve, weak_q, strong_q),
                cpt(curve, weak_q, strong_q, p=0.5),
                cpt(curve, weak_q, strong_q, p=0.8),
            ]
        )
    whole, half, most = (interval_of(column) for column in np.array(found).T)
    return TwoTierFigures(apgr=whole, cpt_50=half, cpt_80=most)
