"""Issues say where and why, and never hold a task's text."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tracetier.ingest.issue import Issue, IssueLog, excerpt


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (float("nan"), "nan"),
        (True, "True"),
        (12, "12"),
        (10**100, "int of many digits"),
        ("2025-13-01", "'2025-13-01'"),
        ("x" * 78, "'" + "x" * 78 + "'"),
        ("x" * 79, "str of 79"),
        ("\n" * 60, "str of 60"),
        ([1, 2], "list of 2"),
        ({"prompt": "secret"}, "dict of 1"),
        (b"raw", "bytes of 3"),
    ],
)
def test_an_excerpt_is_short_and_opens_no_container(value: object, shown: str) -> None:
    """A prompt that strayed into another column is too long to be shown."""
    assert excerpt(value) == shown
    assert len(shown) <= 80


def test_an_issue_reads_as_one_line() -> None:
    """As an editor or a compiler would say it."""
    issue = Issue(file="a.jsonl", line=3, reason="bad_value", message="no", pointer="cost_usd")

    assert str(issue) == "a.jsonl:3: no (at cost_usd)"
    assert str(Issue(file="a.jsonl", reason="empty", message="file is empty")) == (
        "a.jsonl: file is empty"
    )


def test_issues_are_kept_in_order_over_several_batches(tmp_path: Path) -> None:
    """More than are held in memory."""
    log = IssueLog(tmp_path / "issues.parquet")
    for i in range(12_000):
        log.add(Issue(file="a", line=i, reason="r", message="m"))
    log.close()

    table = pq.read_table(tmp_path / "issues.parquet")
    assert table["line"].to_pylist() == list(range(12_000))
    assert table.column_names == ["file", "line", "pointer", "reason", "message", "value"]


def test_no_issue_is_a_file_without_rows(tmp_path: Path) -> None:
    """A reader need not ask whether it exists."""
    IssueLog(tmp_path / "issues.parquet").close()

    assert pq.read_table(tmp_path / "issues.parquet").num_rows == 0
