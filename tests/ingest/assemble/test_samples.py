"""Real logs, assembled: the sums that a correct reader finds, at every level."""

from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.assemble.assemble import Assembly, assemble
from tracetier.ingest.registry import Context, detect_format
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, Span

LEVELS = ["call", "agent_run", "task"]


def _assembled(shared: Path, name: str, level: Any) -> Assembly:
    source = Source(shared / "samples" / name)
    items = list(detect_format(source.head).read(source, Context()))
    spans = [item for item in items if isinstance(item, Span)]
    return assemble(spans, level, additions=[i for i in items if isinstance(i, Addition)])


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("name", "n_input", "n_output"),
    [
        ("otel_genai/strands_bedrock_claude.otlp.json", 4_094, 464),
        ("otel_genai/pydantic_ai_delegation.otlp.json", 160, 16),
        ("otel_genai/kagent_tempo_batches.json", 4_648, 129),
        ("openinference_phoenix/openai_agents_openinference.otlp.jsonl", 120, 30),
        ("langfuse/claude-agent-2025-12-22.trace.json", 34, 232),
        ("langfuse/langgraph-python-2025-08-22.trace.json", 168, 66),
        ("langfuse/pydantic-ai-tools-2025-12-04.trace.json", 1_315, 209),
        ("openai_agents_sdk/traces.jsonl", 374, 59),
        ("openhands/7510150b_f25_state.json", 1_896_503, 12_821),
        ("mlflow/trace_ok_with_feedback.json", 412, 37),
    ],
)
def test_tokens_are_counted_once(
    shared: Path, name: str, n_input: int, n_output: int, level: str
) -> None:
    """Whatever repeats them: reporters, agents, roots."""
    rows = _assembled(shared, name, level).rows

    assert sum(row.y_input_tokens or 0 for row in rows) == n_input
    assert sum(row.y_output_tokens or 0 for row in rows) == n_output


@pytest.mark.parametrize("level", LEVELS)
def test_a_session_of_claude_code_adds_up(shared: Path, level: str) -> None:
    """55 calls, 52 of them in sub-agents; a naive reader finds half as much again."""
    rows = _assembled(shared, "claude_code/session_tasks_v1.0.98.jsonl", level).rows

    assert len(rows) == {"call": 55, "agent_run": 4, "task": 1}[level]
    assert sum(row.y_output_tokens or 0 for row in rows) == 16_613
    assert sum(row.y_cache_read_tokens or 0 for row in rows) == 993_239


def test_parallel_sub_agents_know_nothing_of_one_another(shared: Path) -> None:
    """Three at once under one turn; two were finished, in 45.6 and 174.7 s."""
    rows = _assembled(shared, "claude_code/session_tasks_v1.0.98.jsonl", "agent_run").rows
    turn, *subs = rows
    times = sorted(round(row.y_latency_s or 0, 1) for row in subs)

    assert {row.parent_id for row in subs} == {turn.span_id}
    assert [(row.turn_index, row.last_tier) for row in rows] == [(0, None)] * 4
    assert {45.6, 174.7} <= set(times)


def test_a_helper_is_linked_through_the_tool_that_ran_it(shared: Path) -> None:
    """In one session, although it has a conversation id of its own."""
    rows = _assembled(shared, "otel_genai/pydantic_ai_delegation.otlp.json", "agent_run").rows
    boss, helper = rows

    assert (boss.agent_name, helper.agent_name) == ("boss_agent", "helper_agent")
    assert helper.parent_id == boss.span_id
    assert helper.session_id == boss.session_id


def test_three_reporters_of_one_call_are_one_row(shared: Path) -> None:
    """Six records of two calls."""
    found = _assembled(shared, "otel_genai/kagent_tempo_batches.json", "call")

    assert len(found.rows) == 2
    assert found.counts["retold_calls"] == 4


def test_the_grader_s_tokens_are_not_the_agent_s(shared: Path) -> None:
    """61 in and 17 out of the first sample's 320 and 309; its grade is C."""
    name = "inspect_ai/2025-05-12T20-28-26-04-00_security-guide.json"
    first, *_ = _assembled(shared, name, "task").rows

    assert (first.y_input_tokens, first.y_output_tokens, first.y_quality) == (61, 17, 1.0)


def test_scores_of_unknown_direction_are_not_averaged(shared: Path) -> None:
    """Correctness 0, hallucination 1, toxicity 0: none is used before a map says how."""
    rows = _assembled(shared, "langfuse/claude-agent-2025-12-22.trace.json", "task").rows

    assert [row.y_quality for row in rows] == [None]


def test_a_benchmark_s_reward_needs_no_map(shared: Path) -> None:
    """Ten runs, of which task 6 was solved."""
    rows = _assembled(shared, "tau_bench/gpt-4o-airline.first.json", "task").rows

    assert sum(row.y_quality or 0 for row in rows) == 1.0
    assert len([row for row in rows if row.y_quality is not None]) == 10
