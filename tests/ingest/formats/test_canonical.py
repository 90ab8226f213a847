"""Our own columns."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tracetier.ingest.formats.canonical import Canonical
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.records import Invocation
from tracetier.table import TableWriter

Write = Callable[..., Path]

FULL = Invocation(
    trace_id="t",
    task_id="k",
    span_id="s",
    timestamp=datetime(2025, 1, 6, tzinfo=UTC),
    task_text="Fix it.",
    tools=["bash"],
    level="agent_run",
    attrs={"n": 2.0, "s": "x", "b": True},
    model="m",
    tier="low",
    p_log=0.5,
    y_quality=0.5,
    y_quality_source="human",
    y_cost_usd=0.1,
    y_cache_read_tokens=3,
)


def test_a_feature_table_is_itself_a_log(tmp_path: Path) -> None:
    """What was written comes back; ``x_*`` and ``source_*`` are made anew."""
    with TableWriter(tmp_path / "t", x_columns=["x_words"]) as writer:
        writer.write([FULL], source_format="other", source_file="other.jsonl")
    source = Source(tmp_path / "t" / "part-00000.parquet")

    assert Canonical().matches(source.head) == 1
    assert list(Canonical().read(source, Context())) == [FULL]
    assert source.ignored == set()


@pytest.mark.parametrize(
    "line",
    [
        {"trace_id": "t", "task_id": "k", "task_text": "a", "attr_n": 2, "y_quality": 0.5},
        {"trace_id": "t", "task_id": "k", "task_text": "a", "attrs": {"n": 2}, "y_quality": "0.5"},
    ],
    ids=["columns", "an object"],
)
def test_attributes_as_columns_or_as_an_object(line: dict[str, object], write_lines: Write) -> None:
    """Both spellings of the user's own columns."""
    (row,) = Canonical().read(Source(write_lines([line])), Context())

    assert row == Invocation(
        trace_id="t", task_id="k", task_text="a", attrs={"n": 2.0}, y_quality=0.5
    )


def test_a_mistyped_column_is_told(write_lines: Write) -> None:
    """Its values would be lost in silence."""
    line = {"trace_id": "t", "task_id": "k", "task_text": "a", "y_cost_ust": 0.5}
    issue, _ = Canonical().read(Source(write_lines([line])), Context())

    assert isinstance(issue, Issue)
    assert "did you mean 'y_cost_usd'?" in issue.message


def test_ids_alone_are_not_enough_to_be_recognised(write_lines: Write) -> None:
    """Many logs call something ``trace_id``."""
    ids = {"trace_id": "t", "task_id": "k"}

    assert Canonical().matches(Source(write_lines([ids | {"prompt": "a"}])).head) == 0
    assert Canonical().matches(Source(write_lines([ids | {"y_quality": 1}])).head) == 1
