"""The SQLite file: what is its own, beside what every store promises."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tracetier.errors import StateError, StorageError
from tracetier.route.event import Configured, Decided, Reported, Reset, TraceReported
from tracetier.route.state import sqlite_file
from tracetier.route.state.mark import Mark, Page
from tracetier.route.state.sqlite import SqliteStore
from tracetier.route.state.sqlite_file import SqliteFile

START = Mark("e", 0)
EVENT = Reported("d", None, 1.0, 0.0)


def _document(mark: Mark = START) -> bytes:
    return msgspec.json.encode({"format": 2, "epoch": mark.epoch, "position": mark.position})


def _store(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    assert store.replace(_document(), START, expected=None)
    return store


def _pragma(store: SqliteStore, name: str) -> object:
    connection = store._file.opened()
    assert connection is not None
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_each_durable_commit_is_forced_to_the_disk(tmp_path: Path) -> None:
    """FULL (2) unless asked otherwise; while a batch is open no firmer than the file needs (1)."""
    store = _store(tmp_path / "s.db")
    store.append([EVENT], START)
    assert (_pragma(store, "journal_mode"), _pragma(store, "synchronous")) == ("wal", 2)
    store.append([EVENT], Mark("e", 1), durable=False)
    assert _pragma(store, "synchronous") == 1

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


LAYOUT_1 = """
CREATE TABLE event (position INTEGER PRIMARY KEY, body BLOB NOT NULL);
INSERT INTO event VALUES(4, CAST('["d","d1",1,2,[0.25,0.5,0.75],[0.05,0.2,1.0],0.3,0.1,1.5,"s","t",\
"tenant",true,0.004,0.02,7.5,0]' AS BLOB));
INSERT INTO event VALUES(5, CAST('["r","d1",8.0,0.01,2.5]' AS BLOB));
INSERT INTO event VALUES(6, CAST('["t","t",0.1,true,3.5]' AS BLOB));
INSERT INTO event VALUES(7, CAST('["c",0.7,null,null,{"alpha":0.2},null]' AS BLOB));
INSERT INTO event VALUES(8, CAST('["z",0,null]' AS BLOB));
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL,
  base INTEGER NOT NULL, folded INTEGER NOT NULL, batches INTEGER NOT NULL, document BLOB NOT NULL);
INSERT INTO head VALUES(1, 'e', 3, 3, 0,
  CAST('{"format": 2, "epoch": "e", "position": 3}' AS BLOB));
CREATE TABLE kept (name TEXT PRIMARY KEY, document BLOB NOT NULL);
INSERT INTO kept VALUES('monday', CAST('{"format": 2}' AS BLOB));
PRAGMA application_id = 1953653091;
PRAGMA user_version = 1;
"""
"""A file as the first version kept it: an event a row, in JSON."""

LAYOUT_2 = """
CREATE TABLE event (position INTEGER PRIMARY KEY, body BLOB NOT NULL);
INSERT INTO event VALUES(5,X'92DC0011A164A26431010293CB3FD0000000000000CB3FE0000000000000\
CB3FE800000000000093CB3FA999999999999ACB3FC999999999999ACB3FF0000000000000CB3FD3333333333333\
CB3FB999999999999ACB3FF8000000000000A173A174A674656E616E74C3CB3F70624DD2F1A9FC\
CB3F947AE147AE147BCB401E0000000000000095A172A26431CB4020000000000000CB3F847AE147AE147B\
CB4004000000000000');
INSERT INTO event VALUES(8,X'9395A174A174CB3FB999999999999AC3CB400C00000000000096A163\
CB3FE6666666666666C0C081A5616C706861CB3FC999999999999AC093A17A00C0');
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL,
  base INTEGER NOT NULL, folded INTEGER NOT NULL, batches INTEGER NOT NULL, document BLOB NOT NULL);
INSERT INTO head VALUES(1, 'e', 3, 3, 0,
  CAST('{"format": 2, "epoch": "e", "position": 3}' AS BLOB));
