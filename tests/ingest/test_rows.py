"""Three containers, one reading."""

import csv
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tracetier.ingest.formats.outcomes import OutcomeRow
from tracetier.ingest.issue import Issue
from tracetier.ingest.rows import read_records, read_rows
from tracetier.ingest.source import Source
from tracetier.records import Invocation

Row = dict[str, Any]
Outcome = Callable[..., Row]


def _as_jsonl(rows: list[Row], path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _as_csv(rows: list[Row], path: Path, delimiter: str = ",") -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        for row in rows:
            tools = json.dumps(row["tools"]) if row["tools"] else None
            writer.writerow(row | {"tools": tools})


def _as_parquet(rows: list[Row], path: Path) -> None:
    times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    table = pa.Table.from_pylist(rows)
    place = table.column_names.index("timestamp")
    pq.write_table(table.set_column(place, "timestamp", pa.array(times)), path)


def _issues(found: list[Any]) -> list[tuple[str, int | None]]:
    return [(item.reason, item.line) for item in found if isinstance(item, Issue)]


@pytest.mark.parametrize(
    "write",
    [
        _as_jsonl,
        _as_csv,
        lambda rows, path: _as_csv(rows, path, ";"),
        lambda rows, path: _as_csv(rows, path, "\t"),
        _as_parquet,
    ],
    ids=["jsonl", "csv", "semicolons", "tabs", "parquet"],
)
def test_containers_give_the_same_records(
    write: Callable[[list[Row], Path], None], tmp_path: Path, outcome: Outcome
) -> None:
    """Line breaks, quotes, delimiters and lists within the values included."""
    rows = [
        outcome(0, prompt='Say "hi",\n\n\tthen; stop.', tools=["bash", "edit"], n_tools=2),
        outcome(1, prompt="\u2028caf\u00e9", quality=None, cost_usd=None, success=True),
    ]
    write(rows, tmp_path / "log")
    found = list(read_rows(Source(tmp_path / "log"), OutcomeRow))

    assert found == [
        OutcomeRow(**row | {"timestamp": datetime.fromisoformat(row["timestamp"])}) for row in rows
    ]


@pytest.mark.parametrize(
    ("line", "reason", "told"),
    [
        (b"oops", "not_json", "line of 4 bytes is not JSON"),
        (b'{"trace_id": "a"', "not_json", "at character 17"),
        (b"[1]", "not_an_object", "a JSON list, not an object"),
        (b'{"trace_id": "\xff"}', "not_utf8", "byte 15 of the line is not UTF-8"),
        (b'{"a": ' + b"[" * 100_000 + b"}", "too_deep", "nested too deeply"),
        (b'{"trace_id": "a"}', "missing", "task_id is missing"),
        (b'{"trace_id": "a", "task_id": "b", "quality": "good"}', "bad_value", "must be a number"),
        (b'{"trace_id": "a", "task_id": "b", "timestamp": "noon"}', "bad_value", "ISO 8601"),
    ],
    ids=["text", "cut", "list", "latin1", "deep", "missing", "word", "time"],
)
def test_a_broken_line_is_an_issue_and_the_rest_is_read(
    line: bytes, reason: str, told: str, tmp_path: Path, outcome: Outcome
) -> None:
    """The good line before it and the one after."""
    good = [json.dumps(outcome(i)).encode() for i in range(2)]
    (tmp_path / "log").write_bytes(b"\n".join([good[0], line, good[1]]))
    found = list(read_rows(Source(tmp_path / "log"), OutcomeRow))

    assert [isinstance(item, OutcomeRow) for item in found] == [True, False, True]
    assert (found[1].reason, found[1].line) == (reason, 2)  # type: ignore[union-attr]
    assert told in found[1].message  # type: ignore[union-attr]


def test_lines_that_are_only_written_oddly_are_read(tmp_path: Path) -> None:
    """NaN, half a surrogate pair, numbers as ids and as text, a date without time."""
    (tmp_path / "log").write_text(
        '{"trace_id": 7, "task_id": 8.0, "quality": NaN, "prompt": "a\\ud83d", '
        '"cost_usd": "0.5", "timestamp": "2025-01-06", "n_tools": "2.0", "tools": "a;b"}\n'
    )
    (row,) = read_rows(Source(tmp_path / "log"), OutcomeRow)

    assert isinstance(row, OutcomeRow)
    assert (row.trace_id, row.task_id, row.prompt) == ("7", "8", "a\ufffd")
    assert (row.cost_usd, row.n_tools, row.tools) == (0.5, 2, ["a", "b"])
    assert row.timestamp is not None
    assert row.timestamp.isoformat() == "2025-01-06T00:00:00+00:00"
    assert row.quality != row.quality


def test_attributes_are_found_on_any_line(tmp_path: Path) -> None:
    """Also where the first lines have none."""
    lines = ['{"trace_id": "a", "task_id": "b"}', '{"trace_id": "c", "task_id": "d", "attr_n": 2}']
    (tmp_path / "log").write_text("\n".join(lines))
    found = list(read_rows(Source(tmp_path / "log"), Invocation))

    assert [row.attrs for row in found if isinstance(row, Invocation)] == [None, {"n": 2.0}]


def test_csv_rows_that_do_not_fit_are_issues(tmp_path: Path) -> None:
    """A cell too many, bytes of another encoding, a name that occurs twice."""
    (tmp_path / "log").write_bytes(b"a,b,b\n1,2,3\n1,2,3,4\n\n1,caf\xe9,3\n5,6,7")
    found = list(read_records(Source(tmp_path / "log")))

    assert [item for item in found if not isinstance(item, Issue)] == [
        {"a": "1", "b": "3"},
        {"a": "5", "b": "7"},
    ]
    assert _issues(found) == [("twice", None), ("cells", 3), ("not_utf8", 5)]


def test_a_csv_quote_that_never_closes_is_an_issue(tmp_path: Path) -> None:
    """The file was cut within a text."""
    (tmp_path / "log").write_text('a,b\n1,2\n"3,4\n5,6\n')
    found = list(read_records(Source(tmp_path / "log")))

    assert found[0] == {"a": "1", "b": "2"}
    assert _issues(found) == [("cells", 4)]


def test_a_csv_header_that_cannot_be_read_is_an_issue_of_the_file(tmp_path: Path) -> None:
    """A quote that runs on into the rows: which cell is which cannot be told."""
    (tmp_path / "log").write_bytes(b'a,"b\n1,2"\r3\n4,5\n')
    (issue,) = read_records(Source(tmp_path / "log"))

    assert isinstance(issue, Issue)
    assert (issue.reason, issue.line) == ("not_csv", None)


def test_names_that_are_not_utf8_are_mended(tmp_path: Path) -> None:
    """In CSV as in JSON, so that they can be listed and stored."""
    (tmp_path / "csv").write_bytes(b"a,caf\xe9\n1,2\n")
    (tmp_path / "jsonl").write_bytes(b'{"a\\ud83d": {"\\ud83d": 1}}\n')

    assert list(read_records(Source(tmp_path / "csv"))) == [{"a": "1", "caf\ufffd": "2"}]
    assert list(read_records(Source(tmp_path / "jsonl"))) == [{"a\ufffd": {"\ufffd": 1}}]
    assert Source(tmp_path / "jsonl").head.columns == ("a\ufffd",)


def test_csv_texts_may_be_longer_than_the_library_s_default(tmp_path: Path) -> None:
    """128 KiB, which a prompt with a file in it exceeds."""
    (tmp_path / "log").write_text("a,b\n" + "x" * 200_000 + ",2\n")
    (record,) = read_records(Source(tmp_path / "log"))

    assert not isinstance(record, Issue)
    assert len(str(record["a"])) == 200_000


def test_parquet_times_finer_than_a_microsecond_are_read(tmp_path: Path) -> None:
    """Data frames write nanoseconds."""
    times = pa.array([1_736_154_000_000_000_001], pa.timestamp("ns"))
    pq.write_table(pa.table({"timestamp": times}), tmp_path / "log")
    (record,) = read_records(Source(tmp_path / "log"))

    assert record == {"timestamp": datetime(2025, 1, 6, 9)}  # noqa: DTZ001


def test_parquet_is_read_in_batches_with_progress(tmp_path: Path) -> None:
    """More rows than a batch; the record's number stands for its line."""
    pq.write_table(pa.table({"a": range(12_000)}), tmp_path / "log")
    told: list[int] = []
    source = Source(tmp_path / "log", on_bytes=told.append)

    assert [record["a"] for record in read_records(source)] == list(range(12_000))  # type: ignore[index]
    assert source.line == 12_000
    assert len(told) == 3
    assert sum(told) == (tmp_path / "log").stat().st_size


def test_parquet_that_is_damaged_is_an_issue_of_the_file(tmp_path: Path) -> None:
    """Its directory stands at the end, so nothing can be read."""
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "log")
    (tmp_path / "log").write_bytes((tmp_path / "log").read_bytes()[:-10])
    (issue,) = read_records(Source(tmp_path / "log"))

    assert isinstance(issue, Issue)
    assert (issue.reason, issue.line) == ("damaged", None)
