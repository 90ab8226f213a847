"""The tasks of a table on which every tier ran: they answer what any policy would have given.

Of the others a log knows only the tier that was taken; ``policy_value`` weighs them.
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
    row : (n,) array of int
        Which of the rows each task is.
    """

    tasks: list[Task]
    quality: Matrix
    cost_usd: Matrix
    groups: NDArray[np.int64]
    n_left_out: int
    row: NDArray[np.intp]


def full_outcomes_of(rows: TaskRows, tiers: TierSet) -> FullOutcomes | None:
    """Return the tasks on which every tier ran, if they are at least half of all.

    ``None`` where most tasks are known on some tiers only: their outcomes need weighing.

    Parameters
    ----------
    rows : TaskRows
    tiers : TierSet

    Raises
    ------
    TableError
        If no task has both the quality and the cost of any tier.
    """
    known = ~(np.isnan(rows.quality) | np.isnan(rows.cost_usd))
    if not known.any():
        raise TableError(
            f"none of the {len(known)} tasks has both the quality and the cost of a tier "
            f"({', '.join(tiers.names)}); join outcomes, or set prices in tracetier.toml"
        )
    complete = np.asarray(known.all(axis=1))
    is_used = known.any(axis=1)
    return _full(rows, complete) if complete.sum() * 2 >= is_used.sum() else None


def gather_full_outcomes(table: pa.Table, tiers: TierSet) -> FullOutcomes:
    """Return the tasks on which every tier ran.

    Raises
    ------
    TableError
        If there is none.
    """
    rows = rows_with_texts(table, tiers)
    known = ~(np.isnan(rows.quality) | np.isnan(rows.cost_usd))
    complete = np.asarray(known.all(axis=1))
    if not complete.any():
        raise TableError(
            f"none of the {len(complete)} tasks has quality and cost of all {len(tiers)} tiers "
            f"({', '.join(tiers.names)}); a replay reveals the outcome of whatever tier is "
            "chosen, so it needs a table where every tier ran"
        )
    return _full(rows, complete)


def rows_with_texts(table: pa.Table, tiers: TierSet) -> TaskRows:
    """Gather a table by task, and refuse tasks that no predictor can be asked about.

    Raises
    ------
    TableError
        If texts are withheld.
    """
    rows = task_rows(table, tiers)
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
        found.tasks, found.quality, found.cost_usd, found.groups, len(complete) - len(kept), kept
    )
