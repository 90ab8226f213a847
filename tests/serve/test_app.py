"""The service by HTTP: decide, report, look up, swap; and what a wrong request is answered."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tracetier.errors import StorageError
from tracetier.route.outcome import Receipt
from tracetier.serve.service import Service
from tracetier.settings import Settings

if TYPE_CHECKING:
    from tests.serve.conftest import Ask, MakeApp, Maker

TEXT = "the quick brown text that nobody may log"

TASK = {"task": {"text": TEXT, "task_type": "edit", "session_id": "s-1"}}


def test_a_task_gets_its_decision(make_app: "MakeApp", ask: "Ask") -> None:
    """Tier, probability of each, scores and reasons, as the router gave them."""
    answer = ask(make_app(), "POST", "/v1/route", json=TASK)

    decision = answer.json()
    assert answer.status_code == 200
    assert decision["tier"] in ("low", "high")
    assert sum(decision["propensities"].values()) == pytest.approx(1.0)
    assert decision["bucket"] == "edit"
    assert decision["session_id"] == "s-1"
    assert datetime.fromisoformat(decision["timestamp"]).tzinfo is not None
    assert "degraded" not in decision
    assert TEXT not in answer.text


def test_lambda_and_tiers_of_a_call_are_heeded(make_app: "MakeApp", ask: "Ask") -> None:
    """Only the cheap tier is allowed, so it is taken for sure."""
    answer = ask(
        make_app(), "POST", "/v1/route", json=TASK | {"lam": 2.0, "allowed": ["low"]}
    ).json()

    assert (answer["tier"], answer["lam"], answer["propensity"]) == ("low", 2.0, 1.0)


def test_a_batch_is_answered_in_its_order(make_app: "MakeApp", ask: "Ask") -> None:
    """40 tasks, more than are decided between two looks at other requests."""
    tasks = [{"task_type": "edit" if i % 3 else "x"} for i in range(40)]

    answer = ask(make_app(), "POST", "/v1/route/batch", json={"tasks": tasks}).json()

    buckets = [each["bucket"] for each in answer["decisions"]]
    assert buckets == ["edit" if i % 3 else "other" for i in range(40)]


def test_a_report_is_learned_from_once(make_app: "MakeApp", service: Service, ask: "Ask") -> None:
    """Quality and cost may come apart; what was known before is not new."""
    app = make_app()
    decision_id = ask(app, "POST", "/v1/route", json=TASK).json()["decision_id"]

    def report(**given: float) -> Any:
        body = {"decision_id": decision_id} | given
        return ask(app, "POST", "/v1/feedback", json=body).json()["receipts"][0].get("new", [])

    assert report(quality=8.0) == ["quality"]
    assert report(quality=8.0, cost_usd=0.01) == ["cost_usd"]
    assert report(quality=8.0, cost_usd=0.01) == []
    found = ask(app, "GET", f"/v1/decisions/{decision_id}").json()
    assert (found["quality"], found["cost_usd"]) == (8.0, 0.01)
    assert "is_open" not in found
    assert service.recent.get(decision_id) is not None


def test_many_reports_are_learned_from_together_or_not_at_all(
    make_app: "MakeApp", ask: "Ask"
) -> None:
    """One unknown decision among them, and none is learned from."""
    app = make_app()
    ids = [ask(app, "POST", "/v1/route", json=TASK).json()["decision_id"] for _ in range(2)]
    good = [{"decision_id": each, "quality": 5} for each in ids]

    wrong = ask(
        app,
        "POST",
        "/v1/feedback",
        json={"reports": [*good, {"decision_id": "nobody", "quality": 5}]},
    )
    right = ask(app, "POST", "/v1/feedback", json={"reports": good})

    assert wrong.status_code == 404
    assert wrong.json()["field"] == "decision_id"
    assert [each["new"] for each in right.json()["receipts"]] == [["quality"], ["quality"]]


def test_the_outcome_of_a_trace_credits_its_decisions(make_app: "MakeApp", ask: "Ask") -> None:
    """The session is the trace where no other is given."""
    app = make_app()
    ids = {ask(app, "POST", "/v1/route", json=TASK).json()["decision_id"] for _ in range(3)}

    answer = ask(app, "POST", "/v1/feedback", json={"trace_id": "s-1", "quality": 7.5})

    (receipt,) = answer.json()["receipts"]
    assert set(receipt["credited"]) == ids
    assert ask(app, "GET", f"/v1/decisions/{ids.pop()}").json()["quality"] == 7.5


WRONG: dict[str, tuple[str, str, Any, int, str | None]] = {
    "no json": ("POST", "/v1/route", b"{", 400, None),
    "not utf-8": ("POST", "/v1/route", b'{"task": {"text": "\xff"}}', 400, None),
    "empty": ("POST", "/v1/route", b"", 400, None),
    "no task": ("POST", "/v1/route", {}, 422, "task"),
    "a typo": ("POST", "/v1/route", {"task": {"txt": "x"}}, 422, "task.txt"),
    "a wrong type": ("POST", "/v1/route", {"task": {"text": 7}}, 422, "task.text"),
    "lambda below 0": ("POST", "/v1/route", TASK | {"lam": -1}, 422, "lam"),
    "no such tier": ("POST", "/v1/route", TASK | {"allowed": ["x"]}, 422, "allowed"),
    "no tier": ("POST", "/v1/route", TASK | {"allowed": []}, 422, "allowed"),
    "an empty batch": ("POST", "/v1/route/batch", {"tasks": []}, 422, "tasks"),
    "a large batch": ("POST", "/v1/route/batch", {"tasks": [{}] * 1001}, 422, "tasks"),
    "a task of a batch": (
        "POST",
        "/v1/route/batch",
        {"tasks": [{}, {"a": 1}]},
        422,
        "tasks[1].a",
    ),
    "nothing to report": ("POST", "/v1/feedback", {}, 422, "decision_id"),
    "no outcome": ("POST", "/v1/feedback", {"decision_id": "x"}, 422, None),
    "two kinds": (
        "POST",
        "/v1/feedback",
        {"decision_id": "x", "trace_id": "y"},
        422,
        "decision_id",
    ),
    "quality above 10": (
        "POST",
        "/v1/feedback",
        {"decision_id": "x", "quality": 11},
        422,
        "quality",
    ),
    "unknown": ("POST", "/v1/feedback", {"decision_id": "x", "quality": 1}, 404, "decision_id"),
    "trace without quality": ("POST", "/v1/feedback", {"trace_id": "x"}, 422, "quality"),
    "no decision": ("GET", "/v1/decisions/nobody", None, 404, "decision_id"),
    "no path": ("POST", "/v1/artifact", {}, 422, "path"),
    "no path at all": ("GET", "/v1/nothing", None, 404, None),
    "a method": ("GET", "/v1/route", None, 405, None),
    "another method": ("DELETE", "/v1/policy", None, 405, None),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_is_answered_by_a_problem_document(
    make_app: "MakeApp", case: str, ask: "Ask"
) -> None:
    """RFC 9457: its type and status, what was wrong, in which field, under the request's id."""
    method, path, body, status, field = WRONG[case]
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()

    answer = ask(make_app(), method, path, content=content, headers={"x-request-id": "r-1"})

    problem = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"].startswith("urn:tracetier:problem:")
    assert problem["status"] == status
    assert problem["instance"] == answer.headers["x-request-id"] == "r-1"
    assert problem["title"]
    assert problem["detail"]
    assert problem.get("field") == field


