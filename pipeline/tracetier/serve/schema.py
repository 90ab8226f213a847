"""What crosses the wire: one record per body, for the code, the clients and the OpenAPI page.

Requests refuse unknown fields, so that a typo is told; answers may grow.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from tracetier.records import Decision, Feedback, Task

MAX_BATCH = 1000
"""Tasks, or reports, in one request."""

Lam = Annotated[
    float, Meta(ge=0, le=1e6, description="Weight of cost; by default the service's own.")
]


class RouteRequest(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A task to choose a tier for.

    ``allowed`` names the tiers that may be taken, ``trace_id`` what a trace's outcome will credit
    the decision by (by default the task's session).
    """

    task: Task
    lam: Lam | None = None
    allowed: list[str] | None = None
    trace_id: str | None = None


class BatchRequest(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Tasks to choose a tier for, decided in their order."""

    tasks: Annotated[list[Task], Meta(min_length=1, max_length=MAX_BATCH)]
    lam: Lam | None = None
    allowed: list[str] | None = None


class RouteAnswer(Decision, frozen=True, kw_only=True, omit_defaults=True):
    """The decision; ``degraded`` says of what the service has to do without, where it has to."""

    degraded: list[str] = field(default_factory=list)


class BatchAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The decisions, in the order of the tasks."""

    decisions: list[Decision]
    degraded: list[str] = []


class FeedbackRequest(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The outcome of a decision, of many (``reports``), or of a whole trace.

    Give ``decision_id``, ``reports`` or ``trace_id``. Quality is 0-10, cost in USD; either may be
    missing, and both may come later: each is learned from once, so a report may be sent again.
    ``credit`` says which decisions of a trace get its quality: all whose quality is still out
    ("equal"), or those of them without any report ("unreported").
    """

    decision_id: str | None = None
    quality: Annotated[float, Meta(ge=0, le=10)] | None = None
    cost_usd: Annotated[float, Meta(ge=0)] | None = None
    reports: Annotated[list[Feedback], Meta(min_length=1, max_length=MAX_BATCH)] | None = None
    trace_id: str | None = None
    credit: Literal["equal", "unreported"] = "equal"


class ReceiptView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a report taught: ``new`` names what was not known before, ``credited`` decisions."""

    decision_id: str | None = None
    trace_id: str | None = None
    new: list[str] = []
    credited: list[str] = []


class FeedbackAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One receipt per report, in their order; what is answered here is stored."""

    receipts: list[ReceiptView]
    degraded: list[str] = []


class DecisionAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision and what became known of it, as far as it is remembered.

    The worker that took it knows all of it; of another worker's, what the state holds: id, tier,
    bucket, lambda and time. ``quality`` is 0-10.
    """

    decision_id: str
    tier: str
    bucket: str
    lam: float
    propensity: float
    timestamp: str
    decision: Decision | None = None
    source: str | None = None
    task_type: str | None = None
    agent_name: str | None = None
    quality: float | None = None
    cost_usd: float | None = None
    is_open: bool = False


class SwapRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """An artifact to decide with from now on: its path within the folder of models."""

    path: str


class SwapAnswer(Struct, frozen=True, kw_only=True):
    """The artifact that decides now, and the one before."""

    artifact_id: str
    previous: str


class TierView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tier with its models."""

    name: str
    model: str | None = None
    models: list[str] = []


# Any: tables of the user's settings, which the router has checked.
class PolicyAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What decides: artifact, learner, and what stands above it, as the settings say."""

    artifact_id: str
    strategy: str
    lam: float
    tiers: list[TierView]
    buckets: list[str]
    rules: list[dict[str, Any]] = []
    caps: list[dict[str, Any]] = []
    budget: dict[str, float] = {}
    session: dict[str, Any] = {}
    rollout: dict[str, Any] = {}
    q: dict[str, dict[str, float]] = {}


class HealthAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the service stands; ages in seconds, ``n_log_lost`` lines of the decision log."""

    status: str
    artifact_id: str | None = None
    degraded: list[str] = []
    state_age_s: float | None = None
    n_queued: int | None = None
    n_log_lost: int | None = None
    uptime_s: float | None = None
