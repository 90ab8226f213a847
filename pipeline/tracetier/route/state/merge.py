"""The sum of two states that learned apart, of one artifact and strategy.

Sums and counts are added; what they are turned into (offsets, slopes, trust) follows. All of it is
made of expressions that do not change when the two states change places, so the merge commutes to
the bit.

What it means where counts are discounted: each report keeps the weight that it had in its own
state, as if the two streams had run side by side and no report of one had aged those of the other.
So the sum of two well-fed states holds up to 2/alpha effective reports in a cell, of which new
reports let all but 1/alpha fade. The sum is that of both, not of one stream after the other.

The published rule keeps no sums: there Q is the mean of both, weighted by how far each has moved
from its start, 1 - (1 - alpha)^n.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import structs

from tracetier.errors import StateError
from tracetier.route.channel import ChannelState
from tracetier.route.drift import DriftState, merged_drift
from tracetier.route.greedy import GreedyState
from tracetier.route.ledger import Pending
from tracetier.route.policy.caps import Debt
from tracetier.route.residual import ResidualState
from tracetier.route.savings import SavingsBook
from tracetier.route.seed import SeedState
from tracetier.route.state.document import MAX_APPLIED, StateDocument
from tracetier.route.strategy import StrategyState
from tracetier.route.tally import Counts

Row = list[float]
Table = list[list[float]]


def merge_documents(
    one: StateDocument, other: StateDocument, *, names: tuple[str, str] = ("one", "the other")
) -> StateDocument:
    """Return the sum, at the start of a log of its own.

    Parameters
    ----------
    one, other : StateDocument
        Left as they are.
    names : pair of str
        What messages call them.

    Raises
    ------
    StateError
        If they are of different artifacts, strategies or settings, or share a decision: then one
        holds a part of the other, which would be counted twice.
    """
    for field in ("artifact_id", "tiers", "buckets", "cost_ref_usd", "columns", "caps"):
        _check_same(field, getattr(one, field), getattr(other, field), names)
    _check_same("strategy", type(one.strategy).__name__, type(other.strategy).__name__, names)
    _check_same("settings", one.strategy.params, other.strategy.params, names)
    shared = _ids(one) & _ids(other)
    if shared:
        raise StateError(
            f"{names[0]} and {names[1]} both hold decision {min(shared)!r}, so they did not learn "
            "apart, and what they share would be counted twice; merge states that were started "
            "each on its own"
        )
    return StateDocument(
        format=one.format,
        artifact_id=one.artifact_id,
        tiers=list(one.tiers),
        buckets=list(one.buckets),
        cost_ref_usd=one.cost_ref_usd,
        lam=_of_the_later(one, other).lam,
        strategy=_merged_strategies(one, other),
        counts=_counts(one.counts, other.counts),
        decisions=[
            [a + b for a, b in zip(*rows, strict=True)]
            for rows in zip(one.decisions, other.decisions, strict=True)
        ],
        pending=_by_age(one.pending, other.pending),
        partial=_by_age(one.partial, other.partial),
        applied=_interleaved(one.applied, other.applied),
        now_s=max(one.now_s, other.now_s),
        pending_ttl_s=max(one.pending_ttl_s, other.pending_ttl_s),
        max_pending=max(one.max_pending, other.max_pending, len(one.pending) + len(other.pending)),
        columns=one.columns,
        artifact_path=_of_the_later(one, other).artifact_path,
        caps=one.caps,
        debts=_merged_debts(one.debts, other.debts),
        savings=_merged_savings(one.savings, other.savings),
        drift=_merged_drift(one.drift, other.drift),
    )


def _check_same(what: str, ours: object, theirs: object, names: tuple[str, str]) -> None:
    if ours != theirs:
        raise StateError(
            f"{names[0]} and {names[1]} do not fit together: {what} is {ours} in one and {theirs} "
            "in the other; merge states of one artifact, strategy and settings"
        )


def _ids(document: StateDocument) -> set[str]:
    return {*document.pending, *document.partial, *document.applied}


def _of_the_later(one: StateDocument, other: StateDocument) -> StateDocument:
    return max(one, other, key=lambda it: (it.now_s, it.lam, it.artifact_path or ""))


def _merged_debts(
    one: Mapping[str, Mapping[str, Debt]], other: Mapping[str, Mapping[str, Debt]]
) -> dict[str, dict[str, Debt]]:
    """Return the sum of what is owed, as of the later time of each bucket; nothing flows back."""
    merged: dict[str, dict[str, Debt]] = {}
    for cap in sorted(one.keys() | other.keys()):
        a, b = one.get(cap, {}), other.get(cap, {})
        debts = merged[cap] = {}
        for key in sorted(a.keys() | b.keys()):
            pair = [debts_of[key] for debts_of in (a, b) if key in debts_of]
            debts[key] = Debt(sum(d.amount for d in pair), max(d.time_s for d in pair))
    return merged


def _merged_savings(one: SavingsBook, other: SavingsBook) -> SavingsBook:
    """Return both, in an order that does not tell which came first."""
    merged = SavingsBook()
    for book in sorted((one, other), key=msgspec.json.encode):
        merged.merge(book)
    return merged


def _merged_drift(one: DriftState | None, other: DriftState | None) -> DriftState | None:
    return merged_drift(one, other) if one is not None and other is not None else one or other


def _counts(one: Counts, other: Counts) -> Counts:
    fields = structs.fields(Counts)
    return Counts(
        **{field.name: getattr(one, field.name) + getattr(other, field.name) for field in fields}
    )


def _by_age(one: Mapping[str, Pending], other: Mapping[str, Pending]) -> dict[str, Pending]:
    both = {**one, **other}
    return dict(sorted(both.items(), key=lambda item: (item[1].time_s, item[0])))


def _interleaved(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return both, each in its order, the newest of both last; no more than are remembered."""
    ranked = [
        (len(ids) - rank, decision_id)
        for ids in (one, other)
        for rank, decision_id in enumerate(ids)
    ]
    ranked.sort(key=lambda item: (-item[0], item[1]))
    return [decision_id for _, decision_id in ranked][-MAX_APPLIED:]


