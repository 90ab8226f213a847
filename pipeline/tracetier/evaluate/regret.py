"""What a stream of decisions missed, against two yardsticks, and whether one strategy misses less.

The contextual oracle knows every outcome of every task; the best fixed tier per bucket knows the
bucket means. A model can beat the second, so its regret may be negative, and is compared by
differences; the first is positive by construction, and is compared by ratios.
"""

from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.evaluate.scenario import Scenario
from tracetier.evaluate.stream import Played, Stream

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

CHECKPOINTS = (50, 200, 600)


class Yardsticks(NamedTuple):
    """Reward that each task would have given, ``(n,)``: in hindsight, and by its bucket's tier."""

    oracle: Vector
    bucket: Vector


class StreamFigures(NamedTuple):
    """By checkpoint, ``(C,)`` each: regret so far, and means so far."""

    regret_oracle: Vector
    regret_bucket: Vector
    reward: Vector
    quality: Vector
    cost_usd: Vector


def yardsticks(stream: Stream) -> Yardsticks:
    """Best reward of each task, and reward of the tier that is best on average in its bucket.

    Examples
    --------
    Two tasks of one bucket: the second tier is the better on average.

    >>> from tracetier.heads.prior import Prediction, PriorStats
    >>> one = Prediction([0.5, 0.5], [1.0, 1.0], [0.0, 0.0], 0)
    >>> quality, no_cost = np.array([[0.5, 1.0], [0.5, 0.25]]), np.zeros((2, 2))
    >>> yardsticks(Stream([one, one], quality, no_cost, np.zeros(2), None))
    Yardsticks(oracle=array([10.,  5.]), bucket=array([10. ,  2.5]))
    """
    reward, bucket = stream.reward, stream.bucket
    sums = np.zeros((int(bucket.max()) + 1, reward.shape[1]))
    np.add.at(sums, bucket, reward)
    best = sums.argmax(axis=1)[bucket]
    return Yardsticks(reward.max(axis=1), reward[np.arange(len(reward)), best])


def checkpoints(n_tasks: int) -> tuple[int, ...]:
    """Return the numbers of decisions at which regret is told, the end included.

    Examples
    --------
    >>> checkpoints(300), checkpoints(50)
    ((50, 200, 300), (50,))
    """
    return (*(c for c in CHECKPOINTS if c < n_tasks), n_tasks)


def stream_figures(
    played: Played, stream: Stream, cost_usd: Matrix, sticks: Yardsticks
) -> StreamFigures:
    """Cumulative regret and running means at every checkpoint.

    ``regret(t) = sum over the first t decisions of (yardstick - reward of the tier taken)``

    Parameters
    ----------
    played : Played
    stream : Stream
        Without events, by which the outcomes would depend on the order; else `order_figures`.
    cost_usd : (n, K) array
        Outcomes in USD.
    sticks : Yardsticks
    """
    order, tier = played.order, played.tier
    ends = np.array(checkpoints(len(order)))
    reward = stream.reward[order, tier]

    def so_far(values: Vector) -> Vector:
        return np.asarray(values.cumsum()[ends - 1])

    return StreamFigures(
        regret_oracle=so_far(sticks.oracle[order] - reward),
        regret_bucket=so_far(sticks.bucket[order] - reward),
        reward=so_far(reward) / ends,
        quality=so_far(stream.quality[order, tier]) / ends,
        cost_usd=so_far(cost_usd[order, tier]) / ends,
    )


def order_figures(played: Played, stream: Stream) -> StreamFigures:
    """Figures of one order under the stream's scenario, against what was there at each time.

    A tier that was not there counts, for the yardsticks, as the worst of those that were.
    """
    happens = stream.in_order(played.order)
    as_it_was = stream._replace(
        predictions=[stream.predictions[task] for task in played.order.tolist()],
        quality=happens.quality,
        cost=stream.reward_cost(happens.cost_usd),
        lam=stream.lam[played.order],
        scenario=Scenario(),
    )
    if not happens.is_there.all():
        rows = np.arange(len(played.order))
        worst = np.where(happens.is_there, as_it_was.reward, np.inf).argmin(axis=1)
        as_it_was = as_it_was._replace(
            quality=np.where(
                happens.is_there, happens.quality, happens.quality[rows, worst][:, None]
            ),
            cost=np.where(happens.is_there, as_it_was.cost, as_it_was.cost[rows, worst][:, None]),
        )
    in_turn = played._replace(order=np.arange(len(played.order)))
    return stream_figures(in_turn, as_it_was, happens.cost_usd, yardsticks(as_it_was))


def sign_test(n_below: int, n_above: int) -> float:
    """Two-sided p-value that the two counts are as uneven as this by chance; ties left out.

    ``p = min(1, 2 sum_{i <= min} C(n, i) / 2^n)`` with ``n = n_below + n_above``; 1 for ``n = 0``.

    Examples
    --------
    >>> sign_test(5, 0), sign_test(4, 1), sign_test(2, 2)
    (0.0625, 0.375, 1.0)
    """
    n = n_below + n_above
    tail = sum(comb(n, i) for i in range(min(n_below, n_above) + 1))
    return min(1.0, float(2 * tail) / float(2**n))
