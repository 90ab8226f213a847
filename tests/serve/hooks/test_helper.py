"""The helper stays while it is needed, and ends by itself."""

import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.serve.hooks import helper as module
from tracetier.serve.hooks.claude_code import ClaudeCodeHook, read_event
from tracetier.serve.hooks.helper import Helper
from tracetier.serve.hooks.options import HookOptions
from tracetier.serve.hooks.spawns import Spawns
from tracetier.serve.service import Service

Change = Callable[..., dict[str, Any]]
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look around often."""
    monkeypatch.setattr(module, "_LOOK_S", 0.02)


def _run(helper: Helper) -> threading.Thread:
    thread = threading.Thread(target=helper.run)
    thread.start()
    return thread


def _await_socket(place: Path) -> None:
    for _ in range(3000):
        with socket.socket(socket.AF_UNIX) as link:
            try:
                link.connect(str(place))
            except OSError:
                threading.Event().wait(0.01)
            else:
                return
    raise AssertionError("no socket")


def test_it_ends_when_nobody_has_asked_for_long(
    hooked: Service, spawns: Spawns, short_folder: Path
) -> None:
    """And leaves no socket behind."""
    place = short_folder / "h.sock"
    thread = _run(Helper(hooked, HookOptions(), str(place), spawns=spawns, idle_s=0.05))
    thread.join(60)

    assert not thread.is_alive()
    assert not place.exists()


def test_it_ends_when_the_artifact_changes(
    hooked: Service, spawns: Spawns, short_folder: Path
) -> None:
    """The next event starts one that knows the new one."""
    artifact = short_folder / "artifact"
    artifact.mkdir()
    (artifact / "manifest.json").write_text("{}")
    place = short_folder / "h.sock"
    helper = Helper(hooked, HookOptions(artifact=str(artifact)), str(place), spawns=spawns)
    thread = _run(helper)
    _await_socket(place)
    os.utime(artifact / "manifest.json", (1, 1))
    thread.join(60)

    assert not thread.is_alive()


def test_it_leaves_a_place_that_another_has_taken(
    hooked: Service, spawns: Spawns, short_folder: Path
) -> None:
    """The other's socket stays."""
    place = short_folder / "h.sock"
    thread = _run(Helper(hooked, HookOptions(), str(place), spawns=spawns))
    _await_socket(place)
    with socket.socket(socket.AF_UNIX) as other:
        place.unlink()
        other.bind(str(place))
        thread.join(60)

        assert not thread.is_alive()
        assert place.exists()


def test_it_takes_over_from_one_that_was_killed(
    hooked: Service, spawns: Spawns, short_folder: Path
) -> None:
    """Its socket still lies there, and nobody answers."""
    place = short_folder / "h.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place))
    helper = Helper(hooked, HookOptions(), str(place), spawns=spawns)
    thread = _run(helper)
    _await_socket(place)
    helper.end()
    thread.join(60)

    assert not thread.is_alive()


def test_a_stop_that_it_was_started_for_is_reported_before_it_ends(
    hooked: Service,
    spawns: Spawns,
    short_folder: Path,
    spawn_event: Change,
    stop_event: Change,
    write_transcript: Write,
    tmp_path: Path,
) -> None:
    """A spawn that it was started for is not decided: its agent has gone on."""
    told = json.dumps(spawn_event()).encode()
    ClaudeCodeHook(hooked, spawns, HookOptions()).on_spawn(read_event(told))
    helper = Helper(hooked, HookOptions(), str(short_folder / "h.sock"), spawns=spawns, idle_s=0)
    helper.take_late(json.dumps(stop_event(write_transcript(tmp_path))).encode())
    helper.take_late(json.dumps(spawn_event(tool_use_id="toolu_2")).encode())
    helper.take_late(b"")
    thread = _run(helper)
    thread.join(60)
    (view,) = hooked.recent.last(2)

    assert view.cost_usd == pytest.approx(0.00495)


def test_a_decision_that_comes_too_late_is_taken_back(
    hooked: Service,
    spawns: Spawns,
    short_folder: Path,
    spawn_event: Change,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or the sub-agent's outcome would be credited to a model that it did not run on."""
    monkeypatch.setattr(module, "DEADLINE_S", -1.0)
    place = short_folder / "h.sock"
    helper = Helper(hooked, HookOptions(), str(place), spawns=spawns)
    thread = _run(helper)
    _await_socket(place)
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(place))
        link.sendall(json.dumps(spawn_event()).encode())
        link.shutdown(socket.SHUT_WR)
        answer = link.recv(65536)
    helper.end()
    thread.join(60)

    assert answer == b""
    assert len(hooked.recent) == 1
    assert spawns.of("toolu_01ABC123") is None
