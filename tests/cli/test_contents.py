"""What some rows hold: counted by hand on four rows."""

from io import StringIO

import pyarrow as pa
from rich.console import Console

from tracetier.cli.contents import Contents, contents_of, render_contents
from tracetier.table import arrow_schema

ROWS = {
    "trace_id": ["1", "2", "3", "4"],
    "task_id": ["a", "a", "b", "b"],
    "tier": ["high", "low", "high", None],
    "model": ["h-1", "l-[1]", "h-2", None],
    "task_text": ["x", "x", "", ""],
    "task_type": ["qa", "qa", "code", None],
    "y_quality": [1.0, 0.5, 0.5, None],
    "y_quality_source": ["judge", "judge", "human", None],
    "y_cost_usd": [0.02, 0.001, 0.04, None],
}


def _contents(**options: tuple[str, ...]) -> Contents:
    schema = arrow_schema({"attr_team": pa.string()})
    columns = {name: ROWS.get(name, [None] * 4) for name in schema.names}
    return contents_of(pa.table(columns, schema=schema), **options)


def test_rows_tasks_and_means_are_counted() -> None:
    """Two tiers with a cost, cheap to dear, and a row whose tier is unknown."""
    found = _contents()

    assert (found.n_rows, found.n_tasks) == (4, 2)
    assert [tier.name for tier in found.tiers] == ["low", "high", "unknown"]
    assert found.tiers[1].models == ("h-1", "h-2")
    assert (found.tiers[1].mean_quality, found.tiers[1].mean_cost_usd) == (0.75, 0.03)
    assert found.tiers[2].mean_cost_usd is None
    assert found.task_types == {"qa": 2, "code": 1}
    assert found.sources == {"judge": 2, "human": 1}


def test_an_empty_text_is_not_known() -> None:
    """Half of the rows have one; ids are no knowledge, the user's own columns are."""
    known = _contents().known

    assert known["task_text"] == 0.5
    assert known["y_quality"] == 0.75
    assert known["attr_team"] == 0
    assert "task_id" not in known


def test_a_stated_order_comes_before_the_costs() -> None:
    """The user may know better."""
    assert [tier.name for tier in _contents(tiers=("high", "low")).tiers][:2] == ["high", "low"]


def test_names_are_shown_as_they_are() -> None:
    """Brackets are no markup; quality is 0-10."""
    console = Console(file=StringIO(), width=120)
    console.print(render_contents(_contents()))
    assert isinstance(console.file, StringIO)
    shown = console.file.getvalue()

    assert "l-[1]" in shown
    assert ["high", "h-1,", "h-2", "2", "7.500", "0.03"] in [
        line.split() for line in shown.splitlines()
    ]
    assert "task_text 50.0%" in shown
