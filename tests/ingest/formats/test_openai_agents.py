"""The Agents SDK: children first, wrappers that repeat usage, agents used as tools."""

import json
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.openai_agents import OpenaiAgents
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span


def _read(path: Path) -> list[Any]:
    return list(OpenaiAgents().read(Source(path), Context()))


@pytest.fixture
def golden(root: Path) -> dict[str, Span]:
    """The hand-made traces, by the id of the span."""
    items = _read(root / "tests" / "golden" / "ingest" / "openai_agents" / "input.jsonl")
    assert sum(isinstance(item, NoStep) for item in items) == 2
    assert [item.line for item in items if isinstance(item, Issue)] == [13]
    return {item.span_id: item for item in items if isinstance(item, Span)}


def test_the_sample_gives_the_calls_that_its_page_states(shared: Path) -> None:
    """3 traces, 6 calls, 374 in, 59 out; with the wrappers it would be 1,178 in."""
    items = _read(shared / "samples" / "openai_agents_sdk" / "traces.jsonl")
    spans = [item for item in items if isinstance(item, Span)]
    calls = [span for span in spans if span.kind == "call"]

    assert len({span.trace_id for span in spans}) == 3
    assert len(calls) == 6
    assert sum(call.input_tokens or 0 for call in calls) == 374
    assert sum(call.output_tokens or 0 for call in calls) == 59


def test_wrappers_repeat_usage_that_is_not_read(golden: dict[str, Span]) -> None:
    """``task`` and ``turn`` hold the sums of the calls below them."""
    for id_ in ("s0", "s1b"):
        assert (golden[id_].kind, golden[id_].input_tokens) == ("group", None)


def test_an_agent_used_as_a_tool_hangs_below_the_tool_that_holds_its_prompt(
    golden: dict[str, Span],
) -> None:
    """The prompt is an argument of the function."""
    agent = golden["s3"]
    tool = golden[agent.parent_id or ""]

    assert (agent.kind, agent.name, tool.kind, tool.text) == ("agent", "Adder", "tool", "2 + 2")
    assert (golden["s4"].text, golden["s4"].cache_read_tokens) == ("2 + 2", 16)


def test_the_group_is_the_session(golden: dict[str, Span]) -> None:
    """Told by the trace, for all of its spans."""
    assert {golden[id_].session_id for id_ in ("s0", "s1", "s4")} == {"thread-1"}
    assert golden["a1"].session_id is None


def test_tools_that_were_offered_are_the_agents(golden: dict[str, Span]) -> None:
    """Hand-offs lead to a sibling, not to a child."""
    assert golden["s1"].tools == ["adder"]


def test_a_response_names_no_model_and_keeps_the_id_of_its_answer(golden: dict[str, Span]) -> None:
    """By which another log may tell it; a rate limit says nothing of the model."""
    call = golden["r1"]

    assert (call.model_asked, call.response_id) == (None, "resp_9")
    assert (call.outcome, call.is_infrastructure_error) == ("error", True)


def test_a_guardrail_is_a_score_without_a_direction(golden: dict[str, Span]) -> None:
    """What it let pass need not be good, and what it refused may be the user's."""
    (score,) = golden["g"].scores

    assert (score.name, score.value, score.better) == ("guardrail:polite", False, None)


def test_what_the_sdk_sends_at_once_is_read_too(root: Path, tmp_path: Path) -> None:
    """``{"data": [...]}`` holds the same objects."""
    path = root / "tests" / "golden" / "ingest" / "openai_agents" / "input.jsonl"
    lines = path.read_text().split("\n")[:9]
    (tmp_path / "sent.json").write_text('{"data": [' + ",\n".join(lines) + "]}")
    source = Source(tmp_path / "sent.json")

    assert OpenaiAgents().matches(source.head) == 1
    assert list(OpenaiAgents().read(source, Context())) == _read(path)[:9]


def test_a_log_of_the_answers_beside_it_names_the_model_and_the_text(
    root: Path, tmp_path: Path
) -> None:
    """Joined by the id of the answer; the trace's own counts stay."""
    trace = root / "tests" / "golden" / "ingest" / "openai_agents" / "input.jsonl"
    (tmp_path / "traces.jsonl").write_bytes(trace.read_bytes())
    call = {
        "request": {"model": "gpt-4o", "input": "Say 2.", "tools": [{"type": "web_search"}]},
        "response": {
            "id": "resp_9",
            "object": "response",
            "model": "gpt-4o-2024-08-06",
            "output": [],
            "usage": {"input_tokens": 77, "output_tokens": 7},
        },
    }
    (tmp_path / "calls.jsonl").write_text(json.dumps(call) + "\n")
    found = next(
        item for item in _read(tmp_path / "traces.jsonl") if getattr(item, "span_id", "") == "r1"
    )

    assert (found.model_asked, found.model_answered) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (found.text, found.tools, found.input_tokens) == ("Say 2.", ["web_search"], 5)