def test_another_method_is_told_which_are_there(make_app: "MakeApp", ask: "Ask") -> None:
    """By the header that the standard wants, from the fast routes and the others alike."""
    app = make_app()

    assert ask(app, "GET", "/v1/feedback").headers["allow"] == "POST"
    assert ask(app, "POST", "/v1/policy").headers["allow"] == "GET"


class _Failing(Service):
    """A service whose store refuses."""

    def feedback_many(self, reports: Any, *, source: str = "api") -> list[Receipt]:
        raise StorageError("state 'redis://inner-host:6379' cannot be reached")


def test_a_report_that_cannot_be_stored_is_not_acknowledged(
    make_app: "MakeApp", ask: "Ask", make_router: "Maker"
) -> None:
    """503 with Retry-After, and nothing of where the store is."""
    app = make_app(service=_Failing(make_router()))
    decision_id = ask(app, "POST", "/v1/route", json=TASK).json()["decision_id"]

    answer = ask(app, "POST", "/v1/feedback", json={"decision_id": decision_id, "quality": 1})

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert "again" in answer.json()["mend"]
    assert "inner-host" not in answer.text


class _Broken(Service):
    """A service with a bug, whose message holds the task."""

    def route_calls(self, calls: Any, **given: Any) -> Any:
        raise RuntimeError(f"bug on {calls[0].task.text}")


def test_a_bug_is_answered_without_its_message(
    make_app: "MakeApp", caplog: pytest.LogCaptureFixture, ask: "Ask", make_router: "Maker"
) -> None:
    """The log has its type and places, under the request's id; neither has the task."""
    app = make_app(service=_Broken(make_router()))

    answer = ask(app, "POST", "/v1/route", json=TASK, headers={"x-request-id": "r-9"})

    facts = [record.__dict__["facts"] for record in caplog.records if record.msg == "failed"]
    assert answer.status_code == 500
    assert answer.json()["instance"] == "r-9"
    assert facts[0]["error"] == "RuntimeError"
    assert facts[0]["request_id"] == "r-9"
    assert TEXT not in answer.text + str(facts)


