"""Calls that are decided together are decided as each by itself."""

from typing import Any

from msgspec import Struct
from tests.serve.conftest import make_router

from tracetier.errors import SettingsError, TierError
from tracetier.records import Decision, Task


class Asked(Struct):
    """A call."""

    task: Task
    lam: float | None = None
    allowed: list[str] | None = None
    trace_id: str | None = None


CALLS = [
    Asked(Task(text=f"task {i}", task_type="edit" if i % 2 else None), lam=0.1 * (i % 4))
    for i in range(40)
]


def _told(decision: Decision | Exception) -> Any:
    assert isinstance(decision, Decision)
    return (decision.decision_id, decision.tier, decision.propensities, list(decision.reasons))


def test_calls_are_decided_in_their_order_as_alone() -> None:
    """Same ids, tiers, chances and reasons under the same seed: each sees those before it."""
    together, alone = make_router(), make_router()

    found = [_told(each) for each in together.route_calls(CALLS)]

    assert found == [_told(alone.route(each.task, lam=each.lam)) for each in CALLS]


def test_a_wrong_call_costs_the_others_nothing() -> None:
    """It is told in its place."""
    calls = [
        Asked(Task()),
        Asked(Task(), allowed=["nobody"]),
        Asked(Task(), lam=-1.0),
        Asked(Task(), allowed=["low"]),
    ]

    first, no_tier, no_lam, last = make_router().route_calls(calls)

    assert isinstance(first, Decision)
    assert isinstance(no_tier, TierError)
    assert isinstance(no_lam, SettingsError)
    assert isinstance(last, Decision)
    assert last.tier == "low"
