"""What a log of one outcome per task can give at most: two comparators that see more than it does.

``fewer tasks`` buys as many outcomes as the log has, but all tiers of each task that it draws: it
sees gains within a task, which no log of one outcome per task shows. ``least noise`` learns from
the log, by bucket means, but its corrections start from the outcome model of full information:
no unbiased use of the log has less variance (the efficiency bound, Hahn, Econometrica 1998). What
does better than this row does so by assuming something, as shrinkage does.
"""

from functools import lru_cache

import numpy as np
from _logs import logging_policy
from _outcomes import load_rows
from numpy.typing import NDArray

from tracetier.measures.folds import grouped_folds
from tracetier.train.logged.cross_fit import cross_fitted_outcomes
from tracetier.train.logged.pseudo_outcomes import pseudo_outcomes
from tracetier.train.model import training_data
from tracetier.train.rows import TaskRows

Matrix = NDArray[np.float64]

N_FOLDS = 5


def fewer_tasks(rows: TaskRows, seed: int) -> TaskRows:
    """Draw one in K tasks, of which every tier is known: as many outcomes as tasks."""
    n = len(rows.tasks)
    drawn = np.random.default_rng(seed).permutation(n)[: round(n / rows.quality.shape[1])]
    return rows.take(np.sort(drawn))


def least_noise_rows(
    table: str, log: str, logged: TaskRows, folds: NDArray[np.int64], fold: int, seed: int
) -> TaskRows:
    """Pseudo-outcomes of least variance of the training tasks of one outer fold.

    Parameters
    ----------
    table, log : str
    logged : TaskRows
        All tasks, the outcome of one tier each.
    folds : (n,) array of int
        Outer folds.
    fold : int
        Whose tasks are left out.
    seed : int
    """
    tiers, rows = load_rows(table)
    train = np.flatnonzero(folds != fold)
    policy = logging_policy(log, table, tiers, rows)[train]
    kept = logged.take(train)
    predicted = _full_outcome_model(table, seed, fold, tuple(train.tolist()))
    return kept._replace(quality=pseudo_outcomes(predicted, kept.quality, policy))


@lru_cache(maxsize=8)
def _full_outcome_model(table: str, seed: int, fold: int, train: tuple[int, ...]) -> Matrix:
    """Predict each training task by models that saw every tier of the others, ``(n, K)``."""
    rows = load_rows(table)[1].take(np.array(train))
    folds = grouped_folds(rows.groups, N_FOLDS, seed)
    everywhere = np.ones(rows.quality.shape)
    return cross_fitted_outcomes(training_data(rows), rows.quality, everywhere, folds, seed=seed)
