"""How much would be spent (or scored) per request at each price, over recent contexts."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

BONUS = 0.5
"""Prices go down to minus this, in points of reward (0-10) per unit of reward cost: grant that
would be left over is spent where tiers are nearly equal, on the dearer one."""

_LEAST, _MOST = 1e-3, 1e4
"""Limits of a price with the bonus added, the scale on which curves are kept."""

_NEAR, _FAR, _SPAN = 25, 15, 8.0
"""Prices tried around the last one (within a factor), and over the whole range."""


_JUMP = 0.5
_FADING = 0.2
"""Price at which optimism has faded to about a third."""


def price_grid(around: float) -> Vector:
    """Return prices to try, rising: dense around the last one, sparse over the whole range."""
    middle = around + BONUS
    near = np.geomspace(max(_LEAST, middle / _SPAN), min(_MOST, middle * _SPAN), _NEAR)
    return np.sort(np.concatenate([near, np.geomspace(_LEAST, _MOST, _FAR)])) - BONUS


def curve_scale(prices: Vector) -> Vector:
    """Return ``log(price + bonus)``, in which a curve is interpolated."""
    return np.log(prices + BONUS)


class Optimism(NamedTuple):
    """Standard deviations added to a reward at no price, and at a high one."""

    free: float
    priced: float

    def at(self, price: float) -> float:
        """Return ``priced + (free - priced) exp(-price / .2)``.

        Under a price every mistake is paid out of one purse; where money is left over, it is best
        spent on finding out.

        Examples
        --------
        >>> [Optimism(1.0, 0.3).at(price) for price in (0.0, 0.2, 30.0)]
        [1.0, 0.55..., 0.3]
        """
        return self.priced + (self.free - self.priced) * math.exp(-max(price, 0.0) / _FADING)


class Beliefs(NamedTuple):
    """What a strategy believes of many tasks, ``(n, K)`` each.

    Attributes
    ----------
    reward, sd : array
        In points of reward, before any price.
    quality, cost : array
        Quality 0-1 and reward cost.
    optimism : Optimism
        How much of ``sd`` a choice adds to ``reward``.
    """

    reward: Matrix
    sd: Matrix
    quality: Matrix
    cost: Matrix
    optimism: Optimism


def mean_amounts(prices: Vector, beliefs: Beliefs, amount: Matrix) -> Vector:
    """Mean amount per request at each price, if each context takes its best tier.

    ``sum_i amount[i, argmax_a(reward + optimism sd - price cost)[i, a]] / n``, made non-increasing
    in the price.

    Parameters
    ----------
    prices : (P,) array
        Rising.
    beliefs : Beliefs
    amount : (n, K) array
        What is summed.

    Examples
    --------
    >>> reward, cost = np.array([[5.0, 6.0], [5.0, 5.5]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    >>> beliefs = Beliefs(reward, 0 * cost, 0 * cost, cost, Optimism(1.0, 0.3))
    >>> mean_amounts(np.array([0.1, 0.7, 2.0]), beliefs, cost)
    array([1. , 0.5, 0. ])
    """
    reward, sd, cost = beliefs.reward, beliefs.sd, np.maximum(beliefs.cost, 0.0)
    rows, weight = np.arange(len(reward)), beliefs.optimism.at
    found = [
        amount[rows, (reward + weight(price) * sd - price * cost).argmax(axis=1)].mean()
        for price in prices.tolist()
    ]
    return np.minimum.accumulate(np.array(found))


def price_for(
    target: float, log_price: Sequence[float], amount: Sequence[float], *, turn: float
) -> float:
    """Return the price at which the curve reaches ``target``, by interpolation.

    Where it jumps there by more than half the target, because many contexts change their tier at
    one price, no price in between would do: then the two prices around the jump take turns, so
    that the mean is the target. Beyond the ends of the curve the price at that end.

    Parameters
    ----------
    target : float
    log_price : sequence of float
        `curve_scale` of the prices, falling.
    amount : sequence of float
        What is expected at each, rising.
    turn : float
        In [0, 1), even over the decisions: below the share of the lower price, that one is taken.

    Examples
    --------
    >>> curve = curve_scale(np.array([3.5, 0.5])).tolist()
    >>> price_for(0.9, curve, [0.8, 1.0], turn=0.0)
    1.5
    >>> [price_for(0.25, curve, [0.0, 1.0], turn=turn) for turn in (0.0, 0.2, 0.4, 0.8)]
    [0.5, 0.5, 3.5, 3.5]
    """
    above = bisect_left(amount, target)
    if above == 0:
        return math.exp(log_price[0]) - BONUS
    if above == len(amount):
        return math.exp(log_price[-1]) - BONUS
    low, high = amount[above - 1], amount[above]
    share = (target - low) / (high - low)
    if high - low > _JUMP * target:
        return math.exp(log_price[above if turn < share else above - 1]) - BONUS
    at = log_price[above - 1] + share * (log_price[above] - log_price[above - 1])
    return math.exp(at) - BONUS
