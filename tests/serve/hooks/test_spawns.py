"""Spawns are kept until their sub-agents stop, by whichever process."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.serve.hooks.spawns import MAX_AGE_S, Spawn, Spawns, spawns_folder


def _spawn(name: str) -> Spawn:
    return Spawn(decision_id=name, tier="low", alias="haiku")


def test_another_process_finds_a_spawn(tmp_path: Path) -> None:
    """They share the folder and nothing else."""
    Spawns(tmp_path).put("toolu_1", "s", "Find it.", _spawn("d1"))

    assert Spawns(tmp_path).of("toolu_1") == _spawn("d1")


def test_a_spawn_is_taken_once(tmp_path: Path) -> None:
    """A sub-agent that is woken again stops again."""
    spawns = Spawns(tmp_path)
    spawns.put("toolu_1", "s", "Find it.", _spawn("d1"))

    assert spawns.take("toolu_1", "s", "") == _spawn("d1")
    assert spawns.take("toolu_1", "s", "") is None


def test_threads_may_put_one_spawn_at_once(tmp_path: Path) -> None:
    """An answer that came too late is still being written when the agent asks again."""
    spawns = Spawns(tmp_path)

    def put(name: str) -> None:
        spawns.put("toolu_1", "s", "Find it.", _spawn(name))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, (f"d{i}" for i in range(200))))

    assert spawns.of("toolu_1") is not None


def test_the_use_of_the_tool_goes_before_what_was_asked(tmp_path: Path) -> None:
    """Two sub-agents side by side may be asked the same."""
    spawns = Spawns(tmp_path)
    for name in ("d1", "d2"):
        spawns.put(f"toolu_{name}", "s", "Find it.", _spawn(name))

    assert spawns.take("toolu_d2", "s", "Find it.") == _spawn("d2")
    assert spawns.take("toolu_x", "s", "Find it.") is None


def test_without_the_use_the_oldest_that_asked_the_same_is_taken(tmp_path: Path) -> None:
    """Of this session alone; blanks around the prompt do not count."""
    spawns = Spawns(tmp_path, clock=lambda: 10.0)
    for i, session in enumerate(("other", "s", "s")):
        spawns.put(f"toolu_{i}", session, "Find it.", _spawn(f"d{i}"))
        path = next(path for path in tmp_path.iterdir() if path.stat().st_mtime > 1e6)
        os.utime(path, (i + 1.0, i + 1.0))

    assert [spawns.take(None, "s", "Find it.\n") for _ in range(3)] == [
        _spawn("d1"),
        _spawn("d2"),
        None,
    ]


def test_no_more_are_kept_than_allowed(tmp_path: Path) -> None:
    """The oldest go."""
    spawns = Spawns(tmp_path, most=2)
    for i in range(4):
        spawns.put(f"toolu_{i}", "s", f"p{i}", _spawn(f"d{i}"))
        for path in tmp_path.iterdir():
            os.utime(path, (path.stat().st_mtime - 1, path.stat().st_mtime - 1))

    assert [spawns.of(f"toolu_{i}") for i in range(4)] == [None, None, _spawn("d2"), _spawn("d3")]


def test_what_never_stopped_goes_after_a_week(tmp_path: Path) -> None:
    """A session that was killed tells nobody."""
    now = 0.0
    spawns = Spawns(tmp_path, clock=lambda: now)
    spawns.put("toolu_1", "s", "p", _spawn("d1"))
    now = next(tmp_path.iterdir()).stat().st_mtime + MAX_AGE_S + 1
    spawns.put("toolu_2", "s", "q", _spawn("d2"))

    assert spawns.of("toolu_1") is None


def test_a_damaged_file_is_no_spawn(tmp_path: Path) -> None:
    """It is passed over, and gone."""
    spawns = Spawns(tmp_path)
    spawns.put("toolu_1", "s", "p", _spawn("d1"))
    next(tmp_path.iterdir()).write_bytes(b"{")

    assert spawns.of("toolu_1") is None
    assert spawns.take("toolu_1", "s", "p") is None
    assert list(tmp_path.iterdir()) == []


def test_the_prompt_is_not_on_the_disk(tmp_path: Path) -> None:
    """Neither in a name nor within."""
    Spawns(tmp_path / "spawns").put("toolu_1", "s", "secretplan", _spawn("d1"))
    (path,) = (tmp_path / "spawns").iterdir()

    assert b"secretplan" not in path.name.encode() + path.read_bytes()
    assert (tmp_path / "spawns").stat().st_mode & 0o077 == 0


@given(use=st.text(), session=st.text(), prompt=st.text())
def test_any_text_makes_a_name(
    tmp_path_factory: pytest.TempPathFactory, use: str, session: str, prompt: str
) -> None:
    """Ids and prompts come from outside: path signs, zero bytes, half of a pair."""
    spawns = Spawns(tmp_path_factory.mktemp("spawns"))
    spawns.put(use, session, prompt, _spawn("d1"))

    assert spawns.take(None, session, prompt) == _spawn("d1")


def test_each_state_has_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision is reported to the state that it was taken with."""
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    one, other = spawns_folder("sqlite:///a.db"), spawns_folder("sqlite:///b.db")

    assert one.parent == other.parent == Path("/var/state/tracetier/spawns")
    assert one != other
