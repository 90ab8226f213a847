"""Value of a policy on logged rows, by weighting them with how likely it was to be logged.

Only rows on which the policy takes the logged tier count, the rarer the log took it the more.
Formulas: Horvitz and Thompson 1952 (IPS); Swaminathan and Joachims, NIPS 2015 (SNIPS).
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.evaluate.figures import Resampling
from tracetier.measures.bootstrap import Interval, bootstrap_means, column_interval, ratio_interval

Vector = NDArray[np.float64]

MIN_ESS = 50.0
"""Effective sample size below which no value is claimed."""


class LoggedValue(Struct, frozen=True, kw_only=True):
    """What logged rows say of a policy.

    Attributes
    ----------
    quality, cost_usd : Interval
        By SNIPS, in [0, 1] and USD.
    quality_ips, cost_usd_ips : Interval
        By IPS: unbiased, but wider, and off where the weights do not average 1.
    n_matched : int
        Rows on which the policy could have taken the logged tier.
    ess : float
        Effective sample size, in rows.
    is_supported : bool
        Whether ``ess`` is enough to claim the value.
    """

    quality: Interval
    cost_usd: Interval
    quality_ips: Interval
    cost_usd_ips: Interval
    n_matched: int
    ess: float
    is_supported: bool


def effective_sample_size(weight: Vector) -> float:
    """How many equally weighted rows the weighted ones are worth.

    ``ESS = (sum w)^2 / sum w^2``; 0 where every weight is 0.

    Examples
    --------
    >>> effective_sample_size(np.array([2.0, 2.0, 0.0])), effective_sample_size(np.zeros(3))
    (2.0, 0.0)
    """
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def logged_value(
    p_new: Vector, p_log: Vector, quality: Vector, cost_usd: Vector, resampling: Resampling
) -> LoggedValue:
    """Value of a policy from logged rows.

    ``IPS = mean(w y)`` and ``SNIPS = sum(w y) / sum(w)`` with ``w = p_new / p_log``.

    Parameters
    ----------
    p_new : (n,)
        Probability that the policy takes the logged tier, in [0, 1].
    p_log : (n,)
        Probability with which it was logged, in (0, 1].
    quality, cost_usd : (n,)
        Outcomes of the logged tier, in [0, 1] and USD.
    resampling : Resampling

    Examples
    --------
    >>> rows = np.array([1.0, 0.0])
    >>> once = Resampling(np.arange(2), n_draws=10, seed=0)
    >>> found = logged_value(np.array([0.5, 0.5]), np.array([0.5, 0.25]), rows, rows, once)
    >>> found.quality.estimate, found.quality_ips.estimate, found.ess
    (0.333..., 0.5, 1.8)
    """
    weight = p_new / p_log
    columns = np.stack([weight, weight * quality, weight * cost_usd], axis=1)
    found = bootstrap_means(
        columns, resampling.groups, n_draws=resampling.n_draws, seed=resampling.seed
    )
    ess = effective_sample_size(weight)
    return LoggedValue(
        quality=ratio_interval(found, 1, 0),
        cost_usd=ratio_interval(found, 2, 0),
        quality_ips=column_interval(found, 1),
        cost_usd_ips=column_interval(found, 2),
        n_matched=int((weight > 0).sum()),
        ess=ess,
        is_supported=ess >= MIN_ESS,
    )
