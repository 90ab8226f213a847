"""The prior alone: always the tier with the best predicted reward, no exploring, no learning."""

from collections.abc import Sequence
from random import Random

import numpy as np
from msgspec import Struct

from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.choice import Choice, Predicted, Report, argmax, prior_rewards
from tracetier.route.control.contexts import Contexts
from tracetier.route.control.curve import Beliefs, Optimism
from tracetier.route.tally import Tally


class GreedyParams(Struct, frozen=True, kw_only=True):
    """Settings of the greedy strategy: there are none."""


class GreedyState(Struct, kw_only=True, tag_field="name", tag="greedy"):
    """Mean predictions per bucket, (B, K) rows, and the reports that came and changed nothing."""

    params: GreedyParams
    quality_mean: list[list[float]]
    cost_mean: list[list[float]]
    n_reports: list[list[int]]


def start_greedy(prior: PriorStats, params: GreedyParams) -> GreedyState:
    """Return the state before any decision."""
    quality_mean = prior.quality_mean.tolist()
    return GreedyState(
        params=params,
        quality_mean=quality_mean,
        cost_mean=prior.cost_mean.tolist(),
        n_reports=[[0] * len(row) for row in quality_mean],
    )


class GreedyStrategy:
    """The greedy strategy; reports are counted, not learned from."""

    def __init__(self, state: GreedyState) -> None:
        self.state = state

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
        """Choose the best predicted reward; of equals the cheapest. Draws nothing."""
        reward = prior_rewards(prediction, lam)
        best = argmax(prior_rewards(prediction, lam + price), allowed)
        propensities = [0.0] * len(reward)
        propensities[best] = 1.0
        return Choice(
            tier=best,
            greedy=best,
            near_tie_with=-1,
            explored=False,
            epsilon=0.0,
            propensities=propensities,
            quality=prediction.quality,
            cost=prediction.cost,
            reward=reward,
            sd=[0.0] * len(reward),
            prior_reward=reward,
            n_reports=self.state.n_reports[prediction.bucket].copy(),
        )

    def score_many(self, contexts: Contexts, lam: float) -> Beliefs:
        """Return the rewards that `choose` goes by, and the model's quality and cost."""
        reward = 10.0 * contexts.quality - lam * contexts.cost
        no_sd = np.zeros_like(reward)
        return Beliefs(reward, no_sd, contexts.quality, contexts.cost, Optimism(0.0, 0.0))

    def observe(self, seen: Predicted) -> None:
        """Do nothing."""

    def update(self, report: Report) -> None:
        """Count the report."""
        self.state.n_reports[report.bucket][report.tier] += 1

    def q(self, bucket: int, lam: float) -> list[float]:
        """Return the mean predicted reward per tier."""
        means = zip(self.state.quality_mean[bucket], self.state.cost_mean[bucket], strict=True)
        return [10.0 * quality - lam * cost for quality, cost in means]

    def prior_q(self, bucket: int, lam: float) -> list[float]:
        """Return the same as `q`: nothing is learned."""
        return self.q(bucket, lam)

    def n_reports(self, bucket: int) -> list[int]:
        """Return the reports per tier that came for this bucket."""
        return self.state.n_reports[bucket].copy()
