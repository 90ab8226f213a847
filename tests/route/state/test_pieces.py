"""A document that is folded by steps: whole for all who look, and whatever comes between two."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tracetier.errors import StorageError
from tracetier.route.event import Reported
from tracetier.route.state import pieces, sqlite
from tracetier.route.state.mark import Mark, Stored
from tracetier.route.state.sqlite import SqliteStore

START = Mark("e", 0)
EVENTS = [Reported(f"d{n}", None, float(n), 0.0) for n in range(30)]


def _document(mark: Mark, *, text: str = "x" * 60) -> bytes:
    return msgspec.json.encode(
        {"format": 2, "epoch": mark.epoch, "position": mark.position, "text": text}
    )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteStore:
    """A state with thirty rows in its log, of which folding leaves five before the document."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 10)
    monkeypatch.setattr(sqlite, "_KEPT_EVENTS", 5)
    monkeypatch.setattr(sqlite, "_AT_ONCE", 4)
    made = SqliteStore(tmp_path / "s.db")
    assert made.replace(_document(START), START, expected=None)
    for number, event in enumerate(EVENTS):
        made.append([event], Mark("e", number), durable=False)
    return made


def _stored(store: SqliteStore) -> Stored:
    stored = SqliteStore(store.path).load()
    assert stored is not None
    return stored


def _rows(store: SqliteStore) -> tuple[int, int]:
    """How many pieces, and how many rows of the log."""
    with closing(sqlite3.connect(store.path)) as connection:
        (n_pieces,) = connection.execute("SELECT count(*) FROM piece").fetchone()
        (n_events,) = connection.execute("SELECT count(*) FROM event").fetchone()
    return n_pieces, n_events


