"""What full outcomes say: the router, the fixed tiers and the controls on the same tasks."""

from collections.abc import Callable, Sequence

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
from tracetier.evaluate.figures import SweepRows, oracle_gap
from tracetier.evaluate.fold_means import FoldMeans
from tracetier.evaluate.held_out_curve import N_FOLDS
from tracetier.evaluate.learning_curve import LearningPoint
from tracetier.evaluate.neighbours import neighbour_predictions
from tracetier.evaluate.policy_evaluator import CandidateRows, FullTasks, PolicyEvaluator
from tracetier.evaluate.resampling import Resampling, interval_of
from tracetier.evaluate.result import (
    Candidate,
    CurvePoint,
    FrontierPoint,
    FullResult,
    PolicyOutcome,
    TwoTierFigures,
    Versus,
)
from tracetier.evaluate.set_point import Solve, keep, set_point
from tracetier.measures.bootstrap import Interval
from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import sweep
from tracetier.measures.two_tier import Curve, apgr, cpt, threshold_masks

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Labels = NDArray[np.int64]


def full_result(
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
    evaluator = PolicyEvaluator(tasks, resampling)
    predicted = {"router": predictions, **_control_predictions(tasks, predictions, resampling)}
    found: dict[str, Candidate] = {}
    rows: dict[str, CandidateRows] = {}
    for done, (name, each) in enumerate(predicted.items()):
        progress(done / len(predicted))
        rows[name], found[name] = evaluator.candidate(each)
    found |= _bounds(tasks, evaluator)
    router = found.pop("router")
    return FullResult(
        reference=tasks.tiers[evaluator.fixed.reference],
        fixed={name: evaluator.policy(evaluator.always(k)) for k, name in enumerate(tasks.tiers)},
        router=router,
        calibrated=_calibrated(rows["router"].policies, evaluator, goal),
        controls=found,
        versus_bucket_mean=_versus(rows["router"], rows["bucket mean"]),
        gap_at_oracle=oracle_gap(evaluator.oracle, rows["router"].quality),
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
    evaluator = PolicyEvaluator(tasks, resampling)
    gaps = [evaluator.candidate(each)[0].figures.gap_closed for each in predicted]
    return tuple(
        LearningPoint(
            n_tasks=size,
            gap_closed=interval_of(gap),
            gained=None if place == 0 else interval_of(gap - gaps[place - 1]),
        )
        for place, (size, gap) in enumerate(zip(sizes, gaps, strict=True))
    )


def _oracle_curve(evaluator: PolicyEvaluator) -> tuple[CurvePoint, ...]:
    hull = evaluator.fixed.hull(0, evaluator.oracle)
    nan = float("nan")
    pairs = zip(hull.cost.tolist(), hull.quality.tolist(), strict=True)
    return tuple(CurvePoint(cost, Interval(quality, nan, nan)) for cost, quality in pairs)


def _versus(ours: CandidateRows, theirs: CandidateRows) -> Versus:
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


def _bounds(tasks: FullTasks, evaluator: PolicyEvaluator) -> dict[str, Candidate]:
    """Return what needs no predictions: fixed mixtures, the majority tier, and the oracle."""
    nothing = SweepRows(evaluator.oracle.quality[:, :0], evaluator.oracle.cost_usd[:, :0])
    majority = majority_tier(tasks.quality, tasks.cost, tasks.lam)
    best = oracle_choice(tasks.quality, tasks.cost, tasks.lam)
    return {
        "fixed mixtures": Candidate(frontier=evaluator.hull_figures(nothing).figures()),
        "majority tier": Candidate(at_lam=evaluator.policy(evaluator.always(majority))),
        # Its frontier is that of uncapped cost, as far up as a policy can come; at lambda it
        # takes the best reward, which is made of the capped one.
        "oracle": Candidate(
            at_lam=evaluator.policy(tasks.one_hot(best)),
            frontier=evaluator.hull_figures(evaluator.oracle).figures(),
            curve=_oracle_curve(evaluator),
        ),
    }


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
    policies: FoldMeans, evaluator: PolicyEvaluator, goal: Solve | None
) -> dict[str, PolicyOutcome]:
    recipes = {"quality_99": keep(0.99, evaluator.fixed), "quality_100": keep(1.0, evaluator.fixed)}
    if goal is not None:
        recipes["goal"] = goal
    return {name: evaluator.outcome(set_point(policies, each)) for name, each in recipes.items()}


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
