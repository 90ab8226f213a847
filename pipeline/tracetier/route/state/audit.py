"""Checks of the numbers in a state document, before anything is built on them.

JSON that msgspec accepts holds finite numbers only, so what is left to check is shape and sign.
"""

import math
from collections.abc import Mapping, Sequence

from tracetier.errors import StateError
from tracetier.route.channel import ChannelState
from tracetier.route.drift import DriftState
from tracetier.route.greedy import GreedyState
from tracetier.route.ledger import Pending
from tracetier.route.residual import ResidualState
from tracetier.route.seed import SeedState
from tracetier.route.strategy import StrategyState

_ANY = -math.inf
_CHANNEL_ROWS = {
    "sigma2": 1e-300,
    "tau2_prior": 0.0,
    "tau2": 0.0,
    "tier_sum": _ANY,
    "tier_n": 0.0,
    "slope_xy": _ANY,
    "slope_xx": 0.0,
    "slope_n": 0.0,
}
"""Numbers per tier, and the least each may be."""

_CHANNEL_TABLES = {"cell_mean": _ANY, "cell_sum": _ANY, "cell_n": 0.0, "cell_reports": 0.0}
"""Numbers per bucket and tier, and the least each may be."""


def audit_row(name: str, row: Sequence[float], length: int, *, least: float = _ANY) -> None:
    """Raise `StateError` unless ``row`` has ``length`` numbers, none below ``least``."""
    if len(row) != length:
        raise StateError(f"{name} has {len(row)} numbers, must have {length}")
    for index, value in enumerate(row):
        if value < least:
            raise StateError(f"{name}[{index}] is {value:g}, must be >= {least:g}")


def audit_table(
    name: str,
    table: Sequence[Sequence[float]],
    n_buckets: int,
    n_tiers: int,
    *,
    least: float = _ANY,
) -> None:
    """Raise `StateError` unless ``table`` has a row per bucket and a number per tier."""
    if len(table) != n_buckets:
        raise StateError(f"{name} has {len(table)} rows, must have {n_buckets}, one a bucket")
    for index, row in enumerate(table):
        audit_row(f"{name}[{index}]", row, n_tiers, least=least)


def audit_strategy(state: StrategyState, n_buckets: int, n_tiers: int) -> None:
    """Raise `StateError` for a number of a strategy that cannot be right."""
    if isinstance(state, ResidualState):
        audit_row("mean_n", state.mean_n, n_buckets, least=0)
        _audit_channel("quality", state.quality, n_buckets, n_tiers)
        _audit_channel("cost", state.cost, n_buckets, n_tiers)
        return
    audit_table("n_reports", state.n_reports, n_buckets, n_tiers, least=0)
    if isinstance(state, SeedState):
        audit_table("q", state.q, n_buckets, n_tiers)
        audit_table("q_start", state.q_start, n_buckets, n_tiers)
    if isinstance(state, GreedyState):
        audit_table("quality_mean", state.quality_mean, n_buckets, n_tiers)
        audit_table("cost_mean", state.cost_mean, n_buckets, n_tiers)


def audit_open(
    pending: Mapping[str, Pending], applied: Sequence[str], n_buckets: int, n_tiers: int
) -> None:
    """Raise `StateError` for an open decision that no router can have made."""
    for decision_id, decision in pending.items():
        if not (
            0 <= decision.bucket < n_buckets
            and 0 <= decision.tier < n_tiers
            and 0.0 < decision.propensity <= 1.0
            and decision.lam >= 0.0
        ):
            raise StateError(
                f"pending decision {decision_id!r} is {decision}; there are {n_buckets} buckets "
                f"and {n_tiers} tiers, propensity must be in (0, 1], lam >= 0"
            )
    both = pending.keys() & set(applied)
    if both:
        raise StateError(f"decision {min(both)!r} is both pending and applied")


def audit_drift(drift: DriftState, n_tiers: int) -> None:
    """Raise `StateError` unless there is a window per tier, and an alarm is of one of them."""
    counts = [tier.n_reference for tier in drift.tiers]
    audit_row("drift.n_reference", counts, n_tiers, least=1e-300)
    for alarm in drift.raised:
        audit_place("drift.raised", alarm.tier, n_tiers)


def audit_place(name: str, tier: int, n_tiers: int, *, least: int = 0) -> None:
    """Raise `StateError` unless ``tier`` is the index of one, or at least ``least``."""
    if not least <= tier < n_tiers:
        raise StateError(f"{name} is of tier {tier}, there are {n_tiers}")


def _audit_channel(name: str, channel: ChannelState, n_buckets: int, n_tiers: int) -> None:
    for field, least in _CHANNEL_ROWS.items():
        audit_row(f"{name}.{field}", getattr(channel, field), n_tiers, least=least)
    for field, least in _CHANNEL_TABLES.items():
        audit_table(f"{name}.{field}", getattr(channel, field), n_buckets, n_tiers, least=least)
    audit_row(f"{name}.n_reports", [channel.n_reports], 1, least=0)
