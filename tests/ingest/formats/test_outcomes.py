"""Outcome tables: which column becomes which."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.outcomes import Outcomes
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.records import Invocation

Outcome = Callable[..., dict[str, Any]]
Write = Callable[..., Path]


def _read(path: Path) -> list[Invocation | Issue]:
    return list(Outcomes().read(Source(path), Context()))


def test_each_column_finds_its_place(write_lines: Write, outcome: Outcome) -> None:
    """The billed prompt tokens are an outcome and leave the estimate unknown."""
    path = write_lines([outcome(1, tools=["bash"], propensity=0.25, attr_team="a")])
    (row,) = _read(path)

    assert isinstance(row, Invocation)
    assert (row.task_text, row.task_type, row.tools, row.n_tools) == (
        "What is 1 + 1?",
        "qa",
        ["bash"],
        1,
    )
    assert (row.y_quality, row.y_cost_usd, row.y_latency_s) == (0.75, 0.001, 0.5)
    assert (row.y_input_tokens, row.y_output_tokens) == (10, 5)
    assert (row.prompt_tokens_est, row.context_tokens) == (None, None)
    assert (row.p_log, row.tier, row.model, row.attrs) == (0.25, "low", "model-s", {"team": "a"})


@pytest.mark.parametrize(
    ("quality", "success", "expected"),
    [
        pytest.param(7.5, None, (0.75, "given"), id="a score of unknown origin"),
        pytest.param(10, True, (1.0, "reference"), id="a score with a verdict"),
        pytest.param(None, False, (0.0, "reference"), id="a verdict alone"),
        pytest.param(None, None, (None, None), id="unknown"),
    ],
)
def test_quality_and_where_it_is_from(
    quality: float | None,
    success: bool | None,
    expected: tuple[float | None, str | None],
    write_lines: Write,
    outcome: Outcome,
) -> None:
    """0-10 in the file, [0, 1] inside."""
    (row,) = _read(write_lines([outcome(1, quality=quality, success=success)]))

    assert isinstance(row, Invocation)
    assert (row.y_quality, row.y_quality_source) == expected


@pytest.mark.parametrize("quality", [-0.1, 10.5, 75])
def test_a_quality_out_of_range_is_told_on_its_own_scale(
    quality: float, write_lines: Write, outcome: Outcome
) -> None:
    """Not as 1.05 of 1."""
    (issue,) = _read(write_lines([outcome(1, quality=quality)]))

    assert isinstance(issue, Issue)
    assert (issue.reason, issue.pointer) == ("out_of_range", "quality")
    assert issue.message == f"quality is {quality:g}, must be from 0 to 10"


def test_a_mistyped_column_is_told_and_others_are_listed(
    write_lines: Write, outcome: Outcome
) -> None:
    """``qualty`` would otherwise be a table without quality."""
    row = outcome(1, notes="x", qualty=5)
    del row["quality"]
    source = Source(write_lines([row]))
    issue, found = Outcomes().read(source, Context())

    assert isinstance(issue, Issue)
    assert "column 'qualty' is not read; did you mean 'quality'?" in issue.message
    assert issue.line is None
    assert isinstance(found, Invocation)
    assert source.ignored == {"notes", "qualty"}


def test_outcome_tables_are_recognised(write_lines: Write, outcome: Outcome) -> None:
    """By the ids, the prompt and one outcome."""
    row = outcome(1)
    without = {name: row[name] for name in row if name not in ("quality", "success", "cost_usd")}

    assert Outcomes().matches(Source(write_lines([row])).head) == 1
    assert Outcomes().matches(Source(write_lines([without])).head) == 0
