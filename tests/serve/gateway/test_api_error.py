"""What the service itself refuses, told to each protocol's clients in their own form."""

from typing import Any

import httpx
import pytest
from tests.serve.gateway.conftest import ENV, settings_of

from tracetier.serve.app import create_app
from tracetier.serve.auth import Access
from tracetier.serve.service import Service

SECRET = "s3cret-token-of-the-tests-0123456789"
OPENAI, ANTHROPIC = "/v1/chat/completions", "/v1/messages"


@pytest.fixture(name="app")
def _app(make_router: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A gateway that wants a token, and takes one request a second."""
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    settings = settings_of("http://127.0.0.1:1", requests_per_s=1.0)
    access = Access([("one", ["route"], SECRET), ("two", ["read"], SECRET[::-1])])
    return create_app(Service(make_router()), settings, access=access)


@pytest.mark.parametrize(
    ("given", "status", "kind"),
    [
        ({}, 401, "authentication_error"),
        ({"token": SECRET[::-1]}, 403, "permission_error"),
        ({"token": SECRET, "length": str(1 << 30)}, 413, None),
        ({"token": SECRET, "n": 3}, 429, "rate_limit_error"),
        ({"token": SECRET, "method": "GET"}, 405, "invalid_request_error"),
    ],
)
def test_a_refusal_has_the_form_of_its_protocol(
    app: Any, ask: Any, given: dict[str, Any], status: int, kind: str | None
) -> None:
    """As the providers' own clients read it: kind and message, with the mend, and headers."""
    headers = {"x-api-key": given["token"]} if "token" in given else {}
    if "length" in given:
        headers["content-length"] = given["length"]

    def of(path: str) -> httpx.Response:
        answers = [
            ask(app, given.get("method", "POST"), path, headers=headers, content=b"[")
            for _ in range(given.get("n", 1))
        ]
        answer: httpx.Response = answers[-1]
        return answer

    openai, anthropic = of(OPENAI), of(ANTHROPIC)

    assert (openai.status_code, anthropic.status_code) == (status, status)
    assert openai.headers["content-type"] == anthropic.headers["content-type"] == "application/json"
    assert set(openai.json()) == {"error"}
    assert set(openai.json()["error"]) == {"message", "type", "param", "code"}
    assert openai.json()["error"]["type"] == (kind or "invalid_request_error")
    assert anthropic.json()["type"] == "error"
    assert anthropic.json()["error"]["type"] == (kind or "request_too_large")
    assert openai.json()["error"]["message"] == anthropic.json()["error"]["message"]
    assert "x-request-id" in openai.headers
    assert SECRET not in openai.text + anthropic.text


def test_other_paths_keep_to_problem_documents(app: Any, ask: Any) -> None:
    """Also beside a gateway."""
    answer = ask(app, "POST", "/v1/route")

    assert answer.headers["content-type"] == "application/problem+json"
