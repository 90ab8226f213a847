"""Many files, several processes, a second run: always the same table."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tracetier.errors import RecordError, WorkError
from tracetier.ingest import pieces, plan, read
from tracetier.ingest import sorted_rows as sorting
from tracetier.ingest.batch import Batch, Piece
from tracetier.ingest.files import find_files
from tracetier.ingest.read import ReadPiece, read_piece
from tracetier.ingest.recipe import Recipe
from tracetier.ingest.run import ingest
from tracetier.ingest.summary import IngestSummary
from tracetier.table import read_info, read_table
from tracetier.tiers import Tier, TierSet

Write = Callable[..., Path]
Outcome = Callable[..., dict[str, Any]]


def _content(table: Path) -> tuple[object, ...]:
    """Return all that a table says, its rows and issues sorted."""
    rows = read_table(table).sort_by([("trace_id", "ascending"), ("source_file", "ascending")])
    issues = pq.read_table(table / "issues.parquet").to_pylist()
    summary = json.loads((table / "summary.json").read_text())
    del summary["out"]
    return rows, sorted(map(repr, issues)), summary, read_info(table).tiers


@pytest.fixture
def logs(tmp_path: Path, write_lines: Write, outcome: Outcome) -> Path:
    """Six files: bad lines, duplicates, attributes of two types, a stray."""
    for k in range(5):
        lines: list[object] = [outcome(100 * k + i, cost_usd=0.001 * (i + 1)) for i in range(40)]
        lines[7] = b"not json"
        lines[9] = outcome(100 * k, quality=1)
        lines[11] = outcome(100 * max(k - 1, 0) + 12)
        lines[20] = outcome(100 * k + 20, attr_n=k if k < 3 else "three")
        lines[21] = outcome(100 * k + 21, timestamp=f"2025-01-0{5 - k}T00:00:00Z")
        write_lines(lines, f"logs/{k}.jsonl")
    (tmp_path / "logs" / "README.md").write_text("# Read me\n")
    return tmp_path / "logs"


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are split, batches and row groups small."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 2_000)
    monkeypatch.setattr(read, "BATCH_ROWS", 7)
    monkeypatch.setattr(sorting, "GROUP_ROWS", 30)


@pytest.mark.usefixtures("small_pieces")
def test_the_lines_of_a_split_file_are_those_of_the_whole(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row, issue and line number, but for where batches end."""
    ingest(logs, tmp_path / "split")
    monkeypatch.setattr(pieces, "PIECE_BYTES", 10**9)
    ingest(logs, tmp_path / "whole")

    assert len(pieces.pieces_of(find_files(logs / "0.jsonl")[0], Recipe())) == 1
    assert _content(tmp_path / "split") == _content(tmp_path / "whole")


