"""Stores by URL."""

from pathlib import Path

import pytest

from tracetier.errors import StateError
from tracetier.route.state.json_file import JsonFileStore
from tracetier.route.state.memory import MemoryStore
from tracetier.route.state.redis import RedisStore
from tracetier.route.state.sqlite import SqliteStore
from tracetier.route.state.store import open_state


def test_every_form_of_a_file_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absolute and relative URL, plain path, path object; opening makes nothing."""
    monkeypatch.chdir(tmp_path)
    for kind, scheme, suffix in ((JsonFileStore, "json", ".json"), (SqliteStore, "sqlite", ".db")):
        expected = Path(f"state/s{suffix}").resolve()
        for url in (
            f"{scheme}://{expected}",
            f"{scheme}://state/s{suffix}",
            f"state/s{suffix}",
            Path("state") / f"s{suffix}",
        ):
            store = open_state(url)
            assert isinstance(store, kind)
            assert store.path == expected
    assert list(tmp_path.iterdir()) == []


def test_a_sqlite_file_without_a_folder_is_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sqlite:///state.db is how other libraries write it; four slashes are absolute there."""
    monkeypatch.chdir(tmp_path)
    store, absolute = open_state("sqlite:///state.db"), open_state(f"sqlite:///{tmp_path}/s.db")

    assert isinstance(store, SqliteStore)
    assert isinstance(absolute, SqliteStore)
    assert store.path == tmp_path.resolve() / "state.db"
    assert absolute.path == tmp_path.resolve() / "s.db"


def test_servers_are_known_by_their_urls() -> None:
    """Nothing is asked of them yet; the name holds no password."""
    for url, name in (
        ("redis://localhost:6379/0", "redis://localhost:6379/0' (name 'default')"),
        ("rediss://u:pw@host/1?state=prod", "rediss://host/1' (name 'prod')"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock' (name 'default')"),
    ):
        store = open_state(url)
        assert isinstance(store, RedisStore)
        assert store.name == f"state '{name}"


def test_nothing_or_memory_is_memory_and_a_store_is_itself() -> None:
    """Two memories are not one."""
    store = MemoryStore()

    assert isinstance(open_state(None), MemoryStore)
    assert isinstance(open_state("memory://"), MemoryStore)
    assert open_state(store) is store
    assert open_state("memory://") is not open_state("memory://")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://me:pw@here/x", "mysql://... is not in this version, known are memory, json, sq"),
        ("json://", "names no file"),
        ("sqlite:///", "names no file"),
        ("state.txt", r"'state\.txt' is no form that is known; expected memory://.*json"),
    ],
)
def test_other_forms_are_refused_and_the_known_ones_listed(url: str, message: str) -> None:
    """Before anything is read or written, and without what may be a password."""
    with pytest.raises(StateError, match=message) as caught:
        open_state(url)
    assert "pw" not in str(caught.value)
