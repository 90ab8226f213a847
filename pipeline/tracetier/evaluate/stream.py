"""Test-then-train: decide on one task after the other, each time seeing the chosen outcome only.

The strategy is driven directly, with predictions made once beforehand, exactly as the router
drives it: choose, take notice of the prediction, then learn from the report. A scenario may change
the outcomes on the way, hold reports back or lose them; a goal puts a pacer before the choice.
"""

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracetier.errors import SettingsError
from tracetier.evaluate.scenario import Scenario, Timeline, timeline
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.measures.frontier import QUALITY_SCALE, Choices
from tracetier.route.choice import Report
from tracetier.route.columns import JOINED_TRUST
from tracetier.route.control.contexts import prior_contexts
from tracetier.route.control.goal import Goal
from tracetier.route.control.pacer import Pacer
from tracetier.route.control.state import ControlState
from tracetier.route.greedy import GreedyParams
from tracetier.route.residual import ResidualParams, ResidualState
from tracetier.route.seed import SeedParams
from tracetier.route.strategy import (
    Strategy,
    StrategyName,
    StrategyParams,
    resume_strategy,
    start_strategy,
)
from tracetier.route.tally import Tally
from tracetier.route.thompson import ThompsonParams

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

ReplayStrategy = Literal["residual", "seed-warm", "seed", "greedy", "thompson"]

_STRATEGIES: dict[ReplayStrategy, tuple[StrategyName, StrategyParams]] = {
    "residual": ("residual", ResidualParams()),
    "seed-warm": ("seed-warm", SeedParams(is_warm=True)),
    "seed": ("seed", SeedParams(is_warm=False)),
    "greedy": ("greedy", GreedyParams()),
    "thompson": ("thompson", ThompsonParams()),
}
"""``seed`` starts Q at 0 as it was published, ``seed-warm`` at the model's bucket means."""


class Stream(NamedTuple):
    """Tasks whose every outcome is known, of which a strategy is shown one each.

    Attributes
    ----------
    predictions : list of Prediction, length n
    quality, cost : (n, K) arrays
        Outcomes: quality in [0, 1], and reward cost in [0, 1].
    lam : (n,) array
        Lambda of each task's decision; under a goal, of the yardsticks only.
    prior : PriorStats
    tiers : tuple of str
        Names of the K tiers, which a scenario speaks of.
    scenario : Scenario
    goal : Goal or None
        What a pacer is to hold.
    cost_usd : (n, K) array or None
        Outcomes in USD; by default reward costs times ``cost_ref``.
    cost_ref : float
        USD that make a reward cost of 1.
    """

    predictions: Sequence[Prediction]
    quality: Matrix
    cost: Matrix
    lam: Vector
    prior: PriorStats
    tiers: tuple[str, ...] = ()
    scenario: Scenario = Scenario()
    goal: Goal | None = None
    cost_usd: Matrix | None = None
    cost_ref: float = 1.0

    @property
    def reward(self) -> Matrix:
        """Reward of every tier, ``10 quality - lam cost``, ``(n, K)``."""
        return QUALITY_SCALE * self.quality - self.lam[:, None] * self.cost

    def in_order(self, order: NDArray[np.intp]) -> Timeline:
        """Return the outcomes in the order in which tasks come, with the scenario's events."""
        usd = self.cost * self.cost_ref if self.cost_usd is None else self.cost_usd
        return timeline(self.scenario, self.quality[order], usd[order], self.tiers)

    def reward_cost(self, cost_usd: Matrix) -> Matrix:
        """Return ``min(1, cost_usd / cost_ref)``; 0 where every tier was free in training."""
        return np.minimum(1.0, cost_usd / self.cost_ref) if self.cost_ref > 0.0 else 0.0 * cost_usd

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
    n = len(stream.predictions)
    steps = np.random.default_rng([seed, order]).permutation(n)
    run = _Run(stream, name, steps, seed=seed, order=order)
    for step, task in enumerate(steps.tolist()):
        run.decide(step, task)
    return Played(steps, np.array(run.taken, dtype=np.intp), run.n_explored)


class _Waiting(NamedTuple):
    report: Report
    cost_usd: float


