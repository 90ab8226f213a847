"""A clock that is set wrong for a while costs no report."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tracetier.errors import FeedbackError
from tracetier.records import Feedback, Task
from tracetier.serve.service import Service
from tracetier.settings import Settings
from tracetier.steady_clock import STANDS_S, SteadyClock

if TYPE_CHECKING:
    from tests.serve.conftest import Ask, MakeApp

YEAR_S = 365 * 86_400.0


class Machine:
    """A clock that can be set, and time that passes."""

    def __init__(self) -> None:
        self.day_s, self.passed_s = 1_767_600_000.0, 0.0

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.day_s + self.passed_s, elapsed=lambda: self.passed_s)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose clock a service goes by."""
    made = Machine()
    monkeypatch.setattr("tracetier.serve.service.SteadyClock", made.clock)
    return made


def test_a_clock_set_a_year_ahead_gives_up_no_decision(golden: Path, machine: Machine) -> None:
    """Neither one that waits for everything, nor one that waits for its cost alone."""
    service = Service.open(golden, settings=Settings())
    first, second = (service.route(Task(text="Rename foo")).decision_id for _ in range(2))
    service.feedback(Feedback(decision_id=first, quality=8.0))
    machine.day_s += YEAR_S
    service.route(Task(text="Another"))
    machine.passed_s += STANDS_S / 2
    receipts = service.feedback_many(
        [
            Feedback(decision_id=first, cost_usd=0.01),
            Feedback(decision_id=second, quality=8.0, cost_usd=0.01),
        ]
    )
    service.close()

    assert [receipt.new for receipt in receipts] == [("cost_usd",), ("quality", "cost_usd")]


def test_a_clock_that_stays_a_year_ahead_is_right(golden: Path, machine: Machine) -> None:
    """As on a machine that slept for a year: then what waited for a month is given up."""
    service = Service.open(golden, settings=Settings())
    old = service.route(Task(text="Rename foo")).decision_id
    machine.day_s += YEAR_S
    service.route(Task(text="Another"))
    for _ in range(2):  # an hour until its clock is believed, and one until its events are
        machine.passed_s += STANDS_S
        service.route(Task(text="Another"))

    with pytest.raises(FeedbackError, match="no decision"):
        service.feedback(Feedback(decision_id=old, quality=8.0))
    service.close()


def test_a_decision_given_up_while_its_report_is_stored_is_unknown(
    make_app: "MakeApp", service: Service, ask: "Ask", monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is answered as one that was given up before: by 404, not as a wrong request."""
    decision_id = service.route(Task(text="Rename foo")).decision_id

    def given_up(*_: Any, **__: Any) -> Any:
        monkeypatch.setattr(service.router, "first_unknown", lambda ids: decision_id)
        raise FeedbackError("no decision is known")

    monkeypatch.setattr(service, "feedback_many", given_up)
    report = {"decision_id": decision_id, "quality": 8.0}
    answer = ask(make_app(), "POST", "/v1/feedback", json=report)

    assert answer.status_code == 404
    assert answer.json()["type"].endswith(":unknown-decision")
