"""OpenHands: a state with the numbers, events with the text, joined by the id of the answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.openhands import Openhands
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span

EVENTS: list[dict[str, Any]] = [
    {
        "kind": "SystemPromptEvent",
        "id": "e0",
        "timestamp": "2026-01-05T09:00:07",
        "source": "agent",
        "tools": [{"title": "terminal"}, {"title": "file_editor"}],
    },
    {
        "kind": "MessageEvent",
        "id": "e1",
        "timestamp": "2026-01-05T09:00:07.500000",
        "source": "user",
        "llm_message": {"role": "user", "content": [{"type": "text", "text": "Fix the page."}]},
    },
    {
        "kind": "ActionEvent",
        "id": "e2",
        "timestamp": "2026-01-05T09:00:10.010000",
        "source": "agent",
        "tool_name": "file_editor",
        "tool_call_id": "c1",
        "action": {"kind": "FileEditorAction", "command": "view", "path": "/w/page.html"},
        "llm_response_id": "r1",
    },
    {
        "kind": "ActionEvent",
        "id": "e3",
        "timestamp": "2026-01-05T09:00:10.020000",
        "source": "agent",
        "tool_name": "terminal",
        "tool_call_id": "c2",
        "action": {"kind": "TerminalAction", "command": "ls"},
        "llm_response_id": "r1",
    },
    {
        "kind": "ObservationEvent",
        "id": "e4",
        "timestamp": "2026-01-05T09:00:11.010000",
        "source": "environment",
        "tool_name": "file_editor",
        "action_id": "e2",
        "observation": {"is_error": True, "content": []},
    },
]


def _read(path: Path) -> list[Any]:
    return list(Openhands().read(Source(path), Context()))


@pytest.fixture
def state(root: Path, tmp_path: Path) -> Path:
    """The hand-made state, with events beside it."""
    golden = root / "tests" / "golden" / "ingest" / "openhands" / "input.json"
    (tmp_path / "a_state.json").write_bytes(golden.read_bytes())
    (tmp_path / "a_events.json").write_text(json.dumps(EVENTS, indent=1))
    return tmp_path / "a_state.json"


def test_the_sample_gives_what_its_page_states(shared: Path) -> None:
    """49 calls, though the events hold the first 17 only."""
    folder = shared / "samples" / "openhands"
    run, *steps = _read(folder / "7510150b_f25_state.json")
    calls = [step for step in steps if step.kind == "call"]

    assert len(calls) == 49
    assert sum(call.input_tokens for call in calls) == 1_896_503
    assert sum(call.cache_read_tokens for call in calls) == 1_625_856
    assert sum(call.output_tokens for call in calls) == 12_821
    assert sum(call.cost_usd for call in calls) == pytest.approx(0.3549795)
    assert sum(step.kind == "tool" for step in steps) == 17
    assert run.text.startswith("At trajectory-visualizer-viewer.html")
    assert run.tools == ["terminal", "file_editor", "task_tracker", "delegate"]
    assert run.outcome == "ok"
    assert _read(folder / "7510150b_f25_events.json") == [NoStep()] * 36


def test_events_tell_local_time_which_the_state_sets_right(state: Path) -> None:
    """They are an hour ahead of the state's own clock."""
    run, *steps = _read(state)
    view = next(step for step in steps if step.name == "file_editor")

    assert run.start.isoformat() == "2026-01-05T08:00:07+00:00"
    assert view.start.isoformat() == "2026-01-05T08:00:10.010000+00:00"
    assert (view.end - view.start).total_seconds() == 1


def test_tools_have_their_result_and_files(state: Path) -> None:
    """One of the two ended, in an error."""
    tools = [step for step in _read(state) if step.kind == "tool"]

    assert [(tool.outcome, tool.files) for tool in tools] == [
        ("error", ("/w/page.html",)),
        (None, ()),
    ]


