"""From the records of the router to the rows that the page shows, bounded in length."""

from collections.abc import Mapping, Sequence
from typing import Final

from tracetier.route.snapshot import Snapshot
from tracetier.serve.dashboard.answer import CellView, PointView, RowView, totals_view
from tracetier.serve.dashboard.timeline import Step
from tracetier.serve.recent import DecisionView

MAX_NAME: Final = 120
MAX_REASON: Final = 400
MAX_REASONS: Final = 12
MAX_CELLS: Final = 300


def row_view(view: DecisionView) -> RowView:
    """Return a decision as a row."""
    decision = view.decision
    believed = decision.scores[decision.tier]
    return RowView(
        decision_id=decision.decision_id,
        at_s=decision.timestamp.timestamp(),
        tier=decision.tier,
        bucket=decision.bucket,
        source=view.source,
        task_type=_cut(view.task_type),
        agent_name=_cut(view.agent_name),
        propensity=decision.propensity,
        is_explored=decision.explored,
        is_abstained=decision.abstained,
        shadow_tier=decision.shadow_tier,
        lam=decision.lam,
        price=decision.price,
        rules=[rule[:MAX_NAME] for rule in decision.rules[:MAX_REASONS]],
        reasons=[reason[:MAX_REASON] for reason in decision.reasons[:MAX_REASONS]],
        believed_quality=10.0 * believed.quality,
        believed_usd=believed.cost_usd,
        quality=view.quality,
        cost_usd=view.cost_usd,
    )


def cell_views(snapshot: Snapshot, sds: Mapping[str, Mapping[str, float]]) -> list[CellView]:
    """Return the cells, those of the busiest buckets first, `MAX_CELLS` at most."""
    has_sd = any(sd > 0.0 for row in sds.values() for sd in row.values())
    n_of: dict[str, int] = {}
    for cell in snapshot.cells:
        n_of[cell.bucket] = n_of.get(cell.bucket, 0) + cell.n_decisions
    n_tiers = len(snapshot.cells) // max(1, len(n_of))
    most = MAX_CELLS // max(1, n_tiers) * n_tiers
    # Sorting keeps the tiers of a bucket together, and in their order.
    busiest = sorted(n_of, key=lambda bucket: -n_of[bucket])
    rank = {bucket: i for i, bucket in enumerate(busiest)}
    return [
        CellView(
            bucket=cell.bucket,
            tier=cell.tier,
            q=cell.q,
            sd=sds.get(cell.bucket, {}).get(cell.tier) if has_sd else None,
            prior_q=cell.prior_q,
            n_decisions=cell.n_decisions,
            n_reports=cell.n_reports,
            n_pending=cell.n_pending,
        )
        for cell in sorted(snapshot.cells, key=lambda cell: rank[cell.bucket])[:most]
    ]


def point_view(at_s: int, step: Step, tiers: Sequence[str], *, tells_here: bool) -> PointView:
    """Return a step of time as a point; ``tells_here`` where the worker's own part is in it."""
    return PointView(
        at_s=at_s,
        decisions=[step.sums[name].decisions if name in step.sums else 0 for name in tiers],
        totals=totals_view(step.sums.values()),
        n_here=step.n_here if tells_here else None,
        explored=step.explored if tells_here else None,
    )


def _cut(name: str | None) -> str | None:
    return name if name is None or len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"
