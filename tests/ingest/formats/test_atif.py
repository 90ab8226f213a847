"""ATIF: steps of the agent are calls, sub-agents hang below the tool that started them."""

import json
from pathlib import Path
from typing import Any

from tracetier.ingest.formats.atif import Atif
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source


def _read(path: Path) -> list[Any]:
    return list(Atif().read(Source(path), Context()))


def _golden(root: Path) -> Path:
    return root / "tests" / "golden" / "ingest" / "atif" / "input.json"


def test_the_sample_gives_one_run_of_three_calls(shared: Path) -> None:
    """It tells no usage; what ``extra`` says of an outcome is its writer's own."""
    run, *steps = _read(shared / "samples" / "atif" / "atif_v1.7_multiagent.json")

    assert [step.kind for step in steps] == ["call", "tool", "tool", "call", "tool", "call"]
    assert run.text == "Book me a flight from LAX to SFO on 2026-11-02."
    assert (run.model_asked, run.scores, run.input_tokens) == ("fake-model", (), None)
    assert run.tools == ["search_flights", "read_calendar", "book_flight"]


def test_steps_copied_from_elsewhere_are_not_counted_again(root: Path) -> None:
    """Two calls of the planner, one of the searcher; the copied step of 999 tokens is none."""
    calls = [span for span in _read(_golden(root)) if span.kind == "call"]

    assert [call.input_tokens for call in calls] == [100, 120, 50]
    assert [call.cost_usd for call in calls] == [0.001, 0.002, None]


def test_a_sub_agent_hangs_below_the_tool_that_started_it(root: Path) -> None:
    """The result of the tool call names its trajectory."""
    spans = {span.span_id: span for span in _read(_golden(root))}
    run, sub = (span for span in spans.values() if span.kind == "agent")
    tool = spans[sub.parent_id]

    assert (run.name, sub.name, tool.name) == ("planner", "searcher", "search")
    assert (tool.parent_id, sub.text, sub.model_asked) == (
        run.span_id,
        "Find flights.",
        "gpt-4o-mini",
    )


def test_the_reward_is_in_the_result_of_the_trial(root: Path, tmp_path: Path) -> None:
    """Without it neither the score nor the outcome is known."""
    run = _read(_golden(root))[0]
    (tmp_path / "trajectory.json").write_bytes(_golden(root).read_bytes())
    alone = _read(tmp_path / "trajectory.json")[0]

    assert [(score.name, score.value, score.better) for score in run.scores] == [
        ("reward", 1.0, "high")
    ]
    assert (run.task_id, run.trace_id, run.outcome) == ("travel/book-1", "book-1__abc", "ok")
    assert (alone.scores, alone.task_id, alone.trace_id, alone.outcome) == ((), None, "t-1", None)


def test_a_trial_that_was_ended_by_its_host_says_nothing_of_the_model(
    root: Path, tmp_path: Path
) -> None:
    """The result lies one folder above the agent's."""
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "trajectory.json").write_bytes(_golden(root).read_bytes())
    failed = {"task_name": "t", "exception_info": {"exception_type": "AgentTimeoutError"}}
    (tmp_path / "result.json").write_text(json.dumps(failed))
    run = _read(tmp_path / "agent" / "trajectory.json")[0]

    assert (run.outcome, run.error_type) == ("error", "AgentTimeoutError")
    assert run.is_infrastructure_error is True


def test_a_step_that_was_dispatched_without_a_call_is_none(root: Path, tmp_path: Path) -> None:
    """``llm_call_count`` is 0."""
    told = json.loads(_golden(root).read_text())
    told["steps"][4]["llm_call_count"] = 0
    (tmp_path / "trajectory.json").write_text(json.dumps(told))
    calls = [span for span in _read(tmp_path / "trajectory.json") if span.kind == "call"]

    assert [call.input_tokens for call in calls] == [100, 50]
