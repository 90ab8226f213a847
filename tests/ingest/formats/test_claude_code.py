"""Claude Code sessions: samples, answers, turns, tools and sub-agents become calls and runs."""

import gzip
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from tests.ingest.formats.claude_lines import (
    MODEL,
    SESSION,
    SIDE,
    ReadSession,
    answer_line,
    result_line,
    text_block,
    tool_use,
    user_line,
    write_session,
)

from tracetier.ingest.formats.claude_code import ClaudeCode


@pytest.fixture
def golden(root: Path) -> ReadSession:
    """The hand-made session."""
    return ReadSession(root / "tests" / "golden" / "ingest" / "claude_code" / "input.jsonl")


def test_a_session_gives_the_numbers_of_its_page(shared: Path) -> None:
    """55 calls, 52 of them in sub-agents; per line it would be 85 calls and 24,061 tokens out."""
    told = ReadSession(shared / "samples" / "claude_code" / "session_tasks_v1.0.98.jsonl")
    agents = told.kind("agent")
    in_agents = [call for call in told.kind("call") if told.by_id[call.parent_id or ""] in agents]

    assert (len(told.kind("call")), len(in_agents)) == (55, 52)
    assert (told.total("output_tokens"), told.total("cache_read_tokens")) == (16_613, 993_239)
    assert sum(tool.name == "Task" for tool in told.kind("tool")) == 3
    assert [agent.latency_s for agent in agents] == [45.626, 174.655, None]
    assert [agent.outcome for agent in agents] == ["ok", "ok", None]
    assert {told.by_id[agent.parent_id or ""].name for agent in agents} == {"Task"}
    assert {call.model_answered for call in told.kind("call")} == {"claude-sonnet-4-20250514"}
    assert told.issues == []


def test_what_a_sub_agent_s_tool_says_of_tokens_is_not_the_run_s_sum(shared: Path) -> None:
    """14,957 of the last of nine calls; the nine have 117,941 in and 2,599 out."""
    told = ReadSession(shared / "samples" / "claude_code" / "session_tasks_v1.0.98.jsonl")
    first = min(told.kind("agent"), key=lambda agent: agent.latency_s or 1e9)
    calls = [call for call in told.kind("call") if call.parent_id == first.span_id]

    assert first.input_tokens is None
    assert sum(call.input_tokens or 0 for call in calls) == 117_941
    last = max(calls, key=lambda call: str(call.start))
    assert (last.input_tokens, last.output_tokens) == (5 + 301 + 14_348, 303)


def test_the_split_layout_gives_the_numbers_of_its_page(shared: Path) -> None:
    """1 call over 4 lines, 6 files with a call each, one that nobody names, one that is missing."""
    told = ReadSession(shared / "samples" / "claude_code" / "split_layout_v2.1" / "subagents.jsonl")
    agents = {agent.span_id.removeprefix("afx000000000000"): agent for agent in told.kind("agent")}
    turn = told.kind("turn")[0]

    assert [call.parent_id for call in told.kind("call")].count(turn.span_id) == 1
    assert len(told.kind("call")) == 7
    assert told.total("output_tokens") == 20 + 5 * 20 + 35
    parents = {name: agent.parent_id for name, agent in agents.items()}
    assert parents == {
        "1": "toolu_fx_k1",
        "2": None,
        "3": "toolu_fx_k4",
        "4": "toolu_fx_sub_child",
        "5": "toolu_fx_k3",
        "6": "toolu_fx_k3",
        "afx_missing_id": "toolu_fx_k2",
    }
    assert told.reasons == [("missing_part", None)]
    assert "afx_missing_id" in str(told.issues[0])


def test_lines_of_many_sessions_stay_apart(shared: Path) -> None:
    """Six captures in one file: no line belongs to what stands before it."""
    told = ReadSession(shared / "samples" / "claude_code" / "single_lines_v2.0.jsonl")
    plan = told.by_id["ea02459f"]

    assert len({span.trace_id for span in told.spans}) == 5
    assert (plan.name, plan.latency_s, plan.text[:13]) == ("Plan", 40.843, "I need to und")
    assert told.by_id["toolu_01X3AHK9hmPmJqASckfkMLmu"].outcome == "cancelled"
    assert told.by_id["b1f5d80e"].start is None


