"""Tables as outcomes: full information, rows to be weighed, or a clear error."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tracetier.errors import TableError
from tracetier.evaluate.outcomes import (
    full_outcomes_of,
    gather_full_outcomes,
    rows_with_texts,
)
from tracetier.records import Invocation
from tracetier.table import read_table


def row(task: int, tier: str, quality: float | None, cost: float | None, **more: Any) -> Invocation:
    """One invocation of a task; every task has a text of its own."""
    return Invocation(
        trace_id=f"{task}{tier}{more}",
        task_id=f"t{task}",
        task_text=f"task {task}",
        tier=tier,
        y_quality=quality,
        y_cost_usd=cost,
        **more,
    )


def all_tiers(task: int, quality: float = 1.0) -> list[Invocation]:
    return [row(task, tier, quality, 0.5) for tier in ("low", "mid", "high")]


@pytest.fixture
def gather(write_table: Any, artifact: Any) -> Any:
    """Return a function from rows to outcomes."""

    def outcomes(rows: list[Invocation]) -> Any:
        found = rows_with_texts(read_table(write_table(rows)), artifact.tiers)
        return full_outcomes_of(found, artifact.tiers)

    return outcomes


def test_full_information_keeps_the_complete_tasks_and_counts_the_others(gather: Any) -> None:
    """Task 1 lacks a tier, task 2 a quality, task 3 a cost."""
    rows = [
        *all_tiers(0, 0.25),
        *all_tiers(1)[:2],
        *all_tiers(2)[:2],
        row(2, "high", None, 1.0),
        *all_tiers(3)[:2],
        row(3, "high", 1.0, None),
        *(each for task in (4, 5, 6) for each in all_tiers(task, 0.75)),
    ]
    found = gather(rows)

    assert found is not None
    assert found.row.tolist() == [0, 4, 5, 6]
    assert [task.text for task in found.tasks] == ["task 0", "task 4", "task 5", "task 6"]
    assert found.quality.tolist() == [[0.25] * 3] + [[0.75] * 3] * 3
    assert found.n_left_out == 3
    assert len(set(found.groups.tolist())) == 4


def test_a_tier_that_ran_twice_counts_with_its_mean(gather: Any) -> None:
    """Qualities 1 and 0 on one tier are .5."""
    found = gather([*all_tiers(0), row(0, "mid", 0.0, 1.5, span_id="again")])

    assert found.quality.tolist() == [[1.0, 0.5, 1.0]]
    assert found.cost_usd.tolist() == [[0.5, 1.0, 0.5]]


def test_tasks_that_ran_on_few_tiers_need_weighing(gather: Any) -> None:
    """One complete task of three is no full information; of two it is."""
    logged = [row(task, "mid", 0.5, 1.0, p_log=0.5) for task in (1, 2)]

    assert gather([*all_tiers(0), *logged]) is None
    found = gather([*all_tiers(0), *logged[:1]])
    assert (len(found.tasks), found.n_left_out) == (1, 1)


def test_no_outcome_at_all_says_what_is_needed(gather: Any) -> None:
    """The message names the tiers and both mends."""
    with pytest.raises(
        TableError, match=r"none of the 2 tasks.*low, mid, high.*join outcomes, or set prices"
    ):
        gather([row(0, "low", 1.0, None), row(1, "high", 0.5, None)])


def test_a_replay_needs_every_tier(write_table: Any, artifact: Any) -> None:
    """Complete tasks are taken however few; with none the message says why they are needed."""
    table = read_table(write_table([*all_tiers(0), *all_tiers(1)[:1], *all_tiers(2)[:2]]))
    found = gather_full_outcomes(table, artifact.tiers)

    assert (len(found.tasks), found.n_left_out) == (1, 2)
    incomplete = table.filter(pa.array(np.array(table["task_id"].to_pylist()) != "t0"))
    with pytest.raises(TableError, match="replay reveals the outcome of whatever tier is chosen"):
        gather_full_outcomes(incomplete, artifact.tiers)
