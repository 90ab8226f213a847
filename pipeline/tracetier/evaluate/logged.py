"""What logged rows, one tier per task, say of the router, each fixed tier, and the log itself."""

import numpy as np

from tracetier.evaluate.policy_value import (
    LOGS,
    PolicyValueRows,
    policy_value_rows,
    quality_estimates,
)
from tracetier.evaluate.predictions import TaskPredictions
from tracetier.evaluate.resampling import Resampling, interval_of
from tracetier.evaluate.result import MIN_ESS, LoggedResult, LoggedValue
from tracetier.evaluate.value_table import ValueTable
from tracetier.measures.frontier import Choices, choose_tiers
from tracetier.measures.off_policy.intervals import Estimates


def logged_result(
    table: ValueTable,
    predictions: TaskPredictions,
    lam: float,
    resampling: Resampling,
    *,
    at_goal: Choices | None = None,
) -> LoggedResult:
    """Value the router at lambda, every fixed tier, and what the log did, by the same rows.

    Parameters
    ----------
    table : ValueTable
    predictions : TaskPredictions
        Of the rows of the table.
    lam : float
    resampling : Resampling
        Of the table's groups.
    at_goal : (n,) array of int, optional
        Tiers by a lambda that was solved on other rows.
    """
    choice = choose_tiers(predictions.quality, predictions.cost, lam)
    p_router = np.eye(len(table.tiers))[choice]
    router = policy_value_rows(p_router, table, lam=lam)

    def by_estimator(policy: np.ndarray | str) -> Estimates:
        return quality_estimates(
            policy, table, lam=lam, n_draws=resampling.n_draws, seed=resampling.seed
        )

    # Rows on which several tiers ran chose none: there the log counts as the mean of them.
    seen = table.seen
    as_logged = (
        policy_value_rows(seen / seen.sum(axis=1, keepdims=True), table, lam=lam)
        if seen.all(axis=1).any()
        else policy_value_rows(LOGS, table, lam=lam)
    )
    return LoggedResult(
        as_logged=_value(as_logged, resampling),
        router=_value(router, resampling, by_estimator(p_router)),
        fixed={
            name: _value(policy_value_rows(name, table, lam=lam), resampling, by_estimator(name))
            for name in table.tiers.names
        },
        gain=interval_of(resampling.rows((router.reward - as_logged.reward)[:, None])[:, 0]),
        n_logged=table.propensities.n_logged,
        n_estimated=table.propensities.n_estimated,
        at_goal=None
        if at_goal is None
        else _value(
            policy_value_rows(np.eye(len(table.tiers))[at_goal], table, lam=lam), resampling
        ),
    )


def _value(
    found: PolicyValueRows, resampling: Resampling, quality_by: Estimates | None = None
) -> LoggedValue:
    columns = np.stack([found.quality, found.cost_usd, found.reward], axis=1)
    quality, cost_usd, reward = (interval_of(rows) for rows in resampling.rows(columns).T)
    return LoggedValue(
        quality=quality,
        cost_usd=cost_usd,
        reward=reward,
        n_matched=int((found.weight > 0).sum()),
        ess=float(found.ess),
        is_supported=bool(found.ess >= MIN_ESS),
        quality_by=quality_by,
    )
