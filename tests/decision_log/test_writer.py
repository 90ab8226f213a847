"""The log of a running service: whole lines, in parts, whatever the disk does."""

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.decision_log.conftest import MakeLog, lines_of, make_decision

from tracetier.decision_log.retention import prune
from tracetier.decision_log.schema import DecisionLine
from tracetier.decision_log.text_hash import keyed_hash
from tracetier.decision_log.writer import LogRules, LogWriter, open_log
from tracetier.errors import SettingsError
from tracetier.features.extract import known_features
from tracetier.ingest.run import ingest
from tracetier.records import Feedback, Task
from tracetier.settings import Settings
from tracetier.table import read_table

KEY = b"0123456789abcdef"
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Disk:
    """Stands before ``os.write``: takes ``n_left`` bytes, then refuses; ``None`` is all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n_left: int | None = None
        self._write: Callable[[int, bytes], int] = os.write
        monkeypatch.setattr("tracetier.decision_log.writer.os.write", self)

    def __call__(self, file: int, data: bytes) -> int:
        if self.n_left is None:
            return self._write(file, data)
        if self.n_left == 0:
            raise FULL
        n = self._write(file, bytes(data)[: self.n_left])
        self.n_left -= n
        return n


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def _ids(folder: Path) -> list[str]:
    return [line.decision_id for line in lines_of(folder)]


def test_what_was_decided_and_reported_stands_in_one_part_in_order(
    make_log: MakeLog, tmp_path: Path
) -> None:
    """With who asked; named by time, process and number."""
    log = make_log(clock=lambda: 1_767_600_000.0)
    log.decided(Task(task_type="edit"), make_decision(rules=["r1"], price=0.5), "gateway")
    log.reported(Feedback(decision_id="d1", quality=8.0, cost_usd=0.25), "api")
    log.close()
    decision, report = lines_of(tmp_path / "log")

    assert [path.name for path in (tmp_path / "log").iterdir()] == [
        f"decisions-20260105T080000Z-{os.getpid()}-1.jsonl"
    ]
    assert isinstance(decision, DecisionLine)
    assert (decision.propensity, decision.policy, decision.price) == (0.75, ["r1"], 0.5)
    assert (decision.source, decision.task) == ("gateway", Task(task_type="edit"))
    assert (report.quality, report.cost_usd, report.source) == (8.0, 0.25, "api")  # type: ignore[union-attr]
    assert report.timestamp.isoformat() == "2026-01-05T08:00:00+00:00"
    assert log.n_written == 2


def test_features_are_left_out_where_they_are_not_wanted(make_log: MakeLog, tmp_path: Path) -> None:
    """The hash stays."""
    log = make_log(with_features=False)
    log.decided(Task(text="Rename the zebra."), make_decision(), "api")
    log.close()
    (line,) = lines_of(tmp_path / "log")

    assert isinstance(line, DecisionLine)
    assert (line.x, line.feature_fingerprint) == (None, None)
    assert line.task_text_hash is not None


@pytest.mark.parametrize("stores", [True, False])
def test_hash_and_features_stand_for_a_withheld_text(
    stores: bool, make_log: MakeLog, tmp_path: Path
) -> None:
    """Or the text stands for itself."""
    task = Task(text="Rename the zebra.", task_type="edit")
    log = make_log(hash_key=KEY, store_text=stores)
    log.decided(task, make_decision(), "api")
    log.close()
    (line,) = lines_of(tmp_path / "log")
    content = next((tmp_path / "log").iterdir()).read_bytes()

    assert isinstance(line, DecisionLine)
    assert (b"zebra" in content) is stores
    assert line.task_text_hash == (None if stores else keyed_hash(task.text, KEY))
    assert line.x == (None if stores else known_features(task))


def test_without_a_key_texts_are_told_apart_and_nothing_more(
    make_log: MakeLog, tmp_path: Path
) -> None:
    """By a random key that each writer has for itself."""
    one, other = make_log(tmp_path / "a"), make_log(tmp_path / "b")
    for log in (one, other):
        for text in ("same", "same", "else"):
            log.decided(Task(text=text), make_decision(), "api")
        log.close()
    hashes = [
        line.task_text_hash
        for name in "ab"
        for line in lines_of(tmp_path / name)
        if isinstance(line, DecisionLine)
    ]

    assert [hashes.index(each) for each in hashes] == [0, 0, 2, 3, 3, 5]


def test_a_full_part_is_closed_and_the_next_begun(make_log: MakeLog, tmp_path: Path) -> None:
    """No line is parted between two."""
    log = make_log(part_bytes=1)
    for i in range(3):
        log.decided(Task(), make_decision(f"d{i}"), "api")
        log.flush()
    log.close()

    assert len(list((tmp_path / "log").iterdir())) == 3
    assert _ids(tmp_path / "log") == ["d0", "d1", "d2"]


def test_an_old_part_is_closed_though_nothing_comes(make_log: MakeLog, tmp_path: Path) -> None:
    """So that retention can reach it; the next line begins another."""
    now = [1_767_600_000.0]
    log = make_log(part_s=60.0, clock=lambda: now[0])
    log.decided(Task(), make_decision("d0"), "api")
    log.flush()
    now[0] += 60.0
    log.flush()
    log.decided(Task(), make_decision("d1"), "api")
    log.close()

    assert len(list((tmp_path / "log").iterdir())) == 2
    assert _ids(tmp_path / "log") == ["d0", "d1"]


def test_a_disk_that_is_full_for_a_while_loses_nothing(
    make_log: MakeLog, tmp_path: Path, disk: Disk
) -> None:
    """The log says so meanwhile, recovers by itself, and never holds half a line."""
    log = make_log()
    log.decided(Task(), make_decision("d0"), "api")
    assert log.flush()
    disk.n_left = 100
    log.decided(Task(), make_decision("d1"), "api")
    assert not log.flush()
    assert log.trouble is not None
    assert "No space left on device; 1 lines wait" in log.trouble
    assert _ids(tmp_path / "log") == ["d0"]
    disk.n_left = None
    assert log.flush()
    told_after = log.trouble

    assert told_after is None
    assert (log.n_lost, log.n_written) == (0, 2)
    assert _ids(tmp_path / "log") == ["d0", "d1"]


def test_beyond_what_may_wait_the_oldest_lines_are_lost_and_counted(
    make_log: MakeLog, tmp_path: Path, disk: Disk
) -> None:
    """Memory stays bounded, however long the disk is full."""
    disk.n_left = 0
    log = make_log(waiting_bytes=3_000)
    for i in range(50):
        log.decided(Task(), make_decision(f"d{i:02}"), "api")
        log.flush()
    n_lost = log.n_lost
    assert log.trouble is not None
    assert f"{n_lost} are lost" in log.trouble
    disk.n_left = None
    log.flush()
    log.close()
    kept = _ids(tmp_path / "log")

    assert 0 < len(kept) < 10
    assert kept == [f"d{i:02}" for i in range(50 - len(kept), 50)]
    assert n_lost == 50 - len(kept)
    assert log.trouble is None


def test_half_a_line_that_cannot_be_cut_off_ends_its_part(
    make_log: MakeLog, tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows must not be glued to it."""

    def refuse(*_: object) -> None:
        raise FULL

    log = make_log()
    log.decided(Task(), make_decision("d0"), "api")
    log.flush()
    with monkeypatch.context() as patch:
        patch.setattr("tracetier.decision_log.writer.os.ftruncate", refuse)
        disk.n_left = 10
        log.decided(Task(), make_decision("d1"), "api")
        log.flush()
    disk.n_left = None
    log.close()
    first, second = sorted((tmp_path / "log").iterdir())

    assert first.read_bytes().count(b"\n") == 1
    assert b'"d1"' in second.read_bytes()


