"""A goal on a table: the lambda that meets it, and what it gives on tasks it was not solved on."""

import math

import numpy as np
from numpy.typing import NDArray

from tracetier.evaluate.held_out_curve import N_FOLDS
from tracetier.evaluate.outcomes import FullOutcomes
from tracetier.evaluate.predictions import TaskPredictions
from tracetier.evaluate.set_point import Solve
from tracetier.evaluate.value_table import ValueTable
from tracetier.measures.folds import grouped_folds
from tracetier.measures.frontier import Choices, choose_tiers, sweep
from tracetier.measures.goal import Goal, GoalAnswer, InUse, Outcomes, cautious_budget, solve_goal
from tracetier.tiers import TierSet
from tracetier.train.logged.pseudo_outcomes import pseudo_outcomes

Vector = NDArray[np.float64]


class GoalOnTable:
    """A goal, solved on a table's tasks.

    Parameters
    ----------
    goal : Goal
        One that needs solving.
    table : FullOutcomes or ValueTable
        Of logged rows it is told by doubly robust pseudo-outcomes.
    predictions : TaskPredictions
        Of tasks that were not trained on, or out of fold.
    tiers : TierSet
    incumbent : str, optional
        Tier that is in use; by default what the logs did, where they took one tier of several.
    seed : int
        Of the folds.

    Attributes
    ----------
    answer : GoalAnswer
        Solved on all the tasks.

    Raises
    ------
    SettingsError
        If no policy meets the goal.
    TierError
        If the incumbent is no tier.
    """

    def __init__(
        self,
        goal: Goal,
        table: FullOutcomes | ValueTable,
        predictions: TaskPredictions,
        tiers: TierSet,
        *,
        incumbent: str | None = None,
        seed: int = 0,
    ) -> None:
        place = None if incumbent is None else tiers.index(incumbent)
        quality, cost_usd = table.quality, table.cost_usd
        if isinstance(table, ValueTable):
            p = table.propensities.values
            quality = pseudo_outcomes(table.quality_hat, table.quality, p)
            cost_usd = pseudo_outcomes(table.cost_usd_hat, table.cost_usd, p)
        folds = grouped_folds(table.groups, N_FOLDS, seed)
        self._outcomes = Outcomes(predictions.quality, predictions.cost, quality, cost_usd, folds)
        in_use = None
        if place is not None:
            in_use = InUse.of_tier(place, tiers.names[place], self._outcomes)
        elif isinstance(table, ValueTable):
            in_use = InUse.of_logs(table.quality, table.cost_usd)
        self.answer: GoalAnswer = solve_goal(self._outcomes, goal, tiers.names, incumbent=in_use)
        self._floor = goal.floor
        self._most = math.inf if goal.floor is not None else cautious_budget(self._outcomes, goal)

    def solve(self) -> Solve:
        """Return the recipe for `set_point`: one lambda, by the means of tiers and of a sweep."""
        n_tiers = self._outcomes.quality.shape[1]

        def one_lam(quality: Vector, cost_usd: Vector) -> tuple[int, int, float]:
            at = n_tiers + self._best(quality[n_tiers:], cost_usd[n_tiers:])
            return at, at, 0.0

        return one_lam

    def held_out_choice(self) -> Choices:
        """Return the tier of each task by the lambda that was solved on the other folds, (n,)."""
        q_hat, c_hat, quality, cost_usd, folds = self._outcomes
        choice = np.zeros(len(q_hat), dtype=np.intp)
        for fold in np.unique(folds):
            here, seen = folds == fold, folds != fold
            found = sweep(q_hat[seen], c_hat[seen], quality[seen], cost_usd[seen])
            lam = float(found.lam[self._best(found.quality, found.cost_usd)])
            choice[here] = choose_tiers(q_hat[here], c_hat[here], lam)
        return choice

    def _best(self, quality: Vector, cost_usd: Vector) -> int:
        """Place of the best policy within the goal; where none is, of the nearest to it."""
        if self._floor is not None:
            meets = quality >= self._floor
            return int(
                np.where(meets, cost_usd, np.inf).argmin() if meets.any() else quality.argmax()
            )
        within = cost_usd <= self._most
        return int(
            np.where(within, quality, -np.inf).argmax() if within.any() else cost_usd.argmin()
        )
