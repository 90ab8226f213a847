"""What is deleted of a log: finished parts only, the oldest first."""

import fcntl
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.decision_log.conftest import MakeLog, make_decision

from tracetier.decision_log.retention import pack, parts_of, prune
from tracetier.ingest.run import ingest
from tracetier.records import Task
from tracetier.table import read_table

DAY_S = 86_400.0
NOW_S = 1_767_600_000.0
Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Return a maker of parts of 100 bytes that were last written some days ago."""

    def make(day: int, *, ago: float, name: str | None = None) -> Path:
        path = tmp_path / (name or f"decisions-202601{day:02}T000000Z-7-1.jsonl")
        path.write_bytes(b"x" * 100)
        os.utime(path, (NOW_S - ago * DAY_S,) * 2)
        return path

    return make


def test_parts_that_are_too_old_go(put: Put, tmp_path: Path) -> None:
    """By their last line; what is no part of ours stays, however old."""
    old, young = put(1, ago=31), put(2, ago=29)
    foreign = [put(0, ago=99, name=name) for name in ("notes.txt", "decisions-1.jsonl")]

    assert prune(tmp_path, keep_days=30, keep_bytes=None, now_s=NOW_S) == [old]
    assert sorted(tmp_path.iterdir()) == sorted([young, *foreign])


def test_the_oldest_go_until_the_rest_fits(put: Put, tmp_path: Path) -> None:
    """Three of 100 bytes into 250."""
    parts = [put(day, ago=10 - day) for day in (1, 2, 3)]

    assert prune(tmp_path, keep_days=None, keep_bytes=250, now_s=NOW_S) == parts[:1]
    assert prune(tmp_path, keep_days=None, keep_bytes=250, now_s=NOW_S) == []


def test_a_part_that_is_open_is_never_deleted(put: Put, tmp_path: Path) -> None:
    """Not even the oldest; those after it go in its place, until its process is gone."""
    first, second = put(1, ago=50), put(2, ago=40)
    with first.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert prune(tmp_path, keep_days=30, keep_bytes=None, now_s=NOW_S) == [second]

    assert prune(tmp_path, keep_days=30, keep_bytes=None, now_s=NOW_S) == [first]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """It may be made later."""
    assert parts_of(tmp_path / "none") == []
    assert prune(tmp_path / "none", keep_days=1, keep_bytes=0, now_s=NOW_S) == []


def test_a_packed_part_holds_the_same_and_keeps_its_age(put: Put, tmp_path: Path) -> None:
    """And counts as a part."""
    part = put(1, ago=20)
    pack(part)
    (packed,) = parts_of(tmp_path)

    assert packed.name == part.name + ".gz"
    assert gzip.decompress(packed.read_bytes()) == b"x" * 100
    assert packed.stat().st_mtime == NOW_S - 20 * DAY_S
    assert not part.exists()


def test_packed_parts_are_read_like_the_others(make_log: MakeLog, tmp_path: Path) -> None:
    """By the ingest, beside one that is not packed."""
    log = make_log(packs=True, part_bytes=1, store_text=True)
    for i in range(2):
        log.decided(Task(text=f"Task {i}."), make_decision(f"d{i}"), "api")
        log.flush()
    log.close()
    names = [path.suffix for path in parts_of(tmp_path / "log")]
    ingest(tmp_path / "log", tmp_path / "t")

    assert names == [".gz", ".gz"]
    assert read_table(tmp_path / "t")["task_text"].to_pylist() == ["Task 0.", "Task 1."]


def test_a_log_prunes_its_folder_as_it_goes(make_log: MakeLog, put: Put, tmp_path: Path) -> None:
    """When it is opened, and with each part that it ends."""
    old = put(1, ago=40)
    put(3, ago=1)  # so that the clock is believed: somebody wrote yesterday
    now = [NOW_S]
    log = make_log(tmp_path, keep_days=30.0, part_s=60.0, clock=lambda: now[0])
    assert log._packing is not None
    log._packing.join()
    assert not old.exists()
    older = put(2, ago=35)
    log.decided(Task(), make_decision(), "api")
    log.flush()
    now[0] += 60.0
    log.flush()
    log.close()

    assert not older.exists()
    assert len(parts_of(tmp_path)) == 2


def test_a_clock_set_a_year_ahead_deletes_nothing(
    make_log: MakeLog, put: Put, tmp_path: Path
) -> None:
    """Its own part ends, being a year old by that clock; what others finished stays."""
    kept = put(1, ago=1)
    now = [NOW_S]
    log = make_log(tmp_path, keep_days=30.0, clock=lambda: now[0])
    log.decided(Task(), make_decision(), "api")
    log.flush()
    now[0] += 365 * DAY_S
    log.decided(Task(), make_decision(), "api")
    log.flush()
    log.close()

    assert kept.exists()
    assert len(parts_of(tmp_path)) == 3


def test_a_log_opened_under_a_clock_a_year_ahead_deletes_nothing(
    make_log: MakeLog, put: Put, tmp_path: Path
) -> None:
    """The newest line says what time it was not long ago."""
    parts = [put(1, ago=29), put(2, ago=1)]
    make_log(tmp_path, keep_days=30.0, clock=lambda: NOW_S + 365 * DAY_S).close()

    assert parts_of(tmp_path) == parts


def test_a_restart_under_a_clock_a_year_ahead_deletes_nothing(
    make_log: MakeLog, put: Put, tmp_path: Path
) -> None:
    """Though the process before it wrote under the same clock, minutes ago."""
    parts = [put(1, ago=29), put(2, ago=1), put(3, ago=-365 + 0.01)]
    make_log(tmp_path, keep_days=30.0, clock=lambda: NOW_S + 365 * DAY_S).close()

    assert parts_of(tmp_path) == parts


def test_a_line_from_the_future_does_not_make_the_others_old(
    make_log: MakeLog, put: Put, tmp_path: Path
) -> None:
    """As one that was written while the clock was wrong."""
    parts = [put(1, ago=29), put(2, ago=-365)]
    make_log(tmp_path, keep_days=30.0, clock=lambda: NOW_S).close()

    assert parts_of(tmp_path) == parts
