"""Codex CLI: running totals, what is told twice, and histories copied from other threads."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracetier.ingest.formats.codex_cli import CodexCli
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span

Write = Callable[..., Path]

PARENT = "01999999-0000-7000-8000-000000000001"
CHILD = "01999999-5000-7000-8000-000000000001"
OLD_TURN, NEW_TURN = "01999999-0001-7000-8000-00000000000a", "01999999-5001-7000-8000-00000000000a"


class Told:
    """What was read of a file, sorted out."""

    def __init__(self, path: Path) -> None:
        self.source = Source(path)
        items = list(CodexCli().read(self.source, Context()))
        self.spans = [item for item in items if isinstance(item, Span)]
        self.issues = [item for item in items if isinstance(item, Issue)]
        self.n_silent = sum(isinstance(item, NoStep) for item in items)
        self.by_id = {span.span_id: span for span in self.spans}

    def kind(self, kind: str) -> list[Span]:
        return [span for span in self.spans if span.kind == kind]

    @property
    def tokens(self) -> list[tuple[int | None, int | None]]:
        return [(call.input_tokens, call.output_tokens) for call in self.kind("call")]


def _record(second: float, kind: str, **payload: Any) -> dict[str, Any]:
    time = f"2026-09-20T10:{second // 60:02.0f}:{second % 60:06.3f}Z"
    return {"timestamp": time, "type": kind, "payload": payload}


def _event(second: float, kind: str, **fields: Any) -> dict[str, Any]:
    return _record(second, "event_msg", **{"type": kind} | fields)


def _item(second: float, kind: str, **fields: Any) -> dict[str, Any]:
    return _record(second, "response_item", **{"type": kind} | fields)


def _said(second: float, text: str = "Done.", role: str = "assistant") -> dict[str, Any]:
    return _item(second, "message", role=role, content=[{"type": "text", "text": text}])


def _tokens(n_input: int, n_output: int) -> dict[str, int]:
    return {"input_tokens": n_input, "cached_input_tokens": 0, "output_tokens": n_output}


def _count(second: float, total: tuple[int, int], last: tuple[int, int] | None = None) -> Any:
    info = {"total_token_usage": _tokens(*total)}
    if last is not None:
        info["last_token_usage"] = _tokens(*last)
    return _event(second, "token_count", info=info)


def _meta(second: float = 0, id_: str = PARENT, **fields: Any) -> dict[str, Any]:
    return _record(second, "session_meta", **{"id": id_, "cwd": "/repo"} | fields)


def _context(second: float, model: str = "gpt-5.2-codex", **fields: Any) -> dict[str, Any]:
    return _record(second, "turn_context", **{"cwd": "/repo", "model": model} | fields)


@pytest.fixture
def golden(root: Path) -> Told:
    """The hand-made thread."""
    return Told(root / "tests" / "golden" / "ingest" / "codex_cli" / "input.jsonl")


def test_every_line_is_a_step_or_accounted_for(golden: Told) -> None:
    """29 lines, of which the last was cut."""
    assert golden.source.line == 29
    assert [(issue.reason, issue.line) for issue in golden.issues] == [("not_json", 29)]
    kinds = Counter(span.kind for span in golden.spans)
    assert kinds == {"call": 4, "tool": 3, "turn": 2}


def test_running_totals_are_told_apart(golden: Told) -> None:
    """(1,000; 50), then as much again for rate limits, then (2,200; 90) and (3,500; 100)."""
    assert golden.tokens == [(1_000, 50), (1_200, 40), (1_300, 10), (1_400, 20)]
    assert [call.cache_read_tokens for call in golden.kind("call")] == [400, 900, 1_200, 1_300]


def test_a_call_begins_after_what_it_answers(golden: Told) -> None:
    """After the user's words or a tool's result, whatever is written while the answer comes in."""
    times = [(call.start, call.end) for call in golden.kind("call")]
    seconds = [time.timestamp() % 60 for pair in times for time in pair if time is not None]

    assert seconds == pytest.approx([1.4, 4.6, 5.6, 8.8, 9.8, 11.9, 0.2, 2.3])


def test_each_turn_has_its_model_and_its_words(golden: Told) -> None:
    """The user can switch between turns; what the program adds is no word of the user."""
    turns = golden.kind("turn")

    assert [turn.text for turn in turns] == ["Rename foo to bar.", "Run the tests."]
    models = [(call.parent_id, call.model_asked) for call in golden.kind("call")]
    first, second = (turn.span_id for turn in turns)
    assert models == [(first, "gpt-5.2-codex")] * 3 + [(second, "gpt-5.1-codex-mini")]
    assert {span.trace_id for span in golden.spans} == {PARENT}


def test_a_turn_ends_as_the_log_says(golden: Told) -> None:
    """One was finished, the other interrupted, and its tool with it."""
    done, cut = golden.kind("turn")

    assert (done.outcome, done.is_infrastructure_error) == ("ok", False)
    assert (cut.outcome, cut.is_infrastructure_error) == ("cancelled", True)
    assert golden.by_id["call_3"].outcome == "cancelled"


def test_a_tool_s_exit_code_and_files_are_read(golden: Told) -> None:
    """From a result in words, and from a patch."""
    grep, patch = golden.by_id["call_1"], golden.by_id["call_2"]

    assert (grep.name, grep.outcome, grep.files) == ("exec_command", "error", ())
    assert (patch.name, patch.outcome, patch.files) == ("apply_patch", "ok", ("src/a.py",))
    assert grep.parent_id == golden.kind("call")[0].span_id


def test_an_answer_told_by_a_record_and_a_count_is_one_call(
    golden: Told, write_lines: Write
) -> None:
    """Newer versions write both, in either order; the record has the id of the answer."""
    assert golden.kind("call")[3].response_id == "resp_4"
    usage = {"usage": _tokens(10, 1), "response_id": "r1", "thread_id": PARENT}
    record = _record(4, "token_usage_record", **usage)
    lines = [_meta(), _context(1), _said(2, "Go.", "user"), _said(3), _count(4, (10, 1)), record]
    told = Told(write_lines([*lines, _count(5, (10, 1)), record]))

    assert told.tokens == [(10, 1)]
    assert told.kind("call")[0].response_id == "r1"


def test_a_count_without_output_is_a_call_of_its_own(write_lines: Write) -> None:
    """A compaction costs, though what it said is not kept."""
    lines = [
        _meta(),
        _context(1),
        _said(2, "Go.", "user"),
        _said(3),
        _count(4, (10, 1)),
        _record(5, "compacted", message=""),
        _count(6, (110, 21)),
    ]

    assert Told(write_lines(lines)).tokens == [(10, 1), (100, 20)]


def test_a_total_that_runs_back_is_a_new_one(write_lines: Write) -> None:
    """Then the event's own word on the last call counts."""
    lines = [
        _meta(),
        _context(1),
        _said(2, "Go.", "user"),
        _said(3),
        _count(4, (900, 50), (900, 50)),
    ]

    told = Told(write_lines([*lines, _said(5), _count(6, (30, 5), (20, 4))]))
    assert told.tokens == [(900, 50), (20, 4)]


