"""What is counted: decisions, reports, requests; by labels of a fixed list."""

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tracetier.serve.service import Service

if TYPE_CHECKING:
    from tests.serve.conftest import Ask, MakeApp, Maker


def _samples(page: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_decisions_reports_and_requests_are_counted(make_app: "MakeApp", ask: "Ask") -> None:
    """Two decisions, one of them reported twice, one wrong request."""
    app = make_app()
    body = {"task": {"text": "x"}, "allowed": ["low"]}
    ids = [ask(app, "POST", "/v1/route", json=body).json()["decision_id"] for _ in range(2)]
    report = {"decision_id": ids[0], "quality": 8.0, "cost_usd": 0.25}
    for _ in range(2):
        ask(app, "POST", "/v1/feedback", json=report)
    ask(app, "POST", "/v1/route", content=b"{")

    found = _samples(ask(app, "GET", "/metrics").text)

    low = ("tier", "low")
    decided = (("explored", "false"), ("source", "api"), low)
    assert found["tracetier_decisions_total", decided] == 2
    assert found["tracetier_decision_seconds_count", ()] == 2
    assert found["tracetier_feedback_total", (("new", "quality+cost_usd"), low)] == 1
    assert found["tracetier_feedback_total", (("new", "nothing"), low)] == 1
    assert found["tracetier_quality_sum", (low,)] == 8.0
    assert found["tracetier_cost_usd_total", (low,)] == 0.25
    route = ("route", "/v1/route")
    assert found["tracetier_http_requests_total", (route, ("status", "200"))] == 2
    assert found["tracetier_http_requests_total", (route, ("status", "400"))] == 1
    assert found["tracetier_artifact_info", (("artifact_id", "artifact-1"),)] == 1


def test_a_client_who_leaves_within_its_body_is_no_failure(make_app: "MakeApp", ask: "Ask") -> None:
    """Nothing is decided, and nothing sent, though what had come of it would do."""
    app = make_app()
    left: list[Any] = [
        {"type": "http.request", "body": b'{"task": {"text": "x"}}', "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = {"type": "http", "method": "POST", "path": "/v1/route", "query_string": b""}

    async def receive() -> Any:
        return left.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    asyncio.run(app(scope | {"headers": headers, "client": ("127.0.0.1", 1)}, receive, send))
    found = _samples(ask(app, "GET", "/metrics").text)

    requests = {key[1]: n for key, n in found.items() if key[0] == "tracetier_http_requests_total"}
    assert requests == {(("route", "/v1/route"), ("status", "499")): 1}
    assert not any(name == "tracetier_decisions_total" for name, _ in found)


def test_no_caller_makes_a_new_label(make_app: "MakeApp", ask: "Ask") -> None:
    """Unknown paths are one, and so are the ids in known ones."""
    app = make_app()
    for i in range(5):
        ask(app, "GET", f"/nothing/{i}")
        ask(app, "GET", f"/v1/decisions/{i}")

    page = ask(app, "GET", "/metrics").text

    routes = set(re.findall(r'http_requests_total\{route="([^"]*)"', page))
    assert routes == {"other", "/v1/decisions/{decision_id}"}


def test_a_part_that_fails_shows_and_shows_no_more(
    make_app: "MakeApp", ask: "Ask", service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 while it lasts, 0 after."""
    monkeypatch.setattr("tracetier.serve.standing.FRESH_S", -1.0)
    trouble: list[str | None] = ["down"]
    service.watch("upstream", lambda: trouble[0])
    app = make_app()
    label = ("tracetier_degraded", (("part", "upstream"),))

    before = _samples(ask(app, "GET", "/metrics").text)[label]
    trouble[0] = None
    after = _samples(ask(app, "GET", "/metrics").text)[label]

    assert (before, after) == (1.0, 0.0)


class _Losing:
    """A decision log whose disk is full."""

    trouble = "cannot write; 3 lines are lost"
    n_lost = 3

    def decided(self, *told: object) -> None: ...

    def reported(self, *told: object) -> None: ...

    def close(self) -> None: ...


def test_lines_of_the_decision_log_that_are_lost_are_counted(
    make_app: "MakeApp", ask: "Ask", make_router: "Maker"
) -> None:
    """In the metrics, and where readiness is asked for."""
    app = make_app(service=Service(make_router(), log=_Losing()))

    found = _samples(ask(app, "GET", "/metrics").text)
    ready = ask(app, "GET", "/readyz").json()

    assert found["tracetier_decision_log_lost", ()] == ready["n_log_lost"] == 3
    assert ready["degraded"][0].startswith("decision-log:")