def test_several_actions_of_one_answer_are_one_call(state: Path) -> None:
    """``r1`` led to two."""
    calls = [step for step in _read(state) if step.kind == "call"]

    assert [call.response_id for call in calls] == ["r1", "r2"]
    assert [(call.end - call.start).total_seconds() for call in calls] == [2, 3]
    assert [(call.text, call.cost_usd) for call in calls] == [
        ("Fix the page.", 0.01),
        ("Fix the page.", 0.02),
    ]


def test_events_without_a_state_give_calls_without_numbers(tmp_path: Path) -> None:
    """Their clock is taken for UTC."""
    (tmp_path / "events.json").write_text(json.dumps(EVENTS, indent=1))
    items = _read(tmp_path / "events.json")
    spans = [item for item in items if isinstance(item, Span)]

    assert items.count(NoStep()) == 5
    assert [span.kind for span in spans] == ["agent", "call", "tool", "tool"]
    assert (spans[1].input_tokens, spans[1].model_asked) == (None, None)
    assert spans[0].tools == ["terminal", "file_editor"]


def test_events_in_files_of_their_own_are_told_with_the_state(root: Path, tmp_path: Path) -> None:
    """As the agent keeps them: ``base_state.json`` beside a folder of events."""
    golden = root / "tests" / "golden" / "ingest" / "openhands" / "input.json"
    (tmp_path / "base_state.json").write_bytes(golden.read_bytes())
    (tmp_path / "events").mkdir()
    for i, event in enumerate(EVENTS):
        (tmp_path / "events" / f"event-{i:05}-x.json").write_text(json.dumps(event))
    run, *_ = _read(tmp_path / "base_state.json")
    one = Source(tmp_path / "events" / "event-00002-x.json")

    assert run.text == "Fix the page."
    assert Openhands().matches(one.head) == 1
    assert _read(one.path) == [NoStep()]
    (tmp_path / "base_state.json").unlink()
    first, second = (_read(tmp_path / "events" / f"event-0000{i}-x.json") for i in (0, 1))
    assert sum(isinstance(item, Span) for item in first) == 4
    assert second == [NoStep()]


def test_a_cost_of_zero_is_unknown(root: Path, tmp_path: Path) -> None:
    """For a model that could not be priced."""
    golden = root / "tests" / "golden" / "ingest" / "openhands" / "input.json"
    told = json.loads(golden.read_text())
    metrics = told["stats"]["usage_to_metrics"]["agent"]
    metrics["accumulated_cost"] = 0.0
    metrics["costs"] = [{"cost": 0.0, "timestamp": 1.0}] * 2
    (tmp_path / "base_state.json").write_text(json.dumps(told))

    assert {span.cost_usd for span in _read(tmp_path / "base_state.json")} == {None}


def test_the_older_evaluation_has_an_instance_a_line_with_its_verdict(
    write_lines: Callable[..., Path],
) -> None:
    """``resolved`` is the verdict of the tests; the second has none, and no metrics."""
    told = {"agent_class": "CodeActAgent", "llm_config": {"model": "gpt-4o"}, "dataset": "swe"}
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "response_id": "r1"}
    line = {
        "instance_id": "a__b-1",
        "instruction": "Fix it.",
        "metadata": told,
        "metrics": {"accumulated_cost": 0.5, "costs": [], "token_usages": [usage]},
        "test_result": {"git_patch": "x", "report": {"resolved": True}},
        "error": None,
    }
    other = {"instance_id": "a__b-2", "metadata": told, "error": "429 rate limit", "history": []}
    path = write_lines([line, other], "output.jsonl")
    run, call, failed = _read(path)

    assert Openhands().matches(Source(path).head) == 1
    assert (run.task_id, run.text, run.model_asked) == ("a__b-1", "Fix it.", "gpt-4o")
    assert [score.value for score in run.scores] == [True]
    assert (call.input_tokens, call.parent_id, run.cost_usd) == (9, "run", 0.5)
    assert (failed.outcome, failed.is_infrastructure_error, failed.scores) == ("error", True, ())