def test_pieces_meet_at_line_ends(
    tmp_path: Path, write_lines: Write, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their size: a line longer than a piece, and a last line without its end."""
    lines = [json.dumps(outcome(i, prompt="x" * (i * 37 % 900))).encode() for i in range(60)]
    path = write_lines(lines)
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    (file,) = find_files(path)
    for size in (1, 100, 1_000, 5_000):
        monkeypatch.setattr(pieces, "PIECE_BYTES", size)
        spans = [piece.span for piece in pieces.pieces_of(file, Recipe())]
        raw = path.read_bytes()
        parts = [raw[start:end] for start, end in filter(None, spans)]
        assert b"".join(parts) == raw
        assert all(part.endswith(b"\n") for part in parts[:-1])
        assert len(parts) > 5


@pytest.mark.usefixtures("small_pieces")
def test_a_packed_or_nested_file_is_never_split(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """Ranges of gzip are no gzip, and the steps of a trace may stand on any line."""
    packed = write_lines(map(outcome, range(2_000)), "log.jsonl.gz")
    (file,) = find_files(packed)

    assert file.n_bytes > pieces.PIECE_BYTES
    assert [piece.span for piece in pieces.pieces_of(file, Recipe())] == [None]
    assert ingest(packed, tmp_path / "t").n_rows == 2_000


@pytest.mark.usefixtures("small_pieces")
def test_two_processes_give_the_same_bytes(tmp_path: Path, logs: Path) -> None:
    """Every file of the table."""
    ingest(logs, tmp_path / "one" / "t")
    ingest(logs, tmp_path / "two" / "t", jobs=2)
    one, two = (
        {f.name: f.read_bytes() for f in (tmp_path / n / "t").iterdir()} for n in ("one", "two")
    )

    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name] and name != "summary.json"] == []
    assert _content(tmp_path / "one" / "t") == _content(tmp_path / "two" / "t")


def test_counts_add_up(tmp_path: Path, logs: Path) -> None:
    """Five files of 40 lines; what clashes with an earlier file is counted in its own."""
    summary = ingest(logs, tmp_path / "t", jobs=2)

    assert summary.n_records == 200
    assert summary.issues == {"duplicate": 10, "not_json": 5, "attr_type": 2, "unknown_format": 1}
    assert summary.n_rows == 200 - 17
    assert [file.n_clashes for file in summary.files] == [2, 2, 2, 3, 3, 0]


def test_with_strict_the_first_issue_ends_it_whichever_process_was_first(
    tmp_path: Path, logs: Path
) -> None:
    """The first in the order of the files."""
    for jobs in (1, 2):
        with pytest.raises(RecordError, match=r"0\.jsonl:8: "):
            ingest(sorted(logs.glob("*.jsonl")), tmp_path / "t", jobs=jobs, strict=True)
    assert not (tmp_path / "t").exists()


def test_progress_is_told_while_processes_read(tmp_path: Path, logs: Path) -> None:
    """It grows to the whole, file by file at least."""
    told: list[tuple[int, int]] = []
    ingest(logs, tmp_path / "t", jobs=2, progress=lambda *n: told.append(n))

    n_bytes = sum(file.stat().st_size for file in logs.iterdir())
    assert told[-1] == (n_bytes, n_bytes)
    assert told == sorted(told)
    assert len({done for done, _ in told}) >= 6


def test_row_groups_are_sorted_by_time(
    tmp_path: Path, write_lines: Write, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of one time keep their order, those without any come last."""
    monkeypatch.setattr(sorting, "GROUP_ROWS", 4)
    monkeypatch.setattr(read, "BATCH_ROWS", 2)
    days = (3, 1, 2, 1, 4, None)
    lines = [
        outcome(i, timestamp=day and f"2025-01-0{day}T00:00:00Z") for i, day in enumerate(days)
    ]
    ingest(write_lines(lines), tmp_path / "t")

    ids = [int(name, 16) for name in read_table(tmp_path / "t")["trace_id"].to_pylist()]
    assert ids == [1, 3, 2, 0, 4, 5]
    assert pq.read_metadata(tmp_path / "t" / "part-00000.parquet").num_row_groups == 2


class _Reads:
    """Notes which files are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        monkeypatch.setattr(read, "read_piece", self._read)

    def _read(self, piece: Piece, recipe: Recipe) -> Iterator[Batch]:
        self.names.append(piece.path.name)
        return read_piece(piece, recipe)

    def take(self) -> list[str]:
        names, self.names = self.names, []
        return names


def _plain_logs(write_lines: Write, outcome: Outcome) -> Path:
    path = Path()
    for k in range(4):
        lines: list[object] = [outcome(100 * k + i, cost_usd=0.1 * (i + 1)) for i in range(20)]
        lines[5] = b"not json"
        path = write_lines(lines, f"logs/{k}.jsonl")
    return path.parent


def _same_as_fresh(logs: Path, out: Path, summary: IngestSummary) -> None:
    whole = out.with_name("whole")
    fresh = ingest(logs, whole, fresh=True)
    assert _content(out) == _content(whole)
    assert summary.to_dict() | {"out": ""} == fresh.to_dict() | {"out": ""}


def test_what_has_not_changed_is_not_read_again(
    tmp_path: Path, write_lines: Write, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files added, changed and removed; each time the table is that of a full reading."""
    logs, out, reads = _plain_logs(write_lines, outcome), tmp_path / "t", _Reads(monkeypatch)
    first = ingest(logs, out)
    assert reads.take() == ["0.jsonl", "1.jsonl", "2.jsonl", "3.jsonl"]
    assert ingest(logs, out) == first
    assert reads.take() == []

    write_lines(map(outcome, range(900, 905)), "logs/15.jsonl")
    summary = ingest(logs, out)
    assert reads.take() == ["15.jsonl"]
    assert summary.n_rows == first.n_rows + 5
    _same_as_fresh(logs, out, summary)
    reads.take()

    write_lines(map(outcome, range(800, 803)), "logs/2.jsonl")
    summary = ingest(logs, out, jobs=2)
    _same_as_fresh(logs, out, summary)
    assert [file.n_rows for file in summary.files] == [19, 19, 5, 3, 19]
    reads.take()

    (logs / "0.jsonl").unlink()
    summary = ingest(logs, out)
    assert reads.take() == []
    _same_as_fresh(logs, out, summary)


def test_a_file_is_read_again_when_its_rows_meet_others(
    tmp_path: Path, write_lines: Write, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A duplicate's first record is gone, or a new one comes before it."""
    logs, out, reads = _plain_logs(write_lines, outcome), tmp_path / "t", _Reads(monkeypatch)
    write_lines([outcome(0), outcome(500)], "logs/9.jsonl")
    assert ingest(logs, out).n_duplicates == 1
    reads.take()

    (logs / "0.jsonl").unlink()
    summary = ingest(logs, out)
    assert reads.take() == ["9.jsonl"]
    assert summary.n_duplicates == 0
    _same_as_fresh(logs, out, summary)
    reads.take()

    write_lines([outcome(102), outcome(600)], "logs/0.jsonl")
    summary = ingest(logs, out)
    assert reads.take() == ["0.jsonl", "1.jsonl"]
    assert [file.n_duplicates for file in summary.files] == [0, 1, 0, 0, 0]
    _same_as_fresh(logs, out, summary)


def test_an_attribute_of_another_type_makes_its_file_be_read_again(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """The first file decides, also when it comes later."""
    logs = write_lines([outcome(1, attr_a=1.0), outcome(2)], "logs/b.jsonl").parent
    ingest(logs, tmp_path / "t")
    write_lines([outcome(3, attr_a="x")], "logs/a.jsonl")
    summary = ingest(logs, tmp_path / "t")

    assert summary.issues == {"attr_type": 1}
    assert read_table(tmp_path / "t")["attr_a"].to_pylist() == ["x", None]
    _same_as_fresh(logs, tmp_path / "t", summary)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"fresh": True}, id="all anew"),
        pytest.param({"format": "outcomes"}, id="format"),
        pytest.param({"tiers": TierSet((Tier(name="low"),))}, id="tiers"),
        pytest.param({"mapping": {"task_id": "task_id", "tier": "tier"}}, id="map"),
    ],
)
def test_another_recipe_reads_all(
    tmp_path: Path,
    write_lines: Write,
    outcome: Outcome,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
) -> None:
    """Whatever it changes."""
    logs, reads = _plain_logs(write_lines, outcome), _Reads(monkeypatch)
    ingest(logs, tmp_path / "t")
    reads.take()
    ingest(logs, tmp_path / "t", **change)

    assert len(reads.take()) == 4


