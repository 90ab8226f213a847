"""Claude Code: one answer in several lines, sub-agents in two layouts, what the program says."""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracetier.ingest.formats.claude_code import ClaudeCode
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, PartOfStep, Span

Write = Callable[..., Path]
Lines = list[dict[str, Any]]

SESSION = "5e551011-0000-4000-8000-000000000001"
MODEL = "claude-sonnet-4-5-20250929"


SIDE: dict[str, Any] = {"isSidechain": True}


class Told:
    """What was read of a file, sorted out."""

    def __init__(self, path: Path) -> None:
        self.source = Source(path)
        items = list(ClaudeCode().read(self.source, Context()))
        self.spans = [item for item in items if isinstance(item, Span)]
        self.issues = [item for item in items if isinstance(item, Issue)]
        self.n_parts = sum(isinstance(item, PartOfStep) for item in items)
        self.n_silent = sum(isinstance(item, NoStep) for item in items)
        self.by_id = {span.span_id: span for span in self.spans}

    def kind(self, kind: str) -> list[Span]:
        return [span for span in self.spans if span.kind == kind]

    def total(self, name: str) -> int:
        return sum(getattr(call, name) or 0 for call in self.kind("call"))

    @property
    def reasons(self) -> list[tuple[str, int | None]]:
        return [(issue.reason, issue.line) for issue in self.issues]


def _line(kind: str, uuid: str, parent: str | None, second: float, **fields: Any) -> dict[str, Any]:
    time = f"2026-10-01T12:{second // 60:02.0f}:{second % 60:06.3f}Z"
    line = {"type": kind, "uuid": uuid, "parentUuid": parent, "timestamp": time}
    return line | {"sessionId": SESSION, "isSidechain": False} | fields


def _user(uuid: str, parent: str | None, second: float, content: Any, **fields: Any) -> Any:
    message = {"role": "user", "content": content}
    return _line("user", uuid, parent, second, message=message, **fields)


def _answer(
    uuid: str,
    parent: str | None,
    second: float,
    *blocks: Any,
    id_: str | None = None,
    **fields: Any,
) -> Any:
    n_output = fields.pop("output", 10)
    usage = {"input_tokens": 3, "cache_read_input_tokens": 100, "output_tokens": n_output}
    message = {"role": "assistant", "model": MODEL, "content": blocks, "usage": usage}
    message |= {"id": f"msg_{uuid}"} | fields.pop("message", {})
    return _line("assistant", uuid, parent, second, message=message, **fields)


def _text(text: str = "Done.") -> dict[str, Any]:
    return {"type": "text", "text": text}


