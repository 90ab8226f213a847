"""Conditions of rules: what meets them, what never does, and what a wrong one says."""

import pytest

from tracetier.errors import SettingsError
from tracetier.records import Task
from tracetier.route.policy.conditions import read_condition

HERE = "tracetier.toml: [[rule]] 1"


@pytest.mark.parametrize(
    ("name", "wanted", "task", "holds"),
    [
        pytest.param("task_type", "edit", Task(task_type="edit"), True, id="a name"),
        pytest.param("task_type", "sec_*", Task(task_type="SEC_review"), True, id="a pattern"),
        pytest.param("task_type", "edit", Task(task_type="edits"), False, id="the whole name"),
        pytest.param("task_type", ["a", "b"], Task(task_type="b"), True, id="any of a list"),
        pytest.param("task_type", "*", Task(), False, id="unknown meets nothing"),
        pytest.param("agent_name", "rev*", Task(agent_name="reviewer"), True, id="agent"),
        pytest.param("tools", "bash", Task(tools=["edit", "bash"]), True, id="any tool"),
        pytest.param("tools", "bash", Task(tools=[]), False, id="no tool"),
        pytest.param("level", "call", Task(level="call"), True, id="level"),
        pytest.param("prompt_tokens", {"above": 10}, Task(text="a" * 90), True, id="from text"),
        pytest.param("prompt_tokens", {"above": 9}, Task(prompt_tokens_est=9), False, id="strict"),
        pytest.param(
            "context_tokens", {"above": 5, "below": 9}, Task(context_tokens=7), True, id="range"
        ),
        pytest.param("context_tokens", {"below": 0}, Task(context_tokens=0), False, id="below 0"),
        pytest.param("n_tools", 2, Task(tools=["a", "b"]), True, id="counted from the names"),
        pytest.param("n_tools", 3, Task(n_tools=3), True, id="or told"),
        pytest.param("n_prior_errors", {"above": 1}, Task(), False, id="unknown number"),
        pytest.param("attr_repo", "pay*", Task(attrs={"repo": "payments"}), True, id="attr text"),
        pytest.param("attr_repo", "pay", Task(attrs={"other": "pay"}), False, id="no such attr"),
        pytest.param("attr_pii", True, Task(attrs={"pii": True}), True, id="attr truth"),
        pytest.param("attr_pii", True, Task(attrs={"pii": 1.0}), False, id="1 is not true"),
        pytest.param("attr_n", 1, Task(attrs={"n": True}), False, id="true is not 1"),
        pytest.param("attr_n", {"above": 0}, Task(attrs={"n": 0.5}), True, id="attr range"),
        pytest.param("attr_n", {"above": 0}, Task(attrs={"n": "9"}), False, id="text in range"),
    ],
)
def test_a_condition_holds_for_what_it_says(
    name: str, wanted: object, task: Task, holds: bool
) -> None:
    """Names without regard to case, ranges without their ends, unknown never."""
    assert read_condition(name, wanted, HERE).holds(task) is holds


@pytest.mark.parametrize(
    ("name", "wanted", "told"),
    [
        ("task_type", 3, r"task_type is 3, expected a name or pattern"),
        ("tools", [], r"tools is an empty list, which no task meets"),
        ("tools", {"above": 1}, r"tools is \{'above': 1\}, expected a name"),
        ("n_tools", "3", r"n_tools is '3', expected a number, or a range such as"),
        ("n_tools", True, r"n_tools is True, expected a number"),
        ("n_tools", {"abov": 3}, r"has 'abov', a range has .*did you mean 'above'"),
        ("n_tools", {}, r"empty range"),
        ("n_tools", {"above": 3, "below": 3}, r"above 3 and below 3: no number is both"),
        ("n_tools", {"above": "3"}, r"above is '3', expected a number"),
        ("attr_x", None, r"attr_x is None, expected a name or pattern in quotes, true, false"),
    ],
)
def test_a_condition_of_the_wrong_kind_is_told(name: str, wanted: object, told: str) -> None:
    """With the place, and with what it may be."""
    with pytest.raises(SettingsError, match=told) as caught:
        read_condition(name, wanted, HERE)

    assert str(caught.value).startswith(HERE)
