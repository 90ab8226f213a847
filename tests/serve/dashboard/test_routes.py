"""The dashboard by HTTP: open page, guarded data, nothing from elsewhere."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracetier.records import Task
from tracetier.serve.auth import Access
from tracetier.serve.dashboard import routes
from tracetier.serve.dashboard.pages import FOLDER, files
from tracetier.serve.service import Service

if TYPE_CHECKING:
    from tests.serve.conftest import Ask, MakeApp

ACCESS = Access(
    [
        ("reader", ["read"], "read-token-0123456789"),
        ("agent", ["route"], "route-token-0123456789"),
    ]
)
SOURCES = sorted(path for path in FOLDER.iterdir())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/dashboard/dashboard.css", "text/css"),
        ("/dashboard/dashboard.js", "text/javascript"),
        ("/dashboard/icon.svg", "image/svg+xml"),
    ],
)
def test_the_page_and_its_files_are_served(
    make_app: "MakeApp", ask: "Ask", path: str, kind: str
) -> None:
    """To anybody, since they tell nothing; under a policy that lets nothing in from elsewhere."""
    answer = ask(make_app(access=ACCESS), "GET", path)

    policy = answer.headers["content-security-policy"].split("; ")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy)
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_is_known_is_not_sent_again(make_app: "MakeApp", ask: "Ask") -> None:
    """By its entity tag, also a weak one among others; another tag gets the file."""
    app = make_app()
    etag = ask(app, "GET", "/").headers["etag"]

    again = ask(app, "GET", "/", headers={"if-none-match": f'"x", W/{etag}'})
    other = ask(app, "GET", "/", headers={"if-none-match": '"x"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert other.status_code == 200


@pytest.mark.parametrize("name", ["nothing.js", "..%2froutes.py", "%2e%2e/routes.py", "routes.py"])
def test_nothing_else_of_the_package_is_served(make_app: "MakeApp", ask: "Ask", name: str) -> None:
    """Files are looked up by name among those that were read, never on the disk."""
    answer = ask(make_app(), "GET", f"/dashboard/{name}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (None, 401),
        ("wrong-token-0123456789", 401),
        ("route-token-0123456789", 403),
        ("read-token-0123456789", 200),
    ],
)
def test_the_data_need_the_role_read(
    make_app: "MakeApp", ask: "Ask", token: str | None, status: int
) -> None:
    """Decisions and money are not for everybody who may ask for a tier."""
    headers = {} if token is None else {"authorization": f"Bearer {token}"}

    answer = ask(make_app(access=ACCESS), "GET", "/v1/dashboard", headers=headers)

    assert answer.status_code == status


def test_an_unknown_window_is_told_the_known(make_app: "MakeApp", ask: "Ask") -> None:
    """422, with the field."""
    answer = ask(make_app(), "GET", "/v1/dashboard?window=2y").json()

    assert (answer["status"], answer["field"]) == (422, "window")
    assert "1h, 24h, 7d, 30d" in answer["detail"]


def test_the_data_are_never_kept_by_a_cache(
    make_app: "MakeApp", service: Service, ask: "Ask"
) -> None:
    """And hold the decision that was just made."""
    app = make_app()
    decision = service.route(Task(task_type="edit"))

    answer = ask(app, "GET", "/v1/dashboard?window=24h")

    assert answer.headers["cache-control"] == "no-store"
    assert [row["decision_id"] for row in answer.json()["recent"]] == [decision.decision_id]


def test_a_worker_among_several_says_so(
    make_app: "MakeApp", ask: "Ask", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is its own is not to be taken for all."""
    alone = ask(make_app(), "GET", "/v1/dashboard").json()
    monkeypatch.setattr(routes, "_is_one_of_several", lambda: True)
    together = ask(make_app(), "GET", "/v1/dashboard").json()

    assert alone["state"]["is_one_of_several"] is False
    assert together["state"]["is_one_of_several"] is True


def test_the_timeline_is_kept_though_nobody_looks(
    make_app: "MakeApp", service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the app runs the ledger is looked at again and again."""
    monkeypatch.setattr(routes, "SAMPLE_S", 0.01)
    looked: list[str] = []
    ledger = service.router.ledger

    def watched(*, since: str = "") -> object:
        looked.append(since)
        return ledger(since=since)

    monkeypatch.setattr(service.router, "ledger", watched)
    app = make_app()

    async def live() -> int:
        async with app.router.lifespan_context(app):
            before = len(looked)
            while len(looked) < before + 5:
                await asyncio.sleep(0.01)
        return len(looked)

    assert asyncio.run(asyncio.wait_for(live(), 20)) >= 5


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_file_reaches_for_anything_elsewhere(path: Path) -> None:
    """No other origin, no markup from data, no code from text, no style in the markup."""
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")

    assert not re.findall(r"https?://|url\(|@import|innerHTML|outerHTML|insertAdjacent", text)
    assert not re.findall(r"\beval\(|new Function|document\.write|\son\w+=\"|\sstyle=\"", text)


def test_every_file_that_is_named_is_there() -> None:
    """In the page and in the modules; and none is there that nothing names."""
    named = {"index.html"}
    for path in SOURCES:
        found = re.findall(r'"/dashboard/([\w.]+)"|from "\./([\w.]+)"', path.read_text("utf-8"))
        named |= {page or module for page, module in found}

    assert named == set(files()) == {path.name for path in SOURCES}
