"""The router, the fixed tiers and the controls on the same tasks, under the same resampling."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.evaluate.controls import (
    Predictions,
    bucket_mean_predictions,
    majority_tier,
    oracle_choice,
    random_predictions,
    shuffle_predictions,
)
from tracetier.evaluate.crossfit import N_FOLDS, cross_fitted
from tracetier.evaluate.figures import (
    FixedTiers,
    FrontierFigures,
    Resampling,
    SweepRows,
    frontier_figures,
    log_heights,
    oracle_gap,
    sweep_rows,
)
from tracetier.evaluate.result import (
    Candidate,
    FrontierPoint,
    FullResult,
    PolicyOutcome,
    TwoTierFigures,
)
from tracetier.measures.bootstrap import percentile_interval
from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import (
    QUALITY_SCALE,
    choose_tiers,
    lam_grid,
    sweep,
    sweep_choices,
)
from tracetier.measures.operating_point import Calibration
from tracetier.measures.two_tier import Curve, apgr, cpt, threshold_masks

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Labels = NDArray[np.int64]


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
    """

    quality: Matrix
    cost_usd: Matrix
    bucket: Labels
    tiers: Sequence[str]
    lam: float
    cost_ref: float

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
    progress : callable
        Told the share that is done.
    """
    ladder = _Ladder(tasks, resampling)
    predicted = {"router": predictions, **_control_predictions(tasks, predictions, resampling)}
    found: dict[str, Candidate] = {}
    for done, (name, each) in enumerate(predicted.items()):
        progress(done / len(predicted))
        found[name] = ladder.candidate(each)
    found |= _bounds(tasks, ladder)
    router = found.pop("router")
    quality_rows = ladder.quality_rows(_at_lam(tasks, predictions))
    return FullResult(
        reference=tasks.tiers[ladder.fixed.reference],
        fixed={name: ladder.policy(ladder.always(k)) for k, name in enumerate(tasks.tiers)},
        router=router,
        calibrated=_calibrated(tasks, predictions, ladder),
        controls=found,
        gap_at_oracle=oracle_gap(ladder.oracle, quality_rows),
        points=_points(tasks, predictions),
        two_tier=_two_tier(tasks, predictions, resampling) if len(tasks.tiers) == 2 else None,
    )


class _Ladder:
    """From the fixed tiers at the bottom to the oracle at the top, resampled once."""

    def __init__(self, tasks: FullTasks, resampling: Resampling) -> None:
        self.tasks = tasks
        self.resampling = resampling
        self.fixed = FixedTiers.of(tasks.quality, tasks.cost_usd, resampling)
        self.oracle = self._sweep(Predictions(tasks.quality, tasks.cost_usd / tasks.cost_ref))
        self._fixed_heights = log_heights(self.fixed)
        self._oracle_heights = log_heights(self.fixed, self.oracle)

    def _sweep(self, predictions: Predictions) -> SweepRows:
        lams = lam_grid(*predictions)
        choices = sweep_choices(*predictions, lams)
        return sweep_rows(self.tasks.quality, self.tasks.cost_usd, choices, self.resampling)

    def figures(self, rows: SweepRows) -> FrontierFigures:
        return frontier_figures(
            rows,
            self.fixed,
            fixed_heights=self._fixed_heights,
            oracle_heights=self._oracle_heights,
        )

    def candidate(self, predictions: Predictions) -> Candidate:
        return Candidate(
            at_lam=self.policy(_at_lam(self.tasks, predictions)),
            frontier=self.figures(self._sweep(predictions)),
        )

    def always(self, tier: int) -> Matrix:
        return self.tasks.one_hot(np.full(len(self.tasks.quality), tier, dtype=np.intp))

    def quality_rows(self, probabilities: Matrix) -> Vector:
        quality = (probabilities * self.tasks.quality).sum(axis=1)
        return self.resampling.rows(quality[:, None])[:, 0]

    def policy(self, probabilities: Matrix) -> PolicyOutcome:
        """Outcome of a policy that takes each tier with these probabilities, ``(n, K)``."""
        tasks, reference = self.tasks, self.fixed.reference
        outcomes = (tasks.quality, tasks.cost_usd, tasks.cost)
        columns = np.stack([(probabilities * each).sum(axis=1) for each in outcomes], axis=1)
        quality, cost_usd, cost = self.resampling.rows(columns).T
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = quality / self.fixed.quality[:, reference]
            share = cost_usd / self.fixed.cost_usd[:, reference]
        rows = {
            "quality": quality,
            "cost_usd": cost_usd,
            "reward": QUALITY_SCALE * quality - tasks.lam * cost,
            "quality_kept": kept,
            "cost_share": share,
            "saving": 1.0 - share,
        }
        intervals = {k: percentile_interval(float(v[0]), v[1:]) for k, v in rows.items()}
        shares = dict(zip(tasks.tiers, probabilities.mean(axis=0).tolist(), strict=True))
        return PolicyOutcome(share=shares, **intervals)


def _bounds(tasks: FullTasks, ladder: _Ladder) -> dict[str, Candidate]:
    """Return what needs no predictions: fixed mixtures, the majority tier, and the oracle."""
    nothing = SweepRows(ladder.oracle.quality[:, :0], ladder.oracle.cost_usd[:, :0])
    majority = majority_tier(tasks.quality, tasks.cost, tasks.lam)
    best = oracle_choice(tasks.quality, tasks.cost, tasks.lam)
    return {
        "fixed mixtures": Candidate(frontier=ladder.figures(nothing)),
        "majority tier": Candidate(at_lam=ladder.policy(ladder.always(majority))),
        # Its frontier is that of uncapped cost, as far up as a policy can come; at lambda it
        # takes the best reward, which is made of the capped one.
        "oracle": Candidate(
            at_lam=ladder.policy(tasks.one_hot(best)), frontier=ladder.figures(ladder.oracle)
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
    return {
        "bucket mean": bucket_mean_predictions(outcomes, tasks.bucket, folds),
        "shuffled": shuffle_predictions(predictions, rng),
        "random": random_predictions(predictions, rng),
    }


def _calibrated(
    tasks: FullTasks, predictions: Predictions, ladder: _Ladder
) -> dict[str, PolicyOutcome]:
    found: dict[str, PolicyOutcome] = {}
    for name, fraction in (("quality_99", 0.99), ("quality_100", 1.0)):
        probabilities = cross_fitted(
            *predictions,
            tasks.quality,
            tasks.cost_usd,
            groups=ladder.resampling.groups,
            solve=partial(Calibration.at_fraction, fraction=fraction),
            seed=ladder.resampling.seed,
        )
        found[name] = ladder.policy(probabilities)
    return found


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
    whole, half, most = (percentile_interval(c[0], c[1:]) for c in np.array(found).T)
    return TwoTierFigures(apgr=whole, cpt_50=half, cpt_80=most)
