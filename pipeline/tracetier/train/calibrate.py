"""Out-of-fold calibration: lines, smearing, and how far to trust a prediction.

Everything here looks only at predictions of rows that the predicting model had not seen.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.heads.prior import PriorStats

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

_MIN_VARIANCE = 1e-6
_FEW_ROWS = 5
_MOST_VARIANCE = 0.25
"""Of any number in [0, 1]: what is assumed where too few rows tell."""


class Lines(NamedTuple):
    """One line per target: ``calibrated = intercept + slope * blended``.

    Attributes
    ----------
    intercept, slope : (T,) array
    """

    intercept: Vector
    slope: Vector

    def apply(self, blended: Matrix) -> Matrix:
        """Calibrate ``(n, T)`` predictions."""
        return np.asarray(self.intercept + self.slope * blended)


def fit_lines(blended: Matrix, y: Matrix, n_differences: int = 0) -> Lines:
    """Least squares per target over the rows that were seen, the slope kept in [0, 1.5].

    Parameters
    ----------
    blended, y : (n, T) array
        Out-of-fold predictions and targets; ``nan`` in ``y`` where not seen.
    n_differences : int
        The first so many targets are differences between tiers: these keep slope 1 and only
        lose their bias. A slope each would tilt one tier against another on noise
        (docs/decisions.md).

    Examples
    --------
    >>> lines = fit_lines(np.array([[0.0], [1.0]]), np.array([[0.25], [0.75]]))
    >>> lines.intercept, lines.slope
    (array([0.25]), array([0.5]))
    """
    n_targets = y.shape[1]
    intercept, slope = np.zeros(n_targets), np.ones(n_targets)
    for t in range(n_targets):
        seen = ~np.isnan(y[:, t])
        if not seen.any():
            continue
        x, goal = blended[seen, t], y[seen, t]
        if t >= n_differences:
            spread = x.var()
            covariance = ((x - x.mean()) * (goal - goal.mean())).mean()
            slope[t] = np.clip(covariance / spread, 0.0, 1.5) if spread > 1e-12 else 0.0
        intercept[t] = goal.mean() - slope[t] * x.mean()
    return Lines(intercept, slope)


def smearing_factors(log_cost_hat: Matrix, cost_usd: Matrix) -> Vector:
    """Undo the logarithm per tier: ``sum(cost) / sum(exp(log_cost_hat))`` over seen rows.

    The exponential of a mean log is a median-like cost, below the mean (Duan, JASA 1983).
    """
    seen = ~np.isnan(cost_usd)
    total = np.where(seen, cost_usd, 0.0).sum(axis=0)
    predicted = np.where(seen, np.exp(log_cost_hat), 0.0).sum(axis=0)
    return np.asarray(np.where(total > 0, total / np.maximum(predicted, 1e-300), 1.0))


def reward_cost_scales(cost_hat: Matrix, cost_usd: Matrix, cost_ref: float) -> Vector:
    """Scale per tier for which the capped predictions have the capped costs' mean.

    Solves ``mean(min(1, s * cost_hat / cost_ref)) = mean(min(1, cost / cost_ref))`` by
    bisection: the cap takes more from a heavy tail than from its predicted mean.
    """
    scales = np.ones(cost_usd.shape[1])
    for k in range(len(scales)):
        seen = ~np.isnan(cost_usd[:, k])
        if not seen.any():
            continue
        predicted = cost_hat[seen, k] / cost_ref
        goal = np.minimum(1.0, cost_usd[seen, k] / cost_ref).mean()
        low, high = 0.0, 16.0
        for _ in range(60):
            middle = (low + high) / 2
            if np.minimum(1.0, middle * predicted).mean() < goal:
                low = middle
            else:
                high = middle
        scales[k] = (low + high) / 2
    return scales


def prior_stats(
    names: tuple[str, ...],
    bucket: NDArray[np.intp],
    predicted: tuple[Matrix, Matrix],
    observed: tuple[Matrix, Matrix],
) -> PriorStats:
    """Bucket means and residual spread of out-of-fold predictions.

    Parameters
    ----------
    names : tuple of str, length B
    bucket : (n,) array of int
    predicted, observed : pairs of (n, K) arrays
        Quality in [0, 1] and reward cost in [0, 1]; observed is ``nan`` where not seen.
    """
    n_buckets = len(names)
    quality_var, quality_tau2 = _spread(bucket, observed[0] - predicted[0], n_buckets)
    cost_var, cost_tau2 = _spread(bucket, observed[1] - predicted[1], n_buckets)
    return PriorStats(
        buckets=names,
        n=np.bincount(bucket, minlength=n_buckets).astype(np.float64),
        quality_mean=_bucket_means(bucket, predicted[0], n_buckets),
        cost_mean=_bucket_means(bucket, predicted[1], n_buckets),
        quality_var=quality_var,
        cost_var=cost_var,
        quality_tau2=quality_tau2,
        cost_tau2=cost_tau2,
    )


def _bucket_means(bucket: NDArray[np.intp], values: Matrix, n_buckets: int) -> Matrix:
    total = np.zeros((n_buckets, values.shape[1]))
    np.add.at(total, bucket, values)
    count = np.bincount(bucket, minlength=n_buckets)[:, None]
    return np.where(count > 0, total / np.maximum(count, 1), values.mean(axis=0))


def _spread(bucket: NDArray[np.intp], residual: Matrix, n_buckets: int) -> tuple[Vector, Vector]:
    """Variance of residuals, and of their bucket means beyond what chance gives, ``(K,)``."""
    variances, tau2 = [], []
    for column in residual.T:
        seen = ~np.isnan(column)
        variance = float(column[seen].var()) if seen.sum() >= _FEW_ROWS else _MOST_VARIANCE
        count = np.bincount(bucket[seen], minlength=n_buckets)
        total = np.bincount(bucket[seen], weights=column[seen], minlength=n_buckets)
        enough = count >= _FEW_ROWS
        means = total[enough] / count[enough]
        chance = variance / count[enough]
        between = float((means**2 - chance).mean()) if enough.any() else 0.0
        variances.append(max(variance, _MIN_VARIANCE))
        tau2.append(max(between, _MIN_VARIANCE))
    return np.array(variances), np.array(tau2)
