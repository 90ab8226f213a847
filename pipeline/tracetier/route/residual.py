"""The default strategy: learn what the prior gets wrong, and trust it as far as it proves right.

Two channels of one class (`channel`), quality and reward cost, are joined only at choice time
(`belief`), so lambda can change with every call:

    Q      = 10 Q_q - lambda Q_c          sd^2 = 100 var_q + lambda^2 var_c
    score  = Q + sd
    greedy = the cheapest tier whose score is less than sd / 2 short of the best
    eps    = max(.005, min(.05, 2 K / (n + 1)))          n decisions so far; .005 under a price

The trust that is learned is shown by simulation, not proved. Proved, and tested, are the exact
propensities, parity with the published rule where the prior is off, and that the influence of the
prior on a cell vanishes to within one standard error of the cell's own mean.
"""

from collections.abc import Sequence
from random import Random

import numpy as np

from tracetier.heads.prior import Prediction
from tracetier.route.belief import Belief, belief
from tracetier.route.burn_in import BurnIn
from tracetier.route.channel import Channel, Innovation
from tracetier.route.choice import Choice, Predicted, Report, argmax, epsilon_greedy
from tracetier.route.control.contexts import Contexts
from tracetier.route.control.curve import Beliefs, Optimism
from tracetier.route.residual_state import ResidualParams, ResidualState, start_residual
from tracetier.route.tally import Tally

__all__ = [
    "ResidualParams",
    "ResidualState",
    "ResidualStrategy",
    "explore_probability",
    "near_tie",
    "start_residual",
]


def explore_probability(params: ResidualParams, *, n_tiers: int, n_decisions: int) -> float:
    """Return eps = max(.005, min(.05, 2 K / (n + 1))) after n decisions.

    n counts all buckets together: optimism, not chance, is what looks into a new bucket.

    Examples
    --------
    >>> [explore_probability(ResidualParams(), n_tiers=3, n_decisions=n) for n in (0, 299, 10**6)]
    [0.05, 0.02, 0.005]
    """
    wanted = params.explore_rounds * n_tiers / (n_decisions + 1)
    if wanted > params.explore_max:
        return params.explore_max
    return params.explore_min if wanted < params.explore_min else wanted


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
    best_score, best_sd = score[best], sd[best]
    for index in allowed:
        if index >= best:
            return best
        smaller = sd[index] if sd[index] < best_sd else best_sd
        if best_score - score[index] < tie_weight * smaller:
            return index
    return best


class ResidualStrategy:
    """The residual strategy at work on a `ResidualState`, which it changes in place."""

    def __init__(self, state: ResidualState) -> None:
        self.state = state
        self._quality = Channel(state.quality, state.params.channel)
        self._cost = Channel(state.cost, state.params.channel)
        self._burn_in = BurnIn(state)
        self._optimism = Optimism(state.params.sd_weight, state.params.sd_weight_priced)
        both = zip(state.quality.cell_reports, state.cost.cell_reports, strict=True)
        self._reports = [list(map(max, quality, cost)) for quality, cost in both]

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
        n_tiers = len(prediction.quality)
        explore = allowed if explore is None else explore
        weight = self._optimism.at(price) if price else params.sd_weight
        found = self._believed(prediction, tally, lam, weight, price)
        best = greedy = argmax(found.score, allowed)
        epsilon = params.explore_min
        if not price:
            greedy = near_tie(found.score, found.sd, best, allowed, tie_weight=params.tie_weight)
            epsilon = explore_probability(params, n_tiers=n_tiers, n_decisions=tally.n_total)
        draw = epsilon_greedy(greedy, explore, epsilon=epsilon, n_tiers=n_tiers, rng=rng)
        if self._burn_in.joined:
            draw = self._burn_in.redraw(draw, explore, tally, rng)
        return Choice(
            draw.tier,
            greedy,
            best if best != greedy else -1,
            draw.explored,
            epsilon if explore else 0.0,
            draw.propensities,
            found.quality,
            found.cost,
            found.reward,
            found.sd,
            found.prior_reward,
            self._reports[bucket].copy(),
        )

    def _believed(
        self, prediction: Prediction, tally: Tally, lam: float, weight: float, price: float
    ) -> Belief:
        bucket = prediction.bucket
        quality, cost = self._quality.row(bucket), self._cost.row(bucket)
        return belief(prediction, quality, cost, tally.pending[bucket], lam, weight, price)

    def score_many(self, contexts: Contexts, lam: float) -> Beliefs:
        """Return what is believed now of many tasks."""
        quality, quality_var = self._quality.believe_many(contexts.bucket, contexts.quality)
        cost, cost_var = self._cost.believe_many(contexts.bucket, contexts.cost)
        sd = np.sqrt(100.0 * quality_var + lam * lam * cost_var)
        return Beliefs(10.0 * quality - lam * cost, sd, quality, cost, self._optimism)

    def observe(self, seen: Predicted) -> None:
        """Move the bucket's mean predictions, once a decision was taken on what is ``seen``."""
        state, bucket = self.state, seen.bucket
        state.mean_n[bucket] = n = state.mean_n[bucket] + 1.0
        self._quality.observe(bucket, seen.quality, 1.0 / n)
        self._cost.observe(bucket, seen.cost, 1.0 / n)

    def update(self, report: Report) -> Innovation | None:
        """Learn from a report; a channel without an outcome stays as it is.

        Returns
        -------
        Innovation or None
            Of the quality, where it was reported.
        """
        bucket, tier, state = report.bucket, report.tier, self.state
        innovation = None
        if report.quality_10 is not None:
            quality = report.quality_10 / 10.0
            innovation = self._quality.update(bucket, tier, report.predicted_quality, quality)
        if report.cost is not None:
            self._cost.update(bucket, tier, report.predicted_cost, report.cost)
        n_quality = state.quality.cell_reports[bucket][tier]
        n_cost = state.cost.cell_reports[bucket][tier]
        self._reports[bucket][tier] = n_quality if n_quality > n_cost else n_cost
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
        return self._reports[bucket].copy()
