"""The default strategy's numbers: settings, all that it knows, and the start before any report."""

import math

from msgspec import Struct

from tracetier.errors import SettingsError
from tracetier.heads.prior import PriorStats
from tracetier.route.channel import ChannelParams, ChannelState, start_channel


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
        How both channels learn; here what noise alone would make of an offset is taken off it.

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
    channel: ChannelParams = ChannelParams(tier_noise=1.0, cell_noise=1.0)

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