CREATE TABLE kept (name TEXT PRIMARY KEY, document BLOB NOT NULL);
INSERT INTO kept VALUES('monday', CAST('{"format": 2}' AS BLOB));
PRAGMA application_id = 1953653091;
PRAGMA user_version = 2;
"""
"""A file as the version before kept it: two appends, the document in one piece."""


@pytest.mark.parametrize(("layout", "script"), [(1, LAYOUT_1), (2, LAYOUT_2)])
def test_a_file_of_an_earlier_layout_is_read_and_gone_on_with(
    layout: int, script: str, tmp_path: Path
) -> None:
    """Every kind of event; what is appended now stands behind, for whoever reads from anywhere.

    Who only looks leaves it as it is. With the first write it is of the layout of now, so that an
    earlier version is told, and does not take the new rows for damage.
    """
    path = tmp_path / "s.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    old = [
        Decided(
            *("d1", 1, 2, [0.25, 0.5, 0.75], [0.05, 0.2, 1.0], 0.3, 0.1, 1.5, "s", "t", "tenant"),
            *(True, 0.004, 0.02, 7.5, 0),
        ),
        Reported("d1", 8.0, 0.01, 2.5),
        TraceReported("t", 0.1, True, 3.5),
        Configured(lam=0.7, params={"alpha": 0.2}),
        Reset(0, None),
    ]

    store = SqliteStore(path)
    stored = store.load()
    assert stored is not None
    assert (stored.mark, list(stored.events)) == (Mark("e", 3), old)
    assert store.kept() == {"monday": b'{"format": 2}'}
    assert _pragma(store, "user_version") == layout
    assert list(store.append([EVENT, EVENT], Mark("e", 6)).events) == old[3:]

    assert _pragma(SqliteStore(path), "user_version") == 3
    assert list(SqliteStore(path).read(Mark("e", 5)).events) == [*old[2:], EVENT, EVENT]
    store.compact(_document(Mark("e", 9)), Mark("e", 9))
    stored = SqliteStore(path).load()
    assert stored is not None
    assert list(stored.events) == [EVENT]


def test_what_is_appended_together_is_one_row_and_read_from_any_place(tmp_path: Path) -> None:
    """Also by a reader who stands within it, as after a document that was folded elsewhere."""
    path = tmp_path / "s.db"
    store, events = _store(path), [Reported(f"d{n}", None, float(n), 0.0) for n in range(7)]
    store.append(events[:2], START)
    store.append(events[2:], Mark("e", 2))

    for position in range(8):
        page = SqliteStore(path).read(Mark("e", position))
        assert list(page.events) == events[position:]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT position FROM event").fetchall() == [(2,), (7,)]


def test_a_look_at_a_file_put_in_its_place_is_no_memory_of_the_other(tmp_path: Path) -> None:
    """Even where both are as old, and the reader stands at the end of the other."""
    path, other = tmp_path / "s.db", tmp_path / "other.db"
    store = _store(path)
    assert store.read(START) == Page()
    mark = Mark("f", 0)
    assert SqliteStore(other).replace(_document(mark), mark, expected=None)
    for rest in tmp_path.glob("s.db-*"):
        rest.unlink()
    other.rename(path)

    assert store.read(START).is_elsewhere


def test_a_later_layout_is_refused_by_its_number(tmp_path: Path) -> None:
    """And left as it is."""
    path = tmp_path / "s.db"
    _store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9")
    before = path.read_bytes()

    with pytest.raises(
        StateError, match=r"has layout 9, of a newer version.*reads layouts 1, 2, 3"
    ):
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


def test_a_file_is_looked_for_again_after_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with every report; one that was moved away within it has what was appended."""
    store = _store(tmp_path / "s.db")
    monkeypatch.setattr(sqlite_file, "SAME_S", 1e6)
    store.append([EVENT], START)
    (tmp_path / "s.db").rename(tmp_path / "old.db")
    assert store.read(Mark("e", 1)) == Page()
    store.close()

    assert store.read(Mark("e", 1)).is_behind


def test_a_file_that_takes_its_place_while_it_is_opened_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what is acknowledged would go into a file that nobody has any more."""
    path, other = tmp_path / "s.db", tmp_path / "other.db"
    _store(path).close()
    mark = Mark("f", 0)
    SqliteStore(other).replace(_document(mark), mark, expected=None)
    check = SqliteFile._checked

    def checked(file: SqliteFile, connection: sqlite3.Connection) -> int:
        layout = check(file, connection)
        if other.exists():
            other.rename(path)
        return layout

    monkeypatch.setattr(SqliteFile, "_checked", checked)
    store = SqliteStore(path)
    assert store.read(START) == Page()

    assert store.append([EVENT], START).is_elsewhere


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where a folder should be."""
    (tmp_path / "file").write_text("x")

    with pytest.raises(StorageError, match=r"s\.db' cannot be written: .*mend the permissions"):
        _store(tmp_path / "file" / "s.db")
