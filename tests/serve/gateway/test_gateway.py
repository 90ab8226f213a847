"""The gateway on a socket: bytes, sessions, signs, clients that leave, and what is in no log."""

import json
import logging
import socket
import time
from typing import Any

import httpx
import pytest
from tests.serve.gateway.conftest import KEY, Running, Start

from tracetier.serve.auth import Access

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


def _body(content: str = "Hi", model: str = "tracetier", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": content}]} | fields


@pytest.mark.parametrize("path", PATHS.values())
def test_a_stream_is_passed_on_byte_for_byte(start: Start, path: str) -> None:
    """With tools, however it is spelled."""
    gateway = start()
    answer = httpx.post(gateway.url + path, json=_body("tool", stream=True))

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.content == gateway.upstream.streams[0]


@pytest.mark.parametrize("path", PATHS.values())
def test_the_first_bytes_come_before_the_last(start: Start, path: str) -> None:
    """The upstream waits for its client to leave: who reads the first event leaves, so it can."""
    gateway = start()
    with httpx.stream("POST", gateway.url + path, json=_body("wait", stream=True)) as answer:
        first = next(answer.iter_bytes())
    deadline = time.monotonic() + 10.0
    while gateway.upstream.n_left == 0 and time.monotonic() < deadline:
        time.sleep(0.01)

    assert first.startswith((b"data: ", b"event: "))
    assert gateway.upstream.n_left == 1


@pytest.mark.parametrize("path", PATHS.values())
def test_an_answer_that_breaks_off_breaks_off(start: Start, path: str) -> None:
    """A client must not take half an answer for a whole one."""
    gateway = start()
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(gateway.url + path, json=_body("break off", stream=True))


def test_what_the_upstream_says_of_itself_is_passed_on(start: Start) -> None:
    """Its request id under another name; its cookies not at all."""
    answer = httpx.post(start().url + PATHS["openai"], json=_body())

    assert answer.headers["x-tracetier-upstream-request-id"] == "up-1"
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-request-id"] != "up-1"


@pytest.mark.parametrize("path", PATHS.values())
def test_only_what_is_posted_is_a_request(start: Start, path: str) -> None:
    """The edge itself calls the gateway for that; the framework knows what to say to the rest."""
    answer = httpx.get(start().url + path)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_the_query_goes_on(start: Start) -> None:
    """As some clients ask for features by it."""
    gateway = start()
    httpx.post(gateway.url + PATHS["anthropic"] + "?beta=true", json=_body())

    assert gateway.upstream.requests[0].query == "beta=true"


def test_a_session_is_told_or_found_by_how_it_begins(start: Start) -> None:
    """Two turns of one conversation, and a header."""
    gateway = start()
    first = _body("Rename foo.")
    later = _body("Rename foo.")
    later["messages"] += [
        {"role": "assistant", "content": "Done."},
        {"role": "user", "content": "?"},
    ]
    for body, headers in (
        (first, {}),
        (later, {}),
        (_body("Another."), {}),
        (_body("Another."), {"x-tracetier-session": "s-9"}),
    ):
        httpx.post(gateway.url + PATHS["openai"], json=body, headers=headers)
    one, two, three, four = (task.session_id for task in gateway.log.tasks)

    assert one == two
    assert three not in (one, "s-9")
    assert four == "s-9"
    assert gateway.log.tasks[1].turn_index == 1
    assert gateway.log.tasks[1].last_failed is False


def test_feedback_is_given_by_the_id_of_the_answer(start: Start) -> None:
    """Beside the cost that was reported by itself."""
    gateway = start()
    answer = httpx.post(gateway.url + PATHS["openai"], json=_body())
    decision_id = answer.headers["x-tracetier-decision"]
    gateway.wait_for_reports(1)
    told = httpx.post(
        gateway.url + "/v1/feedback", json={"decision_id": decision_id, "quality": 8.0}
    )

    assert told.json()["receipts"] == [{"decision_id": decision_id, "new": ["quality"]}]
    assert gateway.log.sources == ["gateway", "api"]


@pytest.mark.parametrize(
    ("says", "quality"), [("truncate", 5.0), ("fail 400", 0.0), ("Hi", 10.0), ("fail 403", None)]
)
def test_declared_signs_count_as_outcomes(start: Start, says: str, quality: float | None) -> None:
    """Once nobody has said more; an upstream that is at fault itself says nothing of the tier."""
    proxies = {"truncation": 0.5, "error": 1.0}
    gateway = start(gateway={"proxies": proxies, "proxy_after_s": 0.0})
    httpx.post(gateway.url + PATHS["openai"], json=_body(says))
    httpx.post(gateway.url + PATHS["openai"], json=_body("end"))
    n_reports = 2 + (quality is not None) + (says in ("truncate", "Hi"))
    reports = gateway.wait_for_reports(n_reports)

    found = [report.quality for report, _ in reports if report.quality is not None]
    assert sorted(found) == sorted([10.0] + ([] if quality is None else [quality]))
    assert set(gateway.log.sources) == {"gateway", "proxy"}


def test_the_same_request_again_is_a_retry(start: Start) -> None:
    """It says something of the first answer; another task's request does not."""
    gateway = start(gateway={"proxies": {"retry": 0.5}, "proxy_after_s": 3600.0})
    ids = [
        httpx.post(gateway.url + PATHS["openai"], json=_body(content, model)).headers[
            "x-tracetier-decision"
        ]
        for content, model in (("a", "tracetier"), ("a", "tracetier:lam=0"), ("b", "tracetier"))
    ]
    gateway.wait_for_reports(3)
    gateway.stop()
    quality = {r.decision_id: r.quality for r, _ in gateway.reports if r.quality is not None}

    assert [quality[each] for each in ids] == [5.0, 10.0, 10.0]


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        pytest.param(b"no json", {}, 400, id="no JSON"),
        pytest.param(b'{"messages": []}', {}, 400, id="no model"),
        pytest.param(b'{"model": "x"}', {}, 404, id="unknown model"),
        pytest.param(b'{"model": "tracetier:floor=opsu"}', {}, 400, id="unknown floor"),
        pytest.param(b"x", {"content-encoding": "gzip"}, 415, id="packed"),
        pytest.param(b'{"model": "a\\r\\nx-evil: 1"}', {}, 404, id="two lines"),
    ],
)
def test_what_cannot_be_passed_on_is_refused(
    start: Start, api: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    """Before an upstream hears of it."""
    gateway = start()
    answer = httpx.post(gateway.url + PATHS[api], content=content, headers=headers)

    assert answer.status_code == status
    assert "x-evil" not in answer.headers
    assert answer.json()["error"]["message"]
    assert (answer.json().get("type") == "error") is (api == "anthropic")
    assert gateway.upstream.requests == []


def test_a_body_beyond_32_megabytes_is_refused(start: Start) -> None:
    """By what its head says, before it comes."""
    host, port = start().url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/messages HTTP/1.1\r\nHost: {host}\r\nContent-Length: {33 << 20}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_body_beyond_a_megabyte_is_taken(start: Start) -> None:
    """Of the 32 MiB that a gateway allows; images come as text."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (3 << 20)}}
    body = _body("Hi")
    body["messages"][0]["content"] = [image, {"type": "text", "text": "What is it?"}]
    gateway = start()

    assert httpx.post(gateway.url + PATHS["openai"], json=body, timeout=30).status_code == 200
    assert gateway.upstream.requests[0].body["messages"] == body["messages"]
    attrs = gateway.log.tasks[0].attrs or {}
    assert attrs["vision"] is True
    assert 10 < float(attrs["request_tokens"]) < 100


def test_a_model_that_spells_two_lines_forges_no_header(
    start: Start, fake: tuple[str, Any]
) -> None:
    """A pattern may let any name through; a header holds one line all the same."""
    upstreams = ({"name": "o", "api": "openai", "base_url": f"{fake[0]}/v1", "models": ["*"]},)
    gateway = start(upstreams=upstreams, tier_upstreams={})
    answer = httpx.post(gateway.url + PATHS["openai"], json=_body(model="a\r\nx-evil: 1"))

    assert "x-evil" not in answer.headers
    assert answer.headers["x-tracetier-model"] == "a??x-evil: 1"


def test_no_text_and_no_key_is_logged(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails: the upstream, the routing, the request."""
    secret, text = "a-token-that-is-secret", "a text that is private"
    gateway = start(access=Access([("ci", ["route"], secret)]))
    gateway.upstream.fails["fake-opus"] = (503, {})
    headers = {"authorization": f"Bearer {secret}"}
    with caplog.at_level(logging.DEBUG):
        for model in ("tracetier:floor=opus", "tracetier:floor=x", text):
            httpx.post(gateway.url + PATHS["openai"], json=_body(text, model), headers=headers)
        monkeypatch.setattr(gateway.service, "route", lambda *a, **k: json.loads(text))
        httpx.post(gateway.url + PATHS["openai"], json=_body(text), headers=headers)
    logged = "\n".join(str(record.__dict__) for record in caplog.records)

    assert "upstream failed" in logged
    assert "routing failed" in logged
    assert not any(word in logged for word in (secret, text, KEY))


def test_the_page_describes_both_paths(start: Start) -> None:
    """Beside the service's own."""
    page = httpx.get(start().url + "/openapi.json").json()

    for path in PATHS.values():
        operation = page["paths"][path]["post"]
        assert operation["requestBody"]["content"]["application/json"]["example"]["model"]
        assert {"400", "502", "504"} <= set(operation["responses"])


def test_requests_count_under_their_path(start: Start) -> None:
    """And decisions under their source."""
    gateway: Running = start()
    httpx.post(gateway.url + PATHS["openai"], json=_body())
    page = httpx.get(gateway.url + "/metrics").text

    assert 'route="/v1/chat/completions"' in page
    assert 'source="gateway"' in page
