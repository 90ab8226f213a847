"""What is a row at each level, and that no call is in two of them."""

from collections.abc import Callable
from typing import Any

import pytest

from tracetier.ingest.assemble.calls import distinct_calls
from tracetier.ingest.assemble.tree import NONE, Tree, build_tree
from tracetier.ingest.assemble.units import Unit, find_units
from tracetier.ingest.span import Span

Step = Callable[..., Span]


def _units(spans: list[Span], level: Any) -> tuple[list[Unit], dict[str, int], Tree]:
    tree = build_tree(spans)
    units, counts = find_units(tree, distinct_calls(tree), level)
    return units, +counts, tree


def _told(spans: list[Span], level: Any) -> dict[str, list[str]]:
    units, _, tree = _units(spans, level)
    return {
        tree.spans[unit.place].span_id: [tree.spans[i].span_id for i in unit.calls]
        for unit in units
    }


@pytest.fixture
def session(step: Step) -> list[Span]:
    """A main agent with two turns; the first starts a sub-agent."""
    return [
        step("agent", "main", None, 0, 99),
        step("turn", "turn1", "main", 1, 50),
        step("call", "c1", "turn1", 2, 3),
        step("tool", "task", "c1", 4, 40),
        step("agent", "sub", "task", 5, 39),
        step("call", "s1", "sub", 6, 7),
        step("call", "s2", "sub", 8, 9),
        step("call", "c2", "turn1", 41, 42),
        step("turn", "turn2", "main", 60, 70),
        step("call", "c3", "turn2", 61, 62),
    ]


def test_each_call_is_a_row_at_the_level_of_calls(session: list[Span]) -> None:
    """And nothing else."""
    assert list(_told(session, "call")) == ["c1", "s1", "s2", "c2", "c3"]


def test_a_call_belongs_to_the_nearest_run(session: list[Span]) -> None:
    """The main agent, whose turns are rows, is none; the sub-agent's calls are not the turn's."""
    assert _told(session, "agent_run") == {
        "turn1": ["c1", "c2"],
        "sub": ["s1", "s2"],
        "turn2": ["c3"],
    }


def test_a_sub_agent_is_linked_to_the_turn_that_started_it(session: list[Span]) -> None:
    """Through the tool; a turn, whose agent is no row, is linked to none."""
    units, _, tree = _units(session, "agent_run")
    parents = [None if u.parent == NONE else tree.spans[u.parent].span_id for u in units]

    assert parents == [None, "turn1", None]
    assert [unit.has_others for unit in units] == [True, False, False]


def test_the_whole_trace_is_a_row_at_the_level_of_tasks(session: list[Span]) -> None:
    """Named by its root, with all calls."""
    assert _told(session, "task") == {"main": ["c1", "s1", "s2", "c2", "c3"]}


def test_a_call_outside_of_all_agents_is_a_row_by_itself(step: Step) -> None:
    """A title made by a small model before the agent runs: its tier was chosen by itself."""
    spans = [
        step("group", "chain", None, 0, 9),
        step("call", "title", "chain", 1, 2),
        step("agent", "run", "chain", 3, 8),
        step("call", "c", "run", 4, 5),
    ]
    units, counts, _ = _units(spans, "agent_run")

    assert [(unit.level, unit.is_aside) for unit in units] == [("call", True), ("agent_run", False)]
    assert counts == {"calls_outside_runs": 1}
    assert list(_told(spans, "task")) == ["chain"]


def test_the_root_is_the_run_where_no_agent_is_told(step: Step) -> None:
    """A chain, or a web request: its two calls are one row; a call without root is one too."""
    spans = [
        step("group", "request", None, 0, 9),
        step("group", "step", "request", 1, 8),
        step("call", "a", "step", 2, 3),
        step("call", "b", "request", 4, 5),
        step("call", "lone", None, 6, 7),
    ]
    units, counts, _ = _units(spans, "agent_run")

    assert _told(spans, "agent_run") == {"request": ["a", "b"], "lone": ["lone"]}
    assert [(unit.level, unit.is_aside) for unit in units] == [
        ("agent_run", False),
        ("call", False),
    ]
    assert counts == {"calls_outside_runs": 1}


def test_a_run_of_which_only_totals_are_told_is_a_row(step: Step) -> None:
    """By its model; at the level of calls it is counted, not lost."""
    spans = [step("agent", "run", None, 0, 9, model_asked="m", input_tokens=5)]

    assert _told(spans, "agent_run") == _told(spans, "task") == {"run": []}
    assert _units(spans, "call")[:2] == ([], {"runs_without_calls": 1})


@pytest.mark.parametrize("level", ["agent_run", "task"])
def test_a_run_without_call_and_model_is_counted(step: Step, level: str) -> None:
    """It chose no tier."""
    assert _units([step("agent", "run", None, 0, 9)], level)[:2] == (
        [],
        {"runs_without_model": 1},
    )


def test_an_agent_told_twice_is_one_row(step: Step) -> None:
    """Two instrumentations: the outer span makes no call of its own, though it has a model."""
    spans = [
        step("agent", "outer", None, 0, 9, model_asked="m", input_tokens=5),
        step("agent", "inner", "outer", 1, 8),
        step("call", "c", "inner", 2, 3),
    ]
    units, counts, _ = _units(spans, "agent_run")

    assert _told(spans, "agent_run") == {"inner": ["c"]}
    assert (units[0].parent, counts) == (NONE, {})


def test_a_task_is_named_by_what_holds_it_not_by_a_stray_step(step: Step) -> None:
    """A call whose parent never came started before the root."""
    spans = [
        step("call", "stray", "lost", 0, 1),
        step("agent", "run", None, 1, 9),
        step("call", "c", "run", 2, 3),
    ]

    assert _told(spans, "task") == {"run": ["stray", "c"]}
