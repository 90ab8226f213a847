"""What lambda shall do: keep a budget, keep a quality, or save a share; solved out of fold."""

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import SettingsError, TrainingError
from tracetier.measures.frontier import QUALITY_SCALE, Frontier, sweep
from tracetier.measures.spending import MOST_OVERSPENDING, overspending
from tracetier.train.logged.pseudo_outcomes import pseudo_outcomes
from tracetier.train.model import TrainedModel
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Goal(Struct, frozen=True, kw_only=True):
    """At most one of four ways to set lambda.

    Attributes
    ----------
    lam : float, optional
        Lambda itself, at least 0.
    budget_usd : float, optional
        Mean cost per task, USD.
    quality_floor : float, optional
        Mean quality, 0-10.
    saving : float, optional
        Share of the dearest tier's mean cost, in [0, 1); .5 is half of its cost.
    """

    lam: float | None = None
    budget_usd: float | None = None
    quality_floor: float | None = None
    saving: float | None = None

    def check(self) -> None:
        """Raise ``SettingsError`` where two are given, or one is out of its range."""
        given = (self.lam, self.budget_usd, self.quality_floor, self.saving)
        if sum(value is not None for value in given) > 1:
            raise SettingsError(
                "lam, budget_usd, quality_floor and saving each set lambda; give one of them"
            )
        if self.lam is not None and not 0.0 <= self.lam < math.inf:
            raise SettingsError(f"lam is {self.lam:g}, must be a finite number >= 0")
        if self.saving is not None and not 0.0 <= self.saving < 1.0:
            raise SettingsError(
                f"saving is {self.saving:g}, must be a share of the dearest tier's cost from 0 to "
                "below 1; .5 is half of its cost"
            )


def solve_lam(model: TrainedModel, rows: TaskRows, goal: Goal) -> float | None:
    """Return the lambda that does best within the goal; ``None`` where no goal needs solving.

    Parameters
    ----------
    model : TrainedModel
    rows : TaskRows
        The rows it was fitted on; told by its out-of-fold predictions.
    goal : Goal

    Raises
    ------
    SettingsError
        If no policy meets the goal.
    TrainingError
        If no task shows quality and cost of every tier, and logs tell nothing either.
    """
    if goal.budget_usd is None and goal.quality_floor is None and goal.saving is None:
        return goal.lam
    used, quality, cost_usd = _outcomes(model, rows)
    quality, cost_usd = quality[used], cost_usd[used]
    q_hat, c_hat = model.held_out.quality[used], model.held_out.cost[used]
    found = sweep(q_hat, c_hat, quality, cost_usd)
    if goal.quality_floor is not None:
        return _lam_above(found, goal.quality_floor / QUALITY_SCALE)
    budget_usd = goal.budget_usd
    if budget_usd is None:
        assert goal.saving is not None
        budget_usd = (1.0 - goal.saving) * float(cost_usd.mean(axis=0).max())
    over = overspending(q_hat, c_hat, quality, cost_usd, model.folds[used], budget_usd)
    return _lam_within(found, budget_usd, min(max(over, 1.0), MOST_OVERSPENDING))


def _outcomes(model: TrainedModel, rows: TaskRows) -> tuple[Mask, Matrix, Matrix]:
    """Return what a sweep is told on: complete tasks, or pseudo-outcomes where most are not.

    The mean pseudo-outcome of what a policy takes is its doubly robust value.
    """
    full = np.asarray(~(np.isnan(rows.quality) | np.isnan(rows.cost_usd)).any(axis=1))
    if model.corrected is None or 2 * int(full.sum()) >= len(full):
        if not full.any():
            raise TrainingError(
                "no task shows quality and cost of every tier, so a budget or a floor cannot be "
                "solved for; give --lam"
            )
        return full, rows.quality, rows.cost_usd
    propensity = model.corrected.propensities.values
    # The whole correction, of which learning may take less.
    quality = pseudo_outcomes(model.corrected.predicted, rows.quality, propensity)
    cost_usd = pseudo_outcomes(model.held_out.cost_usd, rows.cost_usd, propensity)
    return np.ones(len(full), dtype=np.bool_), quality, cost_usd


def _lam_within(found: Frontier, budget_usd: float, over: float) -> float:
    """Best quality at the budget, less what such a policy overspends; at least the cheapest."""
    cheapest = float(found.cost_usd.min())
    if not budget_usd >= cheapest:
        raise SettingsError(
            f"a budget of {budget_usd:.3g} USD per task is below {cheapest:.3g} USD, "
            "the mean cost of the cheapest policy; raise the budget, or add a cheaper tier"
        )
    within = np.flatnonzero(found.cost_usd <= max(budget_usd / over, cheapest))
    return float(found.lam[within[found.quality[within].argmax()]])


def _lam_above(found: Frontier, quality: float) -> float:
    above = np.flatnonzero(found.quality >= quality)
    if not above.size:
        raise SettingsError(
            f"a quality floor of {QUALITY_SCALE * quality:.3g} (of 10) is above "
            f"{QUALITY_SCALE * found.quality.max():.3g}, the best that any policy reaches; "
            "lower the floor"
        )
    return float(found.lam[above[found.cost_usd[above].argmin()]])
