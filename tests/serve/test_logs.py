"""Log lines: named facts, as JSON or for people, and nothing that a caller sent."""

import io
import json
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tracetier.serve.auth import Access
from tracetier.serve.logs import LOGGER, error_facts, start_logging, tell

if TYPE_CHECKING:
    from tests.serve.conftest import Ask, MakeApp

SECRET = "s3cret-token-of-the-tests-0123456789"
TEXT = "the quick brown text that nobody may log"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    names = ("tracetier", "uvicorn", "uvicorn.error", "uvicorn.access")
    loggers = [logging.getLogger(name) for name in names]
    before = [(each.handlers, each.level, each.propagate) for each in loggers]
    yield
    for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)


def test_a_line_is_one_object_of_facts() -> None:
    """Time, level and event first; what is not known is left out."""
    stream = io.StringIO()
    start_logging(is_json=True, stream=stream)

    tell("swapped", artifact_id="a2", previous=None)

    line = json.loads(stream.getvalue())
    assert list(line) == ["time", "level", "event", "artifact_id"]
    assert (line["level"], line["event"], line["artifact_id"]) == ("info", "swapped", "a2")


def test_a_line_for_people_has_the_same_facts() -> None:
    """Clock, event, facts; a warning says so."""
    stream = io.StringIO()
    start_logging(is_json=False, stream=stream)

    tell("health", level=logging.WARNING, status="degraded", reasons=["a b"])

    assert stream.getvalue()[8:] == " warning: health  status=degraded reasons=a b\n"


def test_an_error_is_logged_by_type_and_place_only() -> None:
    """Its message may hold what a caller sent."""
    stream = io.StringIO()
    start_logging(is_json=True, stream=stream)
    try:
        raise ValueError(TEXT)
    except ValueError as error:
        facts = error_facts(error)
        logging.getLogger("uvicorn.error").exception("it broke")

    assert facts["error"] == "ValueError"
    assert "test_logs.py" in str(facts["at"])
    assert json.loads(stream.getvalue())["error"] == "ValueError"
    assert TEXT not in stream.getvalue() + str(facts)


def test_no_request_leaves_text_or_secrets_in_the_log(make_app: "MakeApp", ask: "Ask") -> None:
    """Good, wrong, refused and failed requests, with every request logged."""
    stream = io.StringIO()
    start_logging(is_json=True, stream=stream)
    app = make_app(access=Access([("ci", ["admin"], SECRET)]), logs_all=True)
    bearer = {"authorization": f"Bearer {SECRET}"}
    requests = [
        ("/v1/route", json.dumps({"task": {"text": TEXT}}), bearer),
        ("/v1/route", json.dumps({"task": {TEXT: 1}}), bearer),
        ("/v1/route", TEXT, bearer),
        ("/v1/route", json.dumps({"task": {"text": TEXT}}), {"authorization": f"Bearer x{SECRET}"}),
        (f"/v1/{SECRET}?token={SECRET}", TEXT, {"x-api-key": f"{SECRET}x"}),
        ("/v1/route", "{}", bearer | {"x-request-id": f"{SECRET} {TEXT}"}),
    ]

    statuses = [
        ask(app, "POST", path, content=body, headers=headers).status_code
        for path, body, headers in requests
    ]

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert statuses == [200, 422, 400, 401, 401, 422]
    assert [line["status"] for line in lines if line["event"] == "request"] == statuses
    assert {line["caller"] for line in lines if line.get("status") == 200} == {"ci"}
    for hidden in (TEXT, SECRET, "quick"):
        assert hidden not in stream.getvalue()


def test_only_refusals_and_failures_are_logged_by_default(make_app: "MakeApp", ask: "Ask") -> None:
    """A line for every decision would cost more than the decision."""
    stream = io.StringIO()
    start_logging(is_json=True, stream=stream)
    app = make_app(access=Access([("ci", ["admin"], SECRET)]))

    ask(app, "GET", "/healthz")
    ask(app, "GET", "/v1/policy")

    assert [json.loads(line)["status"] for line in stream.getvalue().splitlines()] == [401]
    assert LOGGER.isEnabledFor(logging.INFO)
