"""Rows are written in order of time, and nobody pays for pandas to have them sorted."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tracetier.ingest.sorted_rows import SortedRows
from tracetier.records import Invocation
from tracetier.table import TableWriter, read_table
from tracetier.table.arrays import Features, rows_table


def _row(name: str, hour: int | None) -> Invocation:
    at = None if hour is None else datetime(2025, 1, 6, hour, tzinfo=UTC)
    return Invocation(trace_id=name, task_id=name, tier="low", timestamp=at)


def test_rows_are_sorted_and_told_as_they_came(tmp_path: Path) -> None:
    """Those of one time keep their order, those without any come last."""
    given = [("a", 9), ("b", None), ("c", 7), ("d", 9), ("e", 8)]
    told: list[str] = []
    with TableWriter(tmp_path / "table") as writer:
        rows = SortedRows(writer, lambda table: told.extend(table["trace_id"].to_pylist()))
        for row in given:
            rows.add(rows_table([_row(*row)], Features(None, 0), ()))
        rows.flush()

    assert told == ["a", "b", "c", "d", "e"]
    assert read_table(tmp_path / "table")["trace_id"].to_pylist() == ["c", "e", "a", "d", "b"]


def test_many_small_tables_keep_all_rows_and_columns(tmp_path: Path) -> None:
    """Also attributes that only some have; tables are put together by the dozen on the way."""
    with TableWriter(tmp_path / "table") as writer:
        rows = SortedRows(writer, lambda table: None)
        for i in range(70):
            row = msgspec.structs.replace(_row(str(i), 5), attrs={"late": True} if i > 40 else None)
            rows.add(rows_table([row], Features(None, 0), ()))
        rows.flush()

    table = read_table(tmp_path / "table")
    assert table["trace_id"].to_pylist() == [str(i) for i in range(70)]
    assert table["attr_late"].to_pylist() == [None] * 41 + [True] * 29


def test_sorting_imports_no_pandas(tmp_path: Path) -> None:
    """It takes longer to import than a hundred small logs to read."""
    with (tmp_path / "log.jsonl").open("w") as log:
        for day in (3, 1, 2):
            facts = {"trace_id": str(day), "timestamp": f"2025-01-0{day}T00:00:00Z"}
            log.write(json.dumps(facts | {"task_id": "t", "tier": "low"}) + "\n")
    code = (
        "import sys; from pathlib import Path; import tracetier as tt\n"
        "place = Path(sys.argv[1])\n"
        "tt.ingest(place / 'log.jsonl', place / 'table', format='canonical')\n"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
    order = read_table(tmp_path / "table")["trace_id"].to_pylist()
    assert order == ["1", "2", "3"]