@pytest.mark.parametrize("break_it", ["value", "folder"])
def test_nothing_that_goes_wrong_reaches_the_router(
    break_it: str, make_log: MakeLog, tmp_path: Path
) -> None:
    """A value that no JSON holds; a folder that cannot be made."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    log = make_log(blocked / "log" if break_it == "folder" else tmp_path / "log")
    text = "\ud800" if break_it == "value" else ""
    log.decided(Task(task_type=text), make_decision(), "api")
    log.flush()
    log.close()
    log.decided(Task(), make_decision(), "api")

    assert log.n_lost == 2
    assert log.n_written == 0


def test_a_folder_that_is_taken_away_is_made_again(make_log: MakeLog, tmp_path: Path) -> None:
    """As by a tidy hand, while the log is open."""
    log = make_log()
    log.decided(Task(), make_decision("d0"), "api")
    log.flush()
    for part in (tmp_path / "log").iterdir():
        part.unlink()
    (tmp_path / "log").rmdir()
    log.decided(Task(), make_decision("d1"), "api")

    assert log.flush()
    assert _ids(tmp_path / "log") == ["d1"]


def test_lines_of_many_threads_are_all_there(make_log: MakeLog, tmp_path: Path) -> None:
    """Each whole, while parts are closed and flushed in between."""
    log = make_log(flush_s=0.001, part_bytes=20_000)

    def work(k: int) -> None:
        for i in range(100):
            log.decided(Task(text=f"{k} {i}"), make_decision(f"{k}-{i}"), "api")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()

    assert sorted(_ids(tmp_path / "log")) == sorted(
        f"{k}-{i}" for k in range(4) for i in range(100)
    )
    assert (log.n_written, log.n_lost) == (400, 0)


def test_a_line_is_on_the_disk_soon_without_being_asked(make_log: MakeLog, tmp_path: Path) -> None:
    """The writer's own thread sees to it."""
    log = make_log(flush_s=0.001)
    log.decided(Task(), make_decision("d0"), "api")
    thread = log._thread
    for _ in range(10_000):
        if log.n_written:
            break
        thread.join(0.001)

    assert _ids(tmp_path / "log") == ["d0"]


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    """At the start, where someone still reads it."""
    (tmp_path / "log").write_text("")

    with pytest.raises(SettingsError, match="is a file, and a log is a folder"):
        open_log(tmp_path / "log", Settings())


