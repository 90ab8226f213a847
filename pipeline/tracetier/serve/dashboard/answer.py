"""What the dashboard's data look like: the records of ``GET /v1/dashboard``."""

from collections.abc import Iterable

from msgspec import Struct

from tracetier.route.savings import Sums


class TotalsView(Struct, kw_only=True, frozen=True):
    """Sums over some decisions; qualities are means, 0-10, ``None`` where none was reported.

    ``spend_usd`` takes the predicted cost where none was reported, ``dear_usd`` is what the dear
    tier is believed to have cost on the same tasks.
    """

    decisions: int
    n_cost: int
    n_quality: int
    spend_usd: float
    reported_usd: float
    dear_usd: float
    saved_usd: float
    saved_share: float | None
    quality: float | None
    dear_quality: float | None


def totals_view(parts: Iterable[Sums]) -> TotalsView:
    """Return the sums over all parts.

    Examples
    --------
    >>> totals_view([Sums(decisions=1, dear_usd=4.0, spend_usd=1.0), Sums()]).saved_share
    0.75
    """
    total = Sums()
    for sums in parts:
        total.add(sums)
    return TotalsView(
        decisions=total.decisions,
        n_cost=total.n_cost,
        n_quality=total.n_quality,
        spend_usd=total.spend_usd,
        reported_usd=total.reported_usd,
        dear_usd=total.dear_usd,
        saved_usd=total.saved_usd,
        saved_share=total.saved_share,
        quality=total.mean_quality,
        dear_quality=total.mean_dear_quality,
    )


class PointView(Struct, kw_only=True, frozen=True):
    """One step of time, from ``at_s`` on.

    ``decisions`` are by tier, in their order; ``n_here`` and ``explored`` of the answering worker,
    ``None`` where the step is taken from the ledger, which does not tell them.
    """

    at_s: int
    decisions: list[int]
    totals: TotalsView
    n_here: int | None
    explored: int | None


class CellView(Struct, kw_only=True, frozen=True):
    """Q of a tier in a bucket, in units of reward; ``sd`` is ``None`` where none is kept."""

    bucket: str
    tier: str
    q: float
    sd: float | None
    prior_q: float
    n_decisions: int
    n_reports: int
    n_pending: int


class TierView(Struct, kw_only=True, frozen=True):
    """A tier, its model, and its part in all decisions."""

    name: str
    model: str | None
    totals: TotalsView


class StateView(Struct, kw_only=True, frozen=True):
    """How the service stands; ages in seconds, ``degraded`` a sentence each."""

    status: str
    degraded: list[str]
    artifact_id: str
    strategy: str
    lam: float
    state_age_s: float
    n_queued: int
    n_dropped: int
    uptime_s: float
    is_one_of_several: bool


class GoalView(Struct, kw_only=True, frozen=True):
    """What the settings want held, and how it stands.

    ``kind`` is the setting's name, ``actual`` is in the unit of ``target``: USD, USD, share 0-1, or
    quality 0-10; ``None`` before anything tells it.
    """

    kind: str
    target: float
    actual: float | None
    is_held: bool | None


class AlarmView(Struct, kw_only=True, frozen=True):
    """What is no longer as it was learned; ``kind`` is "outcomes" (of a tier) or "inputs".

    ``at_s`` is when it was raised; an alarm on inputs holds now, for the tasks of one worker.
    """

    kind: str
    name: str
    text: str
    at_s: float | None


class RowView(Struct, kw_only=True, frozen=True):
    """A decision of the answering worker; no task text. Quality is 0-10, ``None`` is not known."""

    decision_id: str
    at_s: float
    tier: str
    bucket: str
    source: str
    task_type: str | None
    agent_name: str | None
    propensity: float
    is_explored: bool
    is_abstained: bool
    shadow_tier: str | None
    lam: float
    price: float
    rules: list[str]
    reasons: list[str]
    believed_quality: float
    believed_usd: float
    quality: float | None
    cost_usd: float | None


class Overview(Struct, kw_only=True, frozen=True):
    """All that the page shows.

    ``tiers``, the totals, ``points`` (but for exploring), the counts, ``cells`` and ``alarms`` are
    of all who share the state; ``sources`` and ``recent`` of the answering worker.
    """

    now_s: float
    since_s: float
    window: str
    step_s: int
    state: StateView
    tiers: list[TierView]
    totals: TotalsView
    today: TotalsView
    in_window: TotalsView
    goal: GoalView | None
    points: list[PointView]
    sources: dict[str, int]
    n_feedback: int
    n_duplicates: int
    n_pending: int
    n_expired: int
    cells: list[CellView]
    n_cells: int
    alarms: list[AlarmView]
    recent: list[RowView]
