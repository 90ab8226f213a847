"""The account of a run, worked by hand."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from tracetier.ingest.summary import FileSummary, IngestSummary
from tracetier.ingest.tally import Tally
from tracetier.table import arrow_schema

Rows = list[dict[str, Any]]


def _summary(batches: list[Rows], declared: tuple[str, ...] | None = None) -> IngestSummary:
    tally, schema = Tally(), arrow_schema()
    for rows in batches:
        full = [{name: row.get(name) for name in schema.names} for row in rows]
        tally.add(pa.Table.from_pylist(full, schema))
    file = FileSummary(
        path="a", format="f", n_bytes=9, n_rows=3, n_read=3, n_rejected=2, n_duplicates=1
    )
    return tally.summary(
        out="t",
        files=(file,),
        declared=declared,
        issues=Counter({"missing": 1, "not_json": 2}),
        first_issues=("one",),
    )


def _row(task: str, tier: str, **fields: object) -> dict[str, Any]:
    return {"trace_id": f"{task}{tier}", "task_id": task, "tier": tier, **fields}


def test_means_are_over_the_rows_that_know() -> None:
    """Two batches; a row without quality counts for cost only."""
    summary = _summary(
        [
            [
                _row("1", "b", y_quality=0.5, y_cost_usd=0.3),
                _row("1", "a", y_quality=0.2, y_cost_usd=0.1),
            ],
            [_row("2", "b", y_cost_usd=0.5), _row("2", "a", y_quality=0.4)],
        ]
    )
    a, b = summary.tiers

    assert (a.name, a.n_rows, a.n_with_quality, a.n_with_cost) == ("a", 2, 2, 1)
    assert a.mean_quality == pytest.approx(0.3)
    assert a.mean_cost_usd == pytest.approx(0.1)
    assert (b.name, b.n_with_quality, b.mean_quality) == ("b", 1, 0.5)
    assert b.mean_cost_usd == pytest.approx(0.4)
    assert summary.tier_order == "by cost"


def test_declared_tiers_are_all_listed_in_their_order() -> None:
    """Also one that was never taken."""
    summary = _summary([[_row("1", "b", y_cost_usd=0.1)]], declared=("c", "b"))

    assert [(tier.name, tier.n_rows) for tier in summary.tiers] == [("c", 0), ("b", 1)]
    assert summary.tiers[0].mean_cost_usd is None


def test_tiers_whose_cost_is_unknown_have_no_order() -> None:
    """They are listed by name."""
    summary = _summary([[_row("1", "b", y_cost_usd=0.1), _row("1", "a")]])

    assert summary.tier_order == "unknown"
    assert [tier.name for tier in summary.tiers] == ["a", "b"]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param(["1a", "1b", "2a", "2b"], ("full", 2, 2), id="every task on both"),
        pytest.param(["1a", "1b", "1a", "2b", "2a"], ("full", 2, 2), id="one twice"),
        pytest.param(["1a", "2b", "2b"], ("logged", 2, 0), id="each task on one"),
        pytest.param(["1a", "1b", "2a"], ("mixed", 2, 1), id="one task on both"),
        pytest.param(["1a", "2a"], ("logged", 2, 2), id="only one tier"),
    ],
)
def test_full_information_is_told_from_logs(
    runs: list[str], expected: tuple[str, int, int]
) -> None:
    """A pair of task and tier, seen once or more, over two batches."""
    rows = [_row(run[0], run[1]) for run in runs]
    summary = _summary([rows[:2], rows[2:]])

    assert (summary.information, summary.n_tasks, summary.n_tasks_on_all_tiers) == expected


def test_span_types_and_propensities_are_counted() -> None:
    """Nulls count for nothing."""
    early, late = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC)
    summary = _summary(
        [
            [_row("1", "a", timestamp=late, task_type="x", p_log=0.5), _row("2", "a")],
            [_row("3", "a", timestamp=early, task_type="y"), _row("4", "a", task_type="y")],
        ]
    )

    assert (summary.first_timestamp, summary.last_timestamp) == (early, late)
    assert list(summary.task_types.items()) == [("y", 2), ("x", 1)]
    assert summary.n_with_propensity == 1


def test_totals_are_derived_from_the_files_and_go_into_the_json() -> None:
    """3 rows + 2 rejected + 1 duplicate."""
    plain = _summary([[_row("1", "a")]]).to_dict()

    assert (plain["n_records"], plain["n_rows"], plain["n_bytes"]) == (6, 3, 9)
    assert plain["files"][0]["n_records"] == 6
    assert list(plain["issues"]) == ["not_json", "missing"]


def test_a_summary_prints_as_a_sentence() -> None:
    """For those who call it from Python."""
    assert str(_summary([[_row("1", "a")]])) == (
        "3 rows of 1 tasks in t (a 1); 6 records in 1 files, 2 rejected, 1 duplicates"
    )