class _Run:
    """One strategy in one order, with what it waits for."""

    def __init__(
        self, stream: Stream, name: str, steps: NDArray[np.intp], *, seed: int, order: int
    ) -> None:
        n_tiers = stream.quality.shape[1]
        happens = stream.in_order(steps)
        self._stream = stream
        self._rng = Random(seed * 1_000_003 + order)
        self._world = np.random.default_rng([seed, order, 1])
        self._quality, self._cost_usd = happens.quality.tolist(), happens.cost_usd.tolist()
        self._cost = stream.reward_cost(happens.cost_usd).tolist()
        self._allowed = [[k for k in range(n_tiers) if row[k]] for row in happens.is_there.tolist()]
        self._lams = stream.lam.tolist()
        self._strategy = _with_joined(
            fresh_strategy(name, stream.prior, float(np.median(stream.lam))),
            [stream.tiers.index(tier) for tier in stream.scenario.added()],
        )
        self._pacer = None
        if stream.goal is not None:
            self._pacer = Pacer(
                ControlState(goal=stream.goal),
                cost_ref_usd=stream.cost_ref,
                contexts=prior_contexts(stream.prior, stream.cost_ref),
            )
        self._tally = Tally([[0] * n_tiers for _ in stream.prior.buckets])
        self._waiting: deque[_Waiting] = deque()
        self.taken: list[int] = []
        self.n_explored = 0

    def decide(self, step: int, task: int) -> None:
        """Decide on one task, then learn from the reports that are due."""
        prediction, allowed = self._stream.predictions[task], self._allowed[step]
        strategy, bucket = self._strategy, prediction.bucket
        if self._pacer is None:
            lam = self._lams[task]
            choice = strategy.choose(
                prediction, lam=lam, allowed=allowed, tally=self._tally, rng=self._rng
            )
        else:
            lam = 0.0
            terms = self._pacer.terms(strategy, prediction, lam=lam, allowed=allowed)
            choice = strategy.choose(
                prediction,
                lam=lam,
                allowed=terms.allowed,
                tally=self._tally,
                rng=self._rng,
                price=terms.price,
                explore=terms.explore,
            )
            self._pacer.decided(prediction, choice.tier, choice.quality, choice.cost)
        strategy.observe(prediction)
        tier = choice.tier
        self._tally.decided(bucket, tier)
        self.taken.append(tier)
        self.n_explored += choice.explored
        self._waiting.append(
            _Waiting(
                Report(
                    bucket=bucket,
                    tier=tier,
                    predicted_quality=prediction.quality[tier],
                    predicted_cost=prediction.cost[tier],
                    lam=lam,
                    quality_10=QUALITY_SCALE * self._reported(self._quality[step][tier]),
                    cost=self._cost[step][tier],
                ),
                self._cost_usd[step][tier],
            )
        )
        while len(self._waiting) > self._stream.scenario.delay:
            self._learn(self._waiting.popleft())

    def _reported(self, quality: float) -> float:
        noise = self._stream.scenario.noise
        if not noise:
            return quality
        return min(1.0, max(0.0, quality + noise * float(self._world.standard_normal())))

    def _learn(self, waiting: _Waiting) -> None:
        report, missing = waiting.report, self._stream.scenario.missing
        self._tally.settled(report.bucket, report.tier)
        if missing and self._world.random() < missing:
            if self._pacer is not None:
                self._pacer.lost()
            return
        if self._pacer is not None:
            quality = None if report.quality_10 is None else report.quality_10 / QUALITY_SCALE
            self._pacer.settled(
                cost_usd=waiting.cost_usd,
                quality=quality,
                tier=report.tier,
                predicted_usd=report.predicted_cost * self._stream.cost_ref,
            )
        self._strategy.update(report)


def _with_joined(strategy: Strategy, joined: Sequence[int]) -> Strategy:
    """Return the strategy with little trust in the prior of tiers that join on the way."""
    state = strategy.state
    if not joined or not isinstance(state, ResidualState):
        return strategy
    most = state.params.channel.trust_max
    for channel in (state.quality, state.cost):
        channel.trust_most = [
            JOINED_TRUST if k in joined else most for k in range(len(channel.sigma2))
        ]
    return resume_strategy(state)
