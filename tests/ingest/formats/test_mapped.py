"""Records of any shape, by the user's map."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.errors import FormatError
from tracetier.ingest.formats.mapped import Mapped
from tracetier.ingest.issue import Issue
from tracetier.ingest.mapping import read_mapping
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.records import Invocation

Write = Callable[..., Path]

MAP: dict[str, Any] = {
    "task_text": "input.messages.0.content",
    "model": "response.model",
    "tools": "request.tools",
    "timestamp": "at",
    "y_quality": {"path": "stars", "range": [1, 5]},
    "y_input_tokens": "usage.in",
    "task_type": {"const": "support"},
    "attr_team": "meta.team",
}


def _record(**fields: object) -> dict[str, Any]:
    record = {
        "input": {"messages": [{"content": "Help!"}]},
        "response": {"model": "gpt-5"},
        "request": {"tools": [{"function": {"name": "search"}}]},
        "at": 1736154000,
        "stars": 4,
        "usage": {"in": 12},
        "meta": {"team": "blue"},
    }
    return record | fields


def _read(path: Path, mapping: dict[str, Any] | None = None) -> list[Any]:
    context = Context(read_mapping(mapping or MAP))
    return list(Mapped().read(Source(path), context))


def test_a_record_becomes_an_invocation(write_lines: Write) -> None:
    """Nested values, scaled, with ids made where the map names none."""
    (row,) = _read(write_lines([_record()]))

    assert isinstance(row, Invocation)
    assert (row.task_text, row.model, row.tools) == ("Help!", "gpt-5", ["search"])
    assert (row.y_quality, row.y_quality_source, row.y_input_tokens) == (0.75, "given", 12)
    assert (row.task_type, row.attrs) == ("support", {"team": "blue"})
    assert row.timestamp is not None
    assert row.timestamp.isoformat() == "2025-01-06T09:00:00+00:00"


def test_the_same_text_is_the_same_task_and_each_record_a_trace(write_lines: Write) -> None:
    """Where the map names no ids."""
    other = _record(input={"messages": [{"content": "Hello"}]})
    first, second, third = _read(write_lines([_record(), _record(), other]))

    assert first.task_id == second.task_id != third.task_id
    assert len({first.trace_id, second.trace_id, third.trace_id}) == 3


def test_csv_is_mapped_by_its_columns(tmp_path: Path) -> None:
    """Typed like everything else."""
    (tmp_path / "log").write_text("id,q,llm,dollar cents\n7,Hi,gpt-5,1.5\n")
    mapping = {
        "task_id": "id",
        "task_text": "q",
        "model": "llm",
        "y_cost_usd": {"path": ["dollar cents"], "scale": 0.01},
    }
    (row,) = _read(tmp_path / "log", mapping)

    assert (row.task_id, row.task_text) == ("7", "Hi")
    assert row.y_cost_usd == pytest.approx(0.015)


@pytest.mark.parametrize(
    ("record", "pointer", "told"),
    [
        (_record(stars="many"), "stars", "y_quality must be a number"),
        (_record(at="noon"), "at", "timestamp is 'noon', must be a time"),
        (_record(meta={"team": ["a"]}), "meta.team", "attr_team is list of 1"),
        (_record(input={}), "task_id", "task_id is missing"),
    ],
)
def test_a_fault_points_into_the_user_s_record(
    record: dict[str, Any], pointer: str, told: str, write_lines: Write
) -> None:
    """Under their name, not ours."""
    found = _read(write_lines([_record(), record]))

    assert isinstance(found[1], Issue)
    assert (found[1].line, found[1].pointer) == (2, pointer)
    assert told in found[1].message


def test_a_path_that_no_record_has_is_told(write_lines: Write) -> None:
    """A typo in the map would otherwise be a column of nulls."""
    found = _read(write_lines([_record(), _record()]), MAP | {"y_quality": "strs"})

    assert [isinstance(item, Invocation) for item in found] == [True, True, False]
    assert "no record has 'strs', to which y_quality is mapped; did you mean 'stars'?" in (
        found[2].message
    )
    assert found[2].line is None


def test_without_a_map_there_is_nothing_to_go_by(write_lines: Write) -> None:
    """``--format mapped`` alone."""
    with pytest.raises(FormatError, match="give --map FILE"):
        list(Mapped().read(Source(write_lines([_record()])), Context()))