def test_it_is_read_as_it_was_given(store: SqliteStore) -> None:
    """The one before goes, and so does the log but for its end."""
    for position in (20, 25):
        document = _document(Mark("e", position), text="y" * position)
        store.compact(document, Mark("e", position))

        assert _stored(store) == (document, Mark("e", position), EVENTS[position:])
        assert _rows(store) == (-(-len(document) // 10), 30 - position + 5)


def test_the_store_may_be_used_between_two_steps(store: SqliteStore) -> None:
    """Whoever loads finds the one or the other whole, with the events after it; no append waits."""
    new, positions = _document(Mark("e", 25)), []
    end = len(EVENTS)
    log = list(EVENTS)

    def pause() -> None:
        nonlocal end
        stored = _stored(store)
        positions.append(stored.mark.position)
        assert stored.document == (new if stored.mark.position else _document(START))
        assert list(stored.events) == log[stored.mark.position :]
        event = Reported("late", None, float(end), 0.0)
        assert not store.append([event], Mark("e", end)).events
        log.append(event)
        end += 1

    store.compact(new, Mark("e", 25), pause)

    n_pieces = -(-len(new) // 10)
    assert positions[:n_pieces] == [0] * n_pieces
    assert positions[n_pieces:] == [25] * (len(positions) - n_pieces)
    assert len(positions) > n_pieces + 20 // 4
    assert list(_stored(store).events) == log[25:]


def test_an_end_between_any_two_steps_loses_nothing(store: SqliteStore) -> None:
    """What it leaves behind goes the next time."""
    connection = store._file.opened()
    assert connection is not None
    n_steps = 0
    for position in range(10, 25):
        steps = store._folding(connection, _document(Mark("e", position)), Mark("e", position))
        for _, _step in zip(range(position - 9), steps, strict=False):
            n_steps += 1
        del steps
        stored = _stored(store)
        assert stored.mark.position in (0, *range(10, position + 1))
        assert stored.document == _document(stored.mark)
        assert list(stored.events) == EVENTS[stored.mark.position :]
    assert n_steps > 100

    document = _document(Mark("e", 28))
    store.compact(document, Mark("e", 28))
    assert _rows(store) == (-(-len(document) // 10), 7)


def test_of_two_that_fold_at_once_the_first_to_be_done_is_heard(store: SqliteStore) -> None:
    """The other, whose pieces are gone, or whose place was passed, changes nothing."""
    other = SqliteStore(store.path)
    for ours, theirs in ((12, 11), (13, 14)):
        marks = [Mark("e", theirs)]

        def pause(marks: list[Mark] = marks) -> None:
            if marks:
                mark = marks.pop()
                other.compact(_document(mark), mark)

        store.compact(_document(Mark("e", ours)), Mark("e", ours), pause)

        document = _document(Mark("e", theirs))
        assert _stored(store) == (document, Mark("e", theirs), EVENTS[theirs:])
        assert _rows(store)[0] == -(-len(document) // 10)


def test_who_has_folded_throws_away_nothing_that_came_after(store: SqliteStore) -> None:
    """Neither the pieces of a later document, nor the log of a state put in place of it."""
    other = SqliteStore(store.path)

    def folding(then: Callable[[], object], mark: Mark) -> None:
        done: list[bool] = []

        def pause() -> None:
            if not done and _stored(store).mark == mark:
                done.append(True)
                then()

        store.compact(_document(mark), mark, pause)
        assert done

    document = _document(Mark("e", 21))
    folding(lambda: other.compact(document, Mark("e", 21)), Mark("e", 20))
    assert _stored(store) == (document, Mark("e", 21), EVENTS[21:])
    assert _rows(store)[0] == -(-len(document) // 10)

    mark = Mark("f", 3)

    def replace() -> None:
        assert other.replace(_document(mark), mark, expected="any")
        other.append(EVENTS[:2], mark)

    folding(replace, Mark("e", 28))
    assert _stored(store) == (_document(mark), mark, EVENTS[:2])
    assert _rows(store) == (0, 1)


def test_where_there_is_no_room_the_state_stays_and_the_draft_goes(store: SqliteStore) -> None:
    """And with room it is done."""
    before = _stored(store)
    connection = store._file.opened()
    assert connection is not None
    (n_pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {n_pages + 2}")
    document = _document(Mark("e", 25), text="z" * 4000)

    with pytest.raises(StorageError, match=r"cannot be written: .*make room"):
        store.compact(document, Mark("e", 25))
    assert _stored(store) == before
    assert _rows(store) == (0, 30)

    connection.execute("PRAGMA max_page_count = 1000000")
    store.compact(document, Mark("e", 25))
    assert _stored(store) == (document, Mark("e", 25), EVENTS[25:])


def test_a_file_put_in_its_place_meanwhile_is_left_alone(
    store: SqliteStore, tmp_path: Path
) -> None:
    """What was folded is of the one that is gone."""
    other = SqliteStore(tmp_path / "other.db")
    assert other.replace(_document(Mark("f", 3)), Mark("f", 3), expected=None)
    other.close()
    done: list[bool] = []

    def pause() -> None:
        if not done:
            done.append(True)
            for rest in tmp_path.glob("s.db-*"):
                rest.unlink()
            (tmp_path / "other.db").rename(store.path)

    store.compact(_document(Mark("e", 25)), Mark("e", 25), pause)

    assert _stored(store) == (_document(Mark("f", 3)), Mark("f", 3), [])
    assert _rows(store) == (0, 0)


def test_a_document_in_head_is_the_later_one(store: SqliteStore) -> None:
    """As a process of the version before puts it there, that had the file open all along."""
    store.compact(_document(Mark("e", 20)), Mark("e", 20))
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute(
            "UPDATE head SET base = 20, folded = 25, document = ?", (_document(Mark("e", 25)),)
        )

    assert _stored(store) == (_document(Mark("e", 25)), Mark("e", 25), EVENTS[25:])
    document = _document(Mark("e", 27))
    store.compact(document, Mark("e", 27))
    assert _stored(store) == (document, Mark("e", 27), EVENTS[27:])
    assert _rows(store)[0] == -(-len(document) // 10)


def test_a_state_put_in_place_of_it_leaves_no_pieces(store: SqliteStore) -> None:
    """It stands whole in head."""
    store.compact(_document(Mark("e", 25)), Mark("e", 25))
    mark = Mark("f", 2)
    assert store.replace(_document(mark), mark, expected="any")

    assert _stored(store) == (_document(mark), mark, [])
    assert _rows(store) == (0, 0)
