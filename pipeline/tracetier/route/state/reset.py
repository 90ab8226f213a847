"""Forget what was learned of one tier, of one bucket, or of one cell.

The model's predictions, and the running means of them, stay: they are no reports.
"""

from tracetier.route.channel import ChannelState
from tracetier.route.greedy import GreedyState
from tracetier.route.residual import ResidualState
from tracetier.route.seed import SeedState
from tracetier.route.strategy import StrategyState

_CELL_SUMS = ("cell_sum", "cell_n")
_TIER_SUMS = ("tier_sum", "tier_n", "slope_xy", "slope_xx", "slope_n")


def reset_strategy(state: StrategyState, *, bucket: int | None, tier: int | None) -> None:
    """Set a strategy's sums to those before any report, in place.

    Parameters
    ----------
    state : StrategyState
    bucket, tier : int, optional
        Given both, one cell; a bucket alone, all its cells; a tier alone, its cells and what is
        shared by them (tier offset and slope). With neither everything is reset.
    """
    if isinstance(state, ResidualState):
        for channel in (state.quality, state.cost):
            _reset_channel(channel, bucket, tier)
        return
    for b, a in _cells(len(state.n_reports), len(state.n_reports[0]), bucket, tier):
        state.n_reports[b][a] = 0
        if isinstance(state, SeedState):
            state.q[b][a] = state.q_start[b][a]
    assert isinstance(state, SeedState | GreedyState)


def _reset_channel(channel: ChannelState, bucket: int | None, tier: int | None) -> None:
    n_tiers = len(channel.sigma2)
    for b, a in _cells(len(channel.cell_mean), n_tiers, bucket, tier):
        for name in _CELL_SUMS:
            getattr(channel, name)[b][a] = 0.0
        channel.cell_reports[b][a] = 0
    if bucket is None:
        for a in range(n_tiers) if tier is None else (tier,):
            for name in _TIER_SUMS:
                getattr(channel, name)[a] = 0.0
    channel.n_reports = sum(map(sum, channel.cell_reports))
    if not channel.n_reports:
        channel.tau2 = list(channel.tau2_prior)


def _cells(
    n_buckets: int, n_tiers: int, bucket: int | None, tier: int | None
) -> list[tuple[int, int]]:
    buckets = range(n_buckets) if bucket is None else (bucket,)
    tiers = range(n_tiers) if tier is None else (tier,)
    return [(b, a) for b in buckets for a in tiers]