def _use(id_: str, name: str = "Bash", **inputs: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": inputs}


def _result(uuid: str, parent: str, second: float, id_: str, **fields: Any) -> Any:
    block = {"type": "tool_result", "tool_use_id": id_, "content": fields.pop("content", "ok")}
    if "is_error" in fields:
        block["is_error"] = fields.pop("is_error")
    return _user(uuid, parent, second, [block], **fields)


def _write(path: Path, lines: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def golden(root: Path) -> Told:
    """The hand-made session."""
    return Told(root / "tests" / "golden" / "ingest" / "claude_code" / "input.jsonl")


def test_a_session_gives_the_numbers_of_its_page(shared: Path) -> None:
    """55 calls, 52 of them in sub-agents; per line it would be 85 calls and 24,061 tokens out."""
    told = Told(shared / "samples" / "claude_code" / "session_tasks_v1.0.98.jsonl")
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
    told = Told(shared / "samples" / "claude_code" / "session_tasks_v1.0.98.jsonl")
    first = min(told.kind("agent"), key=lambda agent: agent.latency_s or 1e9)
    calls = [call for call in told.kind("call") if call.parent_id == first.span_id]

    assert first.input_tokens is None
    assert sum(call.input_tokens or 0 for call in calls) == 117_941
    last = max(calls, key=lambda call: str(call.start))
    assert (last.input_tokens, last.output_tokens) == (5 + 301 + 14_348, 303)


def test_the_split_layout_gives_the_numbers_of_its_page(shared: Path) -> None:
    """1 call over 4 lines, 6 files with a call each, one that nobody names, one that is missing."""
    told = Told(shared / "samples" / "claude_code" / "split_layout_v2.1" / "subagents.jsonl")
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
    told = Told(shared / "samples" / "claude_code" / "single_lines_v2.0.jsonl")
    plan = told.by_id["ea02459f"]

    assert len({span.trace_id for span in told.spans}) == 5
    assert (plan.name, plan.latency_s, plan.text[:13]) == ("Plan", 40.843, "I need to und")
    assert told.by_id["toolu_01X3AHK9hmPmJqASckfkMLmu"].outcome == "cancelled"
    assert told.by_id["b1f5d80e"].start is None


def test_every_line_is_a_step_or_accounted_for(golden: Told) -> None:
    """18 lines: 13 of steps, 3 of none, a copy, and one that was cut."""
    assert golden.source.line == 18
    assert (golden.n_parts, golden.n_silent) == (13, 3)
    assert not any(span.is_record for span in golden.spans)
    assert golden.reasons == [("duplicate", 12), ("not_json", 18)]
    kinds = Counter(span.kind for span in golden.spans)
    assert kinds == {"call": 8, "tool": 4, "turn": 2, "agent": 2}


def test_one_answer_is_one_call_with_its_last_count(golden: Told) -> None:
    """Two lines with 1 and then 40 tokens out; input is 4 + 100 + 1,000."""
    call = golden.by_id["msg_1"]

    assert (call.input_tokens, call.output_tokens) == (1_104, 40)
    assert (call.cache_read_tokens, call.cache_write_tokens) == (1_000, 100)
    assert call.start is not None
    assert call.end is not None
    assert (call.end - call.start).total_seconds() == 3
    assert golden.by_id["toolu_1"].parent_id == "msg_1"


def test_a_turn_is_what_the_user_typed(golden: Told) -> None:
    """Not a command of the program, nor what an editor puts before the words."""
    texts = {turn.span_id: turn.text for turn in golden.kind("turn")}

    assert texts == {"u-1": "Fix the failing test.", "u-13": "Now push it."}
    assert {span.trace_id for span in golden.spans} == {"u-1"}
    assert {span.session_id for span in golden.spans} == {SESSION}


def test_a_picture_without_words_is_a_turn(tmp_path: Path) -> None:
    """There is nothing to learn from it, but what was answered is not of the turn before."""
    picture = {"type": "image", "source": {"type": "base64", "data": "AAAA"}}
    lines = [
        _user("u1", None, 0, "Look."),
        _answer("u2", "u1", 1, _text()),
        _user("u3", "u2", 2, [picture]),
        _answer("u4", "u3", 3, _text()),
    ]
    told = Told(_write(tmp_path / "s.jsonl", lines))

    assert [(turn.span_id, turn.text) for turn in told.kind("turn")] == [
        ("u1", "Look."),
        ("u3", ""),
    ]
    assert told.by_id["msg_u4"].parent_id == "u3"


def test_a_sub_agent_is_a_run_below_its_tool(golden: Told) -> None:
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


def test_a_workflow_s_agents_hang_below_its_tool(golden: Told) -> None:
    """Their folder is named by the run; they end by their own last words."""
    worker = golden.by_id["a2"]

    assert (worker.name, worker.parent_id, worker.outcome) == (
        "workflow-subagent",
        "toolu_3",
        "ok",
    )
    assert worker.end == golden.by_id["msg_7"].end


def test_a_failed_tool_and_a_failed_try_are_told(golden: Told) -> None:
    """A try that was overloaded is of the model that answered in the end."""
    edit, again = golden.by_id["toolu_2"], golden.by_id["u-7"]

    assert (edit.outcome, edit.files) == ("error", ("/repo/a.py",))
    assert (again.kind, again.outcome, again.error_type) == ("call", "error", "http_529")
    assert (again.is_infrastructure_error, again.model_asked) == (True, MODEL)
    assert again.input_tokens is None


def test_the_program_s_own_answer_is_no_call(golden: Told) -> None:
    """``<synthetic>`` is no model: the turn failed, and the tier had no part in it."""
    turn = golden.by_id["u-13"]

    assert (turn.outcome, turn.error_type) == ("error", "usage_limit")
    assert turn.is_infrastructure_error
    assert not any(span.parent_id == "u-13" for span in golden.spans)


def test_a_sub_agent_s_file_gives_nothing_beside_its_session(golden: Told) -> None:
    """But its lines are counted, and what is broken in them is told."""
    for path in sorted((golden.source.path.parent / "input").rglob("*.json*")):
        alone = Told(path)

        assert ClaudeCode().matches(alone.source.head) == 1, path
        assert (alone.spans, alone.issues) == ([], [])
        assert alone.n_silent == alone.source.line


def test_a_sub_agent_s_file_is_read_where_the_session_is_missing(
    golden: Told, tmp_path: Path
) -> None:
    """It stands for itself then, with what lies beside it."""
    folder = golden.source.path.parent / "input" / "subagents"
    shutil.copytree(folder, tmp_path / "subagents")
    alone = Told(tmp_path / "subagents" / "agent-a1.jsonl")

    assert [(run.name, run.parent_id) for run in alone.kind("agent")] == [("Explore", None)]
    assert alone.total("output_tokens") == 80
    assert {span.trace_id for span in alone.spans} == {SESSION}


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_sub_agents_beside_the_session_are_read_with_it(suffix: str, tmp_path: Path) -> None:
    """Early 2.0 versions put them there, those of all sessions into one folder."""
    lines = [
        _user("u1", None, 0, "Look."),
        _answer("u2", "u1", 1, _use("t1", "Task", prompt="Find it.", subagent_type="Plan")),
    ]
    side = SIDE | {"agentId": "b7"}
    other = SIDE | {"agentId": "c9", "sessionId": "other"}
    main = tmp_path / f"{SESSION}{suffix}"
    raw = "".join(json.dumps(line) + "\n" for line in lines).encode()
    main.write_bytes(gzip.compress(raw) if suffix.endswith("gz") else raw)
    agent = _write(
        tmp_path / "agent-b7.jsonl",
        [_user("s1", None, 2, "Find it.", **side), _answer("s2", "s1", 3, _text(), **side)],
    )
    _write(tmp_path / "agent-c9.jsonl", [_answer("x1", None, 3, _text(), **other)])
    told = Told(main)

    (run,) = told.kind("agent")
    assert (run.span_id, run.parent_id, run.name) == ("b7", "t1", "Plan")
    assert len(told.kind("call")) == 2
    assert Told(agent).n_silent == 2
    assert len(Told(tmp_path / "agent-c9.jsonl").kind("call")) == 1


def test_side_chains_that_interleave_follow_their_parents(tmp_path: Path) -> None:
    """Two sub-agents at once and the main chain, in the order in which they were written."""
    side = SIDE
    task = [_use(f"t{i}", "Task", prompt=f"Do {i}.", subagent_type=f"type-{i}") for i in (1, 2)]
    told = Told(
        _write(
            tmp_path / "s.jsonl",
            [
                _user("u1", None, 0, "Do both."),
                _answer("u2", "u1", 1, *task),
                _user("b1", None, 2, "Do 2.", **side),
                _user("a1", None, 2, "Do 1.", **side),
                _answer("b2", "b1", 3, _text(), output=7, **side),
                _answer("a2", "a1", 4, _use("x1"), output=11, **side),
                _result("r2", "u2", 5, "t2"),
                _result("a3", "a2", 6, "x1", **side),
                _answer("a4", "a3", 7, _text(), output=13, **side),
                _result("r1", "r2", 8, "t1"),
                _answer("u3", "r1", 9, _text(), output=17),
            ],
        )
    )
    sums: Counter[str] = Counter()
    for call in told.kind("call"):
        sums[call.parent_id or ""] += call.output_tokens or 0

    assert sums == {"u1": 10 + 17, "a1": 11 + 13, "b1": 7}
    assert {run.span_id: (run.name, run.parent_id) for run in told.kind("agent")} == {
        "b1": ("type-2", "t2"),
        "a1": ("type-1", "t1"),
    }
    assert told.by_id["b1"].end == told.by_id["t2"].end


def test_equal_prompts_go_to_one_tool_each(tmp_path: Path) -> None:
    """The same words twice are two runs."""
    side = SIDE
    told = Told(
        _write(
            tmp_path / "s.jsonl",
            [
                _user("u1", None, 0, "Twice."),
                _answer("u2", "u1", 1, *(_use(f"t{i}", "Task", prompt="Do it.") for i in (1, 2))),
                *(_user(f"a{i}", None, 2, "Do it.", **side) for i in (1, 2)),
                *(_answer(f"b{i}", f"a{i}", 3, _text(), **side) for i in (1, 2)),
            ],
        )
    )

    assert {run.parent_id for run in told.kind("agent")} == {"t1", "t2"}


def test_a_background_agent_ends_with_its_notification(tmp_path: Path) -> None:
    """Its tool returns at once, when it has only begun."""
    side = SIDE | {"agentId": "a1"}
    launch = {"isAsync": True, "status": "async_launched", "agentId": "a1"}
    notice = (
        "<task-notification>\n<task-id>a1</task-id>\n<status>failed</status>\n</task-notification>"
    )
    lines = [
        _user("u1", None, 0, "Look, and go on."),
        _answer("u2", "u1", 1, _use("t1", "Agent", prompt="Look.", run_in_background=True)),
        _result("u3", "u2", 2, "t1", toolUseResult=launch, content="Async agent launched"),
        _user("u4", "u3", 60, notice, origin={"kind": "task-notification"}),
        _answer("u5", "u4", 62, _text()),
    ]
    _write(
        tmp_path / "s" / "subagents" / "agent-a1.jsonl",
        [_user("s1", None, 2, "Look.", **side), _answer("s2", "s1", 50, _text(), **side)],
    )
    told = Told(_write(tmp_path / "s.jsonl", lines))
    (run,), (turn,) = told.kind("agent"), told.kind("turn")

    assert (run.outcome, run.end) == ("error", told.by_id["msg_u5"].start)
    assert (turn.text, len(told.kind("call"))) == ("Look, and go on.", 3)
    still = Told(_write(tmp_path / "s.jsonl", lines[:3]))
    assert still.kind("agent")[0].outcome == "ok"  # by its own last words
    assert still.kind("agent")[0].end == still.by_id["msg_s2"].end


def test_a_resumed_sub_agent_is_one_run(tmp_path: Path) -> None:
    """Asked twice, it has one transcript; what it took is the sum."""
    side = SIDE | {"agentId": "a1"}
    _write(
        tmp_path / "s" / "subagents" / "agent-a1.jsonl",
        [_user("s1", None, 1, "Look.", **side), _answer("s2", "s1", 2, _text(), **side)],
    )
    ended = {"status": "completed", "agentId": "a1"}
    told = Told(
        _write(
            tmp_path / "s.jsonl",
            [
                _user("u1", None, 0, "Look twice."),
                _answer("u2", "u1", 1, _use("t1", "Task", prompt="Look.")),
                _result("u3", "u2", 5, "t1", toolUseResult=ended | {"totalDurationMs": 1500}),
                _answer("u4", "u3", 6, _use("t2", "Task", prompt="Again.", resume="a1")),
                _result("u5", "u4", 9, "t2", toolUseResult=ended | {"totalDurationMs": 2000}),
            ],
        )
    )
    (run,) = told.kind("agent")

    assert (run.parent_id, run.text, run.latency_s) == ("t1", "Look.", 3.5)
    assert run.end == told.by_id["t2"].end


def test_a_tool_that_failed_at_once_started_no_sub_agent(tmp_path: Path) -> None:
    """An agent type that does not exist is a failed tool and no run."""
    told = Told(
        _write(
            tmp_path / "s.jsonl",
            [
                _user("u1", None, 0, "Look."),
                _answer("u2", "u1", 1, _use("t1", "Task", prompt="Look.", subagent_type="no")),
                _result("u3", "u2", 2, "t1", is_error=True, toolUseResult="Error: not found"),
            ],
        )
    )

    assert told.kind("agent") == []
    assert told.by_id["t1"].outcome == "error"


def test_a_resumed_session_keeps_the_ids_of_its_copied_lines(tmp_path: Path) -> None:
    """In a second file, under a new session id: the same spans, so that rows are duplicates."""
    lines = [_user("u1", None, 0, "Look."), _answer("u2", "u1", 1, _text())]
    more = [_user("u3", "u2", 9, "More."), _answer("u4", "u3", 10, _text())]
    first = Told(_write(tmp_path / "a.jsonl", lines))
    copied = [line | {"sessionId": "later"} for line in lines + more]
    second = Told(_write(tmp_path / "b.jsonl", copied))
    remapped = [
        copy
        | {"uuid": f"n{copy['uuid']}", "parentUuid": f"n{copy['parentUuid']}"}
        | {"forkedFrom": {"sessionId": SESSION, "messageUuid": copy["uuid"]}}
        for copy in copied
    ]
    third = Told(_write(tmp_path / "c.jsonl", remapped))

    ids = [
        {(span.trace_id, span.span_id) for span in told.spans} for told in (first, second, third)
    ]
    assert ids[0] < ids[1]
    assert ids[1] == ids[2]


def test_a_compacted_session_goes_on_with_its_turn(tmp_path: Path) -> None:
    """The summary is the program's, and its line begins a new chain."""
    told = Told(
        _write(
            tmp_path / "s.jsonl",
            [
                _user("u1", None, 0, "Long work."),
                _answer("u2", "u1", 1, _use("t1")),
                _line("system", "u3", None, 2, subtype="compact_boundary", logicalParentUuid="u2"),
                _user("u4", "u3", 3, "This session is being continued.", isCompactSummary=True),
                _answer("u5", "u4", 5, _text()),
            ],
        )
    )

    assert [turn.text for turn in told.kind("turn")] == ["Long work."]
    assert {call.parent_id for call in told.kind("call")} == {"u1"}
    assert told.n_silent == 2


@pytest.mark.parametrize(
    "stop",
    [
        [_user("u3", "u2", 5, [_text("[Request interrupted by user]")])],
        [
            _user(
                "u3",
                "u2",
                5,
                [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "is_error": True,
                        "content": "The user doesn't want to proceed with this tool use.",
                    },
                    _text("[Request interrupted by user for tool use]"),
                ],
            )
        ],
    ],
    ids=["while it ran", "when it was asked"],
)
def test_a_turn_that_the_user_stopped_is_cancelled(stop: Lines, tmp_path: Path) -> None:
    """And so is the tool that was to run; the turn after it is another one."""
    lines = [
        _user("u1", None, 0, "Delete all."),
        _answer("u2", "u1", 1, _use("t1")),
        *stop,
        _user("u4", "u3", 9, "Only the copy."),
        _answer("u5", "u4", 10, _text()),
    ]
    told = Told(_write(tmp_path / "s.jsonl", lines))
    first, second = told.kind("turn")

    assert (first.outcome, first.is_infrastructure_error) == ("cancelled", True)
    assert told.by_id["t1"].outcome == "cancelled"
    assert (second.outcome, second.text) == ("ok", "Only the copy.")


def test_the_model_is_that_of_each_call(tmp_path: Path) -> None:
    """A user may switch within a session, even within a turn."""
    told = Told(
        _write(
            tmp_path / "s.jsonl",
            [
                _user("u1", None, 0, "Look."),
                _answer("u2", "u1", 1, _use("t1"), message={"model": "claude-opus-4-5"}),
                _result("u3", "u2", 2, "t1"),
                _answer("u4", "u3", 3, _text()),
            ],
        )
    )

    assert [call.model_asked for call in told.kind("call")] == ["claude-opus-4-5", MODEL]
    assert told.kind("turn")[0].model_asked is None


def test_tokens_of_zero_are_unknown(tmp_path: Path) -> None:
    """A gateway that does not count writes zeros; a cost of zero is unknown as well."""
    nothing = {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0}
    lines = [
        _user("u1", None, 0, "Look."),
        _answer("u2", "u1", 1, _text(), message={"usage": nothing}, costUSD=0, durationMs=1200),
        _answer("u3", "u2", 2, _text(), costUSD=0.25),
    ]
    one, other = Told(_write(tmp_path / "s.jsonl", lines)).kind("call")

    assert (one.input_tokens, one.output_tokens, one.cost_usd) == (None, None, None)
    assert (one.latency_s, other.cost_usd) == (1.2, 0.25)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"type": "user"', "not_json"),
        ("[1]", "bad_value"),
        ("{}", "missing"),
        (_line("assistant", "x", None, 1), "missing"),
        (_user("x", None, 1, 5), "bad_value"),
        (_answer("x", "u1", 1, _text(), message={"usage": {"input_tokens": "many"}}), "bad_value"),
        (_line("user", "x", None, 1, timestamp="yesterday"), "bad_value"),
        ('{"type": "user", "message": {"content": ' + "[" * 5_000 + "]" * 5_000 + "}}", "too_deep"),
    ],
)
def test_a_broken_line_is_an_issue_and_the_rest_is_read(
    line: Any, reason: str, tmp_path: Path
) -> None:
    """With its number; nothing is raised."""
    good = [_user("u1", None, 0, "Look."), _answer("u2", "u1", 1, _text())]
    told = Told(_write(tmp_path / "s.jsonl", [good[0], line, good[1]]))

    assert told.reasons == [(reason, 2)]
    assert len(told.kind("call")) == 1


