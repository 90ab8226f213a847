"""One outcome (quality, or reward cost), learned as a discounted mean of the prior's residual.

The router keeps two channels of this kind and joins them only when it chooses, so lambda stays
free. All numbers of a channel are in one unit: quality in [0, 1] or reward cost in [0, 1].

What a channel believes of tier a in bucket b, where the model predicts m for the task:

    n0   = clip(sigma^2 / tau^2, 1, 40) (1 - decay)^n      trust in the prior, in reports
    cell = S / (N + n0) * w                                offset of this bucket
    tier = G_S / (G_N + n0g) * w                           offset of the tier, over all buckets
    w                                                      how clear each is (`clear_mean`), less
                                                           strictly where a tier joined later
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

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import astuple
from numpy.typing import NDArray

from tracetier.route.channel_state import (
    ChannelParams,
    ChannelState,
    Innovation,
    start_channel,
)
from tracetier.route.james_stein import TINY_N, clear_mean, positive_parts
from tracetier.route.shrinkage import evidence, slopes, trust

__all__ = [
    "Channel",
    "ChannelParams",
    "ChannelState",
    "Innovation",
    "Row",
    "evidence",
    "slopes",
    "start_channel",
    "trust",
]

Matrix = NDArray[np.float64]


class Row(Struct, frozen=True):
    """What a belief in one bucket is made of, per tier; the channel keeps the lists current.

    Attributes
    ----------
    mean : list of float, length K
        Running mean of the predictions.
    tier, cell : list of float, length K
        Offsets of the tier and of this bucket.
    beta : list of float, length K
        How much of a prediction's variation holds.
    sigma2 : list of float, length K
        Variance that an outcome has by itself.
    n : list of float, length K
        N + n0, reports and the prior's trust.
    tier_var : list of float, length K
        The tier offset's part of the variance.
    """

    mean: list[float]
    tier: list[float]
    cell: list[float]
    beta: list[float]
    sigma2: list[float]
    n: list[float]
    tier_var: list[float]


class Channel:
    """A channel at work on a `ChannelState`, which it changes in place."""

    def __init__(self, state: ChannelState, params: ChannelParams) -> None:
        self.state = state
        self._params = params
        self._alpha, self._keep = params.alpha, 1.0 - params.alpha
        # A tier that joined later has no outcome behind its prior to be held at. Where its noise
        # counts while that of the others is taken off, what it gets is luck.
        share = min((1.0, *(most / (params.trust_max or 1.0) for most in state.trust_most)))
        self._cell_noise, self._tier_noise = share * params.cell_noise, share * params.tier_noise
        self._tier_trust = params.tier_trust
        self._slope_trust, self._slope_pool = params.slope_trust, params.slope_pool
        self._slope_keep, self._tau2_every = params.slope_keep, params.tau2_every
        self._trust_keep = 1.0 - params.trust_decay
        self._n_tiers = len(state.sigma2)
        self._mean_sigma2 = sum(state.sigma2) / self._n_tiers
        # What follows is derived from the state and kept at hand: per tier n0 before decay, tier
        # offset, half the tier's variance and beta; per bucket its row, where it was asked for
        # since n0 changed; per cell what it says on tau^2.
        self._trust = [0.0] * self._n_tiers
        self._tier = [0.0] * self._n_tiers
        self._tier_var = [0.0] * self._n_tiers
        self._beta = [1.0] * self._n_tiers
        self._rows: list[Row | None] = []
        self._moved: set[tuple[int, int]] = set()  # cells whose say is out of date
        self._weights: list[float] = []
        self._says: list[float] = []
        for sums, counts in zip(state.cell_sum, state.cell_n, strict=True):
            for total, n, sigma2 in zip(sums, counts, state.sigma2, strict=True):
                weight, say = evidence(total, n, sigma2=sigma2)
                self._weights.append(weight)
                self._says.append(say)
        for a in range(self._n_tiers):
            self._refresh(a)
        self._refresh_trust()

    def row(self, bucket: int) -> Row:
        """Return what beliefs in a bucket are made of; it must not be changed."""
        return self._rows[bucket] or self._new_row(bucket)

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
        believed, variances = [], []
        columns = astuple(self.row(bucket))
        for mean, tier, cell, beta, sigma2, n, tier_var, m, waiting in zip(
            *columns, predicted, pending, strict=True
        ):
            believed.append(mean + tier + cell + beta * (m - mean))
            variances.append(sigma2 / ((n + waiting) or TINY_N) + tier_var)
        return believed, variances

    def believe_many(self, bucket: NDArray[np.intp], predicted: Matrix) -> tuple[Matrix, Matrix]:
        """Return Q and var for many tasks at once, ``(n, K)`` each; none counts as pending.

        Parameters
        ----------
        bucket : (n,) array of int
        predicted : (n, K) array
        """
        state, params = self.state, self._params
        n0 = np.array(self._trust) * self._trust_keep ** np.array(state.cell_reports, dtype=float)
        own, total, sigma2 = map(np.array, (state.cell_n, state.cell_sum, state.sigma2))
        n = np.maximum(own + n0, TINY_N)
        cell = total / n
        if self._cell_noise:
            cell *= positive_parts(total, own, sigma2, alpha=params.alpha, noise=self._cell_noise)
        mean = np.array(state.cell_mean)
        level = mean * (1.0 - np.array(self._beta)) + self._tier + cell
        variance = sigma2 / n + self._tier_var
        return level[bucket] + np.array(self._beta) * predicted, variance[bucket]

    def observe(self, bucket: int, predicted: Sequence[float], weight: float) -> None:
        """Move the running mean of the predictions: ``mean += weight (m - mean)``."""
        means = self.state.cell_mean[bucket]
        for a, m in enumerate(predicted):
            mean = means[a]
            means[a] = mean + weight * (m - mean)

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
        state, keep, gamma = self.state, self._keep, self._slope_keep
        sums, counts, sigma2 = state.cell_sum[bucket], state.cell_n[bucket], state.sigma2[a]
        alpha, noise = self._alpha, self._cell_noise
        reports, mean = state.cell_reports[bucket], state.cell_mean[bucket][a]
        row, tier = self._rows[bucket], self._tier[a]
        if row is None:
            n = counts[a] + self._trust[a] * self._trust_keep ** reports[a]
            cell = clear_mean(sums[a], counts[a], n, sigma2, alpha, noise)
        else:
            cell = row.cell[a]
        d, left = predicted - mean, outcome - mean
        e = left - self._beta[a] * d

        state.tier_sum[a] = keep * state.tier_sum[a] + (e - cell)
        state.tier_n[a] = keep * state.tier_n[a] + 1.0
        sums[a] = total = keep * sums[a] + (e - tier)
        counts[a] = own = keep * counts[a] + 1.0
        reports[a] += 1
        xy, xx, slope_n = state.slope_xy, state.slope_xx, state.slope_n
        xy[a] = gamma * xy[a] + d * (left - tier - cell)
        xx[a] = gamma * xx[a] + d * d
        slope_n[a] = gamma * slope_n[a] + 1.0
        state.n_reports += 1

        if row is not None:
            row.n[a] = n = own + self._trust[a] * self._trust_keep ** reports[a]
            row.cell[a] = clear_mean(total, own, n, sigma2, alpha, noise)
        self._refresh(a)
        self._moved.add((bucket, a))
        if state.n_reports % self._tau2_every == 0:
            self._learn_tau2()
        return Innovation(a, e - cell - tier, tier, sigma2)

    def mean_belief(self, bucket: int) -> list[float]:
        """Return Q per tier at the bucket's mean prediction: mean + tier + cell."""
        means = self.state.cell_mean[bucket]
        return self.believe(bucket, means, [0] * self._n_tiers)[0]

    def _new_row(self, bucket: int) -> Row:
        state, keep, counts, cell = self.state, self._trust_keep, [], []
        for total, own, trusted, reports, sigma2 in zip(
            state.cell_sum[bucket],
            state.cell_n[bucket],
            self._trust,
            state.cell_reports[bucket],
            state.sigma2,
            strict=True,
        ):
            n = own + trusted * keep**reports
            counts.append(n)
            cell.append(clear_mean(total, own, n, sigma2, self._alpha, self._cell_noise))
        row = self._rows[bucket] = Row(
            state.cell_mean[bucket],
            self._tier,
            cell,
            self._beta,
            state.sigma2,
            counts,
            self._tier_var,
        )
        return row

    def _refresh(self, a: int) -> None:
        """Bring up to date what a report on tier ``a`` moves: its offset, and every slope."""
        state, n, sigma2 = self.state, self.state.tier_n[a], self.state.sigma2[a]
        held = n + self._tier_trust
        self._tier[a] = clear_mean(
            state.tier_sum[a], n, held, sigma2, self._alpha, self._tier_noise
        )
        self._tier_var[a] = 0.5 * sigma2 / held
        self._beta[:] = slopes(  # in place: the rows hold it
            state.slope_xy,
            state.slope_xx,
            state.slope_n,
            self._mean_sigma2,
            self._slope_trust,
            self._slope_pool,
        )

    def _learn_tau2(self) -> None:
        """tau^2 / sigma^2 <- (nu0 tau0^2 / sigma^2 + sum of says) / (nu0 + sum of weights).

        The sums run over all cells of all tiers, in their order, so that the same state gives the
        same bits. With one sigma^2 and tau0^2 for all tiers this is the formula on tau^2 itself.
        """
        state, nu0 = self.state, self._params.tau2_trust
        for bucket, a in self._moved:
            index = bucket * self._n_tiers + a
            self._weights[index], self._says[index] = evidence(
                state.cell_sum[bucket][a], state.cell_n[bucket][a], sigma2=state.sigma2[a]
            )
        self._moved.clear()
        says, weights = sum(self._says), nu0 + sum(self._weights)
        for a, sigma2 in enumerate(state.sigma2):
            state.tau2[a] = max(0.0, (nu0 * state.tau2_prior[a] + sigma2 * says) / weights)
        self._refresh_trust()

    def _refresh_trust(self) -> None:
        self._rows = [None] * len(self.state.cell_mean)
        least, most = self._params.trust_min, self._params.trust_max
        pairs = zip(self.state.sigma2, self.state.tau2, strict=True)
        if not self.state.trust_most:
            self._trust = [trust(s, t, least=least, most=most) for s, t in pairs]
            return
        self._trust = [
            trust(s, t, least=min(least, own, most), most=min(own, most))
            for (s, t), own in zip(pairs, self.state.trust_most, strict=True)
        ]