def test_every_line_is_a_step_or_accounted_for(golden: ReadSession) -> None:
    """18 lines: 13 of steps, 3 of none, a copy, and one that was cut."""
    assert golden.source.line == 18
    assert (golden.n_parts, golden.n_silent) == (13, 3)
    assert not any(span.is_record for span in golden.spans)
    assert golden.reasons == [("duplicate", 12), ("not_json", 18)]
    kinds = Counter(span.kind for span in golden.spans)
    assert kinds == {"call": 8, "tool": 4, "turn": 2, "agent": 2}


def test_one_answer_is_one_call_with_its_last_count(golden: ReadSession) -> None:
    """Two lines with 1 and then 40 tokens out; input is 4 + 100 + 1,000."""
    call = golden.by_id["msg_1"]

    assert (call.input_tokens, call.output_tokens) == (1_104, 40)
    assert (call.cache_read_tokens, call.cache_write_tokens) == (1_000, 100)
    assert call.start is not None
    assert call.end is not None
    assert (call.end - call.start).total_seconds() == 3
    assert golden.by_id["toolu_1"].parent_id == "msg_1"


def test_a_turn_is_what_the_user_typed(golden: ReadSession) -> None:
    """Not a command of the program, nor what an editor puts before the words."""
    texts = {turn.span_id: turn.text for turn in golden.kind("turn")}

    assert texts == {"u-1": "Fix the failing test.", "u-13": "Now push it."}
    assert {span.trace_id for span in golden.spans} == {"u-1"}
    assert {span.session_id for span in golden.spans} == {SESSION}


def test_a_picture_without_words_is_a_turn(tmp_path: Path) -> None:
    """There is nothing to learn from it, but what was answered is not of the turn before."""
    picture = {"type": "image", "source": {"type": "base64", "data": "AAAA"}}
    lines = [
        user_line("u1", None, 0, "Look."),
        answer_line("u2", "u1", 1, text_block()),
        user_line("u3", "u2", 2, [picture]),
        answer_line("u4", "u3", 3, text_block()),
    ]
    told = ReadSession(write_session(tmp_path / "s.jsonl", lines))

    assert [(turn.span_id, turn.text) for turn in told.kind("turn")] == [
        ("u1", "Look."),
        ("u3", ""),
    ]
    assert told.by_id["msg_u4"].parent_id == "u3"


def test_a_sub_agent_is_a_run_below_its_tool(golden: ReadSession) -> None:
    """With what was asked of it, and the model that was asked for."""
    run = golden.by_id["a1"]

    assert (run.kind, run.name, run.task_type, run.parent_id) == (
        "agent",
        "Explore",
        "Explore",
        "toolu_1",
    )
    assert (run.text, run.model_asked, run.latency_s) == ("Find the failing test.", "haiku", 9.5)
    calls = [call for call in golden.kind("call") if call.parent_id == "a1"]
    assert {call.model_answered for call in calls} == {"claude-haiku-4-5-20251001"}
    assert golden.by_id["toolu_4"].files == ("/repo/test_a.py",)


def test_a_workflow_s_agents_hang_below_its_tool(golden: ReadSession) -> None:
    """Their folder is named by the run; they end by their own last words."""
    worker = golden.by_id["a2"]

    assert (worker.name, worker.parent_id, worker.outcome) == (
        "workflow-subagent",
        "toolu_3",
        "ok",
    )
    assert worker.end == golden.by_id["msg_7"].end


def test_a_failed_tool_and_a_failed_try_are_told(golden: ReadSession) -> None:
    """A try that was overloaded is of the model that answered in the end."""
    edit, again = golden.by_id["toolu_2"], golden.by_id["u-7"]

    assert (edit.outcome, edit.files) == ("error", ("/repo/a.py",))
    assert (again.kind, again.outcome, again.error_type) == ("call", "error", "http_529")
    assert (again.is_infrastructure_error, again.model_asked) == (True, MODEL)
    assert again.input_tokens is None