def test_what_is_missing_is_said_in_every_answer(
    make_app: "MakeApp", service: Service, ask: "Ask"
) -> None:
    """A part that fails: field, header, readiness and metrics say so; deciding goes on."""
    service.watch("upstream", lambda: "https://secret-host refused")
    app = make_app()

    answer = ask(app, "POST", "/v1/route", json=TASK)
    ready = ask(app, "GET", "/readyz")
    metrics = ask(app, "GET", "/metrics").text

    assert answer.status_code == ready.status_code == 200
    assert answer.headers["x-tracetier-degraded"] == "upstream"
    assert answer.json()["degraded"][0].startswith("upstream:")
    assert ready.json()["status"] == "degraded"
    assert ready.json()["degraded"] == answer.json()["degraded"]
    assert 'tracetier_degraded{part="upstream"} 1.0' in metrics
    assert "secret-host" not in answer.text + ready.text + metrics


def test_the_policy_shows_what_decides(make_app: "MakeApp", ask: "Ask") -> None:
    """Tiers, buckets, the settings above the learner, and Q of each bucket and tier."""
    policy = ask(make_app(Settings(quality_floor=7.0)), "GET", "/v1/policy").json()

    assert [tier["name"] for tier in policy["tiers"]] == ["low", "high"]
    assert policy["tiers"][1]["model"] == "big-1"
    assert policy["buckets"] == ["edit", "other"]
    assert policy["budget"] == {"quality_floor": 7.0}
    assert set(policy["q"]["edit"]) == {"low", "high"}


@pytest.mark.parametrize("path", ["../artifact", "/etc", "", "x\0y", "link/artifact"])
def test_an_artifact_outside_the_folder_of_models_is_refused(
    make_app: "MakeApp", tmp_path: Path, path: str, ask: "Ask", golden: Path
) -> None:
    """Also behind a link that leads out of it."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "link").symlink_to(golden.parent)

    answer = ask(make_app(models_folder=models), "POST", "/v1/artifact", json={"path": path})

    assert answer.status_code == 422
    assert answer.json()["field"] == "path"


def test_a_damaged_artifact_changes_nothing(
    make_app: "MakeApp", tmp_path: Path, ask: "Ask"
) -> None:
    """The audit comes first; the answer says no path of this machine."""
    (tmp_path / "bad").mkdir()
    app = make_app(models_folder=tmp_path)

    answer = ask(app, "POST", "/v1/artifact", json={"path": "bad"})

    assert answer.status_code == 422
    assert str(tmp_path) not in answer.text
    assert ask(app, "GET", "/readyz").json()["artifact_id"] == "artifact-1"


def test_a_request_id_is_returned_and_one_that_is_odd_is_replaced(
    make_app: "MakeApp", ask: "Ask"
) -> None:
    """Nobody writes into our log by a header."""
    app = make_app()

    def of(given: str) -> str:
        return ask(app, "GET", "/healthz", headers={"x-request-id": given}).headers["x-request-id"]

    assert of("abc-1.2_3") == "abc-1.2_3"
    assert of("two words") != "two words"
    assert of("x" * 65) != "x" * 65
    assert len(of("")) == 16


def test_a_page_of_another_origin_cannot_call_an_open_service(
    make_app: "MakeApp", ask: "Ask"
) -> None:
    """Neither by its own origin nor by a name that it had point at this machine."""
    app = make_app(hosts=frozenset({"127.0.0.1"}))

    assert ask(app, "POST", "/v1/route", json=TASK).status_code == 200
    assert ask(app, "GET", "/readyz", headers={"host": "evil.example:8080"}).status_code == 421
    foreign = ask(app, "POST", "/v1/route", json=TASK, headers={"origin": "http://evil.example"})
    own = ask(app, "POST", "/v1/route", json=TASK, headers={"origin": "http://127.0.0.1"})
    assert (foreign.status_code, own.status_code) == (403, 200)


def test_a_bug_in_a_route_of_the_framework_is_a_problem_too(
    make_app: "MakeApp", ask: "Ask", caplog: pytest.LogCaptureFixture
) -> None:
    """Answered once, logged once, without its message."""
    app = make_app()

    @app.get("/v1/policy/broken")
    async def broken() -> None:
        raise RuntimeError(TEXT)

    answer = ask(app, "GET", "/v1/policy/broken")

    assert answer.status_code == 500
    assert answer.json()["instance"] == answer.headers["x-request-id"]
    assert [record.msg for record in caplog.records].count("failed") == 1
    assert TEXT not in answer.text + str(
        [record.__dict__.get("facts") for record in caplog.records]
    )