def test_a_changed_byte_in_place_is_seen(
    tmp_path: Path, write_lines: Write, outcome: Outcome
) -> None:
    """Of the same size, at the same time."""
    path = write_lines([outcome(i, quality=5) for i in range(3)])
    ingest(path, tmp_path / "t")
    stat = path.stat()
    path.write_bytes(path.read_bytes().replace(b'"quality": 5', b'"quality": 6'))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    ingest(path, tmp_path / "t")

    assert read_table(tmp_path / "t")["y_quality"].to_pylist() == [0.6] * 3


@pytest.mark.parametrize("victim", ["part-00000.parquet", "summary.json", "issues.parquet"])
def test_nothing_is_taken_from_a_damaged_table(
    tmp_path: Path, write_lines: Write, outcome: Outcome, victim: str
) -> None:
    """All is read, and the table replaced."""
    logs = _plain_logs(write_lines, outcome)
    n_rows = ingest(logs, tmp_path / "t").n_rows
    raw = (tmp_path / "t" / victim).read_bytes()
    (tmp_path / "t" / victim).write_bytes(raw[: len(raw) // 2])

    assert ingest(logs, tmp_path / "t").n_rows == n_rows
    assert read_table(tmp_path / "t").num_rows == n_rows


class _KillOnce:
    """Reads pieces; the first process that reads a certain file dies before it is done."""

    def __init__(self, reader: ReadPiece, victim: str, flag: Path) -> None:
        self._reader, self._victim, self._flag = reader, victim, flag

    def __call__(self, piece: Piece) -> Iterator[Batch]:
        """Read a piece."""
        if piece.path.name == self._victim and not self._flag.exists():
            self._flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield from self._reader(piece)


@pytest.mark.slow
@pytest.mark.parametrize("is_killed", [False, True])
def test_a_cluster_gives_the_same_bytes_also_when_a_worker_is_killed(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch, is_killed: bool
) -> None:
    """Two workers; one dies while it reads the third file."""
    pytest.importorskip("distributed")
    ingest(logs, tmp_path / "one" / "t")
    if is_killed:
        flag = tmp_path / "one" / "killed"
        monkeypatch.setattr(
            plan, "ReadPiece", lambda recipe: _KillOnce(ReadPiece(recipe), "2.jsonl", flag)
        )
    ingest(logs, tmp_path / "two" / "t", engine="dask://local?workers=2")

    assert (tmp_path / "one" / "killed").exists() == is_killed
    one, two = (tmp_path / name / "t" for name in ("one", "two"))
    assert _content(one) == _content(two)
    for name in ("part-00000.parquet", "issues.parquet"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_killed_process_is_told(
    tmp_path: Path, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool of this machine has nobody to take over; no table is left."""
    flag = tmp_path / "killed"
    monkeypatch.setattr(
        plan, "ReadPiece", lambda recipe: _KillOnce(ReadPiece(recipe), "2.jsonl", flag)
    )
    with pytest.raises(WorkError, match="give fewer --jobs"):
        ingest(logs, tmp_path / "t", jobs=2)
    assert not (tmp_path / "t").exists()
