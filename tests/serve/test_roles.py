"""Every path and role, and that every route of the app has a row in the table."""

from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute

from tracetier.serve.auth import ROLES, Access
from tracetier.serve.mounts import PARTS
from tracetier.serve.openapi import ROUTES
from tracetier.serve.roles import ADMIN, BASE, OPEN, RoleTable

if TYPE_CHECKING:
    from tests.serve.conftest import Ask, MakeApp

SECRET = "s3cret-token-of-the-tests-0123456789"


# What each path answers to an empty or harmless request of a caller who may; and who may.
PATHS = {
    ("POST", "/v1/route"): {"route"},
    ("POST", "/v1/route/batch"): {"route"},
    ("POST", "/v1/feedback"): {"feedback"},
    ("GET", "/v1/decisions/x"): {"route", "feedback", "read"},
    ("GET", "/v1/policy"): {"read"},
    ("POST", "/v1/artifact"): set(),
    ("GET", "/metrics"): {"read"},
    ("GET", "/nothing/here"): set(),
}
OPEN_PATHS = ("/healthz", "/readyz", "/docs", "/openapi.json")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_a_role_may_do_what_the_table_says(
    make_app: "MakeApp", method: str, path: str, role: str, ask: "Ask"
) -> None:
    """403 names the role that is needed; who may gets past, to whatever the route answers."""
    app = make_app(access=Access([("one", [role], SECRET)]))

    answer = ask(app, method, path, headers={"authorization": f"Bearer {SECRET}"})

    if role == "admin" or role in PATHS[method, path]:
        assert answer.status_code not in (401, 403)
    else:
        assert answer.status_code == 403
        assert "admin" in answer.json()["detail"]
        assert SECRET not in answer.text


@pytest.mark.parametrize("token", [None, "Bearer wrong", f"Basic {SECRET}", "Bearer"])
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_without_a_declared_token_every_path_is_closed(
    make_app: "MakeApp", method: str, path: str, token: str | None, ask: "Ask"
) -> None:
    """401 with a challenge, whether the path exists or not."""
    app = make_app(access=Access([("one", ["admin"], SECRET)]))
    headers = {} if token is None else {"authorization": token}

    answer = ask(app, method, path, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_probes_and_documentation_need_no_token(make_app: "MakeApp", path: str, ask: "Ask") -> None:
    """They tell nothing of tasks or callers."""
    app = make_app(access=Access([("one", ["admin"], SECRET)]))

    assert ask(app, "GET", path).status_code == 200


def test_a_token_may_come_as_an_api_key(make_app: "MakeApp", ask: "Ask") -> None:
    """As clients of one of the model interfaces send it."""
    app = make_app(access=Access([("one", ["read"], SECRET)]))

    assert ask(app, "GET", "/v1/policy", headers={"x-api-key": SECRET}).status_code == 200


def test_every_route_of_the_app_has_its_roles(make_app: "MakeApp") -> None:
    """So that no part is closed to all but the administrator by mistake."""
    app = make_app()
    paths = {route.path for route in app.routes if isinstance(route, APIRoute)}
    paths |= {route.path for route in ROUTES}
    table = RoleTable(BASE)
    for part in PARTS:
        table.add(part.roles)

    own = {path for path in paths if path.startswith("/v1/") or path in BASE}

    assert {path for path in own if table.needed(path) == ADMIN} == {"/v1/artifact"}


def test_the_longest_path_of_the_table_counts() -> None:
    """A part may open a page and keep its data closed."""
    table = RoleTable({"/": OPEN, "/data/": ADMIN, "/data/open/": OPEN})

    assert table.needed("/") == OPEN
    assert table.needed("/data/x") == ADMIN
    assert table.needed("/data/open/x") == OPEN
    assert table.needed("/elsewhere") == ADMIN
