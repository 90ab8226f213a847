"""A feature table as outcomes: full information where every tier ran, else the logged rows.

Full information answers what any policy would have cost and scored. Logged rows, one tier per
task, answer it only for the tiers that were taken, weighted by how likely that was.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracetier.errors import TableError
from tracetier.records import Task
from tracetier.tiers import TierSet
from tracetier.train.rows import TaskRows, task_rows

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


class FullOutcomes(NamedTuple):
    """Tasks on which every tier ran.

    Attributes
    ----------
    tasks : list of Task, length n
    quality, cost_usd : (n, K) arrays
        In [0, 1] and USD, none missing.
    groups : (n,) array of int
    n_left_out : int
        Tasks that lack the quality or the cost of a tier.
    """

    tasks: list[Task]
    quality: Matrix
    cost_usd: Matrix
    groups: NDArray[np.int64]
    n_left_out: int


class LoggedOutcomes(NamedTuple):
    """Tiers that were taken, with the probability of taking them; n rows.

    Attributes
    ----------
    tasks : list of Task
    tier : (n,) array of int
    quality, cost_usd : (n,) arrays
        In [0, 1] and USD.
    p_log : (n,) array
        Probability with which the tier was taken, in (0, 1].
    groups : (n,) array of int
    n_left_out : int
        Rows that lack the quality, the cost or the propensity.
    """

    tasks: list[Task]
    tier: NDArray[np.intp]
    quality: Vector
    cost_usd: Vector
    p_log: Vector
    groups: NDArray[np.int64]
    n_left_out: int


def gather_outcomes(table: pa.Table, tiers: TierSet) -> FullOutcomes | LoggedOutcomes:
    """Read a table as full information if at least half of its tasks ran on every tier.

    A table with fewer such tasks is read as logged where propensities are known; where they are
    not, its complete tasks are used, however few.

    Parameters
    ----------
    table : pyarrow.Table
        As read by ``read_table``.
    tiers : TierSet

    Raises
    ------
    TableError
        If it is neither, or a propensity is not in (0, 1].
    """
    rows = _with_texts(task_rows(table, tiers))
    known = ~(np.isnan(rows.quality) | np.isnan(rows.cost_usd))
    complete = np.asarray(known.all(axis=1))
    logged = known & ~np.isnan(rows.p_log)
    if complete.sum() * 2 >= len(complete) or (complete.any() and not logged.any()):
        return _full(rows, complete)
    if logged.any():
        return _logged(rows, logged)
    raise TableError(
        f"none of the {len(complete)} tasks has quality and cost of all {len(tiers)} tiers "
        f"({', '.join(tiers.names)}), and no row has a propensity (p_log); evaluate on a table "
        "where every tier ran, or log the probability with which each tier was taken"
    )


def gather_full_outcomes(table: pa.Table, tiers: TierSet) -> FullOutcomes:
    """Return the tasks on which every tier ran.

    Raises
    ------
    TableError
        If there is none.
    """
    rows = _with_texts(task_rows(table, tiers))
    known = ~(np.isnan(rows.quality) | np.isnan(rows.cost_usd))
    complete = np.asarray(known.all(axis=1))
    if not complete.any():
        raise TableError(
            f"none of the {len(complete)} tasks has quality and cost of all {len(tiers)} tiers "
            f"({', '.join(tiers.names)}); a replay reveals the outcome of whatever tier is "
            "chosen, so it needs a table where every tier ran"
        )
    return _full(rows, complete)


def _with_texts(rows: TaskRows) -> TaskRows:
    """Refuse tasks that no predictor can be asked about."""
    if rows.withheld is not None:
        raise TableError(
            f"the table withholds the texts of {len(rows.withheld.rows)} tasks, and a prediction "
            "needs them; the figures out of fold are in the artifact's metrics, and for others "
            "ingest the logs without --no-text"
        )
    return rows


def _full(rows: TaskRows, complete: NDArray[np.bool_]) -> FullOutcomes:
    kept = np.flatnonzero(complete)
    found = rows.take(kept)
    return FullOutcomes(
        found.tasks, found.quality, found.cost_usd, found.groups, len(complete) - len(kept)
    )


def _logged(rows: TaskRows, usable: NDArray[np.bool_]) -> LoggedOutcomes:
    row, tier = np.nonzero(usable)
    p_log = rows.p_log[row, tier]
    bad = np.flatnonzero(~((p_log > 0) & (p_log <= 1)))
    if bad.size:
        raise TableError(
            f"p_log of task {rows.task_ids[row[bad[0]]]!r} is {p_log[bad[0]]:g}, must be in "
            f"(0, 1] ({bad.size} such rows); drop the rows logged without a propensity"
        )
    taken = ~(np.isnan(rows.quality) & np.isnan(rows.cost_usd) & np.isnan(rows.p_log))
    return LoggedOutcomes(
        tasks=[rows.tasks[i] for i in row],
        tier=tier,
        quality=rows.quality[row, tier],
        cost_usd=rows.cost_usd[row, tier],
        p_log=p_log,
        groups=rows.groups[row],
        n_left_out=int(taken.sum()) - len(row),
    )
