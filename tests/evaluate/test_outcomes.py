"""Tables as outcomes: full information, logged rows, or a clear error."""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from tracetier.errors import TableError
from tracetier.evaluate.outcomes import (
    FullOutcomes,
    LoggedOutcomes,
    gather_full_outcomes,
    gather_outcomes,
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
    return lambda rows: gather_outcomes(read_table(write_table(rows)), artifact.tiers)


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

    assert isinstance(found, FullOutcomes)
    assert [task.text for task in found.tasks] == ["task 0", "task 4", "task 5", "task 6"]
    assert found.quality.tolist() == [[0.25] * 3] + [[0.75] * 3] * 3
    assert found.n_left_out == 3
    assert len(set(found.groups.tolist())) == 4


def test_a_tier_that_ran_twice_counts_with_its_mean(gather: Any) -> None:
    """Qualities 1 and 0 on one tier are .5."""
    found = gather([*all_tiers(0), row(0, "mid", 0.0, 1.5, span_id="again")])

    assert found.quality.tolist() == [[1.0, 0.5, 1.0]]
    assert found.cost_usd.tolist() == [[0.5, 1.0, 0.5]]


def test_logged_rows_need_quality_cost_and_propensity(gather: Any) -> None:
    """Of five tasks on one tier each, three are usable; two are counted."""
    rows = [
        row(0, "high", 1.0, 2.0, p_log=0.5),
        row(1, "low", 0.0, 1.0, p_log=0.25),
        row(2, "low", None, 1.0, p_log=0.25),
        row(3, "mid", 0.5, 1.0),
        row(4, "mid", 0.5, 1.0, p_log=1.0),
    ]
    found = gather(rows)

    assert isinstance(found, LoggedOutcomes)
    assert found.tier.tolist() == [2, 0, 1]
    assert found.quality.tolist() == [1.0, 0.0, 0.5]
    assert found.cost_usd.tolist() == [2.0, 1.0, 1.0]
    assert found.p_log.tolist() == [0.5, 0.25, 1.0]
    assert [task.text for task in found.tasks] == ["task 0", "task 1", "task 4"]
    assert found.n_left_out == 2


def test_a_few_complete_tasks_do_not_make_a_log_full_information(gather: Any) -> None:
    """One complete task among three: with propensities it is a log, without it is used alone."""
    logged = [row(task, "mid", 0.5, 1.0, p_log=0.5) for task in (1, 2)]
    without = [msgspec.structs.replace(each, p_log=None) for each in logged]

    assert isinstance(gather([*all_tiers(0), *logged]), LoggedOutcomes)
    alone = gather([*all_tiers(0), *without])
    assert isinstance(alone, FullOutcomes)
    assert (len(alone.tasks), alone.n_left_out) == (1, 2)


def test_neither_full_nor_logged_says_what_is_needed(gather: Any) -> None:
    """The message names the tiers, the column that is missing, and both mends."""
    with pytest.raises(
        TableError, match=r"none of the 2 tasks.*low, mid, high.*p_log.*every tier ran, or log the"
    ):
        gather([row(0, "low", 1.0, 1.0), row(1, "high", 1.0, 1.0)])


@pytest.mark.parametrize("p_log", [0.0, -0.5, 1.5])
def test_a_propensity_out_of_range_names_the_task(gather: Any, p_log: float) -> None:
    """How many there are, and the first."""
    rows = [row(0, "low", 1.0, 1.0, p_log=0.5), row(1, "low", 1.0, 1.0, p_log=p_log)]

    with pytest.raises(TableError, match=rf"p_log of task 't1' is {p_log:g}.*\(1 such rows\)"):
        gather(rows)


def test_a_replay_needs_every_tier(write_table: Any, artifact: Any) -> None:
    """Complete tasks are taken however few; with none the message says why they are needed."""
    table = read_table(write_table([*all_tiers(0), *all_tiers(1)[:1], *all_tiers(2)[:2]]))
    found = gather_full_outcomes(table, artifact.tiers)

    assert (len(found.tasks), found.n_left_out) == (1, 2)
    incomplete = table.filter(pa.array(np.array(table["task_id"].to_pylist()) != "t0"))
    with pytest.raises(TableError, match="replay reveals the outcome of whatever tier is chosen"):
        gather_full_outcomes(incomplete, artifact.tiers)