def _merged_strategies(one: StateDocument, other: StateDocument) -> StrategyState:
    a, b = one.strategy, other.strategy
    if isinstance(a, ResidualState) and isinstance(b, ResidualState):
        return _merged_residual(a, b, one, other)
    if isinstance(a, SeedState) and isinstance(b, SeedState):
        return _merged_seed(a, b)
    assert isinstance(a, GreedyState)
    assert isinstance(b, GreedyState)
    return GreedyState(
        params=a.params,
        quality_mean=_mean_tables(a.quality_mean, b.quality_mean),
        cost_mean=_mean_tables(a.cost_mean, b.cost_mean),
        n_reports=_sum_counts(a.n_reports, b.n_reports),
    )


def _merged_residual(
    a: ResidualState, b: ResidualState, one: StateDocument, other: StateDocument
) -> ResidualState:
    mean_n = []
    for bucket, (n_a, n_b) in enumerate(zip(a.mean_n, b.mean_n, strict=True)):
        # Both started from the tasks of the training table, which count once. Each decision added
        # one to them.
        start = min(n_a - sum(one.decisions[bucket]), n_b - sum(other.decisions[bucket]))
        mean_n.append(n_a + n_b - max(0.0, start))
    return structs.replace(  # which is of the class of the strategy's own
        a,
        mean_n=mean_n,
        quality=_merged_channel(a.quality, b.quality, a.mean_n, b.mean_n),
        cost=_merged_channel(a.cost, b.cost, a.mean_n, b.mean_n),
    )


def _merged_channel(a: ChannelState, b: ChannelState, n_a: Row, n_b: Row) -> ChannelState:
    if a.trust_most != b.trust_most:
        raise StateError(
            f"the states trust tiers differently ({a.trust_most} and {b.trust_most}), since a tier "
            "joined one of them later; merge states with one history of tiers"
        )
    return structs.replace(
        a,
        sigma2=[_mean(x, y) for x, y in zip(a.sigma2, b.sigma2, strict=True)],
        tau2_prior=[_mean(x, y) for x, y in zip(a.tau2_prior, b.tau2_prior, strict=True)],
        # The next few reports learn it anew from the sums.
        tau2=[
            _weighted(x, y, a.n_reports, b.n_reports) for x, y in zip(a.tau2, b.tau2, strict=True)
        ],
        tier_sum=_sum_rows(a.tier_sum, b.tier_sum),
        tier_n=_sum_rows(a.tier_n, b.tier_n),
        slope_xy=_sum_rows(a.slope_xy, b.slope_xy),
        slope_xx=_sum_rows(a.slope_xx, b.slope_xx),
        slope_n=_sum_rows(a.slope_n, b.slope_n),
        cell_mean=[
            [_weighted(x, y, w_a, w_b) for x, y in zip(row_a, row_b, strict=True)]
            for row_a, row_b, w_a, w_b in zip(a.cell_mean, b.cell_mean, n_a, n_b, strict=True)
        ],
        cell_sum=_sum_tables(a.cell_sum, b.cell_sum),
        cell_n=_sum_tables(a.cell_n, b.cell_n),
        cell_reports=_sum_counts(a.cell_reports, b.cell_reports),
        n_reports=a.n_reports + b.n_reports,
    )


def _merged_seed(a: SeedState, b: SeedState) -> SeedState:
    keep = 1.0 - a.params.alpha
    q = []
    for q_a, q_b, n_a, n_b in zip(a.q, b.q, a.n_reports, b.n_reports, strict=True):
        cells = zip(q_a, q_b, n_a, n_b, strict=True)
        q.append([_weighted(x, y, 1.0 - keep**n, 1.0 - keep**m) for x, y, n, m in cells])
    return SeedState(
        params=a.params,
        q=q,
        q_start=_mean_tables(a.q_start, b.q_start),
        n_reports=_sum_counts(a.n_reports, b.n_reports),
    )


def _mean(x: float, y: float) -> float:
    return x if x == y else 0.5 * (x + y)


def _weighted(x: float, y: float, weight_x: float, weight_y: float) -> float:
    total = weight_x + weight_y
    return _mean(x, y) if x == y or not total else (weight_x * x + weight_y * y) / total


def _sum_rows(a: Row, b: Row) -> Row:
    return [x + y for x, y in zip(a, b, strict=True)]


def _sum_tables(a: Table, b: Table) -> Table:
    return [_sum_rows(x, y) for x, y in zip(a, b, strict=True)]


def _sum_counts(a: list[list[int]], b: list[list[int]]) -> list[list[int]]:
    return [[x + y for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]


def _mean_tables(a: Table, b: Table) -> Table:
    return [[_mean(x, y) for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]