def test_unusual_lines_are_read(tmp_path: Path) -> None:
    """Half a surrogate pair, ``NaN``, U+2028 within a text, and kinds that nobody knows yet."""
    answer = json.dumps(_answer("u2", "u1", 1, _text("cut: \ud83d")))
    lines = [
        json.dumps(_user("u1", None, 0, "a\u2028b"), ensure_ascii=False),
        answer.replace('"uuid"', '"score": NaN, "uuid"'),
        _line("progress", "u3", "u2", 2, message="a word", content={"a": 1}),
        {"type": "new-kind", "sessionId": SESSION, "timestamp": "soon"},
    ]
    told = Told(_write(tmp_path / "s.jsonl", lines))

    assert told.issues == []
    assert told.kind("turn")[0].text == "a\u2028b"
    assert (len(told.kind("call")), told.n_silent) == (1, 2)


def test_what_is_broken_in_a_sub_agent_s_file_is_told_once(tmp_path: Path) -> None:
    """Of the whole file with the session, line by line in its own reading."""
    side = SIDE | {"agentId": "a1"}
    agent = _write(
        tmp_path / "s" / "subagents" / "agent-a1.jsonl",
        [_user("s1", None, 1, "Look.", **side), "{", _answer("s2", "s1", 2, _text(), **side)],
    )
    told = Told(_write(tmp_path / "s.jsonl", [_user("u1", None, 0, "Look.")]))

    assert told.reasons == [("unreadable_part", None)]
    assert len(told.kind("call")) == 1
    assert Told(agent).reasons == [("not_json", 2)]


