"""The default strategy: learn what the prior gets wrong, and trust it as far as it proves right.

Two channels of one class (`channel`), quality and reward cost, are joined only here, at choice
time, so lambda can change with every call:

    Q      = 10 Q_q - lambda Q_c          sd^2 = 100 var_q + lambda^2 var_c
    score  = Q + sd
    greedy = the cheapest tier whose score is less than sd / 2 short of the best
    eps    = max(.005, min(.05, 2 K / (n + 1)))          n decisions so far; .005 under a price

The trust that is learned is shown by simulation, not proved. Proved, and tested, are the exact
propensities, parity with the published rule where the prior is off, and the vanishing influence
of the prior on a cell. A price per USD belongs into ``score``, in `ResidualStrategy.choose`.
"""

import math
from collections.abc import Sequence
from random import Random

import numpy as np
from msgspec import Struct

from tracetier.errors import SettingsError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.channel import (
    Channel,
    ChannelParams,
    ChannelState,
    Innovation,
    start_channel,
)
from tracetier.route.choice import (
    Choice,
    Draw,
    Report,
    argmax,
    epsilon_greedy,
    prior_rewards,
)
from tracetier.route.control.contexts import Contexts
from tracetier.route.control.curve import Beliefs, Optimism
from tracetier.route.tally import Tally

_BURN_IN_SHARE = 0.5
"""Probability of taking a tier that has just joined, until it was taken often enough."""


