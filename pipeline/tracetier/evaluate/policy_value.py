"""What a policy is worth on a table, row by row: the one place where policies are valued.

Where every tier ran, a row's value is the outcome of the tier that the policy takes. Where only
the logged tier is known, it is the row's self-normalised doubly robust influence. Both average to
the policy's value, so policies are compared by the difference of their rows.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.artifact import Artifact
from tracetier.errors import TableError, TierError
from tracetier.evaluate.predictions import predict_tasks
from tracetier.evaluate.value_table import ValueTable
from tracetier.measures.frontier import QUALITY_SCALE, choose_tiers
from tracetier.measures.off_policy.estimators import self_normalized_dr
from tracetier.measures.off_policy.intervals import Estimates, estimate_all
from tracetier.measures.off_policy.weights import effective_sample_size

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

LOGS = "logs"
"""The policy that took the logged tiers."""


class PolicyValueRows(NamedTuple):
    """A policy's value on n rows, by self-normalised doubly robust influence.

    Attributes
    ----------
    quality, cost_usd, reward : (n,) arrays
        In [0, 1], USD, and ``10 q - lam * min(1, cost / cost_ref)``. The mean over the rows is
        the estimate; single rows may lie outside of any range. Resample them by ``groups``.
    groups : (n,) array of int
    weight : (n,) array
        Importance weight of each row, 1 where every tier ran.
    ess : float
        Effective sample size; below ``MIN_ESS`` (50) nothing may be claimed.
    n_logged : int
        Rows of which only some tiers are known; 0 is full information.
    is_observational : bool
        Whether a propensity had to be estimated.
    """

    quality: Vector
    cost_usd: Vector
    reward: Vector
    groups: NDArray[np.int64]
    weight: Vector
    ess: float
    n_logged: int
    is_observational: bool


def policy_probabilities(policy: Artifact | str | Matrix, table: ValueTable, lam: float) -> Matrix:
    """Probability with which a policy takes each tier on each row, ``(n, K)``.

    Parameters
    ----------
    policy : Artifact, str or (n, K) array
        An artifact's router at ``lam``, a tier's name, or the probabilities themselves.
    table : ValueTable
    lam : float

    Raises
    ------
    TierError
        If the name is no tier's, or the artifact knows other tiers.
    TableError
        If texts are withheld of tasks that the artifact was not trained on.
    """
    n_tiers = len(table.tiers)
    if isinstance(policy, np.ndarray):
        return policy
    if isinstance(policy, str):
        names = table.tiers.names
        if policy not in names:
            raise TierError(
                f"policy {policy!r} is none of the tiers {', '.join(names)}; name one of them, "
                f"or {LOGS!r} for what the logs did"
            )
        return np.tile(np.eye(n_tiers)[names.index(policy)], (len(table.tasks), 1))
    if policy.tiers.names != table.tiers.names:
        raise TierError(
            f"the artifact knows the tiers {', '.join(policy.tiers.names)}, the table was read "
            f"for {', '.join(table.tiers.names)}; both must be the same"
        )
    found = predict_tasks(policy.predictor, table.tasks, policy.oof)
    unknown = int((table.is_withheld & ~found.is_out_of_fold).sum())
    if unknown:
        raise TableError(
            f"the table withholds the texts of {unknown:,} tasks that artifact "
            f"{policy.artifact_id} was not trained on, and a prediction needs them; name a tier "
            f"or {LOGS!r} as the incumbent, or ingest the logs without --no-text"
        )
    return np.eye(n_tiers)[choose_tiers(found.quality, found.cost, lam)]


def policy_value_rows(
    policy: Artifact | str | Matrix, table: ValueTable, *, lam: float
) -> PolicyValueRows:
    """Value a policy on every row of a table.

    Parameters
    ----------
    policy : Artifact, str or (n, K) array
        An artifact's router at ``lam`` (out of fold where it was trained on a task), a tier's
        name for that tier always, ``LOGS`` for what the logs did, or the probability of each
        tier for each row of the table.
    table : ValueTable
    lam : float
        Of the router and of the reward.

    Raises
    ------
    TierError
        If the policy is of other tiers.
    TableError
        If it is ``LOGS``, and every tier ran on some rows: there the log chose none.
    """
    capped, capped_hat = (
        np.minimum(1.0, cost / table.cost_ref) for cost in (table.cost_usd, table.cost_usd_hat)
    )
    outcomes = (
        (table.quality, table.quality_hat),
        (table.cost_usd, table.cost_usd_hat),
        (capped, capped_hat),
    )
    if isinstance(policy, str) and policy == LOGS:
        _check_logged(table)
        quality, cost_usd, cost = (_mean_seen(observed) for observed, _ in outcomes)
        weight = np.ones(len(table.tasks))
    else:
        p_new = policy_probabilities(policy, table, lam)
        quality, cost_usd, cost = (
            self_normalized_dr(table.on(p_new, *pair)).influence for pair in outcomes
        )
        weight = table.on(p_new, *outcomes[0]).weight
    return PolicyValueRows(
        quality=quality,
        cost_usd=cost_usd,
        reward=QUALITY_SCALE * quality - lam * cost,
        groups=table.groups,
        weight=weight,
        ess=effective_sample_size(weight),
        n_logged=table.propensities.n_logged,
        is_observational=table.propensities.n_estimated > 0,
    )


def quality_estimates(
    policy: Artifact | str | Matrix, table: ValueTable, *, lam: float, n_draws: int, seed: int
) -> Estimates:
    """Estimate a policy's mean quality by every estimator, with intervals over groups.

    Parameters
    ----------
    policy : Artifact, str or (n, K) array
        As for `policy_value_rows`, but for ``LOGS``.
    table : ValueTable
    lam : float
    n_draws, seed : int
        Of the resampling.
    """
    p_new = policy_probabilities(policy, table, lam)
    rows = table.on(p_new, table.quality, table.quality_hat)
    return estimate_all(rows, table.groups, n_draws=n_draws, seed=seed)


def _check_logged(table: ValueTable) -> None:
    n_full = int(table.seen.all(axis=1).sum())
    if n_full:
        raise TableError(
            f"every tier ran on {n_full:,} of {len(table.tasks):,} rows, so there the logs chose "
            "none; name the tier that was in use, or keep only the rows of one tier per task"
        )


def _mean_seen(observed: Matrix) -> Vector:
    seen = ~np.isnan(observed)
    return np.asarray(np.where(seen, observed, 0.0).sum(axis=1) / seen.sum(axis=1))