def test_files_that_come_with_a_session_are_known(tmp_path: Path) -> None:
    """Long tool results and a workflow's script: nothing in them, and no unknown format."""
    _write(tmp_path / "s.jsonl", [_user("u1", None, 0, "Look.")])
    text = _write(tmp_path / "s" / "tool-results" / "b1.txt", ["a long result"])
    script = _write(tmp_path / "s" / "workflows" / "scripts" / "w.js", ["export const meta = {}"])
    stray = _write(tmp_path / "other" / "tool-results" / "b1.txt", ["a long result"])

    for path in (text, script):
        assert ClaudeCode().matches(Source(path).head) == 1
        assert (Told(path).n_silent, Told(path).spans) == (1, [])
    assert ClaudeCode().matches(Source(stray).head) == 0


def test_transcripts_are_told_from_all_other_samples(shared: Path) -> None:
    """By their lines alone."""
    samples = shared / "samples"
    files = [path for path in sorted(samples.rglob("*")) if path.is_file()]
    found = {path for path in files if ClaudeCode().matches(Source(path).head) > 0}

    assert found == {path for path in files if path.is_relative_to(samples / "claude_code")}


@pytest.mark.parametrize(
    "line",
    [
        {"type": "summary", "summary": "a", "leafUuid": "b"},
        {"type": "file-history-snapshot", "messageId": "a", "snapshot": {}},
        {"type": "queue-operation", "operation": "enqueue", "sessionId": "a"},
        {"type": "user", "sessionId": "a", "uuid": "b"},
    ],
)
def test_a_session_may_begin_with_a_line_of_any_kind(line: Any, tmp_path: Path) -> None:
    """Summaries of other sessions and snapshots stand before the first word."""
    assert ClaudeCode().matches(Source(_write(tmp_path / "s.jsonl", [line])).head) == 1


