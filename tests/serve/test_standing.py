"""What is known of the others: while the store is away, and until they told what they held back."""

import fcntl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from tracetier.errors import StorageError
from tracetier.records import Feedback, Task
from tracetier.route.router import Router
from tracetier.serve.service import Service, ServiceHealth
from tracetier.serve.standing import BEHIND_S, IN_STEP_S, Standing

if TYPE_CHECKING:
    from tests.serve.conftest import Ask, MakeApp


class Sick:
    """A service's health, as somebody says."""

    def __init__(self, service: Service) -> None:
        self.well = service.health()
        self.now = self.well

    def health(self) -> ServiceHealth:
        return self.now

    def fails(self) -> None:
        self.now = structs.replace(self.well, status="degraded", reasons=["state: gone"])


@pytest.fixture
def sick(service: Service, monkeypatch: pytest.MonkeyPatch) -> Sick:
    """The service, whose health is as somebody says."""
    made = Sick(service)
    monkeypatch.setattr(service, "health", made.health)
    return made


def test_it_is_in_step_again_a_while_after_the_store_is_back(service: Service, sick: Sick) -> None:
    """The others may have decided meanwhile, and need a moment to say what."""
    now = [100.0]
    standing = Standing(service, clock=lambda: now[0])
    assert standing.is_in_step
    sick.fails()
    assert not standing.is_in_step
    sick.now = sick.well
    now[0] += IN_STEP_S
    assert not standing.is_in_step
    now[0] += 0.1

    assert standing.is_in_step


def test_a_log_that_cannot_be_folded_is_told_by_a_word_of_its_own(service: Service) -> None:
    """The store takes decisions and reports, so it is not said that it does not."""
    assert service.health().reasons == []
    service.router._replica._unfolded = StorageError("the disk is nearly full")
    standing = Standing(service)

    assert service.health().reasons == ["state log: the disk is nearly full"]
    assert standing.words == [
        "state-log: the log of the state cannot be folded into its document, and grows"
    ]
    assert standing.is_in_step


def test_it_is_out_of_step_with_a_store_that_is_silent(service: Service, sick: Sick) -> None:
    """One that hangs has not failed yet."""
    standing = Standing(service)
    sick.now = structs.replace(sick.well, state_age_s=BEHIND_S + 0.1)

    assert not standing.is_in_step


def test_a_report_that_only_another_worker_may_know_of_is_to_be_sent_again(
    make_app: "MakeApp", sick: Sick, ask: "Ask"
) -> None:
    """404 would say that it is lost; where all is in step, it is."""
    report = {"decision_id": "0123456789abcdef", "quality": 8.0}
    app = make_app()
    sick.fails()
    while_away = ask(app, "POST", "/v1/feedback", json=report)
    sick.now = sick.well
    in_step = ask(make_app(), "POST", "/v1/feedback", json=report)

    assert (while_away.status_code, in_step.status_code) == (503, 404)
    assert while_away.headers["retry-after"] == "1"


def test_a_decision_that_waits_for_the_lock_of_those_who_write_is_waited_for(
    make_app: "MakeApp", make_router: Callable[..., Router], ask: "Ask", tmp_path: Path
) -> None:
    """Readers are in step all the while, and cannot know of it."""
    path = tmp_path / "s.db"
    one, two = (Service(make_router(state=path, seed=seed)) for seed in (7, 8))
    stored = one.route(Task(text="Rename foo")).decision_id
    one.feedback(Feedback(decision_id=stored, quality=8.0))
    with Path(f"{path}-lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        held_back = one.route(Task(text="Rename foo")).decision_id
        threading.Timer(1.0, lambda: fcntl.flock(lock, fcntl.LOCK_UN)).start()
        report = {"decision_id": held_back, "quality": 8.0}
        answer = ask(make_app(service=two), "POST", "/v1/feedback", json=report)
    one.close()
    two.close()

    assert answer.status_code == 200
    assert answer.json()["receipts"][0]["new"] == ["quality"]