class ResidualParams(Struct, frozen=True, kw_only=True):
    """Settings of the residual strategy.

    Parameters
    ----------
    sd_weight : float
        Optimism: standard deviations added to Q, >= 0.
    sd_weight_priced : float
        The same for decisions under a price, where every mistake is paid out of one purse.
    tie_weight : float
        Width of a near-tie in standard deviations, >= 0; 0 switches near-ties off.
    explore_min, explore_max : float
        Limits of the probability of exploring, in [0, 1].
    explore_rounds : float
        Sets how slowly exploring fades: ``eps`` is about ``explore_rounds K / n``.
    burn_in : int
        Decisions that a tier which joined later is given, every other one, where it may be
        explored.
    channel : ChannelParams
        How both channels learn.

    Raises
    ------
    SettingsError
        For a value out of its range.
    """

    sd_weight: float = 1.0
    sd_weight_priced: float = 0.3
    tie_weight: float = 0.5
    explore_min: float = 0.005
    explore_max: float = 0.05
    explore_rounds: float = 2.0
    burn_in: int = 20
    channel: ChannelParams = ChannelParams()

    def __post_init__(self) -> None:
        if not 0.0 <= self.explore_min <= self.explore_max <= 1.0:
            raise SettingsError(
                f"explore_min is {self.explore_min:g} and explore_max {self.explore_max:g}, "
                "must be probabilities with explore_min <= explore_max"
            )
        for name in ("sd_weight", "sd_weight_priced", "tie_weight", "explore_rounds", "burn_in"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise SettingsError(f"{name} is {getattr(self, name):g}, must be finite and >= 0")


class ResidualState(Struct, kw_only=True, tag_field="name", tag="residual"):
    """All that the residual strategy knows.

    ``mean_n`` counts, per bucket, the predictions behind the channels' running means: those of
    the training table, then those of live decisions.
    """

    params: ResidualParams
    mean_n: list[float]
    quality: ChannelState
    cost: ChannelState


def start_residual(prior: PriorStats, params: ResidualParams) -> ResidualState:
    """Return the state before any decision."""
    return ResidualState(
        params=params,
        mean_n=prior.n.tolist(),
        quality=start_channel(
            prior.quality_mean.tolist(),
            sigma2=prior.quality_var.tolist(),
            tau2=prior.quality_tau2.tolist(),
        ),
        cost=start_channel(
            prior.cost_mean.tolist(),
            sigma2=prior.cost_var.tolist(),
            tau2=prior.cost_tau2.tolist(),
        ),
    )


def explore_probability(params: ResidualParams, *, n_tiers: int, n_decisions: int) -> float:
    """Return eps = max(.005, min(.05, 2 K / (n + 1))) after n decisions.

    n counts all buckets together: optimism, not chance, is what looks into a new bucket.

    Examples
    --------
    >>> [explore_probability(ResidualParams(), n_tiers=3, n_decisions=n) for n in (0, 299, 10**6)]
    [0.05, 0.02, 0.005]
    """
    wanted = params.explore_rounds * n_tiers / (n_decisions + 1)
    return max(params.explore_min, min(params.explore_max, wanted))


def near_tie(
    score: Sequence[float],
    sd: Sequence[float],
    best: int,
    allowed: Sequence[int],
    *,
    tie_weight: float,
) -> int:
    """Return the cheapest allowed tier whose score is not clearly below that of ``best``.

    "Not clearly" is a gap below ``tie_weight`` times the smaller of the two tiers' standard
    deviations. With the larger one, a tier that is hardly known would be passed over just because
    it is hardly known, and the choice would stay on a cheap tier that is known to be worse.

    Examples
    --------
    >>> near_tie([7.0, 7.5, 8.0], [0.1, 0.6, 0.8], 2, [0, 1, 2], tie_weight=1.0)
    1
    """
    for index in allowed:
        if index >= best:
            return best
        if score[best] - score[index] < tie_weight * min(sd[index], sd[best]):
            return index
    return best


class ResidualStrategy:
    """The residual strategy at work on a `ResidualState`, which it changes in place."""

    def __init__(self, state: ResidualState) -> None:
        self.state = state
        self._quality = Channel(state.quality, state.params.channel)
        self._cost = Channel(state.cost, state.params.channel)
        # A tier that joined later is told by the little trust in its prior.
        most = state.params.channel.trust_max
        self._joined = [a for a, own in enumerate(state.quality.trust_most) if own < most]
        self._optimism = Optimism(state.params.sd_weight, state.params.sd_weight_priced)

    def choose(
        self,
        prediction: Prediction,
        *,
        lam: float,
        allowed: Sequence[int],
        tally: Tally,
        rng: Random,
        price: float = 0.0,
        explore: Sequence[int] | None = None,
    ) -> Choice:
        """Choose a tier; nothing of the state changes."""
        params, bucket = self.state.params, prediction.bucket
        quality, cost, reward, sd = self._believed(prediction, lam, tally)
        if price:
            weight = self._optimism.at(price)
            score = [r + weight * s - price * c for r, s, c in zip(reward, sd, cost, strict=True)]
            best = greedy = argmax(score, allowed)
        else:
            weight = params.sd_weight
            score = [r + weight * s for r, s in zip(reward, sd, strict=True)]
            best = argmax(score, allowed)
            greedy = near_tie(score, sd, best, allowed, tie_weight=params.tie_weight)
        n_tiers = len(reward)
        explore = allowed if explore is None else explore
        epsilon = params.explore_min
        if not price:
            epsilon = explore_probability(params, n_tiers=n_tiers, n_decisions=tally.n_total)
        draw = epsilon_greedy(greedy, explore, epsilon=epsilon, n_tiers=n_tiers, rng=rng)
        if self._joined:
            draw = self._burn_in(draw, explore, tally, rng)
        return Choice(
            draw.tier,
            greedy,
            best if best != greedy else -1,
            draw.explored,
            epsilon if explore else 0.0,
            draw.propensities,
            quality,
            cost,
            reward,
            sd,
            prior_rewards(prediction, lam),
            self.n_reports(bucket),
        )

    def _believed(
        self, prediction: Prediction, lam: float, tally: Tally
    ) -> tuple[list[float], list[float], list[float], list[float]]:
        """Return quality, cost, reward and the reward's sd, per tier."""
        bucket = prediction.bucket
        pending = tally.pending[bucket]
        quality, quality_var = self._quality.believe(bucket, prediction.quality, pending)
        cost, cost_var = self._cost.believe(bucket, prediction.cost, pending)
        reward = [10.0 * q - lam * c for q, c in zip(quality, cost)]  # noqa: B905
        lam2, sqrt = lam * lam, math.sqrt
        sd = [sqrt(100.0 * q + lam2 * c) for q, c in zip(quality_var, cost_var)]  # noqa: B905
        return quality, cost, reward, sd

    def _burn_in_tier(self, explore: Sequence[int], tally: Tally) -> int:
        """Return a tier that joined and was not yet taken often enough, -1 where there is none."""
        for a in self._joined:
            if a in explore and tally.n_tier[a] < self.state.params.burn_in:
                return a
        return -1

    def _with_burn_in(
        self, propensities: list[float], explore: Sequence[int], tally: Tally
    ) -> list[float]:
        """Return the propensities mixed half and half with a tier that is new, if there is one."""
        new = self._burn_in_tier(explore, tally) if self._joined else -1
        if new < 0:
            return propensities
        mixed = [(1.0 - _BURN_IN_SHARE) * p for p in propensities]
        mixed[new] += _BURN_IN_SHARE
        return mixed

    def _burn_in(self, draw: Draw, explore: Sequence[int], tally: Tally, rng: Random) -> Draw:
        """Take a new tier instead, every other time; one more draw while there is one."""
        new = self._burn_in_tier(explore, tally)
        if new < 0:
            return draw
        propensities = self._with_burn_in(draw.propensities, explore, tally)
        if rng.random() < _BURN_IN_SHARE:
            return Draw(new, True, propensities)
        return Draw(draw.tier, draw.explored, propensities)

    def score_many(self, contexts: Contexts, lam: float) -> Beliefs:
        """Return what is believed now of many tasks."""
        quality, quality_var = self._quality.believe_many(contexts.bucket, contexts.quality)
        cost, cost_var = self._cost.believe_many(contexts.bucket, contexts.cost)
        sd = np.sqrt(100.0 * quality_var + lam * lam * cost_var)
        return Beliefs(10.0 * quality - lam * cost, sd, quality, cost, self._optimism)

    def observe(self, prediction: Prediction) -> None:
        """Move the bucket's mean predictions, once a decision was taken on ``prediction``."""
        bucket = prediction.bucket
        self.state.mean_n[bucket] += 1.0
        weight = 1.0 / self.state.mean_n[bucket]
        self._quality.observe(bucket, prediction.quality, weight)
        self._cost.observe(bucket, prediction.cost, weight)

    def update(self, report: Report) -> Innovation | None:
        """Learn from a report; a channel without an outcome stays as it is.

        Returns
        -------
        Innovation or None
            Of the quality, where it was reported.
        """
        bucket, tier = report.bucket, report.tier
        innovation = None
        if report.quality_10 is not None:
            quality = report.quality_10 / 10.0
            innovation = self._quality.update(bucket, tier, report.predicted_quality, quality)
        if report.cost is not None:
            self._cost.update(bucket, tier, report.predicted_cost, report.cost)
        return innovation

    def q(self, bucket: int, lam: float) -> list[float]:
        """Return Q per tier at the bucket's mean prediction, in units of reward."""
        pairs = zip(self._quality.mean_belief(bucket), self._cost.mean_belief(bucket), strict=True)
        return [10.0 * quality - lam * cost for quality, cost in pairs]

    def prior_q(self, bucket: int, lam: float) -> list[float]:
        """Return the mean prediction of the reward per tier: Q without any report."""
        means = zip(
            self.state.quality.cell_mean[bucket], self.state.cost.cell_mean[bucket], strict=True
        )
        return [10.0 * quality - lam * cost for quality, cost in means]

    def n_reports(self, bucket: int) -> list[int]:
        """Return the reports per tier that moved this bucket (the better-known channel)."""
        state = self.state
        return list(map(max, state.quality.cell_reports[bucket], state.cost.cell_reports[bucket]))
