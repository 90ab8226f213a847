"""The lambda for a goal, solved on what a training run predicts out of fold."""

import numpy as np
from numpy.typing import NDArray

from tracetier.errors import TrainingError
from tracetier.measures.goal import Goal, GoalAnswer, InUse, Outcomes, solve_goal
from tracetier.tiers import TierSet
from tracetier.train.logged.pseudo_outcomes import pseudo_outcomes
from tracetier.train.model import TrainedModel
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]


def goal_answer(
    model: TrainedModel,
    rows: TaskRows,
    goal: Goal,
    tiers: TierSet,
    *,
    incumbent: str | None = None,
) -> GoalAnswer | None:
    """Return the lambda that does best within the goal; ``None`` where no goal needs solving.

    Parameters
    ----------
    model : TrainedModel
    rows : TaskRows
        The rows it was fitted on; told by its out-of-fold predictions.
    goal : Goal
    tiers : TierSet
    incumbent : str, optional
        Tier that is in use; by default what the logs did, where they took one tier of several.

    Raises
    ------
    SettingsError
        If no policy meets the goal.
    TierError
        If the incumbent is no tier.
    TrainingError
        If no task shows quality and cost of every tier, and logs tell nothing either.
    """
    if not goal.needs_solving:
        return None
    place = None if incumbent is None else tiers.index(incumbent)
    used, quality, cost_usd = _outcomes(model, rows)
    outcomes = Outcomes(
        model.held_out.quality[used],
        model.held_out.cost[used],
        quality[used],
        cost_usd[used],
        model.folds[used],
    )
    in_use = None
    if place is not None:
        in_use = InUse.of_tier(place, tiers.names[place], outcomes)
    elif quality is not rows.quality:  # told by the log's own choices
        in_use = InUse.of_logs(rows.quality, rows.cost_usd)
    return solve_goal(outcomes, goal, tiers.names, incumbent=in_use)


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
