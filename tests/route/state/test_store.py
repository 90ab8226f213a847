"""Stores by URL, and the laws that every store keeps."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tracetier.errors import StateError
from tracetier.route.state.json_file import JsonFileStore
from tracetier.route.state.memory import MemoryStore
from tracetier.route.state.store import StateStore, open_state


def _opened(url: str | Path | None) -> JsonFileStore:
    store = open_state(url)
    assert isinstance(store, JsonFileStore)
    return store


def test_every_form_of_a_json_file_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Absolute and relative URL, plain path, path object."""
    monkeypatch.chdir(tmp_path)
    expected = Path("state/s.json").resolve()

    assert _opened(f"json://{expected}").path == expected
    assert _opened("json://state/s.json").path == expected
    assert _opened("state/s.json").path == expected
    assert _opened(Path("state") / "s.json").path == expected
    assert list(tmp_path.iterdir()) == []


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
        (
            "sqlite:///state.db",
            "sqlite:// is not in this version, known are memory, json; expected",
        ),
        ("redis://localhost/0", "redis:// is not in this version"),
        ("json://", "names no file"),
        ("state.db", r"'state\.db' is no form that is known; expected memory://.*json"),
    ],
)
def test_other_forms_are_refused_and_the_known_ones_listed(url: str, message: str) -> None:
    """Before anything is read or written."""
    with pytest.raises(StateError, match=message):
        open_state(url)


@pytest.fixture(params=["memory", "json"])
def reopened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StateStore]:
    """Return a way to open the same store again and again."""
    memory = MemoryStore()
    if request.param == "memory":
        return lambda: memory
    return lambda: JsonFileStore(tmp_path / "s.json")


def test_a_store_keeps_the_last_document(reopened: Callable[[], StateStore]) -> None:
    """Any bytes, also none; a document of no bytes is not "no document"."""
    assert reopened().load() is None
    for data in (b"{}", bytes(range(256)) * 500, b""):
        store = reopened()
        store.load()
        store.save(data)
        assert store.load() == data
        assert reopened().load() == data


def test_a_load_and_a_save_fit_into_one_lock(reopened: Callable[[], StateStore]) -> None:
    """The lock may be taken again by its holder, and is free afterwards, also after an error."""
    store = reopened()
    with suppress(ZeroDivisionError), store.exclusive():
        store.load()
        with store.exclusive():
            store.save(b"1")
        raise ZeroDivisionError

    other = reopened()
    with other.exclusive():
        assert other.load() == b"1"
        other.save(b"2")
    assert store.load() == b"2"