def test_the_settings_rule_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key comes from the environment, and is not asked for where the text is written."""
    monkeypatch.setenv("TRACETIER_HASH_KEY", KEY.decode())
    settings = Settings(log_keep_days=3.0, log_keep_bytes=1 << 21, log_gzip=True)
    log = open_log(tmp_path / "log", settings)
    log.close()
    expected = LogRules(hash_key=KEY, keep_days=3.0, keep_bytes=1 << 21, packs=True)

    assert log._rules == expected
    monkeypatch.setenv("TRACETIER_HASH_KEY", "short")
    with pytest.raises(SettingsError, match="5 bytes"):
        open_log(tmp_path / "log", settings)
    LogWriter(tmp_path / "log").close()


_WRITER = """
import sys
from tests.decision_log.conftest import make_decision
from tracetier.decision_log.writer import LogRules, LogWriter
from tracetier.records import Task
log = LogWriter(sys.argv[1], LogRules(flush_s=0.001, part_bytes=50_000, store_text=True))
i = 0
while True:
    log.decided(Task(text=f"Task {i}."), make_decision(f"d{i}"), "api")
    if log.n_written > 500:
        print("enough", flush=True)
    i += 1
"""


@pytest.mark.slow
def test_a_killed_process_leaves_parts_that_can_be_read_and_pruned(
    root: Path, tmp_path: Path
) -> None:
    """All but the lines that still waited, and no lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": f"{root / 'pipeline'}{os.pathsep}{root}"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"enough\n"
    process.kill()
    process.wait(30)
    process.stdout.close()
    summary = ingest(tmp_path / "log", tmp_path / "table")
    ids = read_table(tmp_path / "table")["trace_id"].to_pylist()

    assert summary.n_rejected <= 1
    assert len(ids) > 500
    assert set(ids) == {f"d{i}" for i in range(len(ids))}
    assert prune(tmp_path / "log", keep_days=None, keep_bytes=0, now_s=time.time())
    assert list((tmp_path / "log").iterdir()) == []