def test_a_thread_that_begins_with_another_s_total_counts_its_own(write_lines: Write) -> None:
    """3 billion tokens were the parent's."""
    lines = [_meta(), _context(1), _said(2, "Go.", "user"), _said(3)]

    told = Told(write_lines([*lines, _count(4, (3_000_000_000, 9_000), (200, 7))]))
    assert told.tokens == [(200, 7)]


def test_logs_that_count_no_tokens_still_tell_the_calls(write_lines: Write) -> None:
    """Before September 2025; a call ends where a tool's result comes in."""
    lines = [
        _meta(),
        _context(1),
        _said(2, "Go.", "user"),
        _item(3, "reasoning"),
        _item(4, "local_shell_call", call_id="c1", status="completed"),
        _item(5, "function_call_output", call_id="c1", output={"content": "x", "success": False}),
        _said(6),
        _said(60, "And on.", "user"),
        _said(61),
    ]
    told = Told(write_lines(lines))

    assert told.tokens == [(None, None)] * 3
    assert [(turn.text, turn.outcome) for turn in told.kind("turn")] == [
        ("Go.", "ok"),
        ("And on.", "ok"),
    ]
    assert told.by_id["c1"].outcome == "error"


def test_words_while_the_agent_works_open_no_turn(write_lines: Write) -> None:
    """They steer the turn that is going on; in old logs nothing else marks a new one."""
    lines = [
        _meta(),
        _event(1, "task_started", turn_id=OLD_TURN),
        _event(1, "user_message", message="Go."),
        _said(2),
        _event(3, "user_message", message="Faster."),
        _said(4),
        _event(5, "task_complete", turn_id=OLD_TURN),
    ]

    assert [turn.text for turn in Told(write_lines(lines)).kind("turn")] == ["Go."]


