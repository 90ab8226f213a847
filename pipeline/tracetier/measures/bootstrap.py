"""Paired bootstrap over task groups, for anything computed from means over tasks.

Groups are drawn with replacement and every column is averaged over the same draw, so whatever is
compared (policies, tiers, controls) is compared on the same tasks. A statistic is then a
function of one row of means; its interval is read off its values over the draws.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Groups = NDArray[np.int64]

N_DRAWS = 2000
LEVEL = 0.95
# Group indices drawn at once; bounds the memory, and is part of what a seed means.
_BLOCK = 4_000_000


class Interval(Struct, frozen=True):
    """An estimate from all tasks with its percentile interval; ``nan`` where undefined."""

    estimate: float
    low: float
    high: float


class MeanDraws(NamedTuple):
    """Means of P columns.

    Attributes
    ----------
    means : (P,) array
        Over all tasks.
    draws : (D, P) array
        Over the tasks of each resample.
    """

    means: Vector
    draws: Matrix


def bootstrap_means(
    values: Matrix, groups: Groups, *, n_draws: int = N_DRAWS, seed: int = 0
) -> MeanDraws:
    """Resample groups and average every column over the same draw.

    Parameters
    ----------
    values : (n, P) array
        A row per task.
    groups : (n,) array of int
        Tasks of one group are drawn together.
    n_draws : int
    seed : int
        Same seed, same groups: the draws depend on nothing else.

    Returns
    -------
    MeanDraws

    Raises
    ------
    ValueError
        If there is no task.

    Examples
    --------
    >>> found = bootstrap_means(np.array([[0.0], [1.0]]), np.array([0, 1]), n_draws=500)
    >>> found.means, sorted(set(found.draws[:, 0].tolist()))
    (array([0.5]), [0.0, 0.5, 1.0])
    """
    if len(values) == 0:
        raise ValueError("a bootstrap needs at least one task")
    sums, sizes = group_sums(values, groups)
    n_groups = len(sizes)
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // n_groups)
    draws = np.empty((n_draws, values.shape[1]))
    for start in range(0, n_draws, block):
        n = min(block, n_draws - start)
        counts = _draw_counts(rng, n, n_groups)
        draws[start : start + n] = (counts @ sums) / (counts @ sizes)[:, None]
    return MeanDraws(sums.sum(axis=0) / sizes.sum(), draws)


def group_sums(values: Matrix, groups: Groups) -> tuple[Matrix, Vector]:
    """Sum the columns by group.

    Returns
    -------
    sums : (G, P) array
    sizes : (G,) array
        Tasks of each group.

    Examples
    --------
    >>> group_sums(np.array([[1.0], [2.0], [4.0]]), np.array([7, 3, 7]))
    (array([[2.], [5.]]), array([1., 2.]))
    """
    _, of_row, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.argsort(of_row, kind="stable")
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    sums = np.add.reduceat(np.asarray(values, np.float64)[order], starts, axis=0)
    return sums, sizes.astype(np.float64)


def _draw_counts(rng: np.random.Generator, n_draws: int, n_groups: int) -> Matrix:
    """How often each group is drawn, ``(n_draws, n_groups)``; rows sum to ``n_groups``."""
    drawn = rng.integers(0, n_groups, size=(n_draws, n_groups))
    drawn += np.arange(n_draws)[:, None] * n_groups
    counts = np.bincount(drawn.ravel(), minlength=n_draws * n_groups)
    return counts.reshape(n_draws, n_groups).astype(np.float64)


def percentile_interval(estimate: float, draws: Vector, *, level: float = LEVEL) -> Interval:
    """Percentile interval of a statistic.

    Parameters
    ----------
    estimate : float
        From all tasks.
    draws : (D,) array
        From the resamples; those where it is undefined (``nan``) are left out.
    level : float
        In (0, 1).

    Examples
    --------
    >>> percentile_interval(0.5, np.linspace(0.0, 1.0, 101), level=0.9)
    Interval(estimate=0.5, low=0.05, high=0.95)
    """
    known = draws[np.isfinite(draws)]
    if known.size == 0:
        return Interval(float(estimate), float("nan"), float("nan"))
    low, high = np.quantile(known, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(estimate), float(low), float(high))


def column_interval(found: MeanDraws, column: int, *, level: float = LEVEL) -> Interval:
    """Interval of one column's mean."""
    return percentile_interval(found.means[column], found.draws[:, column], level=level)


def difference_interval(found: MeanDraws, a: int, b: int, *, level: float = LEVEL) -> Interval:
    """Interval of the paired difference of two means, ``mean_a - mean_b``.

    Examples
    --------
    >>> rows = np.array([[0.1, 0.0], [1.1, 1.0], [0.6, 0.5]])
    >>> difference_interval(bootstrap_means(rows, np.arange(3)), 0, 1)
    Interval(estimate=0.1, low=0.1, high=0.1)
    """
    return percentile_interval(
        found.means[a] - found.means[b], found.draws[:, a] - found.draws[:, b], level=level
    )


def ratio_interval(found: MeanDraws, a: int, b: int, *, level: float = LEVEL) -> Interval:
    """Interval of the paired ratio of two means, ``mean_a / mean_b``.

    Examples
    --------
    >>> rows = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    >>> ratio_interval(bootstrap_means(rows, np.arange(3)), 0, 1)
    Interval(estimate=0.5, low=0.5, high=0.5)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = found.draws[:, a] / found.draws[:, b]
        estimate = np.divide(found.means[a], found.means[b])
    return percentile_interval(float(estimate), draws, level=level)


def statistic_intervals(
    found: MeanDraws, statistic: Callable[[Vector], Vector], *, level: float = LEVEL
) -> list[Interval]:
    """Intervals of S statistics computed together from one row of means.

    Parameters
    ----------
    found : MeanDraws
    statistic : callable
        ``(P,) -> (S,)``; ``nan`` where undefined.
    level : float

    Examples
    --------
    >>> found = bootstrap_means(np.array([[1.0, 3.0]]), np.array([0]), n_draws=10)
    >>> statistic_intervals(found, lambda row: np.array([row.max()]))
    [Interval(estimate=3.0, low=3.0, high=3.0)]
    """
    estimates = statistic(found.means)
    draws = np.stack([statistic(row) for row in found.draws])
    return [
        percentile_interval(float(estimates[s]), draws[:, s], level=level)
        for s in range(len(estimates))
    ]
