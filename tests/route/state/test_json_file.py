"""The JSON file: replaced wholly or not at all, by one writer."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tracetier.errors import StateError, StorageError
from tracetier.route.state.json_file import JsonFileStore


def _fail(error: int) -> Callable[..., int]:
    def failing(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    return failing


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    """The folder is made, and nothing is left beside the file but its lock."""
    path = tmp_path / "state" / "bandit-state.json"
    store = JsonFileStore(path)

    assert store.load() is None
    store.save(b"one")
    store.save(b"two")

    assert JsonFileStore(path).load() == b"two"
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        ".bandit-state.json.lock",
        "bandit-state.json",
    ]


def test_the_data_is_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fsync of the file, rename, fsync of the folder: in that order."""
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noted_sync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        assert self.parent == target.parent
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)

    JsonFileStore(tmp_path / "s.json").save(b"x")

    assert steps == ["file", "rename", "folder"]


@pytest.mark.parametrize("call", ["write", "fsync", "open"])
def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Wherever the disk refuses; the same store can save once there is room."""
    path = tmp_path / "s.json"
    store = JsonFileStore(path)
    store.save(b"old")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, _fail(errno.ENOSPC))
        with pytest.raises(
            StorageError, match=r"s\.json' cannot be written: .*No space left.*save"
        ):
            store.save(b"new")

    assert path.read_bytes() == b"old"
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))
    store.save(b"new")
    assert path.read_bytes() == b"new"


def test_short_writes_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes three bytes at a time still gets them all."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data)[:3]))

    JsonFileStore(tmp_path / "s.json").save(b"0123456789")

    assert (tmp_path / "s.json").read_bytes() == b"0123456789"


def test_a_left_over_temporary_file_is_overwritten(tmp_path: Path) -> None:
    """As a crash between write and rename leaves it."""
    (tmp_path / ".s.json.tmp").write_bytes(b"half of a state that was long")
    store = JsonFileStore(tmp_path / "s.json")

    store.save(b"x")

    assert store.load() == b"x"
    assert not (tmp_path / ".s.json.tmp").exists()


def test_another_writer_is_noticed_and_not_overwritten(tmp_path: Path) -> None:
    """Also where both write the same number of bytes."""
    path = tmp_path / "s.json"
    one, two = JsonFileStore(path), JsonFileStore(path)
    one.save(b"1111")
    assert two.load() == b"1111"
    two.save(b"2222")

    with pytest.raises(StateError, match=r"written by another.*one writer.*not overwritten"):
        one.save(b"3333")

    assert path.read_bytes() == b"2222"
    assert one.load() == b"2222"
    one.save(b"3333")
    assert path.read_bytes() == b"3333"


def test_a_file_that_was_never_read_is_not_overwritten(tmp_path: Path) -> None:
    """A store that did not look first cannot know what it would lose."""
    (tmp_path / "s.json").write_bytes(b"precious")

    with pytest.raises(StateError, match="not overwritten"):
        JsonFileStore(tmp_path / "s.json").save(b"x")

    assert (tmp_path / "s.json").read_bytes() == b"precious"


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    """The file behind it is replaced."""
    (tmp_path / "real.json").write_bytes(b"old")
    (tmp_path / "link.json").symlink_to("real.json")
    store = JsonFileStore(tmp_path / "link.json")
    store.load()

    store.save(b"new")

    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_bytes() == b"new"


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    """Reading it is refused by the system; the message says which path."""
    (tmp_path / "s.json").mkdir()

    with pytest.raises(StorageError, match=r"s\.json' cannot be read: .*check the path"):
        JsonFileStore(tmp_path / "s.json").load()


_COUNT_UP = """
import sys
from tracetier.route.state.json_file import JsonFileStore
store = JsonFileStore(sys.argv[1])
for _ in range(20):
    with store.exclusive():
        store.save(str(int(store.load() or b"0") + 1).encode())
"""


def test_processes_that_take_turns_lose_no_update(tmp_path: Path, root: Path) -> None:
    """Three processes add 1 twenty times each, under the lock."""
    path = tmp_path / "n.json"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _COUNT_UP, str(path)],
            env={"PYTHONPATH": str(root / "pipeline")},
        )
        for _ in range(3)
    ]

    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert JsonFileStore(path).load() == b"60"
