"""When an upstream fails, the next tier answers, and what is learned is learned of that one."""

import json
import socket
import time
from typing import Any

import httpx
import pytest
from tests.serve.gateway.conftest import TIERS, Start

from tracetier.errors import StateError

CHAT = "/v1/chat/completions"


def _body(content: str = "Hi", model: str = "tracetier", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}]} | fields


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_the_next_tier_answers_for_one_that_fails(start: Start, status: int) -> None:
    """The answer names who failed; decision and cost are of the tier that answered."""
    gateway = start()
    gateway.upstream.fails["fake-sonnet"] = (status, {})
    answer = httpx.post(gateway.url + CHAT, json=_body(model="tracetier:floor=sonnet,lam=1000"))
    ((report, tier),) = gateway.wait_for_reports(1)

    assert answer.status_code == 200
    assert answer.headers["x-tracetier-tried"] == f"sonnet {status}"
    assert (answer.headers["x-tracetier-tier"], tier) == ("opus", "opus")
    assert report.decision_id == answer.headers["x-tracetier-decision"]
    assert [got.body["model"] for got in gateway.upstream.requests] == ["fake-sonnet", "fake-opus"]


def test_above_the_dearest_there_are_only_the_cheaper(start: Start) -> None:
    """Opus fails: sonnet is next, then haiku."""
    gateway = start()
    gateway.upstream.fails |= {"fake-opus": (500, {}), "fake-sonnet": (500, {})}
    answer = httpx.post(gateway.url + CHAT, json=_body(model="tracetier:floor=haiku,lam=0"))

    tried = answer.headers.get("x-tracetier-tried", "")
    assert answer.headers["x-tracetier-tier"] == "haiku"
    assert tried in ("opus 500; sonnet 500", "sonnet 500; opus 500", "")


def test_where_all_fail_the_last_answer_is_passed_on(start: Start) -> None:
    """With its status, its body and how long to wait."""
    gateway = start()
    for name in TIERS:
        gateway.upstream.fails[f"fake-{name}"] = (429, {"Retry-After": "7"})
    answer = httpx.post(gateway.url + CHAT, json=_body())

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["message"] == "as told: 429"
    assert len(gateway.upstream.requests) == 3


def test_tries_are_bounded(start: Start) -> None:
    """Two tiers, not three."""
    gateway = start(gateway={"tries": 2})
    for name in TIERS:
        gateway.upstream.fails[f"fake-{name}"] = (503, {})

    assert httpx.post(gateway.url + CHAT, json=_body()).status_code == 503
    assert len(gateway.upstream.requests) == 2


def test_what_the_request_got_wrong_is_not_tried_elsewhere(start: Start) -> None:
    """A 400 would be one everywhere."""
    gateway = start()
    answer = httpx.post(gateway.url + CHAT, json=_body("fail 400"))

    assert answer.status_code == 400
    assert len(gateway.upstream.requests) == 1


def test_a_model_named_by_the_client_is_not_replaced(start: Start) -> None:
    """Another model is not what was asked for."""
    gateway = start()
    gateway.upstream.fails["fake-haiku"] = (503, {})
    answer = httpx.post(gateway.url + CHAT, json=_body(model="fake-haiku"))

    assert answer.status_code == 503
    assert len(gateway.upstream.requests) == 1


DEAD = "http://127.0.0.1:9/v1"  # nothing listens on this port


def test_where_nobody_answers_the_gateway_says_so(start: Start) -> None:
    """In the form of the protocol, in the headers of health, and in no more words than that."""
    upstreams = ({"name": "dead", "api": "openai", "base_url": DEAD, "key_env": "FAKE_KEY"},)
    gateway = start(upstreams=upstreams, tier_upstreams=dict.fromkeys(TIERS, "dead"))
    answer = httpx.post(gateway.url + CHAT, json=_body())
    degraded: list[str] = []
    until_s = time.monotonic() + 5.0
    while not degraded and time.monotonic() < until_s:  # an answer on health stands for .1 s
        degraded = httpx.get(gateway.url + "/readyz").json().get("degraded", [])

    assert answer.status_code == 502
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("server_error", "upstream_failed")
    assert error["message"].count("no connection") == 3
    assert "127.0.0.1" not in error["message"]
    assert any(word.startswith("upstream") for word in degraded)


def test_a_dead_upstream_is_passed_over(start: Start, fake: tuple[str, Any]) -> None:
    """The tiers of a living one answer."""
    url, _ = fake
    upstreams = (
        {"name": "dead", "api": "openai", "base_url": DEAD},
        {"name": "o", "api": "openai", "base_url": f"{url}/v1"},
    )
    places = {"haiku": "dead", "sonnet": "dead", "opus": "o"}
    gateway = start(upstreams=upstreams, tier_upstreams=places)
    answer = httpx.post(gateway.url + CHAT, json=_body(model="tracetier:lam=1000"))

    assert answer.status_code == 200
    assert answer.headers["x-tracetier-tier"] == "opus"


def test_an_upstream_that_takes_too_long_is_passed_over(
    start: Start, fake: tuple[str, Any]
) -> None:
    """Its limit is for the answer to begin; and 504 where no other is left."""
    url, _ = fake
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = {"name": "slow", "api": "openai", "timeout_s": 0.1}
        slow["base_url"] = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        upstreams = (slow, {"name": "o", "api": "openai", "base_url": f"{url}/v1"})
        places = {"haiku": "slow", "sonnet": "slow", "opus": "o"}
        gateway = start(upstreams=upstreams, tier_upstreams=places)
        good = httpx.post(gateway.url + CHAT, json=_body(model="tracetier:lam=1000"))
        bad = httpx.post(gateway.url + CHAT, json=_body(model="fake-haiku"))

    assert (good.status_code, bad.status_code) == (200, 504)


def test_when_routing_fails_the_request_goes_through(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the dearest tier, or the one that is set; and the answer says that it was not routed."""
    for changes, tier in (({}, "opus"), ({"gateway": {"fallback_tier": "sonnet"}}, "sonnet")):
        gateway = start(**changes)

        def broken(*args: object, **kwargs: object) -> None:
            raise StateError("the state is damaged")

        monkeypatch.setattr(gateway.service, "route", broken)
        answer = httpx.post(gateway.url + CHAT, json=_body("tell me"))

        assert answer.status_code == 200
        assert answer.headers["x-tracetier-routing"] == "failed (StateError)"
        assert answer.headers["x-tracetier-tier"] == tier
        assert "x-tracetier-decision" not in answer.headers


def test_when_routing_fails_there_is_still_a_next_tier(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both at once: no state, and the dearest tier is down."""
    gateway = start()
    gateway.upstream.fails["fake-opus"] = (503, {})
    monkeypatch.setattr(gateway.service, "route", lambda *a, **k: json.loads("{"))
    answer = httpx.post(gateway.url + CHAT, json=_body())

    assert answer.status_code == 200
    assert answer.headers["x-tracetier-tried"] == "opus 503"


def test_rules_that_leave_no_tier_are_told(start: Start) -> None:
    """As a request that cannot be served, which no client sends again by itself."""
    rules = ({"name": "never here", "task_type": "secret", "deny": ["opus"]},)
    gateway = start(rules=rules)
    answer = httpx.post(
        gateway.url + CHAT,
        json=_body(model="tracetier:floor=opus"),
        headers={"x-tracetier-task-type": "secret"},
    )

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "no_tier_left"
    assert gateway.upstream.requests == []
