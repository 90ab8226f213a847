"""One outcome (quality, or reward cost), learned as a discounted mean of the prior's residual.

The router keeps two channels of this kind and joins them only when it chooses, so lambda stays
free. All numbers of a channel are in one unit: quality in [0, 1] or reward cost in [0, 1].

What a channel believes of tier a in bucket b, where the model predicts m for the task:

    n0   = clip(sigma^2 / tau^2, 1, 40) (1 - decay)^n      trust in the prior, in reports
    cell = S / (N + n0)                                    offset of this bucket
    tier = G_S / (G_N + n0g)                               offset of the tier, over all buckets
    beta                                                   how much of m's variation holds
    Q    = mean + tier + cell + beta (m - mean)
    var  = sigma^2 / (N + pending + n0) + 1/2 sigma^2 / (G_N + n0g)

beta is one slope over all tiers, from which a tier departs as far as its own reports say so (see
`slopes`). It may turn negative: a prior that says the reverse of what happens is told by its sign
long before every bucket has seen enough reports of every tier.

S and N are a discounted sum and count, so with n0 = 0 the cell is the exponential moving average
with bias correction. n counts the reports that reached the cell, undiscounted: the trust washes
out with evidence, not with decisions that nobody ever reported on.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import SettingsError

_TINY_N = 1e-12
"""Stands for a count of 0, so that a cell without prior trust and data has offset 0."""

_SIGMA2_FLOOR = 1e-8
"""Least residual variance: a constant outcome in training must not mean certainty for ever."""

_MOST_EVIDENCE = 4.0
"""Most that one cell may say of tau^2 / sigma^2: one absurd cell must not end all trust."""


Matrix = NDArray[np.float64]


class Innovation(NamedTuple):
    """What one report told that was not believed before, in the unit of the channel.

    Attributes
    ----------
    tier : int
        The tier that was reported on.
    error : float
        Outcome less Q, at the time of the report.
    offset : float
        The tier's pooled offset then, which is part of Q.
    sigma2 : float
        Variance that an outcome has by itself.
    """

    tier: int
    error: float
    offset: float
    sigma2: float


class ChannelParams(Struct, frozen=True, kw_only=True):
    """How fast a channel learns, and how far it trusts the prior.

    Parameters
    ----------
    alpha : float
        Weight of a new report once there are many, in [0, 1).
    trust_decay : float
        Share of the prior's trust that each report to the cell takes away, in [0, 1).
    trust_min, trust_max : float
        Limits of the learned trust n0 before decay, in reports.
    tier_trust : float
        n0g, reports the tier offset is shrunk by; a huge value switches the tier offset off.
    slope_keep : float
        gamma, what is kept of the slope sums at each report to the tier.
    slope_trust : float
        Reports of typical variation that hold the common slope at 1.
    slope_pool : float
        Reports of typical variation that hold a tier's slope at the common one.
    tau2_every : int
        Reports between two updates of tau^2.
    tau2_trust : float
        nu0, cells that the out-of-fold tau^2 counts for.

    Raises
    ------
    SettingsError
        For a value out of its range.
    """

    alpha: float = 0.03
    trust_decay: float = 0.01
    trust_min: float = 1.0
    trust_max: float = 40.0
    tier_trust: float = 9.0
    slope_keep: float = 0.999
    slope_trust: float = 20.0
    slope_pool: float = 30.0
    tau2_every: int = 10
    tau2_trust: float = 4.0

    def __post_init__(self) -> None:
        for name in ("alpha", "trust_decay"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise SettingsError(f"{name} is {getattr(self, name):g}, must be in [0, 1)")
        if not 0.0 <= self.trust_min <= self.trust_max < math.inf:
            raise SettingsError(
                f"trust_min is {self.trust_min:g} and trust_max {self.trust_max:g}, "
                "must be finite with 0 <= trust_min <= trust_max"
            )
        if not 0.0 < self.slope_keep <= 1.0:
            raise SettingsError(f"slope_keep is {self.slope_keep:g}, must be in (0, 1]")
        for name in ("tier_trust", "tau2_every", "tau2_trust"):
            if not 0 < getattr(self, name) < math.inf:
                raise SettingsError(f"{name} is {getattr(self, name):g}, must be finite and > 0")
        for name in ("slope_trust", "slope_pool"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise SettingsError(f"{name} is {getattr(self, name):g}, must be finite and >= 0")


class ChannelState(Struct, kw_only=True):
    """All numbers of a channel, as they stand in the state document.

    Attributes
    ----------
    sigma2, tau2_prior, tau2 : list of float, length K
        Residual variance, out-of-fold and learned variance of the bucket offsets.
    tier_sum, tier_n : list of float, length K
        G_S and G_N, discounted.
    slope_xy, slope_xx, slope_n : list of float, length K
        Discounted sums of d (y - mean - tier - cell), d^2 and 1, with d = m - mean.
    cell_mean : (B, K) rows
        Running mean of the predictions.
    cell_sum, cell_n : (B, K) rows
        S and N, discounted.
    cell_reports : (B, K) rows of int
        Reports that reached the cell, undiscounted.
    n_reports : int
        Their sum.
    trust_most : list of float, length K or 0
        Per tier, the most that n0 may be; empty where that is the settings' for all. A tier that
        joined later has no outcome behind its prior, so little trust in it.
    """

    sigma2: list[float]
    tau2_prior: list[float]
    tau2: list[float]
    tier_sum: list[float]
    tier_n: list[float]
    slope_xy: list[float]
    slope_xx: list[float]
    slope_n: list[float]
    cell_mean: list[list[float]]
    cell_sum: list[list[float]]
    cell_n: list[list[float]]
    cell_reports: list[list[int]]
    n_reports: int = 0
    trust_most: list[float] = []


def start_channel(
    mean: Sequence[Sequence[float]], *, sigma2: Sequence[float], tau2: Sequence[float]
) -> ChannelState:
    """Return a channel without reports.

    Parameters
    ----------
    mean : (B, K) rows
        Mean prediction per bucket and tier.
    sigma2, tau2 : sequence of float, length K
        Out-of-fold residual variance, and variance of the bucket means of the residuals, >= 0.
    """
    n_tiers = len(sigma2)
    floored = [max(float(value), _SIGMA2_FLOOR) for value in sigma2]
    zeros = [[0.0] * n_tiers for _ in mean]
    return ChannelState(
        sigma2=floored,
        tau2_prior=[float(value) for value in tau2],
        tau2=[float(value) for value in tau2],
        tier_sum=[0.0] * n_tiers,
        tier_n=[0.0] * n_tiers,
        slope_xy=[0.0] * n_tiers,
        slope_xx=[0.0] * n_tiers,
        slope_n=[0.0] * n_tiers,
        cell_mean=[[float(value) for value in row] for row in mean],
        cell_sum=zeros,
        cell_n=[row.copy() for row in zeros],
        cell_reports=[[0] * n_tiers for _ in mean],
    )


def trust(sigma2: float, tau2: float, *, least: float, most: float) -> float:
    """Return n0 = clip(sigma^2 / tau^2, least, most): reports that the prior counts for.

    Examples
    --------
    >>> trust(0.09, 0.009, least=1, most=40), trust(0.09, 0.0, least=1, most=40)
    (10.0, 40)
    """
    if sigma2 >= most * tau2:
        return most
    return max(least, sigma2 / tau2)


def slopes(
    xy: Sequence[float],
    xx: Sequence[float],
    n: Sequence[float],
    *,
    sigma2: float,
    slope_trust: float,
    slope_pool: float,
) -> list[float]:
    """Return beta per tier: the share of the prior's within-bucket variation that is confirmed.

    One slope over all tiers, shrunk towards 1; then each tier's, shrunk towards that one:

        v      = sum xx / sum n                                   mean square of d so far
        common = (k + sum xy) / (k + sum xx)                      k  = max(slope_trust v, s^2)
        beta_a = clip((k' common + xy_a) / (k' + xx_a), -1, 1)    k' = max(slope_pool v, s^2)

    The k count reports of typical variation. Their second bound, with s^2 the mean of sigma^2, is
    that of a unit-variance prior on the slope; without it the first report at a tiny d would throw
    beta about.

    Examples
    --------
    >>> slopes([0.0], [0.0], [0.0], sigma2=0.01, slope_trust=20, slope_pool=30)
    [1.0]
    >>> slopes([0.0], [2.0], [200.0], sigma2=0.01, slope_trust=20, slope_pool=30)
    [0.0118...]
    """
    n_all, xx_all = sum(n), sum(xx)
    if n_all <= 0.0:
        return [1.0] * len(n)
    typical = xx_all / n_all
    held = slope_trust * typical
    if held < sigma2:
        held = sigma2
    common = (held + sum(xy)) / (held + xx_all)
    held = slope_pool * typical
    if held < sigma2:
        held = sigma2
    pulled, found = held * common, []
    for a, own in enumerate(xx):
        beta = (pulled + xy[a]) / (held + own)
        found.append(1.0 if beta > 1.0 else -1.0 if beta < -1.0 else beta)
    return found


def evidence(total: float, n: float, *, sigma2: float) -> tuple[float, float]:
    """Return one cell's weight and weighted say on tau^2 / sigma^2.

    ``w = N / (N + 5)`` and ``w min(4, (S/N)^2 / sigma^2 - 1/N)``: the squared offset, less what
    noise alone would make of it, in units of the tier's own sigma^2 so that tiers can be pooled.

    Examples
    --------
    >>> evidence(5.0, 5.0, sigma2=0.5)  # an offset of 1 is twice the variance
    (0.5, 0.9)
    """
    if n <= 0.0:
        return 0.0, 0.0
    weight = n / (n + 5.0)
    mean = total / n
    return weight, weight * min(_MOST_EVIDENCE, mean * mean / sigma2 - 1.0 / n)


class Channel:
    """A channel at work on a `ChannelState`, which it changes in place."""

    def __init__(self, state: ChannelState, params: ChannelParams) -> None:
        self.state = state
        self._params = params
        self._keep = 1.0 - params.alpha
        self._trust_keep = 1.0 - params.trust_decay
        self._n_tiers = len(state.sigma2)
        self._mean_sigma2 = sum(state.sigma2) / self._n_tiers
        # What follows is derived from the state and kept at hand: per tier n0 before decay, tier
        # offset, half the tier's variance and beta; per cell what it says on tau^2.
        self._trust = [0.0] * self._n_tiers
        self._tier = [0.0] * self._n_tiers
        self._tier_var = [0.0] * self._n_tiers
        self._beta = [1.0] * self._n_tiers
        self._weights: list[float] = []
        self._says: list[float] = []
        for sums, counts in zip(state.cell_sum, state.cell_n, strict=True):
            for total, n, sigma2 in zip(sums, counts, state.sigma2, strict=True):
                weight, say = evidence(total, n, sigma2=sigma2)
                self._weights.append(weight)
                self._says.append(say)
        for a in range(self._n_tiers):
            self._refresh_tier(a)
        self._refresh_slopes()
        self._refresh_trust()

    def believe(
        self, bucket: int, predicted: Sequence[float], pending: Sequence[int]
    ) -> tuple[list[float], list[float]]:
        """Return Q and var per tier for one task.

        Parameters
        ----------
        bucket : int
            Index of the bucket.
        predicted : sequence of float, length K
            The model's prediction m.
        pending : sequence of int, length K
            Decisions in this bucket whose report is still out. They count as reports in var, so
            that optimism does not send a whole burst to the tier that is known least.
        """
        state, keep, trusts = self.state, self._trust_keep, self._trust
        sigma2s, tiers, tier_vars, betas = state.sigma2, self._tier, self._tier_var, self._beta
        means, sums = state.cell_mean[bucket], state.cell_sum[bucket]
        counts, reports = state.cell_n[bucket], state.cell_reports[bucket]
        believed: list[float] = []
        variances: list[float] = []
        for a, m in enumerate(predicted):
            mean = means[a]
            n = counts[a] + trusts[a] * keep ** reports[a]
            believed.append(mean + tiers[a] + sums[a] / (n or _TINY_N) + betas[a] * (m - mean))
            variances.append(sigma2s[a] / ((n + pending[a]) or _TINY_N) + tier_vars[a])
        return believed, variances

    def believe_many(self, bucket: NDArray[np.intp], predicted: Matrix) -> tuple[Matrix, Matrix]:
        """Return Q and var for many tasks at once, ``(n, K)`` each; none counts as pending.

        Parameters
        ----------
        bucket : (n,) array of int
        predicted : (n, K) array
        """
        state = self.state
        n0 = np.array(self._trust) * self._trust_keep ** np.array(state.cell_reports, dtype=float)
        n = np.maximum(np.array(state.cell_n) + n0, _TINY_N)
        mean = np.array(state.cell_mean)
        level = mean * (1.0 - np.array(self._beta)) + self._tier + np.array(state.cell_sum) / n
        variance = np.array(state.sigma2) / n + self._tier_var
        return level[bucket] + np.array(self._beta) * predicted, variance[bucket]

    def observe(self, bucket: int, predicted: Sequence[float], weight: float) -> None:
        """Move the running mean of the predictions: ``mean += weight (m - mean)``."""
        means = self.state.cell_mean[bucket]
        for a, m in enumerate(predicted):
            means[a] += weight * (m - means[a])

    def update(self, bucket: int, a: int, predicted: float, outcome: float) -> Innovation:
        """Learn from one report on tier ``a``, in any order of the reports.

        With ``d = m - mean`` and ``e = y - mean - beta d``, and both offsets as before the report:

            G_S <- (1 - alpha) G_S + (e - cell)        G_N <- (1 - alpha) G_N + 1
            S   <- (1 - alpha) S + (e - tier)          N   <- (1 - alpha) N + 1
            xy  <- gamma xy + d (y - mean - tier - cell)
            xx  <- gamma xx + d^2

        Each offset learns what the other leaves over. The slope is regressed on what the offsets
        leave over *without* the slope term: with it, a true slope of 1 would settle at 1/2.
        """
        state, keep, gamma = self.state, self._keep, self._params.slope_keep
        sums, counts = state.cell_sum[bucket], state.cell_n[bucket]
        reports, mean = state.cell_reports[bucket], state.cell_mean[bucket][a]
        n = counts[a] + self._trust[a] * self._trust_keep ** reports[a]
        cell, tier = sums[a] / (n or _TINY_N), self._tier[a]
        d, left = predicted - mean, outcome - mean
        e = left - self._beta[a] * d

        state.tier_sum[a] = keep * state.tier_sum[a] + (e - cell)
        state.tier_n[a] = keep * state.tier_n[a] + 1.0
        sums[a] = keep * sums[a] + (e - tier)
        counts[a] = keep * counts[a] + 1.0
        reports[a] += 1
        state.slope_xy[a] = gamma * state.slope_xy[a] + d * (left - tier - cell)
        state.slope_xx[a] = gamma * state.slope_xx[a] + d * d
        state.slope_n[a] = gamma * state.slope_n[a] + 1.0
        state.n_reports += 1

        self._refresh_tier(a)
        self._refresh_slopes()
        index = bucket * self._n_tiers + a
        self._weights[index], self._says[index] = evidence(
            sums[a], counts[a], sigma2=state.sigma2[a]
        )
        if state.n_reports % self._params.tau2_every == 0:
            self._learn_tau2()
        return Innovation(a, e - cell - tier, tier, state.sigma2[a])

    def mean_belief(self, bucket: int) -> list[float]:
        """Return Q per tier at the bucket's mean prediction: mean + tier + cell."""
        means = self.state.cell_mean[bucket]
        return self.believe(bucket, means, [0] * self._n_tiers)[0]

    def _refresh_tier(self, a: int) -> None:
        state, sigma2 = self.state, self.state.sigma2[a]
        n = state.tier_n[a] + self._params.tier_trust
        self._tier[a] = state.tier_sum[a] / n
        self._tier_var[a] = 0.5 * sigma2 / n

    def _refresh_slopes(self) -> None:
        state = self.state
        self._beta = slopes(
            state.slope_xy,
            state.slope_xx,
            state.slope_n,
            sigma2=self._mean_sigma2,
            slope_trust=self._params.slope_trust,
            slope_pool=self._params.slope_pool,
        )

    def _learn_tau2(self) -> None:
        """tau^2 / sigma^2 <- (nu0 tau0^2 / sigma^2 + sum of says) / (nu0 + sum of weights).

        The sums run over all cells of all tiers, in their order, so that the same state gives the
        same bits. With one sigma^2 and tau0^2 for all tiers this is the formula on tau^2 itself.
        """
        state, nu0 = self.state, self._params.tau2_trust
        says, weights = sum(self._says), nu0 + sum(self._weights)
        for a, sigma2 in enumerate(state.sigma2):
            state.tau2[a] = max(0.0, (nu0 * state.tau2_prior[a] + sigma2 * says) / weights)
        self._refresh_trust()

    def _refresh_trust(self) -> None:
        least, most = self._params.trust_min, self._params.trust_max
        mosts = self.state.trust_most or [most] * self._n_tiers
        columns = zip(self.state.sigma2, self.state.tau2, mosts, strict=True)
        self._trust = [
            trust(s, t, least=min(least, own, most), most=min(own, most)) for s, t, own in columns
        ]
