"""The router as four tools of the Model Context Protocol.

    route_task -> (the model does the task) -> report_outcome
    explain_decision, routing_report: to look at

Descriptions are written for the model that reads them. An error that we raise on purpose comes back
as the tool's error with its mend, so that the model can do better; the protocol alone is on
standard output.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from tracetier import __version__
from tracetier.errors import FeedbackError, SettingsError, TracetierError
from tracetier.records import Decision, Feedback, Task, TierScore
from tracetier.route.savings import Sums
from tracetier.serve.auth import is_loopback
from tracetier.serve.find_decision import find_decision
from tracetier.serve.mcp_schema import (
    ExplainedDecision,
    ReportedOutcome,
    RoutedTask,
    RoutingReport,
    TierEstimate,
    TierUse,
)
from tracetier.serve.service import Service

Transport = Literal["stdio", "http"]

INSTRUCTIONS: Final = (
    "tracetier chooses the cheapest model tier that a task can be trusted to, and learns from how "
    "it turned out. Before you delegate a task or start a sub-agent, call route_task with the "
    "task's text, and use the tier or model that it returns. When the task is done, call "
    "report_outcome with the same decision_id: quality 0 (useless) to 10 (perfect), and the cost "
    "in US dollars if you know it. Report failures too: they teach most."
)

MAX_TEXT_CHARS: Final = 1_000_000
_MOST_TOOLS = 1_000
_MAX_DAYS = 3650
_Id = Annotated[str, Field(min_length=1, max_length=256)]


def make_server(service: Service) -> MCPServer[Any]:  # Any: the SDK's own lifespan, unused here
    """Return the server over a service."""
    server: MCPServer[Any] = MCPServer(
        "tracetier",
        title="tracetier: which model tier a task needs",
        instructions=INSTRUCTIONS,
        version=__version__,
        log_level="WARNING",
    )
    for tool, title, is_read in (
        (_route_task(service), "Choose a model tier for a task", False),
        (_report_outcome(service), "Report how a routed task turned out", False),
        (_explain_decision(service), "Explain a routing decision", True),
        (_routing_report(service), "Report what routing saved", True),
    ):
        hints = ToolAnnotations(
            read_only_hint=is_read,
            destructive_hint=False,
            idempotent_hint=is_read or tool.__name__ == "report_outcome",
            open_world_hint=False,
        )
        server.add_tool(tool, title=title, annotations=hints, structured_output=True)
    return server


def run(
    server: MCPServer[Any], *, transport: Transport, host: str = "127.0.0.1", port: int = 8765
) -> None:
    """Serve until the client leaves, or the process is stopped.

    Raises
    ------
    SettingsError
        For a host that other machines can reach: nothing here asks who calls.
    """
    if transport == "stdio":
        server.run("stdio")
        return
    if not is_loopback(host):
        raise SettingsError(
            f"--host is {host!r}, and the MCP server asks nobody for a token; give 127.0.0.1, and "
            "let other machines in by a proxy that does, or use the HTTP service"
        )
    server.run("streamable-http", host=host, port=port)


def _route_task(service: Service) -> Callable[..., RoutedTask]:
    def route_task(
        text: Annotated[
            str,
            Field(
                min_length=1,
                max_length=MAX_TEXT_CHARS,
                description="The task, as you would give it to the model that will do it.",
            ),
        ],
        task_type: Annotated[
            str | None,
            Field(
                max_length=256,
                description="Its kind, the same word for the same kind each time, such as "
                "code_edit, search or the name of the sub-agent's type.",
            ),
        ] = None,
        tools: Annotated[
            list[str] | None,
            Field(max_length=_MOST_TOOLS, description="Names of the tools it will be offered."),
        ] = None,
        context_tokens: Annotated[
            int | None, Field(ge=0, description="Tokens of context it will start from.")
        ] = None,
        n_prior_errors: Annotated[
            int | None, Field(ge=0, description="How often this task has failed already.")
        ] = None,
        session_id: Annotated[
            str | None, Field(max_length=256, description="What you work on, the same throughout.")
        ] = None,
        allowed_tiers: Annotated[
            list[str] | None,
            Field(min_length=1, max_length=64, description="Tiers to choose among; default all."),
        ] = None,
        lam: Annotated[
            float | None,
            Field(ge=0, description="Weight of cost against quality; leave out to use the usual."),
        ] = None,
    ) -> RoutedTask:
        """Choose the model tier for one task, before it is started.

        Call this once for each task or sub-agent that you are about to hand out, then use the
        returned model (or the tier, where no model is named). Keep the decision_id for
        report_outcome.
        """
        task = Task(
            text=text,
            task_type=task_type,
            tools=tools,
            context_tokens=context_tokens,
            n_prior_errors=n_prior_errors,
            session_id=session_id,
        )
        with _tool_errors():
            decision = service.route(task, lam=lam, allowed=allowed_tiers, source="mcp")
        return RoutedTask(
            decision_id=decision.decision_id,
            tier=decision.tier,
            model=decision.model,
            explored=decision.explored,
            reasons=list(decision.reasons),
            tiers=_estimates(decision),
        )

    return route_task


def _report_outcome(service: Service) -> Callable[..., ReportedOutcome]:
    def report_outcome(
        decision_id: Annotated[_Id, Field(description="As route_task returned it.")],
        quality: Annotated[
            float | None,
            Field(
                ge=0,
                le=10,
                description="How good the result was: 0 useless or failed, 5 needed rework, 10 "
                "right as it was. Judge the result, not the effort.",
            ),
        ] = None,
        cost_usd: Annotated[
            float | None, Field(ge=0, description="What it cost, in US dollars, if known.")
        ] = None,
    ) -> ReportedOutcome:
        """Report how a routed task turned out, so that later tasks are routed better.

        Give quality, cost_usd or both; the other may follow in a second call. Reporting the same
        again does no harm.
        """
        with _tool_errors():
            report = Feedback(decision_id=decision_id, quality=quality, cost_usd=cost_usd)
            receipt = service.feedback(report, source="mcp")
        return ReportedOutcome(decision_id=decision_id, learned=list(receipt.new))

    return report_outcome


def _explain_decision(service: Service) -> Callable[..., ExplainedDecision]:
    def explain_decision(
        decision_id: Annotated[_Id, Field(description="As route_task returned it.")],
    ) -> ExplainedDecision:
        """Explain a decision: why its tier, what was expected of every tier, what came of it.

        Use it when you or the user wonder about a choice. Of a decision that another process took
        less is known here.
        """
        with _tool_errors():
            return _explained(service, decision_id)

    return explain_decision


def _routing_report(service: Service) -> Callable[..., RoutingReport]:
    def routing_report(
        days: Annotated[
            int, Field(ge=1, le=_MAX_DAYS, description="Days up to today, UTC; 1 is today alone.")
        ] = 7,
    ) -> RoutingReport:
        """Report what routing did and saved, and how often each tier was used.

        Spending is set against always using the dearest tier. Use it to answer what routing saves,
        or whether quality holds. Figures are those of all who share the state.
        """
        since = (datetime.now(UTC) - timedelta(days=days - 1)).date().isoformat()
        with _tool_errors():
            return _reported(service, since)

    return routing_report


@contextmanager
def _tool_errors() -> Iterator[None]:
    """Turn an error that we raise on purpose into one that the model reads; hide any other."""
    try:
        yield
    except TracetierError as error:
        raise ToolError(str(error)) from error
    except Exception as error:
        logging.getLogger(__name__).exception("a tool failed")
        raise ToolError("the router failed unexpectedly; go on without it") from error


def _explained(service: Service, decision_id: str) -> ExplainedDecision:
    found = find_decision(service, decision_id)
    if found is None:
        raise FeedbackError(
            f"decision {decision_id!r} is not known here; give the decision_id that route_task "
            "returned, not long ago"
        )
    taken = found.decision
    return ExplainedDecision(
        decision_id=decision_id,
        tier=found.tier,
        bucket=found.bucket,
        lam=found.lam,
        probability=found.propensity,
        model=None if taken is None else taken.model,
        explored=None if taken is None else taken.explored,
        reasons=[] if taken is None else list(taken.reasons),
        rules=[] if taken is None else taken.rules,
        tiers=[] if taken is None else _estimates(taken),
        quality=found.quality,
        cost_usd=found.cost_usd,
        waits_for_outcome=found.is_open,
    )


def _estimates(decision: Decision) -> list[TierEstimate]:
    return [
        _estimate(tier, score, decision.propensities.get(tier, 0.0))
        for tier, score in decision.scores.items()
    ]


def _estimate(tier: str, score: TierScore, probability: float) -> TierEstimate:
    return TierEstimate(
        tier=tier, quality=10 * score.quality, cost_usd=score.cost_usd, probability=probability
    )


def _reported(service: Service, since: str) -> RoutingReport:
    total, by_tier = Sums(), {name: Sums() for name in service.router.tiers.names}
    for tiers in service.router.ledger(since=since).values():
        for tier, sums in tiers.items():
            total.add(sums)
            by_tier.setdefault(tier, Sums()).add(sums)
    health = service.health()
    return RoutingReport(
        since=since,
        decisions=total.decisions,
        spend_usd=total.spend_usd,
        always_dear_usd=total.dear_usd,
        saved_usd=total.saved_usd,
        saved_share=total.saved_share,
        mean_quality=total.mean_quality,
        n_reported=total.n_quality,
        tiers=[_use(tier, sums, total.decisions) for tier, sums in by_tier.items()],
        status=health.status,
        reasons=health.reasons,
        artifact_id=health.artifact_id,
    )


def _use(tier: str, sums: Sums, n_all: int) -> TierUse:
    return TierUse(
        tier=tier,
        decisions=sums.decisions,
        share=sums.decisions / n_all if n_all else 0.0,
        spend_usd=sums.spend_usd,
        mean_quality=sums.mean_quality,
    )
