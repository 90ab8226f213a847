"""Data frames of OpenInference spans, as CSV and as Parquet."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.formats.openinference_spans import (
    EXPECTED,
    MESSAGES,
    PARENT,
    SPAN,
    TRACE,
    read,
    write_csv,
)

from tracetier.ingest.formats.openinference import Openinference
from tracetier.ingest.issue import Issue
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span


def _frame_row(**cells: object) -> dict[str, object]:
    return {
        "context.span_id": SPAN,
        "context.trace_id": TRACE,
        "parent_id": PARENT,
        "name": "llm",
        "span_kind": "LLM",
        "start_time": datetime(2026, 1, 5, 8, 0, 0, 250_000, UTC),
        "end_time": datetime(2026, 1, 5, 8, 0, 1, 500_000, UTC),
        "status_code": "UNSET",
        "events": [],
        "attributes.llm.model_name": "gpt-4.1-mini",
        "attributes.llm.token_count.prompt": 120.0,
        "attributes.llm.token_count.completion": 8.0,
        "attributes.llm.token_count.prompt_details": {"cache_read": 60.0},
        "attributes.llm.input_messages": MESSAGES,
        "attributes.llm.tools": [{"tool.json_schema": '{"name": "edit"}'}],
        "attributes.session.id": "talk",
    } | cells


def _csv_cells() -> dict[str, object]:
    row = _frame_row(**{"attributes.llm.token_count.prompt_details.cache_read": 60.0})
    del row["attributes.llm.token_count.prompt_details"]
    return row


def test_a_data_frame_tells_the_same_span_as_csv_and_as_parquet(tmp_path: Path) -> None:
    """Cells as Python prints them, or as lists."""
    table = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist([_frame_row()]), table)
    text = write_csv(tmp_path / "log.csv", _csv_cells())

    for path in (table, text):
        assert Openinference().matches(Source(path).head) == 1
        assert read(path) == [EXPECTED]


def test_cells_that_are_no_literal_leave_the_text_unknown_and_are_told(tmp_path: Path) -> None:
    """Once, not per row; and nothing in them is run."""
    name = "attributes.llm.input_messages"
    bad = [
        _csv_cells() | {name: "__import__('pathlib').Path('x').touch()"},
        _csv_cells() | {name: "array([{'message.role': 'user'}], dtype=object)"},
    ]
    first, second, issue = read(write_csv(tmp_path / "log.csv", *bad))

    assert isinstance(first, Span)
    assert isinstance(second, Span)
    assert (first.text, second.text, first.model_asked) == ("", "", "gpt-4.1-mini")
    assert isinstance(issue, Issue)
    assert (issue.reason, issue.line) == ("unread_cell", None)
    assert "2 rows, the first in line 2" in issue.message
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("nothing", ["None", "nan", ""])
def test_nothing_has_many_spellings_in_csv(nothing: str, tmp_path: Path) -> None:
    """A root has no parent, and unknown tokens are not 0."""
    cells = _csv_cells() | dict.fromkeys(
        ("parent_id", "attributes.llm.token_count.prompt", "attributes.session.id"), nothing
    )
    (span,) = read(write_csv(tmp_path / "log.csv", cells))

    assert isinstance(span, Span)
    assert (span.parent_id, span.input_tokens, span.session_id) == (None, None, None)


def test_rows_that_are_broken_are_issues_with_their_lines(tmp_path: Path) -> None:
    """The others are read."""
    rows = [_csv_cells(), _csv_cells() | {"context.span_id": "None"}, _csv_cells()]
    first, issue, last = read(write_csv(tmp_path / "log.csv", *rows))

    assert (first, last) == (EXPECTED, EXPECTED)
    assert isinstance(issue, Issue)
    assert (issue.line, issue.reason, issue.pointer) == (3, "missing", "span_id")


_CELLS = (
    st.none() | st.text(max_size=8) | st.sampled_from(["[{}]", "None", "[1", "{'a': 1}", "1e9"])
)


_COLUMNS = sorted(_csv_cells())


@given(st.dictionaries(st.sampled_from(_COLUMNS), _CELLS, max_size=6))
def test_no_cell_stops_the_reading(tmp_path_factory: Any, cells: dict[str, str | None]) -> None:
    """Each row gives a span or an issue."""
    path = tmp_path_factory.mktemp("log") / "log.csv"
    try:
        write_csv(path, _csv_cells(), _csv_cells() | cells)
    except UnicodeEncodeError:
        return
    found = [item for item in read(path) if not (isinstance(item, Issue) and item.line is None)]

    assert found[0] == EXPECTED
    assert len(found) >= 2