@pytest.mark.parametrize(
    "line",
    [
        {"type": "user", "message": {"role": "user", "content": "a"}},
        {"type": "summary", "text": "a"},
        {"type": 5, "sessionId": "a", "uuid": "b"},
        {"sessionId": "a", "uuid": "b"},
    ],
)
def test_lines_that_only_look_alike_are_something_else(line: Any, tmp_path: Path) -> None:
    """Without the ids it could be anything."""
    assert ClaudeCode().matches(Source(_write(tmp_path / "s.jsonl", [line])).head) == 0


_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "\ud83d", [], {}, [{}], [5], {"type": 5}, 10**40, "12", "2026-10-01"]),
)


@st.composite
def _spoiled(draw: st.DrawFn, lines: Lines) -> list[bytes]:
    """Draw lines of which some have a value of another type, are cut, or stand twice."""
    found: list[bytes] = []
    for line in draw(st.lists(st.sampled_from(lines), min_size=1, max_size=12)):
        spoiled: Any = json.loads(json.dumps(line))
        at = spoiled
        while draw(st.booleans()) and isinstance(at, dict | list) and at:
            key = draw(st.sampled_from(sorted(at))) if isinstance(at, dict) else 0
            if draw(st.booleans()):
                at[key] = draw(_ODD)
                break
            at = at[key]
        raw = json.dumps(spoiled).encode()
        found.append(raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 9)) == 0 else raw)
    return found


@settings(max_examples=300)
@given(data=st.data())
def test_spoiled_lines_never_stop_the_reading(
    data: st.DataObject, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each line is told, kept silent or rejected, and ids stay unique in a trace."""
    golden = root / "tests" / "golden" / "ingest" / "claude_code"
    files = (golden / "input.jsonl", golden / "input" / "subagents" / "agent-a1.jsonl")
    lines = [json.loads(row) for path in files for row in path.read_text().split("\n")[:17] if row]
    raw = data.draw(_spoiled(lines))
    path = tmp_path_factory.getbasetemp() / "spoiled.jsonl"
    path.write_bytes(b"\n".join(raw))
    told = Told(path)

    rejected = {line for _, line in told.reasons if line is not None}
    n_lines = sum(bool(line.strip()) for line in raw)
    assert len(rejected) == sum(line is not None for _, line in told.reasons)
    assert len(rejected) + told.n_silent <= n_lines
    ids = Counter((span.trace_id, span.span_id) for span in told.spans)
    assert set(ids.values()) <= {1}