def test_the_program_s_own_answer_is_no_call(golden: ReadSession) -> None:
    """``<synthetic>`` is no model: the turn failed, and the tier had no part in it."""
    turn = golden.by_id["u-13"]

    assert (turn.outcome, turn.error_type) == ("error", "usage_limit")
    assert turn.is_infrastructure_error
    assert not any(span.parent_id == "u-13" for span in golden.spans)


def test_a_sub_agent_s_file_gives_nothing_beside_its_session(golden: ReadSession) -> None:
    """But its lines are counted, and what is broken in them is told."""
    for path in sorted((golden.source.path.parent / "input").rglob("*.json*")):
        alone = ReadSession(path)

        assert ClaudeCode().matches(alone.source.head) == 1, path
        assert (alone.spans, alone.issues) == ([], [])
        assert alone.n_silent == alone.source.line


def test_a_sub_agent_s_file_is_read_where_the_session_is_missing(
    golden: ReadSession, tmp_path: Path
) -> None:
    """It stands for itself then, with what lies beside it."""
    folder = golden.source.path.parent / "input" / "subagents"
    shutil.copytree(folder, tmp_path / "subagents")
    alone = ReadSession(tmp_path / "subagents" / "agent-a1.jsonl")

    assert [(run.name, run.parent_id) for run in alone.kind("agent")] == [("Explore", None)]
    assert alone.total("output_tokens") == 80
    assert {span.trace_id for span in alone.spans} == {SESSION}


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_sub_agents_beside_the_session_are_read_with_it(suffix: str, tmp_path: Path) -> None:
    """Early 2.0 versions put them there, those of all sessions into one folder."""
    lines = [
        user_line("u1", None, 0, "Look."),
        answer_line("u2", "u1", 1, tool_use("t1", "Task", prompt="Find it.", subagent_type="Plan")),
    ]
    side = SIDE | {"agentId": "b7"}
    other = SIDE | {"agentId": "c9", "sessionId": "other"}
    main = tmp_path / f"{SESSION}{suffix}"
    raw = "".join(json.dumps(line) + "\n" for line in lines).encode()
    main.write_bytes(gzip.compress(raw) if suffix.endswith("gz") else raw)
    agent = write_session(
        tmp_path / "agent-b7.jsonl",
        [
            user_line("s1", None, 2, "Find it.", **side),
            answer_line("s2", "s1", 3, text_block(), **side),
        ],
    )
    write_session(tmp_path / "agent-c9.jsonl", [answer_line("x1", None, 3, text_block(), **other)])
    told = ReadSession(main)

    (run,) = told.kind("agent")
    assert (run.span_id, run.parent_id, run.name) == ("b7", "t1", "Plan")
    assert len(told.kind("call")) == 2
    assert ReadSession(agent).n_silent == 2
    assert len(ReadSession(tmp_path / "agent-c9.jsonl").kind("call")) == 1


def test_the_model_is_that_of_each_call(tmp_path: Path) -> None:
    """A user may switch within a session, even within a turn."""
    told = ReadSession(
        write_session(
            tmp_path / "s.jsonl",
            [
                user_line("u1", None, 0, "Look."),
                answer_line("u2", "u1", 1, tool_use("t1"), message={"model": "claude-opus-4-5"}),
                result_line("u3", "u2", 2, "t1"),
                answer_line("u4", "u3", 3, text_block()),
            ],
        )
    )

    assert [call.model_asked for call in told.kind("call")] == ["claude-opus-4-5", MODEL]
    assert told.kind("turn")[0].model_asked is None


def test_tokens_of_zero_are_unknown(tmp_path: Path) -> None:
    """A gateway that does not count writes zeros; a cost of zero is unknown as well."""
    nothing = {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}
    lines = [
        user_line("u1", None, 0, "Look."),
        answer_line(
            "u2", "u1", 1, text_block(), message={"usage": nothing}, costUSD=0, durationMs=1200
        ),
        answer_line("u3", "u2", 2, text_block(), costUSD=0.25),
    ]
    one, other = ReadSession(write_session(tmp_path / "s.jsonl", lines)).kind("call")

    assert (one.input_tokens, one.output_tokens, one.cost_usd) == (None, None, None)
    assert (one.latency_s, other.cost_usd) == (1.2, 0.25)
