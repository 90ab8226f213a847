"""A path of the gateway without a socket: whatever is sent, the answer is of a declared kind."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.serve.gateway.conftest import ENV, settings_of

from tracetier.serve.app import create_app
from tracetier.serve.gateway.attempts import Kept
from tracetier.serve.gateway.endpoint import PATHS, Endpoint
from tracetier.serve.gateway.exchange import Parts
from tracetier.serve.gateway.headers import Headers
from tracetier.serve.gateway.routes import make_parts
from tracetier.serve.service import Service

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ROLE = st.sampled_from(["user", "assistant", "tool", "system", "", None, 3])
PART = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("type", "text", "content", "source", "is_error", "image_url"), JSON)
)
MESSAGE = st.fixed_dictionaries({}, optional={"role": ROLE, "content": JSON | st.lists(PART)})
BODY = st.fixed_dictionaries(
    {"model": st.sampled_from(["tracetier", "tracetier:lam=1", "fake-opus", "tracetier:x", "?"])},
    optional={
        "messages": st.lists(MESSAGE | JSON, max_size=4) | JSON,
        "tools": JSON,
        "metadata": JSON,
        "system": JSON,
        "stream": JSON,
        "stream_options": JSON,
    },
)


class Echo:
    """An upstream that answers every request by what was asked."""

    async def send(self, body: bytes, headers: Headers, query: bytes) -> Kept:
        return Kept(200, [], body)

    async def close(self) -> None:
        """Do nothing."""


@pytest.fixture(scope="module")
def parts(root: Path) -> Parts:
    """What the requests share."""
    given = settings_of("http://127.0.0.1:1", gateway={"proxies": {"retry": 0.5}})
    service = Service.open(root / "tests/golden/artifact_v1/artifact", settings=given)
    return make_parts(service, given, degraded=[], env=ENV, open_transport=lambda _: Echo())


def _ask(parts: Parts, path: str, raw: bytes) -> tuple[int, bytes]:
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": raw, "more_body": False}]

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop()
            await asyncio.Event().wait()
            raise AssertionError("nobody leaves here")

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await Endpoint(parts, path)({"headers": [], "state": {}}, receive, send)

    asyncio.run(run())
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def test_the_framework_is_not_in_the_way(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The edge of the service calls the paths of the gateway itself."""
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    given = settings_of("http://127.0.0.1:1")
    service = Service.open(root / "tests/golden/artifact_v1/artifact", settings=given)
    plain = create_app(service, given).gate.plain
    service.close()

    assert {path: type(route) for path, route in plain.items()} == dict.fromkeys(PATHS, Endpoint)


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODY)
def test_whatever_is_sent_is_passed_on_or_refused(
    parts: Parts, path: str, body: dict[str, Any]
) -> None:
    """Passed on as it is, but for the model; else refused in the form of the protocol."""
    status, answer = _ask(parts, path, json.dumps(body).encode())

    if status == 200:
        told = json.loads(answer)
        assert told.pop("model") in ("fake-haiku", "fake-sonnet", "fake-opus")
        assert json.dumps(told) == json.dumps({n: v for n, v in body.items() if n != "model"})
    else:
        assert status in (400, 404)
        assert json.loads(answer)["error"]["message"]


@pytest.mark.parametrize("path", PATHS)
def test_a_client_who_leaves_within_its_body_is_not_answered(parts: Parts, path: str) -> None:
    """Nothing is decided either, though what had come of it would do."""
    waiting: list[dict[str, Any]] = [
        {
            "type": "http.request",
            "body": b'{"model": "tracetier", "messages": []}',
            "more_body": True,
        },
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(message)

    asyncio.run(Endpoint(parts, path)({"headers": [], "state": {}}, receive, send))

    assert waiting == []


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=60))
def test_what_is_no_json_is_refused(parts: Parts, path: str, raw: bytes) -> None:
    """Any bytes."""
    assert _ask(parts, path, raw)[0] == 400
