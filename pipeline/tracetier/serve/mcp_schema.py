"""What the tools of the MCP server return, described for the model that reads it."""

from pydantic import BaseModel, Field


class TierEstimate(BaseModel):
    """What is believed of a tier for this task."""

    tier: str
    quality: float = Field(description="Expected quality, 0-10.")
    cost_usd: float = Field(description="Expected cost, in US dollars.")
    probability: float = Field(description="Probability with which this tier was to be taken.")


class RoutedTask(BaseModel):
    """The tier to use for a task."""

    decision_id: str = Field(description="Give this to report_outcome when the task is done.")
    tier: str = Field(description="The tier to use.")
    model: str | None = Field(description="The tier's model; null where the tiers name none.")
    explored: bool = Field(description="Whether it was tried out in order to learn.")
    reasons: list[str] = Field(description="Why this tier.")
    tiers: list[TierEstimate] = Field(description="Every tier, cheap to dear.")


class ReportedOutcome(BaseModel):
    """What a report taught."""

    decision_id: str
    learned: list[str] = Field(
        description="Which of quality and cost_usd were new; empty where both were known before."
    )


class ExplainedDecision(BaseModel):
    """A decision and what became of it."""

    decision_id: str
    tier: str
    bucket: str = Field(description="Kind of task under which it is learned.")
    lam: float = Field(description="Weight of cost against quality when it was taken.")
    probability: float = Field(description="Probability with which this tier was to be taken.")
    model: str | None = None
    explored: bool | None = None
    reasons: list[str] = []
    rules: list[str] = Field(default=[], description="Rules of the policy that applied.")
    tiers: list[TierEstimate] = []
    quality: float | None = Field(default=None, description="Reported quality, 0-10.")
    cost_usd: float | None = Field(default=None, description="Reported cost, in US dollars.")
    waits_for_outcome: bool = Field(description="Whether a report is still awaited.")


class TierUse(BaseModel):
    """How much a tier was used, and how it did."""

    tier: str
    decisions: int
    share: float = Field(description="Share of all decisions, 0-1.")
    spend_usd: float
    mean_quality: float | None = Field(description="Mean reported quality, 0-10.")


class RoutingReport(BaseModel):
    """What routing did over some days."""

    since: str = Field(description="First day, UTC.")
    decisions: int
    spend_usd: float = Field(description="Spent, reported or expected, in US dollars.")
    always_dear_usd: float = Field(description="What the dearest tier would have cost.")
    saved_usd: float
    saved_share: float | None = Field(description="Saved share of that, 0-1.")
    mean_quality: float | None = Field(description="Mean reported quality, 0-10.")
    n_reported: int = Field(description="Decisions whose quality was reported.")
    tiers: list[TierUse]
    status: str = Field(description='"ok", or "degraded" with the reasons.')
    reasons: list[str]
    artifact_id: str
