"""The SQLite file: what is its own, beside what every store promises."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tracetier.errors import StateError, StorageError
from tracetier.route.event import Reported
from tracetier.route.state.mark import Mark
from tracetier.route.state.sqlite import SqliteStore

START = Mark("e", 0)
EVENT = Reported("d", None, 1.0, 0.0)


def _document(mark: Mark = START) -> bytes:
    return msgspec.json.encode({"format": 2, "epoch": mark.epoch, "position": mark.position})


def _store(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    assert store.replace(_document(), START, expected=None)
    return store


def _pragma(store: SqliteStore, name: str) -> object:
    assert store._connection is not None
    return store._connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_each_durable_commit_is_forced_to_the_disk(tmp_path: Path) -> None:
    """FULL (2) unless asked otherwise; not while a batch is open (0)."""
    store = _store(tmp_path / "s.db")
    store.append([EVENT], START)
    assert (_pragma(store, "journal_mode"), _pragma(store, "synchronous")) == ("wal", 2)
    store.append([EVENT], Mark("e", 1), durable=False)
    assert _pragma(store, "synchronous") == 0

    quick = SqliteStore(tmp_path / "s.db", synchronous="NORMAL")
    quick.append([EVENT], Mark("e", 2))
    assert _pragma(quick, "synchronous") == 1


def test_the_end_of_a_batch_writes_so_that_the_disk_is_forced(tmp_path: Path) -> None:
    """A commit without a change forces nothing: the log on the disk grows by a page."""
    store = _store(tmp_path / "s.db")
    log = tmp_path / "s.db-wal"
    store.append([EVENT], START, durable=False)
    size = log.stat().st_size
    store.append([], Mark("e", 1))
    grown = log.stat().st_size
    store.append([], Mark("e", 1))

    assert size < grown == log.stat().st_size


def test_a_later_layout_is_refused_by_its_number(tmp_path: Path) -> None:
    """And left as it is."""
    path = tmp_path / "s.db"
    _store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9")
    before = path.read_bytes()

    with pytest.raises(StateError, match=r"has layout 9, of a newer version.*reads layout 1"):
        SqliteStore(path).load()
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    """Also for writing."""
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mail (text)")
    before = path.read_bytes()

    for act in (SqliteStore(path).load, lambda: _store(path)):
        with pytest.raises(StateError, match="is a database of something else"):
            act()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("mail",)]
    assert len(path.read_bytes()) == len(before)


def test_a_torn_file_is_refused_and_left(tmp_path: Path) -> None:
    """Cut in the middle, or no database at all."""
    path = tmp_path / "s.db"
    store = _store(path)
    for number in range(300):
        store.append([EVENT] * 5, Mark("e", 5 * number), durable=False)
    store.close()
    whole = path.read_bytes()

    for data in (whole[: len(whole) // 2], b"no database " * 400):
        path.write_bytes(data)
        for rest in tmp_path.glob("s.db-*"):
            rest.unlink()
        with pytest.raises(StateError, match=r"holds no readable state.*restore it"):
            SqliteStore(path).load()
        assert path.read_bytes() == data


def test_a_file_that_was_put_in_its_place_is_taken(tmp_path: Path) -> None:
    """A copy that was restored by hand while a store was open: not the file that is gone."""
    path = tmp_path / "s.db"
    store = _store(path)
    store.append([EVENT], START)
    path.rename(tmp_path / "old.db")
    for rest in tmp_path.glob("s.db-*"):
        rest.unlink()

    assert store.append([EVENT], Mark("e", 1)).is_behind
    other = Mark("f", 0)
    assert SqliteStore(path).replace(_document(other), other, expected=None)
    assert store.append([EVENT], Mark("e", 1)).is_elsewhere


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where a folder should be."""
    (tmp_path / "file").write_text("x")

    with pytest.raises(StorageError, match=r"s\.db' cannot be written: .*mend the permissions"):
        _store(tmp_path / "file" / "s.db")
