"""Both clients: what they send, what they make of the answers, and how they try again."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from tests.decision_log.conftest import make_decision

from tracetier import (
    AsyncClient,
    Client,
    Feedback,
    FeedbackError,
    ServiceError,
    SettingsError,
    Task,
)
from tracetier.client.retry import Retry
from tracetier.serve.problems import not_stored, unknown_decision

TOKEN = "0123456789abcdef"
DECISION = msgspec.json.encode(make_decision())
Ask = Callable[..., Any]


class Script:
    """Answers request after request with what is told, the last again and again."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    @property
    def bodies(self) -> list[Any]:
        return [msgspec.json.decode(request.content) for request in self.requests]


def _problem(status: int, content: bytes, **headers: str) -> httpx.Response:
    return httpx.Response(status, content=content, headers=headers)


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Call a method of a client of either kind, on a script of answers."""
    quick = Retry(first_wait_s=0.0)

    def sync(script: Script, verb: str, *args: Any, **given: Any) -> Any:
        transport = httpx.MockTransport(script)
        with Client("http://service", token=TOKEN, retry=quick, transport=transport) as client:
            return getattr(client, verb)(*args, **given)

    def wait(script: Script, verb: str, *args: Any, **given: Any) -> Any:
        async def job() -> Any:
            transport = httpx.MockTransport(script)
            async with AsyncClient(
                "http://service", token=TOKEN, retry=quick, transport=transport
            ) as client:
                return await getattr(client, verb)(*args, **given)

        return asyncio.run(job())

    return sync if request.param == "sync" else wait


def test_a_task_is_sent_as_it_is_and_the_decision_comes_back_typed(ask: Ask) -> None:
    """A text alone is a task too; what was not said is not sent."""
    script = Script(httpx.Response(200, content=DECISION))
    task = Task(text="Prove it.", task_type="maths")
    decision = ask(script, "route", task, lam=0.5, allowed=("low",), trace_id="t")
    ask(script, "route", "Prove it.")

    assert (decision.decision_id, decision.tier, decision.propensity) == ("d1", "low", 0.75)
    assert decision.scores["low"].reward == 4.9
    assert decision.timestamp.isoformat() == "2026-01-05T08:00:00+00:00"
    assert script.bodies == [
        {
            "task": {"text": "Prove it.", "task_type": "maths"},
            "lam": 0.5,
            "allowed": ["low"],
            "trace_id": "t",
        },
        {"task": {"text": "Prove it."}},
    ]
    assert script.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_several_tasks_come_back_in_their_order(ask: Ask) -> None:
    """One request for all."""
    decisions = [make_decision(name) for name in ("d1", "d2")]
    script = Script(httpx.Response(200, content=msgspec.json.encode({"decisions": decisions})))

    assert ask(script, "route_batch", ["a", Task(text="b")]) == decisions
    assert script.bodies == [{"tasks": [{"text": "a"}, {"text": "b"}]}]


@pytest.mark.parametrize(
    ("verb", "args", "given", "body"),
    [
        ("feedback", ["d1"], {"quality": 8.0}, {"decision_id": "d1", "quality": 8.0}),
        (
            "feedback",
            [Feedback(decision_id="d1", cost_usd=0.5)],
            {},
            {"reports": [{"decision_id": "d1", "quality": None, "cost_usd": 0.5}]},
        ),
        ("feedback_trace", ["t"], {"quality": 3.0}, {"trace_id": "t", "quality": 3.0}),
    ],
)
def test_reports_are_sent_and_the_receipt_comes_back(
    ask: Ask, verb: str, args: list[Any], given: dict[str, Any], body: dict[str, Any]
) -> None:
    """Of one decision, or of a trace."""
    script = Script(httpx.Response(200, json={"receipts": [{"new": ["quality"]}]}))

    assert ask(script, verb, *args, **given).new == ["quality"]
    assert script.bodies == [body]


def test_a_report_is_sent_again_until_it_is_stored(ask: Ask) -> None:
    """Refused by a busy store, then lost on its way back: the service learns from it once."""
    script = Script(
        _problem(503, not_stored().body()),
        httpx.ReadTimeout("late"),
        httpx.Response(200, json={"receipts": [{}]}),
    )

    assert ask(script, "feedback", "d1", quality=8.0).new == []
    assert script.bodies == [{"decision_id": "d1", "quality": 8.0}] * 3


def test_a_decision_whose_answer_got_lost_is_not_asked_for_twice(ask: Ask) -> None:
    """It may have been taken; a connection that was refused has done nothing."""
    lost = Script(httpx.ReadTimeout("late"), httpx.Response(200, content=DECISION))
    refused = Script(httpx.ConnectError("refused"), httpx.Response(200, content=DECISION))

    with pytest.raises(ServiceError, match="no answer from http://service: late"):
        ask(lost, "route", "a")
    assert ask(refused, "route", "a").tier == "low"
    assert (len(lost.requests), len(refused.requests)) == (1, 2)


def test_a_service_that_is_not_there_is_told_with_the_mend(ask: Ask) -> None:
    """After five tries."""
    script = Script(httpx.ConnectError("refused"))

    with pytest.raises(ServiceError, match="refused; see that tracetier serve runs there"):
        ask(script, "health")
    assert len(script.requests) == 5


def test_a_decision_that_nobody_knows_is_none_and_a_report_on_it_an_error(ask: Ask) -> None:
    """With the service's field and mend."""
    script = Script(_problem(404, unknown_decision("d/1").body()))

    assert ask(script, "decision", "d/1") is None
    assert script.requests[0].url.raw_path == b"/v1/decisions/d%2F1"
    with pytest.raises(FeedbackError, match="no decision 'd/1' is known") as error:
        ask(script, "feedback", "d/1", quality=1.0)
    assert error.value.field == "decision_id"


def test_the_token_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And none is sent where there is none."""
    script = Script(httpx.Response(200, json={"status": "ok"}))
    for token in ("", TOKEN):
        monkeypatch.setenv("TRACETIER_TOKEN", token)
        with Client(transport=httpx.MockTransport(script)) as client:
            assert client.health().status == "ok"
    sent = [request.headers.get("authorization") for request in script.requests]

    assert sent == [None, f"Bearer {TOKEN}"]


def test_a_token_that_cannot_be_one_is_not_shown() -> None:
    """As one with the line's end of the file that it was read from."""
    with pytest.raises(SettingsError, match="holds a blank") as error:
        Client(token=f"{TOKEN}\n")

    assert TOKEN not in str(error.value)
