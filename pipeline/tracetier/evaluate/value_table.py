"""A table made ready to value policies on: outcomes, their cross-fitted model, propensities."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracetier.errors import TableError
from tracetier.evaluate.outcomes import rows_with_texts
from tracetier.measures.folds import grouped_folds
from tracetier.measures.off_policy.estimators import PolicyRows
from tracetier.measures.off_policy.weights import MAX_WEIGHT
from tracetier.records import Task
from tracetier.tiers import TierSet
from tracetier.train.logged.correct import Propensities, find_propensities
from tracetier.train.logged.cross_fit import cross_fitted_outcomes
from tracetier.train.model import training_data
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]

N_FOLDS = 5


class ValueTable(NamedTuple):
    """A table made ready to value policies on.

    Attributes
    ----------
    tasks : list of Task, length n
        Those with quality and cost of at least one tier; each withheld text is its hash.
    tiers : TierSet
    quality, cost_usd : (n, K) array
        In [0, 1] and USD, ``nan`` unless both are known.
    quality_hat, cost_usd_hat : (n, K) array
        By models that had not seen the row; the outcomes themselves where every tier ran.
    propensities : Propensities
    groups : (n,) array of int
    cost_ref : float
        USD that count as reward cost 1.
    row : (n,) array of int
        Which of the table's tasks each row is.
    is_withheld : (n,) array of bool
        Whether the text of a task is not there: only who was trained on it has a prediction of it.
    """

    tasks: list[Task]
    tiers: TierSet
    quality: Matrix
    cost_usd: Matrix
    quality_hat: Matrix
    cost_usd_hat: Matrix
    propensities: Propensities
    groups: NDArray[np.int64]
    cost_ref: float
    row: NDArray[np.intp]
    is_withheld: NDArray[np.bool_]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Where a tier's outcome is known, ``(n, K)``."""
        return ~np.isnan(self.quality)

    def on(self, p_new: Matrix, observed: Matrix, predicted: Matrix) -> PolicyRows:
        """Put a policy on the rows, for one kind of outcome.

        Parameters
        ----------
        p_new : (n, K) array
            Probability of each tier; rows sum to 1.
        observed, predicted : (n, K) array
        """
        seen = self.seen
        inverse = np.minimum(1.0 / self.propensities.values, MAX_WEIGHT)
        part = np.where(seen, p_new * inverse, 0.0)
        weight = part.sum(axis=1)
        # Several tiers may be seen of a row: the mean over them, by their weights.
        share = part / np.where(weight > 0, weight, 1.0)[:, None]
        return PolicyRows(
            weight=weight,
            direct=np.asarray((p_new * predicted).sum(axis=1)),
            predicted=np.asarray((share * predicted).sum(axis=1)),
            outcome=np.asarray((share * np.where(seen, observed, 0.0)).sum(axis=1)),
        )


def value_table(
    table: pa.Table, tiers: TierSet, *, cost_ref: float | None = None, seed: int = 0
) -> ValueTable:
    """Prepare a table once; then value any number of policies on it.

    Parameters
    ----------
    table : pyarrow.Table
        As read by ``read_table``.
    tiers : TierSet
    cost_ref : float, optional
        USD that count as reward cost 1; by default the largest mean cost of a tier in the table.
    seed : int
        Of the folds of the cross-fitted outcome model.

    Raises
    ------
    TableError
        If no row has a quality and a cost, a propensity is not in (0, 1], or texts are withheld.
    """
    return value_rows(rows_with_texts(table, tiers), tiers, cost_ref=cost_ref, seed=seed)


def value_rows(
    rows: TaskRows, tiers: TierSet, *, cost_ref: float | None = None, seed: int = 0
) -> ValueTable:
    """Prepare rows that are already gathered; see `value_table`."""
    known = ~(np.isnan(rows.quality) | np.isnan(rows.cost_usd))
    usable = np.flatnonzero(known.any(axis=1))
    if not usable.size:
        raise TableError(
            f"none of the {len(rows.tasks)} tasks has both the quality and the cost of a tier "
            f"({', '.join(tiers.names)}); join outcomes, or set prices in tracetier.toml"
        )
    found = rows.take(usable)
    quality = np.where(known[usable], found.quality, np.nan)
    cost_usd = np.where(known[usable], found.cost_usd, np.nan)
    _check_propensities(found)
    scale = _largest_mean(cost_usd) if cost_ref is None else cost_ref
    quality_hat, cost_usd_hat, propensities = _model(
        found._replace(quality=quality, cost_usd=cost_usd), scale, seed
    )
    return ValueTable(
        tasks=found.tasks_by_hash,
        tiers=tiers,
        quality=quality,
        cost_usd=cost_usd,
        quality_hat=quality_hat,
        cost_usd_hat=cost_usd_hat,
        propensities=propensities,
        groups=found.groups,
        cost_ref=scale,
        row=usable,
        is_withheld=_is_withheld(found),
    )


def _is_withheld(rows: TaskRows) -> NDArray[np.bool_]:
    found = np.zeros(len(rows.tasks), np.bool_)
    if rows.withheld is not None:
        found[rows.withheld.rows] = True
    return found


def _check_propensities(rows: TaskRows) -> None:
    bad = ~np.isnan(rows.p_log) & ~((rows.p_log > 0) & (rows.p_log <= 1))
    if bad.any():
        row, tier = (int(places[0]) for places in np.nonzero(bad))
        raise TableError(
            f"p_log of task {rows.task_ids[row]!r} is {rows.p_log[row, tier]:g}, must be in "
            f"(0, 1] ({int(bad.sum())} such rows); drop the rows logged without a propensity"
        )


def _largest_mean(cost_usd: Matrix) -> float:
    seen = ~np.isnan(cost_usd)
    total = np.where(seen, cost_usd, 0.0).sum(axis=0)
    return float((total / np.maximum(seen.sum(axis=0), 1)).max()) or 1.0


def _model(rows: TaskRows, cost_ref: float, seed: int) -> tuple[Matrix, Matrix, Propensities]:
    """Quality and cost of every tier out of fold, and how likely each was to be seen."""
    seen = ~np.isnan(rows.quality)
    if seen.all():
        return rows.quality, rows.cost_usd, Propensities(np.ones(seen.shape), 0, 0)
    data = training_data(rows)
    folds = grouped_folds(rows.groups, N_FOLDS, seed)
    propensities = find_propensities(data, seen, rows.p_log, folds, seed)

    def predicted(observed: Matrix) -> Matrix:
        full = seen.all(axis=1, keepdims=True)
        found = cross_fitted_outcomes(data, observed, propensities.values, folds, seed=seed)
        return np.where(full, observed, found)

    return (
        predicted(rows.quality),
        cost_ref * predicted(rows.cost_usd / cost_ref),
        propensities,
    )
