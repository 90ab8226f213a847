"""Thompson sampling over the state of the default strategy, with propensities that are exact.

Each tier's reward is believed to be normal, with the mean and standard deviation of `residual`. A
tier's share is its probability of being the best,

    P(a) = integral phi(z) prod_{b != a} Phi((mu_a + s_a z - mu_b) / s_b) dz

summed over 61 points of z, normalised, and mixed with a little exploring. The tier is drawn *from
those shares*, not by drawing rewards: so what is logged is exactly what was done, and only how
close it comes to ideal Thompson sampling is a matter of the sum (within .002 for standard
deviations that differ up to tenfold, .01 up to fiftyfold; a test simulates it).
"""

import math
from collections.abc import Sequence
from random import Random

from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.choice import Choice, argmax
from tracetier.route.residual import (
    ResidualParams,
    ResidualState,
    ResidualStrategy,
    start_residual,
)
from tracetier.route.tally import Tally

_STEP, _REACH = 0.15, 4.5
_Z = [-_REACH + _STEP * i for i in range(int(2 * _REACH / _STEP) + 1)]
_DENSITY = [math.exp(-0.5 * z * z) for z in _Z]
_LEAST_SD = 1e-9
_ROOT_HALF = math.sqrt(0.5)


class ThompsonParams(ResidualParams, frozen=True, kw_only=True):
    """Settings of Thompson sampling: those of the default strategy.

    ``sd_weight`` scales the standard deviations that are sampled with, ``explore_min`` is the
    probability of a uniform draw; near-ties and the larger exploration at the start have no part.
    """


class ThompsonState(ResidualState, kw_only=True, tag_field="name", tag="thompson"):
    """The state of the default strategy, under another name."""


def start_thompson(prior: PriorStats, params: ThompsonParams) -> ThompsonState:
    """Return the state before any decision."""
    start = start_residual(prior, params)
    return ThompsonState(params=params, mean_n=start.mean_n, quality=start.quality, cost=start.cost)


def best_shares(mean: Sequence[float], sd: Sequence[float]) -> list[float]:
    """Return each normal's probability of being the largest; they sum to 1.

    Parameters
    ----------
    mean, sd : sequence of float
        Of independent normals; a deviation of 0 is taken as a very small one.

    Examples
    --------
    >>> best_shares([1.0, 1.0], [0.3, 2.0])
    [0.5, 0.5]
    >>> best_shares([0.0, 1.0], [1.0, 1.0])  # Phi(-1 / sqrt 2) = .2398
    [0.2398, 0.7602]
    """
    spread = [max(s, _LEAST_SD) for s in sd]
    found = [_share(a, mean, spread) for a in range(len(mean))]
    total = sum(found)
    return [share / total for share in found]


def _share(a: int, mean: Sequence[float], sd: Sequence[float]) -> float:
    """Return the unnormalised sum over z for one tier."""
    erf, own_mean, own_sd = math.erf, mean[a], sd[a]
    others = [
        ((own_mean - mean[b]) * _ROOT_HALF / sd[b], own_sd * _ROOT_HALF / sd[b])
        for b in range(len(mean))
        if b != a
    ]
    total = 0.0
    for z, density in zip(_Z, _DENSITY, strict=True):
        for start, rate in others:
            density *= 0.5 + 0.5 * erf(start + rate * z)
        total += density
    return total


class ThompsonStrategy(ResidualStrategy):
    """Thompson sampling at work on a `ThompsonState`, which it changes in place."""

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
        """Choose a tier with the probability that it is the best; one ``rng.random()``."""
        found = self._believed(prediction, tally, lam, 0.0, price)
        score, sd = found.score, found.sd
        weight = self._optimism.at(price)
        shares = best_shares([score[a] for a in allowed], [weight * sd[a] for a in allowed])
        explore = allowed if explore is None else explore
        epsilon = self.state.params.explore_min if explore else 0.0
        propensities = [0.0] * len(score)
        for a, share in zip(allowed, shares, strict=True):
            propensities[a] = (1.0 - epsilon) * share
        for a in explore:
            propensities[a] += epsilon / len(explore)
        propensities = self._burn_in.mixed(propensities, explore, tally)
        greedy = argmax(score, allowed)
        tier = _drawn(propensities, greedy, rng.random())
        return Choice(
            tier=tier,
            greedy=greedy,
            near_tie_with=-1,
            explored=tier != greedy,
            epsilon=epsilon,
            propensities=propensities,
            quality=found.quality,
            cost=found.cost,
            reward=found.reward,
            sd=sd,
            prior_reward=found.prior_reward,
            n_reports=self.n_reports(prediction.bucket),
        )


def _drawn(propensities: Sequence[float], last: int, u: float) -> int:
    """Return the tier at the point ``u`` of the cumulated propensities."""
    for tier, p in enumerate(propensities):
        u -= p
        if u < 0.0 and p > 0.0:
            return tier
    return last  # where the sum falls short of 1 by a rounding error
