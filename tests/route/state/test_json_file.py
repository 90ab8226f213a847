"""The JSON file and its journal: replaced wholly or not at all, torn only where nobody was told."""

import os
import stat
from pathlib import Path

import msgspec
import pytest

from tracetier.errors import StateError, StorageError
from tracetier.route.event import Reported
from tracetier.route.state.json_file import JsonFileStore
from tracetier.route.state.mark import Mark, Stored

START = Mark("e", 0)


def _document(mark: Mark = START) -> bytes:
    return msgspec.json.encode({"format": 2, "epoch": mark.epoch, "position": mark.position})


def _event(number: int) -> Reported:
    return Reported("d", None, float(number), 0.0)


def _store(path: Path, n_events: int = 0) -> JsonFileStore:
    store = JsonFileStore(path)
    assert store.replace(_document(), START, expected=None)
    for number in range(n_events):
        store.append([_event(number)], Mark("e", number))
    return store


def _all(path: Path) -> Stored:
    stored = JsonFileStore(path).load()
    assert stored is not None
    return stored


def test_folding_leaves_the_file_alone_and_nothing_but_its_lock(tmp_path: Path) -> None:
    """The journal is there between the first event and the folding."""
    path = tmp_path / "state" / "s.json"
    store = _store(path, 3)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        ".s.json.lock",
        "s.json",
        "s.json.journal",
    ]

    store.compact(_document(Mark("e", 3)), Mark("e", 3))

    assert sorted(entry.name for entry in path.parent.iterdir()) == [".s.json.lock", "s.json"]
    assert _all(path).mark == Mark("e", 3)


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

    _store(tmp_path / "s.json")

    assert steps == ["file", "rename", "folder"]


def test_an_event_is_on_the_disk_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it need not be; then with the next that must."""
    store, synced = _store(tmp_path / "s.json", 1), []
    sync = os.fdatasync

    def noted(descriptor: int) -> None:
        synced.append((tmp_path / "s.json.journal").read_bytes().count(b"\n"))
        sync(descriptor)

    monkeypatch.setattr(os, "fdatasync", noted)
    store.append([_event(1)], Mark("e", 1))
    store.append([_event(2)], Mark("e", 2), durable=False)
    store.append([], Mark("e", 3))
    store.append([], Mark("e", 3))

    assert synced == [2, 3]


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_a_refused_event_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Neither a part of it nor the whole; the same store takes it once there is room."""
    path = tmp_path / "s.json"
    store = _store(path, 2)
    write = os.write

    def refuse(file: int, data: bytes = b"") -> int:
        if call == "write":
            write(file, bytes(data)[:7])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(StorageError, match=r"s\.json' cannot be written: .*No space left"):
            store.append([_event(2)], Mark("e", 2))

    assert len(_all(path).events) == 2
    store.append([_event(2)], Mark("e", 2))
    assert list(_all(path).events) == [_event(0), _event(1), _event(2)]


@pytest.mark.parametrize("call", ["write", "fsync", "open"])
def test_a_refused_document_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Wherever the disk refuses; with its events, and nothing beside them."""
    path = tmp_path / "s.json"
    store = _store(path, 2)

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(StorageError, match="No space left"):
            store.compact(_document(Mark("e", 2)), Mark("e", 2))

    assert (_all(path).mark, len(_all(path).events)) == (START, 2)
    assert not list(tmp_path.glob(".*.tmp"))
    store.compact(_document(Mark("e", 2)), Mark("e", 2))
    assert _all(path).mark == Mark("e", 2)


def test_short_writes_are_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that takes three bytes at a time still gets them all."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data)[:3]))

    _store(tmp_path / "s.json", 2)

    assert len(_all(tmp_path / "s.json").events) == 2


def test_a_journal_torn_at_any_byte_keeps_every_whole_line(tmp_path: Path) -> None:
    """The torn line was never acknowledged: it is cut off by the next append, not by a look."""
    path, journal = tmp_path / "s.json", tmp_path / "s.json.journal"
    _store(path, 3).close()
    whole = journal.read_bytes()
    second_end = whole.index(b"\n", whole.index(b"\n") + 1) + 1

    for end in range(second_end, len(whole)):
        journal.write_bytes(whole[:end])
        assert len(_all(path).events) == 2
        assert journal.stat().st_size == end
        store = JsonFileStore(path)
        store.append([_event(9)], Mark("e", 2))
        store.close()
        assert list(_all(path).events) == [_event(0), _event(1), _event(9)]


def test_damage_before_the_last_line_is_told(tmp_path: Path) -> None:
    """A bit that fell over is no crash; nothing is cut off, and nothing is written."""
    path, journal = tmp_path / "s.json", tmp_path / "s.json.journal"
    _store(path, 3).close()
    damaged = bytearray(journal.read_bytes())
    damaged[12] ^= 1
    journal.write_bytes(damaged)

    with pytest.raises(StateError, match=r"journal is damaged at byte 0 .*restore it"):
        JsonFileStore(path).load()
    with pytest.raises(StateError, match=r"journal is damaged at byte 0"):
        JsonFileStore(path).append([_event(3)], Mark("e", 3))
    assert journal.read_bytes() == damaged


def test_a_missing_piece_of_the_journal_is_told(tmp_path: Path) -> None:
    """As where the file is from a later copy than its document, or a line was cut out."""
    path, journal = tmp_path / "s.json", tmp_path / "s.json.journal"
    _store(path, 3).close()
    first, second, third = journal.read_bytes().splitlines(keepends=True)

    journal.write_bytes(first + third)
    with pytest.raises(StateError, match="goes from event 1 to 3"):
        JsonFileStore(path).load()
    journal.write_bytes(second + third)
    with pytest.raises(StateError, match="events between them are missing"):
        JsonFileStore(path).load()


def test_a_crash_between_document_and_journal_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """The journal that was folded in is still there: its events are known to be in the document."""
    path, journal = tmp_path / "s.json", tmp_path / "s.json.journal"
    store = _store(path, 3)
    before = journal.read_bytes()
    store.compact(_document(Mark("e", 2)), Mark("e", 2))
    journal.write_bytes(before)

    assert (_all(path).mark, list(_all(path).events)) == (Mark("e", 2), [_event(2)])
    assert list(JsonFileStore(path).read(Mark("e", 1)).events) == [_event(1), _event(2)]

    new = Mark("f", 0)
    assert store.replace(_document(new), new, expected=Mark("e", 3))
    journal.write_bytes(before)
    assert (_all(path).mark, list(_all(path).events)) == (new, [])
    JsonFileStore(path).append([_event(7)], new)
    assert list(_all(path).events) == [_event(7)]


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    """The file behind it is replaced, and the journal stands beside that."""
    (tmp_path / "data").mkdir()
    (tmp_path / "link.json").symlink_to("data/real.json")

    _store(tmp_path / "link.json", 1)

    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "data" / "real.json.journal").exists()


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    """Reading it is refused by the system; the message says which path."""
    (tmp_path / "s.json").mkdir()

    with pytest.raises(StorageError, match=r"s\.json' cannot be read: .*mend the path"):
        JsonFileStore(tmp_path / "s.json").load()


def test_a_file_that_is_gone_is_noticed(tmp_path: Path) -> None:
    """Events are not written into a journal without a document."""
    store = _store(tmp_path / "s.json", 1)
    (tmp_path / "s.json").unlink()

    assert store.append([_event(1)], Mark("e", 1)).is_behind
    assert store.read(Mark("e", 1)).is_behind
