"""Changes of the tiers at run time: a tier joins, leaves, is renamed, or has a new price.

Each is columns to columns, with where every new one comes from; what was learned is then carried
over by `tracetier.route.carry`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, structs

from tracetier.errors import TierError
from tracetier.heads.prior import PriorStats
from tracetier.records import Task
from tracetier.route.columns import Column, joined_column, mean_costs_usd, tiers_of
from tracetier.route.event import Changed
from tracetier.route.learner import start_document
from tracetier.route.model import Model
from tracetier.route.move import Move
from tracetier.route.state.document import pack_document
from tracetier.route.token_mix import TokenMix
from tracetier.tiers import Tier, TierSet

_LEAST_REPRICING = 0.01


class TierChange(NamedTuple):
    """New columns, where each comes from (-1 is new), and what its costs are multiplied by."""

    columns: tuple[Column, ...]
    tiers_from: list[int]
    cost_scale: list[float]


class Probe(Struct, frozen=True, kw_only=True):
    """A task that was replayed on a tier, and what came of it: quality 0-10, cost in USD."""

    task: Task
    quality: float | None = None
    cost_usd: float | None = None


def change_event(
    new: Model,
    old: Model,
    changed: TierChange,
    *,
    strategy: str,
    lam: float,
    is_same_model: bool,
    renamed: Mapping[str, str],
) -> Changed:
    """Return the event that has all who share a state go from one model to another.

    The settings of the strategy are those of the state, which it keeps.
    """
    fresh = start_document(
        strategy,
        new.prior,
        params=None,
        artifact_id=new.artifact_id,
        tiers=new.names,
        cost_ref_usd=new.cost_ref,
        lam=lam,
    )
    fresh.columns = new.stored_columns
    fresh.artifact_path = new.base.path
    buckets = old.prior.buckets
    return Changed(
        old.layout,
        pack_document(fresh).decode(),
        Move(
            tiers_from=changed.tiers_from,
            buckets_from=[
                buckets.index(name) if name in buckets else -1 for name in new.prior.buckets
            ],
            cost_scale=changed.cost_scale,
            is_same_model=is_same_model,
        ),
        dict(renamed),
    )


def with_tier(
    columns: Sequence[Column],
    tier: Tier,
    *,
    prior: PriorStats,
    cost_ref: float,
    cost_usd: float | None = None,
    quality: float | None = None,
    tokens: Sequence[TokenMix | None] = (),
) -> TierChange:
    """Return the columns with a tier that the model was not trained on, in its place by cost.

    Parameters
    ----------
    columns : sequence of Column
    tier : Tier
    prior : PriorStats
        Of the model.
    cost_ref : float
        USD that make a reward cost of 1.
    cost_usd : float, optional
        Expected mean cost per request, > 0; by default worked out of the tier's own prices and
        those of a present tier that has some.
    quality : float, optional
        Expected mean quality, 0-10; by default that of its neighbours by cost.
    tokens : sequence of TokenMix or None, length K or 0
        What the calls of the present tiers are made of, to weigh prices by.

    Raises
    ------
    TierError
        If the name is taken, a number is out of range, or nothing tells the cost.
    """
    if tier.name in tiers_of(columns).names:
        raise TierError(f"tier {tier.name!r} is there already; give another name, or reprice it")
    if quality is not None and not 0.0 <= quality <= 10.0:
        raise TierError(f"quality of tier {tier.name!r} is {quality:g}, must be in [0, 10]")
    costs = mean_costs_usd(prior, columns, cost_ref)
    mixes = tokens or [None] * len(columns)
    usd = _cost_of(tier, columns, costs, mixes) if cost_usd is None else cost_usd
    if not 0.0 < usd < math.inf:
        raise TierError(f"cost_usd of tier {tier.name!r} is {usd:g}, must be finite and > 0 USD")
    column = joined_column(tier, columns, costs, usd)
    if quality is not None:
        guess = _mean_quality(column, prior)
        column = structs.replace(column, shift=quality / 10.0 - guess)
    at = sum(cost <= usd for cost in costs)
    return TierChange(
        columns=(*columns[:at], column, *columns[at:]),
        tiers_from=[*range(at), -1, *range(at, len(columns))],
        cost_scale=[1.0] * (len(columns) + 1),
    )


def without_tier(columns: Sequence[Column], name: str) -> TierChange:
    """Return the columns without a tier; `TierError` for an unknown one, or the last."""
    gone = tiers_of(columns).index(name)
    if len(columns) == 1:
        raise TierError(f"tier {name!r} is the only one left; add another before it is removed")
    kept = [k for k in range(len(columns)) if k != gone]
    return TierChange(tuple(columns[k] for k in kept), kept, [1.0] * len(kept))


def with_name(columns: Sequence[Column], name: str, new: str) -> TierChange:
    """Return the columns with a tier called otherwise; `TierError` where that name is taken."""
    tiers = tiers_of(columns)
    at = tiers.index(name)
    if new != name and new in tiers.names:
        raise TierError(f"tier {new!r} is there already, so {name!r} cannot be renamed to it")
    tier = structs.replace(columns[at].tier, name=new)
    return _with_column(columns, at, structs.replace(columns[at], tier=tier), 1.0)


def with_price(
    columns: Sequence[Column], name: str, factor: float, tier: Tier | None
) -> TierChange:
    """Return the columns with a tier whose cost is ``factor`` times what it was.

    The order of the tiers stays, also where it is no longer that of their costs.

    Parameters
    ----------
    columns : sequence of Column
    name : str
    factor : float
        New price over the old one, finite and > 0.
    tier : Tier, optional
        Its new declaration, of the same name.

    Raises
    ------
    TierError
        For an unknown tier, or a factor out of range.
    """
    at = tiers_of(columns).index(name)
    if not 0.0 < factor < math.inf:
        raise TierError(f"tier {name!r} is repriced by {factor:g}, must be finite and > 0")
    column = columns[at]
    changed = structs.replace(
        column, cost_factor=column.cost_factor * factor, tier=tier or column.tier
    )
    return _with_column(columns, at, changed, factor)


def with_prices(
    columns: Sequence[Column], at_price: Sequence[Tier], tokens: Sequence[TokenMix | None]
) -> TierChange | None:
    """Return the columns at the prices that their tiers declare; ``None`` where all are.

    Parameters
    ----------
    columns : sequence of Column, length K
        With tiers as they are declared now.
    at_price : sequence of Tier, length K
        The same tiers, as they were declared when their costs were learned.
    tokens : sequence of TokenMix or None, length K
        What their calls are made of; where it is not known, and where the new prices are not
        declared, the cost stays. So does one that would move by less than 1 %.
    """
    scales = [1.0] * len(columns)
    for k, (column, was, mix) in enumerate(zip(columns, at_price, tokens, strict=True)):
        factor = None if mix is None or column.tier == was else mix.factor(was, column.tier)
        if factor and abs(factor - 1.0) >= _LEAST_REPRICING:
            scales[k] = factor
    if all(scale == 1.0 for scale in scales):
        return None
    changed = tuple(
        structs.replace(column, cost_factor=column.cost_factor * scale)
        for column, scale in zip(columns, scales, strict=True)
    )
    return TierChange(changed, list(range(len(columns))), scales)


def price_factor(old: Tier, new: Tier, tokens: TokenMix | None = None) -> float:
    """Return the new price over the old one, weighted by what the tier's calls are made of.

    Parameters
    ----------
    old, new : Tier
        The same tier, as it was and as it is declared.
    tokens : TokenMix, optional
        Of its training rows. Where it is not known, an input and an output token count alike.

    Raises
    ------
    TierError
        If the new one has no price of its own, or the old one has none and no tokens are known.

    Examples
    --------
    >>> old = Tier(name="a", input_usd_per_mtok=1.0, output_usd_per_mtok=5.0)
    >>> price_factor(old, Tier(name="a", input_usd_per_mtok=0.5, output_usd_per_mtok=2.5))
    0.5
    """
    weighted = None if tokens is None else tokens.factor(old, new)
    if weighted is not None:
        return weighted
    before, after = _price(old), _price(new)
    if before is None or after is None or before == 0.0:
        raise TierError(
            f"the price of tier {old.name!r} is not declared before and after; give factor= (new "
            "price over old), or input_usd_per_mtok and output_usd_per_mtok of both"
        )
    return after / before


def _with_column(columns: Sequence[Column], at: int, column: Column, scale: float) -> TierChange:
    TierSet(tuple(c.tier for c in (*columns[:at], column, *columns[at + 1 :])))
    scales = [1.0] * len(columns)
    scales[at] = scale
    return TierChange(
        (*columns[:at], column, *columns[at + 1 :]), list(range(len(columns))), scales
    )


def _price(tier: Tier) -> float | None:
    if tier.input_usd_per_mtok is None or tier.output_usd_per_mtok is None:
        return None
    return tier.input_usd_per_mtok + tier.output_usd_per_mtok


def _cost_of(
    tier: Tier,
    columns: Sequence[Column],
    costs_usd: Sequence[float],
    tokens: Sequence[TokenMix | None],
) -> float:
    for column, usd, mix in zip(columns, costs_usd, tokens, strict=True):
        if _price(tier) and _price(column.tier):
            return usd * price_factor(column.tier, tier, mix)
    raise TierError(
        f"nothing tells what tier {tier.name!r} costs: give cost_usd (mean USD per request), or "
        "input_usd_per_mtok and output_usd_per_mtok of it and of a present tier"
    )


def _mean_quality(column: Column, prior: PriorStats) -> float:
    total = float(prior.n.sum())
    weights = prior.n / total if total > 0.0 else prior.n + 1.0 / len(prior.n)
    means = weights @ prior.quality_mean
    low, high = means[column.low], means[column.high]
    return float(low + column.weight * (high - low))
