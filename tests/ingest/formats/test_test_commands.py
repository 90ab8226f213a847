"""Tests that agents ran: whether they passed, whatever became of the command itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats._test_commands import have_passed, ran_tests, runs_tests
from tracetier.ingest.registry import Context, format_named
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span

Write = Callable[..., Path]
BAD = "F..\n=== 1 failed, 2 passed in 0.31s ==="


@pytest.mark.parametrize(
    ("output", "passed"),
    [
        ("FAILED tests/a.py::b\n1 failed, 3 passed, 2 warnings in 0.40s", False),
        ("\x1b[32m===== \x1b[1m3 passed\x1b[0m in 0.1s ====\x1b[0m", True),
        ("= 10 failed, 90 passed in 75.20s (0:01:15) =", False),
        ("=== 2 errors in 0.5s ===", False),
        ("Tests:       1 failed, 3 passed, 4 total\nTime: 2 s", False),
        (" Tests  2 passed (2)", True),
        ("test result: ok. 3 passed; 0 failed; 0 ignored", True),
        ("test result: FAILED. 1 passed; 1 failed", False),
        ("  3 passing (10ms)\n  1 failing", False),
        ("5 examples, 0 failures", True),
        ("Ran 1 test in 0.1s\n\nFAILED (failures=1)", False),
        ("Ran 1 test in 0.1s\n\nOK (skipped=1)", True),
        ("ok  \tapp/a\t0.2s\n--- FAIL: TestB\nFAIL\nFAIL\tapp/b\t0.1s", False),
        ('{"output": "..\\n2 passed in 0.1s\\n"}', True),
        ("no tests ran in 0.01s", None),
        ("everything is ok", None),
        ("", None),
        ("1 failed in 0.1s\n" + "x" * 1000, None),
    ],
)
def test_the_summary_tells(output: str, passed: bool | None) -> None:
    """As the runners print it; what is far from the end is no summary."""
    assert have_passed(output) is passed


def test_only_what_runs_tests_is_judged() -> None:
    """A summary that is merely read from a file says nothing."""
    assert ran_tests("cat log.txt", BAD) == {"is_test": False, "have_passed": None}
    assert ran_tests({"command": "pytest -q | tail -3"}, {"output": BAD})["have_passed"] is False
    assert runs_tests("x" * 500 + "; pytest")


def _langfuse() -> tuple[str, list[dict[str, Any]]]:
    step = {"id": "a", "traceId": "t", "parentObservationId": None, "type": "TOOL", "name": "bash"}
    return "langfuse", [step | {"input": {"command": "pytest | tail"}, "output": BAD}]


def _langsmith() -> tuple[str, list[dict[str, Any]]]:
    run = {"id": "a", "trace_id": "t", "dotted_order": "x", "name": "bash", "run_type": "tool"}
    shown = {"inputs": {"command": "pytest | tail"}, "outputs": {"output": {"content": BAD}}}
    return "langsmith", [run | shown]


def _agents() -> tuple[str, list[dict[str, Any]]]:
    data = {"type": "function", "name": "sh", "input": '{"cmd":"pytest | tail"}', "output": BAD}
    span = {"object": "trace.span", "id": "a", "trace_id": "t", "span_data": data, "error": None}
    return "openai_agents", [span]


def _swe_agent() -> tuple[str, list[dict[str, Any]]]:
    step = {"action": "pytest | tail -2", "observation": BAD, "thought": "-"}
    return "swe_agent", [{"trajectory": [step], "history": [], "info": {}}]


def _otel() -> tuple[str, list[dict[str, Any]]]:
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "bash",
        "gen_ai.tool.call.arguments": '{"command": "pytest | tail"}',
        "gen_ai.tool.call.result": BAD,
    }
    told = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    span = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "bash", "attributes": told}
    return "otel_genai", [{"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}]


@pytest.mark.parametrize("log", [_langfuse, _langsmith, _agents, _swe_agent, _otel])
def test_readers_judge_tests_by_what_the_tool_gave_back(
    log: Callable[[], tuple[str, list[dict[str, Any]]]], write_lines: Write
) -> None:
    """A pipe hid the exit status, so that the step itself is no error."""
    name, lines = log()
    source = Source(write_lines(lines, "log.jsonl"))
    items = format_named(name).read(source, Context())
    (tool,) = [item for item in items if isinstance(item, Span) and item.kind == "tool"]

    assert (tool.is_test, tool.have_passed) == (True, False)
    assert tool.outcome != "error"


def test_an_event_of_openhands_tells_of_its_tests(tmp_path: Path) -> None:
    """Its action has the command, and its observation the output."""
    golden = Path(__file__).parents[2] / "golden" / "ingest" / "openhands" / "input.json"
    (tmp_path / "x_state.json").write_bytes(golden.read_bytes())
    action = {"kind": "TerminalAction", "command": "pytest | tail"}
    seen = {"exit_code": 0, "content": [{"type": "text", "text": BAD}]}
    both = {"timestamp": "2026-01-05T08:00:00", "tool_name": "terminal", "tool_call_id": "c"}
    events = [
        both | {"kind": "ActionEvent", "id": "a", "action": action},
        both | {"kind": "ObservationEvent", "id": "b", "action_id": "a", "observation": seen},
    ]
    (tmp_path / "x_events.json").write_text(json.dumps(events))
    items = format_named("openhands").read(Source(tmp_path / "x_state.json"), Context())
    (tool,) = [item for item in items if isinstance(item, Span) and item.kind == "tool"]

    assert (tool.is_test, tool.have_passed, tool.outcome) == (True, False, "ok")