def test_the_user_s_words_are_found_in_each_generation(write_lines: Write) -> None:
    """As an event, as an item that was completed, or in the model's input alone."""
    item = {"type": "UserMessage", "id": "i", "content": [{"type": "text", "text": "Go."}]}
    ide = "# Context from my IDE setup:\n## My request for Codex:\nGo.\n"
    every = [
        _event(2, "user_message", message="Go."),
        _event(2, "user_message", message=ide),
        _event(2, "item_completed", item=item),
        _said(2, "Go.", "user"),
    ]

    for i, line in enumerate(every):
        told = Told(write_lines([_meta(), _context(1), line, _said(3)], f"{i}.jsonl"))
        assert [turn.text for turn in told.kind("turn")] == ["Go."]


def test_an_error_of_the_program_is_the_turn_s(write_lines: Write) -> None:
    """One that lies outside the model says nothing of it."""
    lines = [
        _meta(),
        _event(1, "task_started", turn_id=OLD_TURN),
        _event(1, "user_message", message="Go."),
        _event(2, "error", message="", codex_error_info="usage_limit_exceeded"),
        _event(3, "task_complete", turn_id=OLD_TURN),
    ]
    (turn,) = Told(write_lines(lines)).spans

    assert (turn.outcome, turn.error_type) == ("error", "usage_limit")
    assert turn.is_infrastructure_error


def _copied(*, with_turns: bool, pause: float = 0) -> list[dict[str, Any]]:
    """Return a fork: its own head, the parent's with its history, then a turn of its own."""
    old, new = ({"turn_id": OLD_TURN}, {"turn_id": NEW_TURN}) if with_turns else ({}, {})
    return [
        _meta(100, CHILD, forked_from_id=PARENT),
        _meta(100),
        _context(100, "gpt-old", **old),
        _said(100, "Before.", "user"),
        _said(100),
        _count(100, (1_000, 100), (1_000, 100)),
        _said(100),
        _count(100, (2_500, 150), (1_500, 50)),
        _context(100.5 + pause, "gpt-new", **new),
        _said(100.6 + pause, "After.", "user"),
        _said(103 + pause),
        _count(103 + pause, (4_000, 170), (1_500, 20)),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(_copied(with_turns=True), id="by the age of its turns"),
        pytest.param(_copied(with_turns=False, pause=5), id="by the pause after it"),
    ],
)
def test_a_history_that_was_copied_is_told_in_the_other_s_file(
    lines: list[Any], write_lines: Write
) -> None:
    """Its tokens were counted there, under other times; only what came after is this thread's."""
    told = Told(write_lines(lines))

    assert told.tokens == [(1_500, 20)]
    assert [turn.text for turn in told.kind("turn")] == ["After."]
    assert [call.model_asked for call in told.kind("call")] == ["gpt-new"]
    assert {span.trace_id for span in told.spans} == {CHILD}


def test_a_file_may_say_where_its_own_history_begins(write_lines: Write) -> None:
    """By the number of the record."""
    spawn = {"subagent": {"thread_spawn": {"parent_thread_id": PARENT, "agent_role": "explorer"}}}
    head = {"source": spawn, "subagent_history_start_ordinal": 4, "session_id": PARENT}
    lines = [
        _meta(100, CHILD, **head),
        _said(100, "Of the parent.", "user"),
        _said(100),
        _count(100, (1_000, 100), (1_000, 100)),
        _said(100, "Look for foo.", "user"),
        _said(102),
        _count(102, (1_200, 130), (200, 30)),
        _event(103, "task_complete", turn_id=NEW_TURN),
    ]
    told = Told(write_lines([line | {"ordinal": i} for i, line in enumerate(lines)]))
    (run,) = told.kind("agent")

    assert told.tokens == [(200, 30)]
    assert (run.name, run.text, run.outcome) == ("explorer", "Look for foo.", "ok")
    assert (run.session_id, run.trace_id) == (PARENT, CHILD)


