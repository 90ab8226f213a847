"""A channel's numbers: settings, all that is kept of it, and the start before any report."""

import math
from collections.abc import Sequence

from msgspec import Struct

from tracetier.errors import SettingsError

_SIGMA2_FLOOR = 1e-8
"""Least residual variance: a constant outcome in training must not mean certainty for ever."""


class Innovation(Struct, frozen=True, gc=False):
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
    tier_noise, cell_noise : float
        What of the variance that noise alone would give a tier's, or a cell's, offset is taken off
        its square, >= 0. 0 takes every offset for one: the default here, since states that were
        kept before it was there go on as they were; the residual strategy's own defaults are 1.
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
    tier_noise: float = 0.0
    cell_noise: float = 0.0
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
        for name in ("tier_noise", "cell_noise", "slope_trust", "slope_pool"):
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
