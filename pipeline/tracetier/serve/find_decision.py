"""What is known of a decision: by the worker that took it, or by the state that all share."""

from datetime import UTC, datetime

from tracetier.serve.schema import DecisionAnswer
from tracetier.serve.service import Service


def find_decision(service: Service, decision_id: str) -> DecisionAnswer | None:
    """Return what is known of a decision; ``None`` where neither knows it."""
    view, found = service.decision(decision_id), service.router.open_decision(decision_id)
    if view is not None:
        decision = view.decision
        return DecisionAnswer(
            decision_id=decision_id,
            tier=decision.tier,
            bucket=decision.bucket,
            lam=decision.lam,
            propensity=decision.propensity,
            timestamp=decision.timestamp.isoformat(),
            decision=decision,
            source=view.source,
            task_type=view.task_type,
            agent_name=view.agent_name,
            quality=view.quality,
            cost_usd=view.cost_usd,
            is_open=found is not None,
        )
    if found is None:
        return None
    return DecisionAnswer(
        decision_id=decision_id,
        tier=found.tier,
        bucket=found.bucket,
        lam=found.lam,
        propensity=found.propensity,
        timestamp=datetime.fromtimestamp(found.time_s, UTC).isoformat(),
        is_open=True,
    )
