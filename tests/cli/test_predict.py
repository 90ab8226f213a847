"""``tracetier predict``: one row per task, the same as the router would decide."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from tracetier.cli import predict as command
from tracetier.records import Task
from tracetier.route.router import Router

Run = Callable[..., Result]
COLUMNS = ["task_id", "q_haiku", "q_sonnet", "q_opus", "c_haiku", "c_sonnet", "c_opus", "tier"]


def _first_rows(log: Path) -> dict[str, Task]:
    """The tasks of the log by id, as somebody would ask live."""
    found: dict[str, Task] = {}
    for line in log.read_text().splitlines():
        row = json.loads(line)
        task = Task(text=row["task_text"], task_type=row["task_type"], tools=row["tools"])
        found.setdefault(row["task_id"], task)
    return found


def test_there_is_one_row_per_task_with_quality_and_cost_of_each_tier(
    run: Run, artifact: Path, table: Path, log: Path
) -> None:
    """In the order of the log; quality in [0, 1], cost in USD, units in the file."""
    found = run("predict", artifact, table, "--out", "p/p.parquet")
    rows = pq.read_table("p/p.parquet")

    assert found.exit_code == 0
    assert "100 tasks → p/p.parquet" in found.stdout
    assert rows.column_names == COLUMNS
    assert rows["task_id"].to_pylist() == list(_first_rows(log))
    for name in COLUMNS[1:4]:
        assert all(0 <= value <= 1 for value in rows[name].to_pylist())
    for name in COLUMNS[4:7]:
        assert all(0 < value < 0.2 for value in rows[name].to_pylist())
    assert rows.schema.field("c_opus").metadata == {b"unit": b"USD"}


@pytest.mark.parametrize("lam", ["0", "1", "2.5", "1000"])
def test_the_tier_is_the_one_that_a_greedy_router_takes(
    run: Run, artifact: Path, table: Path, log: Path, lam: str
) -> None:
    """Asked live, task by task, before any feedback."""
    found = json.loads(
        run("predict", artifact, table, "--out", "p.parquet", "--lam", lam, "--json").stdout
    )
    rows = pq.read_table("p.parquet").to_pylist()
    router = Router.load(artifact, strategy="greedy", lam=float(lam))
    decisions = [router.route(task) for task in _first_rows(log).values()]

    assert [row["tier"] for row in rows] == [decision.tier for decision in decisions]
    assert [row["q_opus"] for row in rows] == [each.scores["opus"].quality for each in decisions]
    assert sum(found["tiers"].values()) == found["n_tasks"] == 100


def test_the_size_of_the_batches_changes_nothing(
    run: Run, artifact: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of one task may fall into two batches."""
    run("predict", artifact, table, "--out", "whole.parquet")
    monkeypatch.setattr(command, "_BATCH_ROWS", 7)
    run("predict", artifact, table, "--out", "pieces.parquet")

    assert pq.read_table("pieces.parquet").equals(pq.read_table("whole.parquet"))


def test_tasks_without_an_outcome_are_predicted_too(run: Run, artifact: Path) -> None:
    """That is what predictions are for."""
    row = {"trace_id": "a", "task_id": "a", "task_text": "Rename it", "model": "synthetic-opus"}
    Path("log.jsonl").write_text(json.dumps(row | {"tier": "opus"}))
    run("ingest", "log.jsonl", "--out", "table")
    found = run("predict", artifact, "table", "--out", "p.parquet")

    assert found.exit_code == 0, found.stderr
    assert pq.read_table("p.parquet").num_rows == 1


def test_a_refusing_disk_leaves_the_old_file_and_no_rest(
    run: Run, artifact: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1: the input was good."""
    Path("p.parquet").write_text("old")

    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    found = run("predict", artifact, table, "--out", "p.parquet")

    assert found.exit_code == 1
    assert "cannot write 'p.parquet': No space left on device" in found.stderr
    assert Path("p.parquet").read_text() == "old"
    assert [path.name for path in Path().iterdir()] == ["p.parquet"]


def test_bad_input_is_told(run: Run, artifact: Path, table: Path, damaged: Path) -> None:
    """A damaged artifact, no table, a folder in place of a file."""
    Path("folder").mkdir()
    for args, told in (
        ((damaged, table, "--out", "p"), "does not match the manifest"),
        ((artifact, "nowhere", "--out", "p"), "is not a feature table"),
        ((artifact, table, "--out", "folder"), "is a folder; give a file"),
    ):
        found = run("predict", *args)

        assert found.exit_code == 2
        assert told in found.stderr
        assert not Path("p").exists()


def test_a_table_without_texts_is_not_predicted(
    run: Run, artifact: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is predicted of an empty text would be said of another task."""
    monkeypatch.setenv("TRACETIER_HASH_KEY", "0123456789abcdef")
    run("ingest", log, "--out", "table", "--no-text")
    found = run("predict", artifact, "table", "--out", "p.parquet")

    assert found.exit_code == 2
    assert "withholds texts" in found.stderr
    assert not Path("p.parquet").exists()
