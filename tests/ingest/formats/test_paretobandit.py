"""One prompt per line, one row per arm."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tracetier.ingest.formats.paretobandit import ParetoBandit
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.records import Invocation

Write = Callable[..., Path]

LINE: dict[str, Any] = {
    "prompt": "Add 2 and 2.",
    "difficulty": "hard",
    "best_arm": "m/large",
    "best_reward": 0.9,
    "worst_reward": 0.4,
    "reward_spread": 0.5,
    "arms": {
        "m/small": {"reward": 0.4, "cost": 1e-5, "near_best": False},
        "m/large": {"reward": 0.9, "cost": 1e-3, "near_best": True},
    },
    "source": "gsm8k",
}


def _read(path: Path) -> list[Any]:
    return list(ParetoBandit().read(Source(path), Context()))


def test_each_arm_is_a_row_of_the_prompt_s_task(write_lines: Write) -> None:
    """Reward is quality in [0, 1], the judge's."""
    rows = _read(write_lines([LINE]))

    assert [(row.model, row.y_quality, row.y_cost_usd) for row in rows] == [
        ("m/small", 0.4, 1e-5),
        ("m/large", 0.9, 1e-3),
    ]
    assert {(row.task_text, row.task_type, row.y_quality_source) for row in rows} == {
        ("Add 2 and 2.", "gsm8k", "judge")
    }


def test_one_prompt_is_one_task_in_every_file(write_lines: Write) -> None:
    """Another outcome of the same arm is another trace of the same task."""
    other = LINE | {"arms": {"m/small": {"reward": 0.5, "cost": 1e-5}}, "source": "mmlu"}
    first = _read(write_lines([LINE], "a.jsonl"))
    second = _read(write_lines([other, LINE | {"prompt": "Add 2 and 3."}], "b.jsonl"))

    assert {row.task_id for row in first} == {second[0].task_id}
    assert second[1].task_id != first[0].task_id
    assert len({row.trace_id for row in first + second}) == 5


def test_nothing_computed_from_the_outcomes_is_read(write_lines: Write) -> None:
    """``difficulty`` and ``best_arm`` tell which arm wins."""
    told = {"difficulty", "best_arm", "best_reward", "worst_reward", "reward_spread"}
    plain = {name: value for name, value in LINE.items() if name not in told}
    plain["arms"] = {
        name: {"reward": arm["reward"], "cost": arm["cost"]} for name, arm in LINE["arms"].items()
    }

    assert _read(write_lines([LINE], "a.jsonl")) == _read(write_lines([plain], "b.jsonl"))
    rows = [msgspec.to_builtins(row) for row in _read(write_lines([LINE]))]
    assert not any("hard" in row.values() for row in rows)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE | {"arms": {}}, "missing"),
        ({"prompt": "a", "source": "b"}, "missing"),
        (LINE | {"arms": {"m": {"reward": "good"}}}, "bad_value"),
        (LINE | {"arms": ["m"]}, "bad_value"),
    ],
    ids=["no arm", "no arms", "a word", "a list"],
)
def test_a_line_without_outcomes_is_an_issue(
    line: dict[str, Any], reason: str, write_lines: Write
) -> None:
    """And the line after it is read."""
    issue, *rows = _read(write_lines([line, LINE]))

    assert isinstance(issue, Issue)
    assert (issue.reason, issue.line) == (reason, 1)
    assert len(rows) == 2
    assert all(isinstance(row, Invocation) for row in rows)


def test_reward_files_are_recognised_by_their_arms(write_lines: Write) -> None:
    """A list of arms is something else."""
    assert ParetoBandit().matches(Source(write_lines([LINE])).head) == 1
    assert ParetoBandit().matches(Source(write_lines([LINE | {"arms": ["m"]}])).head) == 0
