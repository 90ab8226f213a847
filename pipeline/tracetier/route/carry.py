"""Carrying what was learned over to another set of tiers, buckets or predictions.

Tiers and buckets are matched by where they come from. What reports said of a cell is sums around
the mean prediction, so it is said again around the new one: with ``shift = new mean - old mean``,

    S' = S - N (shift - common shift)        G' = G - G_N (common shift of the tier)

and a cost is scaled by the change of its price and of ``cost_ref``. So the belief of a cell that
was reported on often stays where the reports put it, whatever the new model says; where the model
says the same, everything stays to the bit.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from msgspec import structs

from tracetier.route.channel import ChannelState
from tracetier.route.columns import JOINED_TRUST
from tracetier.route.drift import carried_drift
from tracetier.route.greedy import GreedyState
from tracetier.route.ledger import Pending
from tracetier.route.move import Move
from tracetier.route.residual import ResidualState
from tracetier.route.seed import SeedState
from tracetier.route.state.document import StateDocument
from tracetier.route.strategy import StrategyState

Number = TypeVar("Number", int, float)


class _Shift(NamedTuple):
    """New less old mean prediction per old bucket and tier, for the two channels."""

    quality: list[list[float]]
    cost: list[list[float]]


def carry(old: StateDocument, fresh: StateDocument, move: Move) -> StateDocument:
    """Return ``fresh`` with everything of ``old`` that fits it.

    Decisions of a tier or bucket that is gone are no longer waited for; a report of one is then
    known and teaches nothing.

    Parameters
    ----------
    old : StateDocument
        Not changed.
    fresh : StateDocument
        The new layout before any decision, of the same strategy; taken over.
    move : Move
        How the layouts belong together.
    """
    strategy = _carried(old.strategy, fresh.strategy, move)
    shift = _shift(old.strategy, strategy, move)
    pending, lost = _carried_open(old.pending, move, shift)
    partial, lost_partial = _carried_open(old.partial, move, shift)
    counts = structs.replace(old.counts)
    counts.expired += sum(old.pending[name].known_cost is None for name in lost)
    return structs.replace(
        fresh,
        strategy=strategy,
        lam=old.lam,
        counts=counts,
        decisions=_table(old.decisions, fresh.decisions, move),
        pending=pending,
        partial=partial,
        applied=[*old.applied, *lost, *lost_partial],
        epoch=old.epoch,
        position=old.position,
        now_s=old.now_s,
        ahead_s=old.ahead_s,
        pending_ttl_s=old.pending_ttl_s,
        max_pending=old.max_pending,
        caps=old.caps,
        debts=old.debts,
        savings=old.savings,
        control=old.control,
        drift=None
        if old.drift is None
        else carried_drift(old.drift, move.tiers_from, is_same_model=move.is_same_model),
    )


def _carried(old: StrategyState, fresh: StrategyState, move: Move) -> StrategyState:
    if isinstance(old, ResidualState) and isinstance(fresh, ResidualState):
        ones = [1.0] * len(move.tiers_from)
        trust_max = old.params.channel.trust_max
        return structs.replace(
            old,
            mean_n=_row(old.mean_n, fresh.mean_n, move.buckets_from)
            if move.is_same_model
            else fresh.mean_n,
            quality=_channel(old.quality, fresh.quality, move, ones, trust_max),
            cost=_channel(old.cost, fresh.cost, move, move.cost_scale, trust_max),
        )
    if isinstance(old, SeedState) and isinstance(fresh, SeedState):
        return structs.replace(
            old,
            q=_table(old.q, fresh.q, move),
            q_start=_table(old.q_start, fresh.q_start, move),
            n_reports=_table(old.n_reports, fresh.n_reports, move),
        )
    assert isinstance(old, GreedyState)
    assert isinstance(fresh, GreedyState)
    return structs.replace(
        fresh, params=old.params, n_reports=_table(old.n_reports, fresh.n_reports, move)
    )


def _channel(
    old: ChannelState, fresh: ChannelState, move: Move, scale: Sequence[float], trust_max: float
) -> ChannelState:
    squared = [s * s for s in scale]
    tiers = move.tiers_from
    mean, sums, counts = fresh.cell_mean, fresh.cell_sum, fresh.cell_n
    new = structs.replace(
        fresh,
        cell_mean=_table(old.cell_mean, mean, move, scale) if move.is_same_model else mean,
        cell_sum=_table(old.cell_sum, sums, move, scale),
        cell_n=_table(old.cell_n, counts, move),
        cell_reports=_table(old.cell_reports, fresh.cell_reports, move),
        tier_sum=_row(old.tier_sum, fresh.tier_sum, tiers, scale),
        tier_n=_row(old.tier_n, fresh.tier_n, tiers),
        slope_xy=_row(old.slope_xy, fresh.slope_xy, tiers, squared),
        slope_xx=_row(old.slope_xx, fresh.slope_xx, tiers, squared),
        slope_n=_row(old.slope_n, fresh.slope_n, tiers),
        trust_most=_trust_most(old, move, trust_max),
    )
    new.n_reports = sum(map(sum, new.cell_reports))
    new.tau2 = _row(old.tau2, fresh.tau2, tiers, squared)  # what is learned of it is soon renewed
    if move.is_same_model:
        new.sigma2 = _row(old.sigma2, fresh.sigma2, tiers, squared)
        new.tau2_prior = _row(old.tau2_prior, fresh.tau2_prior, tiers, squared)
    else:
        _say_again(new, old, move, scale)
    return new


def _say_again(new: ChannelState, old: ChannelState, move: Move, scale: Sequence[float]) -> None:
    """Move the sums to the new mean predictions, in place."""
    for k, a in enumerate(move.tiers_from):
        if a < 0:
            continue
        pairs = [
            (b, new.cell_mean[b][k] - old.cell_mean[c][a] * scale[k])
            for b, c in enumerate(move.buckets_from)
            if c >= 0
        ]
        weight = sum(new.cell_n[b][k] for b, _ in pairs)
        common = sum(new.cell_n[b][k] * s for b, s in pairs) / weight if weight > 0.0 else 0.0
        new.tier_sum[k] -= new.tier_n[k] * common
        for b, s in pairs:
            new.cell_sum[b][k] -= new.cell_n[b][k] * (s - common)


def _trust_most(old: ChannelState, move: Move, trust_max: float) -> list[float]:
    """Trust a tier without outcomes behind its prior little, and the others as before."""
    if not old.trust_most and min(move.tiers_from) >= 0:
        return []
    if not move.is_same_model:
        return []  # the new model was trained on every tier that it has
    before = old.trust_most or [trust_max] * len(old.sigma2)
    return [JOINED_TRUST if a < 0 else before[a] for a in move.tiers_from]


def _shift(old: StrategyState, new: StrategyState, move: Move) -> _Shift | None:
    """Return by how much the mean predictions moved; ``None`` where they did not, price aside."""
    if move.is_same_model or not isinstance(old, ResidualState):
        return None
    assert isinstance(new, ResidualState)
    n_tiers, shifts = len(old.quality.sigma2), []
    for before, after, scale in (
        (old.quality, new.quality, [1.0] * len(move.tiers_from)),
        (old.cost, new.cost, move.cost_scale),
    ):
        table = [[0.0] * n_tiers for _ in before.cell_mean]
        for b, c in enumerate(move.buckets_from):
            for k, a in enumerate(move.tiers_from):
                if a >= 0 and c >= 0:
                    table[c][a] = after.cell_mean[b][k] - before.cell_mean[c][a] * scale[k]
        shifts.append(table)
    return _Shift(*shifts)


def _carried_open(
    decisions: dict[str, Pending], move: Move, shift: _Shift | None
) -> tuple[dict[str, Pending], list[str]]:
    kept: dict[str, Pending] = {}
    lost: list[str] = []
    for decision_id, decision in decisions.items():
        moved = moved_decision(decision, move, shift)
        if moved is None:
            lost.append(decision_id)
        else:
            kept[decision_id] = moved
    return kept, lost


def moved_decision(decision: Pending, move: Move, shift: _Shift | None = None) -> Pending | None:
    """Return an open decision in the new layout, ``None`` where its tier or bucket is gone.

    Its predictions move by as much as those of its cell did: what it said of the task, beside the
    mean of the bucket, is still what it said.
    """
    old_bucket, old_tier = decision.bucket, decision.tier
    bucket, tier = move.bucket_to(old_bucket), move.tier_to(old_tier)
    if bucket < 0 or tier < 0:
        return None
    scale = move.cost_scale[tier]
    cost, known = decision.cost * scale, decision.known_cost
    quality = decision.quality
    if shift is not None:
        quality += shift.quality[old_bucket][old_tier]
        cost += shift.cost[old_bucket][old_tier]
    return structs.replace(
        decision,
        bucket=bucket,
        tier=tier,
        quality=quality,
        cost=cost,
        known_cost=None if known is None else min(1.0, known * scale),
    )


def _table(
    old: Sequence[Sequence[Number]],
    fresh: Sequence[Sequence[Number]],
    move: Move,
    scale: Sequence[float] = (),
) -> list[list[Number]]:
    return [
        list(row) if source < 0 else _row(old[source], row, move.tiers_from, scale)
        for row, source in zip(fresh, move.buckets_from, strict=True)
    ]


def _row(
    old: Sequence[Number],
    fresh: Sequence[Number],
    sources: Sequence[int],
    scale: Sequence[float] = (),
) -> list[Number]:
    """Return the old values in their new places, scaled; the fresh ones where there is none."""
    values = []
    for k, (value, source) in enumerate(zip(fresh, sources, strict=True)):
        if source >= 0:
            value = old[source]
            if scale and scale[k] != 1.0:
                value = type(value)(value * scale[k])
        values.append(value)
    return values
