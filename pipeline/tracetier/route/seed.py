"""The published rule: epsilon-greedy on one exponential moving average per bucket and tier.

    arm = argmax_a Q_a(b) with probability 1 - epsilon, else uniform        epsilon = .10
    Q_a(b) <- Q_a(b) + alpha (r - Q_a(b)),  r = quality - lambda cost       alpha = .10

Q starts at 0, or warm at the model's mean prediction in the bucket. The reward is joined at the
lambda of the decision, so this Q freezes lambda: that is the rule, and why it is not the default.
Equal Q go to the lowest index, the cheapest tier. For the order of the draws see
`tracetier.route.choice.epsilon_greedy`.
"""

from collections.abc import Sequence
from random import Random

import numpy as np
from msgspec import Struct

from tracetier.errors import SettingsError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.choice import Choice, Predicted, Report, argmax, epsilon_greedy, prior_rewards
from tracetier.route.control.contexts import Contexts
from tracetier.route.control.curve import Beliefs, Optimism
from tracetier.route.tally import Tally


class SeedParams(Struct, frozen=True, kw_only=True):
    """Settings of the published rule.

    Parameters
    ----------
    epsilon : float
        Probability of a uniform draw, in [0, 1].
    alpha : float
        Weight of a new reward, in [0, 1].
    is_warm : bool
        Whether Q starts at the model's mean prediction in the bucket, and not at 0.

    Raises
    ------
    SettingsError
        For a value out of its range.
    """

    epsilon: float = 0.10
    alpha: float = 0.10
    is_warm: bool = False

    def __post_init__(self) -> None:
        for name in ("epsilon", "alpha"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise SettingsError(f"{name} is {getattr(self, name):g}, must be in [0, 1]")


class SeedState(Struct, kw_only=True, tag_field="name", tag="seed"):
    """All that the published rule knows: (B, K) rows of Q, of its start, and of reports."""

    params: SeedParams
    q: list[list[float]]
    q_start: list[list[float]]
    n_reports: list[list[int]]


def start_seed(prior: PriorStats, params: SeedParams, *, lam: float) -> SeedState:
    """Return the state before any decision; a warm Q is ``10 quality_mean - lam cost_mean``."""
    warm = (10.0 * prior.quality_mean - lam * prior.cost_mean).tolist()
    q = warm if params.is_warm else [[0.0] * len(row) for row in warm]
    return SeedState(
        params=params,
        q=[list(row) for row in q],
        q_start=[list(row) for row in q],
        n_reports=[[0] * len(row) for row in q],
    )


class SeedStrategy:
    """The published rule at work on a `SeedState`, which it changes in place."""

    def __init__(self, state: SeedState) -> None:
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
        """Choose a tier by Q alone; the prediction serves the explanation only."""
        bucket, epsilon = prediction.bucket, self.state.params.epsilon
        q = self.state.q[bucket]
        # The rule has no price; a budget's is taken off what the model expects of the cost.
        score = [v - price * c for v, c in zip(q, prediction.cost, strict=True)] if price else q
        greedy = argmax(score, allowed)
        explore = allowed if explore is None else explore
        draw = epsilon_greedy(greedy, explore, epsilon=epsilon, n_tiers=len(q), rng=rng)
        return Choice(
            tier=draw.tier,
            greedy=greedy,
            near_tie_with=-1,
            explored=draw.explored,
            epsilon=epsilon if explore else 0.0,
            propensities=draw.propensities,
            quality=prediction.quality,
            cost=prediction.cost,
            reward=q.copy(),
            sd=[0.0] * len(q),
            prior_reward=prior_rewards(prediction, lam),
            n_reports=self.state.n_reports[bucket].copy(),
        )

    def score_many(self, contexts: Contexts, lam: float) -> Beliefs:
        """Return the rewards that `choose` goes by, and the model's quality and cost."""
        reward = np.array(self.state.q)[contexts.bucket]
        no_sd = np.zeros_like(reward)
        return Beliefs(reward, no_sd, contexts.quality, contexts.cost, Optimism(0.0, 0.0))

    def observe(self, seen: Predicted) -> None:
        """Do nothing: the rule takes no notice of predictions."""

    def update(self, report: Report) -> None:
        """Move Q towards the reward ``quality - lambda cost`` of the report.

        Where the cost was not reported, now or before, the predicted one stands in (at the default
        lambda it weighs at most .3 of 10). Without a quality there is no reward, and Q stays.
        """
        if report.quality_10 is None:
            return
        cost = report.known_cost if report.cost is None else report.cost
        if cost is None:
            cost = report.predicted_cost
        reward = report.quality_10 - report.lam * cost
        q = self.state.q[report.bucket]
        q[report.tier] += self.state.params.alpha * (reward - q[report.tier])
        self.state.n_reports[report.bucket][report.tier] += 1

    def q(self, bucket: int, lam: float) -> list[float]:
        """Return Q per tier, whatever lambda is asked for: it was joined at each decision's."""
        return self.state.q[bucket].copy()

    def prior_q(self, bucket: int, lam: float) -> list[float]:
        """Return the Q that the bucket started from."""
        return self.state.q_start[bucket].copy()

    def n_reports(self, bucket: int) -> list[int]:
        """Return the rewards per tier that moved this bucket."""
        return self.state.n_reports[bucket].copy()
