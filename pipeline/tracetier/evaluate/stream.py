"""Test-then-train: decide on one task after the other, each time seeing the chosen outcome only.

The strategy is driven directly, with predictions made once beforehand, exactly as the router
drives it: choose, take notice of the prediction, then learn from the report.
"""

from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.errors import SettingsError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.measures.frontier import QUALITY_SCALE, Choices
from tracetier.route.choice import Report
from tracetier.route.greedy import GreedyParams
from tracetier.route.residual import ResidualParams
from tracetier.route.seed import SeedParams
from tracetier.route.strategy import (
    Strategy,
    StrategyName,
    StrategyParams,
    start_strategy,
)
from tracetier.route.tally import Tally

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

ReplayStrategy = Literal["residual", "seed", "seed-cold", "greedy"]

_STRATEGIES: dict[ReplayStrategy, tuple[StrategyName, StrategyParams]] = {
    "residual": ("residual", ResidualParams()),
    "seed": ("seed", SeedParams(is_warm=True)),
    "seed-cold": ("seed", SeedParams(is_warm=False)),
    "greedy": ("greedy", GreedyParams()),
}
"""``seed`` starts Q at the model's bucket means, ``seed-cold`` at 0 as it was published."""


class Stream(NamedTuple):
    """Tasks whose every outcome is known, of which a strategy is shown one each.

    Attributes
    ----------
    predictions : list of Prediction, length n
    quality, cost : (n, K) arrays
        Outcomes: quality in [0, 1], and reward cost in [0, 1].
    lam : (n,) array
        Lambda of each task's decision.
    prior : PriorStats
    """

    predictions: Sequence[Prediction]
    quality: Matrix
    cost: Matrix
    lam: Vector
    prior: PriorStats

    @property
    def reward(self) -> Matrix:
        """Reward of every tier, ``10 quality - lam cost``, ``(n, K)``."""
        return QUALITY_SCALE * self.quality - self.lam[:, None] * self.cost

    @property
    def bucket(self) -> NDArray[np.int64]:
        """Context bucket of each task, ``(n,)``."""
        return np.array([p.bucket for p in self.predictions], dtype=np.int64)


class Played(NamedTuple):
    """What a strategy did.

    Attributes
    ----------
    order : (n,) array of int
        The tasks in the order they came.
    tier : (n,) array of int
        The tier taken, in that order.
    n_explored : int
        Decisions that were drawn at random.
    """

    order: NDArray[np.intp]
    tier: Choices
    n_explored: int


def fresh_strategy(name: str, prior: PriorStats, lam: float) -> Strategy:
    """Return a strategy that has seen nothing.

    Raises
    ------
    SettingsError
        For an unknown name, listing the known ones.
    """
    for known, (base, params) in _STRATEGIES.items():
        if known == name:
            return start_strategy(base, prior, params=params, lam=lam)
    raise SettingsError(f"strategy {name!r} cannot be replayed; known: {', '.join(_STRATEGIES)}")


def play(stream: Stream, name: str, *, seed: int, order: int) -> Played:
    """Let one strategy decide on all tasks in one random order.

    Parameters
    ----------
    stream : Stream
    name : str
        Of the strategy.
    seed, order : int
        Together they fix the order of the tasks and every draw; strategies given the same two
        see the same tasks and the same stream of random numbers.
    """
    n, n_tiers = stream.quality.shape
    steps = np.random.default_rng([seed, order]).permutation(n)
    rng = Random(seed * 1_000_003 + order)
    strategy = fresh_strategy(name, stream.prior, float(np.median(stream.lam)))
    tally = Tally([[0] * n_tiers for _ in stream.prior.buckets])
    quality, cost, lams = stream.quality.tolist(), stream.cost.tolist(), stream.lam.tolist()
    allowed = list(range(n_tiers))
    taken: list[int] = []
    n_explored = 0
    for task in steps.tolist():
        prediction, lam = stream.predictions[task], lams[task]
        bucket = prediction.bucket
        choice = strategy.choose(prediction, lam=lam, allowed=allowed, tally=tally, rng=rng)
        strategy.observe(prediction)
        tier = choice.tier
        tally.decided(bucket, tier)
        tally.settled(bucket, tier)
        strategy.update(
            Report(
                bucket=bucket,
                tier=tier,
                predicted_quality=prediction.quality[tier],
                predicted_cost=prediction.cost[tier],
                lam=lam,
                quality_10=QUALITY_SCALE * quality[task][tier],
                cost=cost[task][tier],
            )
        )
        taken.append(tier)
        n_explored += choice.explored
    return Played(steps, np.array(taken, dtype=np.intp), n_explored)
