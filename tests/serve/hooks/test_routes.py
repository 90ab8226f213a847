"""``POST /hooks/claude-code``: 200 with the answer, or 200 with nothing."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tracetier.errors import CapError
from tracetier.records import Decision
from tracetier.serve.app import create_app
from tracetier.serve.auth import Access
from tracetier.serve.service import Service
from tracetier.settings import Settings

Change = Callable[..., dict[str, Any]]
Ask = Callable[..., httpx.Response]
Write = Callable[..., Path]

PATH = "/hooks/claude-code"


@pytest.fixture(autouse=True)
def _own_spawns(short_folder: Path) -> None:
    """Not those of whoever runs the tests."""


@pytest.fixture
def app(hooked: Service) -> Any:
    """The service's own app."""
    return create_app(hooked, Settings())


def test_a_spawn_is_answered(app: Any, ask: Ask, spawn_event: Change) -> None:
    """As by the command."""
    answer = ask(app, "POST", PATH, json=spawn_event())

    assert answer.status_code == 200
    assert answer.json()["hookSpecificOutput"]["updatedInput"]["model"] == "opus"


def test_the_options_stand_in_the_address(app: Any, ask: Ask, spawn_event: Change) -> None:
    """Since settings.json can say no more of a service."""
    event = spawn_event({"model": "haiku"})
    told = [ask(app, "POST", f"{PATH}?{query}", json=event).json() for query in ("", "override=1")]
    allowed = ask(app, "POST", f"{PATH}?override=1&allow=1", json=event).json()

    assert told[0] == {}
    assert told[1]["hookSpecificOutput"]["updatedInput"]["model"] == "opus"
    assert allowed["hookSpecificOutput"]["permissionDecision"] == "allow"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"hook_event_name": 3}', b"\xff", b'{"hook_event_name": "Stop"}'],
)
def test_whatever_else_comes_is_answered_with_nothing(app: Any, ask: Ask, body: bytes) -> None:
    """The agent shows any other status to its user as an error."""
    answer = ask(app, "POST", PATH, content=body)

    assert (answer.status_code, answer.json()) == (200, {})


def test_a_refusal_leaves_the_spawn_as_it_is(
    app: Any, ask: Ask, hooked: Service, spawn_event: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reached cap must not stop an agent."""

    def refuse(*args: Any, **given: Any) -> Decision:
        raise CapError("a cap is reached")

    monkeypatch.setattr(hooked, "route", refuse)
    answer = ask(app, "POST", PATH, json=spawn_event())

    assert (answer.status_code, answer.json()) == (200, {})


@pytest.fixture
def hanging(hooked: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A service that decides only once the event is set."""
    gate, route = threading.Event(), hooked.route

    def wait(*args: Any, **given: Any) -> Decision:
        assert gate.wait(60)
        return route(*args, **given)

    monkeypatch.setattr(hooked, "route", wait)
    yield gate
    gate.set()


def test_a_service_that_hangs_leaves_the_spawn_as_it_is(
    app: Any, ask: Ask, hanging: threading.Event, hooked: Service, spawn_event: Change
) -> None:
    """The answer comes while it still hangs, and what it decides later is not kept."""
    answer = ask(app, "POST", PATH, json=spawn_event())
    was_hanging = not hanging.is_set()
    hanging.set()
    again = ask(app, "POST", PATH, json=spawn_event()).json()

    assert was_hanging
    assert (answer.status_code, answer.json()) == (200, {})
    assert again["hookSpecificOutput"]["updatedInput"]["model"] == "opus"


@pytest.mark.parametrize("roles", ["route", "route,feedback"])
def test_only_who_may_report_reports(
    hooked: Service,
    ask: Ask,
    spawn_event: Change,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
    roles: str,
) -> None:
    """The answer is the same, and so is all that the agent sees."""
    reported = threading.Event()

    class Told:
        def decided(self, *told: Any) -> None: ...

        def reported(self, *told: Any) -> None:
            reported.set()

    hooked.listen(Told())
    access = Access([("agent", frozenset(roles.split(",")), "t" * 40)])
    app = create_app(hooked, Settings(), access=access)
    headers = {"Authorization": "Bearer " + "t" * 40}
    ask(app, "POST", PATH, json=spawn_event(), headers=headers)
    event = stop_event(write_transcript(tmp_path))
    answer = ask(app, "POST", PATH, json=event, headers=headers)

    assert (answer.status_code, answer.json()) == (200, {})
    assert reported.wait(30 if "feedback" in roles else 0.2) is ("feedback" in roles)


def test_no_caller_without_the_role_is_answered(
    hooked: Service, ask: Ask, spawn_event: Change
) -> None:
    """A token is asked for here, too."""
    app = create_app(hooked, Settings(), access=Access([("a", frozenset({"read"}), "t" * 40)]))
    codes = [
        ask(app, "POST", PATH, json=spawn_event(), headers=headers).status_code
        for headers in ({}, {"Authorization": "Bearer " + "t" * 40})
    ]

    assert codes == [401, 403]