def test_a_sub_agent_s_thread_is_one_run(write_lines: Write) -> None:
    """However many turns it is given; its task may come as a message of the other agent."""
    task = _item(101, "agent_message", content=[{"type": "input_text", "text": "Look."}])
    lines = [_meta(100, CHILD, parent_thread_id=PARENT)]
    for i in range(2):
        turn_id = NEW_TURN[:-1] + str(i)
        lines += [
            _event(101 + 10 * i, "task_started", turn_id=turn_id),
            _context(101 + 10 * i, turn_id=turn_id),
            task,
            _said(105 + 10 * i),
            _count(105 + 10 * i, (100 * (i + 1), 10 * (i + 1))),
            _event(106 + 10 * i, "task_complete", turn_id=turn_id),
        ]
    told = Told(write_lines(lines))
    (run,) = told.kind("agent")

    assert told.tokens == [(100, 10), (100, 10)]
    assert {call.parent_id for call in told.kind("call")} == {run.span_id}
    assert (run.text, told.kind("turn")) == ("Look.", [])
    assert run.end is not None
    assert run.end.second == 56


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"timestamp": "2026', "not_json"),
        ("[1]", "bad_value"),
        ({"type": "event_msg"}, "missing"),
        (_event(3, "token_count", info={}) | {"timestamp": "noon"}, "bad_value"),
        (_item(3, "message", role=5, content=[]), "bad_value"),
        (_record(3, "turn_context", model=["a"]), "bad_value"),
    ],
)
def test_a_broken_line_is_an_issue_and_the_rest_is_read(
    line: Any, reason: str, write_lines: Write
) -> None:
    """With its number; nothing is raised."""
    line = line.encode() if isinstance(line, str) else line
    told = Told(write_lines([_meta(), line, _context(3), _said(4, "Go.", "user"), _said(5)]))

    assert [(issue.reason, issue.line) for issue in told.issues] == [(reason, 2)]
    assert len(told.kind("call")) == 1


def test_records_of_other_kinds_may_hold_anything(write_lines: Write) -> None:
    """The protocol grows, and the same names are used for other things."""
    lines = [
        _meta(),
        _event(1, "new_event", message=[1], item=5, exit_code="a", id={}),
        _record(1, "world_state", model={}),
    ]
    told = Told(write_lines(lines))

    assert (told.issues, told.n_silent) == ([], 3)


def test_rollouts_are_told_from_all_samples(shared: Path, golden: Told) -> None:
    """By their lines alone."""
    files = [path for path in sorted((shared / "samples").rglob("*")) if path.is_file()]

    assert CodexCli().matches(golden.source.head) == 1
    assert [path for path in files if CodexCli().matches(Source(path).head) > 0] == []


@pytest.mark.parametrize(
    "line",
    [
        {"type": "event_msg", "payload": {"type": "token_count"}},
        {"timestamp": "2026-09-20", "type": "event_msg", "payload": "token_count"},
        {"timestamp": "2026-09-20", "type": "message", "payload": {"type": "user"}},
        {"timestamp": "2026-09-20", "type": "session_meta", "payload": {"name": "a"}},
    ],
)
def test_lines_that_only_look_alike_are_something_else(line: Any, write_lines: Write) -> None:
    """Many logs have a type and a payload."""
    assert CodexCli().matches(Source(write_lines([line])).head) == 0


_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "\ud83d", [], {}, [{}], [5], {"type": 5}, 10**40, "12", OLD_TURN]),
)


@st.composite
def _spoiled(draw: st.DrawFn, lines: list[Any]) -> list[bytes]:
    """Draw records of which some have a value of another type, are cut, or stand twice."""
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
def test_spoiled_records_never_stop_the_reading(
    data: st.DataObject, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each record is told, kept silent or rejected."""
    golden = root / "tests" / "golden" / "ingest" / "codex_cli" / "input.jsonl"
    lines = [json.loads(row) for row in golden.read_text().split("\n")[:28]]
    raw = data.draw(_spoiled(lines + _copied(with_turns=True)))
    path = tmp_path_factory.getbasetemp() / "spoiled_rollout.jsonl"
    path.write_bytes(b"\n".join(raw))
    told = Told(path)

    rejected = [issue.line for issue in told.issues if issue.line is not None]
    n_lines = sum(bool(line.strip()) for line in raw)
    assert len(rejected) == len(set(rejected))
    assert len(rejected) + told.n_silent <= n_lines
    ids = Counter((span.trace_id, span.span_id) for span in told.spans)
    assert set(ids.values()) <= {1}
