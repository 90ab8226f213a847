"""The page that describes the service: whole, with examples that hold, and true under fuzzing."""

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from fastapi.routing import APIRoute

from tracetier.serve.openapi import ROUTES

if TYPE_CHECKING:
    from tests.serve.conftest import Ask, MakeApp


def test_every_route_is_described(make_app: "MakeApp", ask: "Ask") -> None:
    """The fast ones too, though the framework does not know them."""
    app = make_app()
    page = ask(app, "GET", "/openapi.json").json()

    own = {route.path for route in app.routes if isinstance(route, APIRoute)}
    assert page["openapi"].startswith("3.1")
    own -= {"/docs"}
    assert own | {"/v1/route", "/v1/route/batch", "/v1/feedback"} <= set(page["paths"])


def test_the_page_for_people_needs_no_network(make_app: "MakeApp", ask: "Ask") -> None:
    """It reads the description beside it, and nothing of anybody else."""
    page = ask(make_app(), "GET", "/docs")

    assert page.headers["content-type"].startswith("text/html")
    assert 'fetch("openapi.json")' in page.text
    assert "://" not in page.text


def test_every_reference_leads_somewhere(make_app: "MakeApp", ask: "Ask") -> None:
    """And every schema is led to."""
    page = ask(make_app(), "GET", "/openapi.json").json()
    text = json.dumps(page)

    names = set(page["components"]["schemas"])
    used = {name for name in names if f'"#/components/schemas/{name}"' in text}
    assert used == names
    assert text.count("$ref") == sum(text.count(f'"#/components/schemas/{name}"') for name in names)


@pytest.mark.parametrize("route", [each for each in ROUTES if each.body], ids=lambda r: r.path)
def test_the_examples_of_bodies_are_good_bodies(route: Any) -> None:
    """Each is read by the record that the service reads it by."""
    for example in route.body.examples.values():
        msgspec.convert(example, route.body.record)


@pytest.mark.parametrize("route", [each for each in ROUTES if each.example], ids=lambda r: r.path)
def test_the_examples_of_answers_are_good_answers(route: Any) -> None:
    """Each is what the record of the answer holds."""
    msgspec.convert(route.example, route.answer)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_request_that_the_page_allows_or_forbids_breaks_the_service(
    make_app: "MakeApp", mode: str
) -> None:
    """Fuzzed from the page itself: no 500, and answers as described."""
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [
        not_a_server_error,
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    ]
    schema = schemathesis.openapi.from_asgi("/openapi.json", make_app())
    kind, n_sent = schemathesis.GenerationMode(mode), 0
    for operation in (result.ok() for result in schema.get_all_operations()):
        if mode == "negative" and operation.method.upper() == "GET":
            continue  # what could be wrong with them is their path, and then it is another one

        @settings(
            max_examples=60,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=kind))
        def fuzz(case: Any) -> None:
            nonlocal n_sent
            n_sent += 1
            case.call_and_validate(checks=checks)

        fuzz()
    assert n_sent > 200
