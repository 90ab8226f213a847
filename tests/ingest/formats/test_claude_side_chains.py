"""Claude Code sessions that branch, resume, compact or stop: each line stays with its own run."""

from collections import Counter
from pathlib import Path

import pytest
from tests.ingest.formats.claude_lines import (
    SESSION,
    SIDE,
    Lines,
    ReadSession,
    answer_line,
    result_line,
    session_line,
    text_block,
    tool_use,
    user_line,
    write_session,
)


def test_side_chains_that_interleave_follow_their_parents(tmp_path: Path) -> None:
    """Two sub-agents at once and the main chain, in the order in which they were written."""
    side = SIDE
    task = [tool_use(f"t{i}", "Task", prompt=f"Do {i}.", subagent_type=f"type-{i}") for i in (1, 2)]
    told = ReadSession(
        write_session(
            tmp_path / "s.jsonl",
            [
                user_line("u1", None, 0, "Do both."),
                answer_line("u2", "u1", 1, *task),
                user_line("b1", None, 2, "Do 2.", **side),
                user_line("a1", None, 2, "Do 1.", **side),
                answer_line("b2", "b1", 3, text_block(), output=7, **side),
                answer_line("a2", "a1", 4, tool_use("x1"), output=11, **side),
                result_line("r2", "u2", 5, "t2"),
                result_line("a3", "a2", 6, "x1", **side),
                answer_line("a4", "a3", 7, text_block(), output=13, **side),
                result_line("r1", "r2", 8, "t1"),
                answer_line("u3", "r1", 9, text_block(), output=17),
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
    told = ReadSession(
        write_session(
            tmp_path / "s.jsonl",
            [
                user_line("u1", None, 0, "Twice."),
                answer_line(
                    "u2", "u1", 1, *(tool_use(f"t{i}", "Task", prompt="Do it.") for i in (1, 2))
                ),
                *(user_line(f"a{i}", None, 2, "Do it.", **side) for i in (1, 2)),
                *(answer_line(f"b{i}", f"a{i}", 3, text_block(), **side) for i in (1, 2)),
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
        user_line("u1", None, 0, "Look, and go on."),
        answer_line("u2", "u1", 1, tool_use("t1", "Agent", prompt="Look.", run_in_background=True)),
        result_line("u3", "u2", 2, "t1", toolUseResult=launch, content="Async agent launched"),
        user_line("u4", "u3", 60, notice, origin={"kind": "task-notification"}),
        answer_line("u5", "u4", 62, text_block()),
    ]
    write_session(
        tmp_path / "s" / "subagents" / "agent-a1.jsonl",
        [
            user_line("s1", None, 2, "Look.", **side),
            answer_line("s2", "s1", 50, text_block(), **side),
        ],
    )
    told = ReadSession(write_session(tmp_path / "s.jsonl", lines))
    (run,), (turn,) = told.kind("agent"), told.kind("turn")

    assert (run.outcome, run.end) == ("error", told.by_id["msg_u5"].start)
    assert (turn.text, len(told.kind("call"))) == ("Look, and go on.", 3)
    still = ReadSession(write_session(tmp_path / "s.jsonl", lines[:3]))
    assert still.kind("agent")[0].outcome == "ok"  # by its own last words
    assert still.kind("agent")[0].end == still.by_id["msg_s2"].end


def test_a_resumed_sub_agent_is_one_run(tmp_path: Path) -> None:
    """Asked twice, it has one transcript; what it took is the sum."""
    side = SIDE | {"agentId": "a1"}
    write_session(
        tmp_path / "s" / "subagents" / "agent-a1.jsonl",
        [
            user_line("s1", None, 1, "Look.", **side),
            answer_line("s2", "s1", 2, text_block(), **side),
        ],
    )
    ended = {"status": "completed", "agentId": "a1"}
    told = ReadSession(
        write_session(
            tmp_path / "s.jsonl",
            [
                user_line("u1", None, 0, "Look twice."),
                answer_line("u2", "u1", 1, tool_use("t1", "Task", prompt="Look.")),
                result_line("u3", "u2", 5, "t1", toolUseResult=ended | {"totalDurationMs": 1500}),
                answer_line("u4", "u3", 6, tool_use("t2", "Task", prompt="Again.", resume="a1")),
                result_line("u5", "u4", 9, "t2", toolUseResult=ended | {"totalDurationMs": 2000}),
            ],
        )
    )
    (run,) = told.kind("agent")

    assert (run.parent_id, run.text, run.latency_s) == ("t1", "Look.", 3.5)
    assert run.end == told.by_id["t2"].end


def test_a_tool_that_failed_at_once_started_no_sub_agent(tmp_path: Path) -> None:
    """An agent type that does not exist is a failed tool and no run."""
    told = ReadSession(
        write_session(
            tmp_path / "s.jsonl",
            [
                user_line("u1", None, 0, "Look."),
                answer_line(
                    "u2", "u1", 1, tool_use("t1", "Task", prompt="Look.", subagent_type="no")
                ),
                result_line("u3", "u2", 2, "t1", is_error=True, toolUseResult="Error: not found"),
            ],
        )
    )

    assert told.kind("agent") == []
    assert told.by_id["t1"].outcome == "error"


def test_a_resumed_session_keeps_the_ids_of_its_copied_lines(tmp_path: Path) -> None:
    """In a second file, under a new session id: the same spans, so that rows are duplicates."""
    lines = [user_line("u1", None, 0, "Look."), answer_line("u2", "u1", 1, text_block())]
    more = [user_line("u3", "u2", 9, "More."), answer_line("u4", "u3", 10, text_block())]
    first = ReadSession(write_session(tmp_path / "a.jsonl", lines))
    copied = [line | {"sessionId": "later"} for line in lines + more]
    second = ReadSession(write_session(tmp_path / "b.jsonl", copied))
    remapped = [
        copy
        | {"uuid": f"n{copy['uuid']}", "parentUuid": f"n{copy['parentUuid']}"}
        | {"forkedFrom": {"sessionId": SESSION, "messageUuid": copy["uuid"]}}
        for copy in copied
    ]
    third = ReadSession(write_session(tmp_path / "c.jsonl", remapped))

    ids = [
        {(span.trace_id, span.span_id) for span in told.spans} for told in (first, second, third)
    ]
    assert ids[0] < ids[1]
    assert ids[1] == ids[2]


def test_a_compacted_session_goes_on_with_its_turn(tmp_path: Path) -> None:
    """The summary is the program's, and its line begins a new chain."""
    told = ReadSession(
        write_session(
            tmp_path / "s.jsonl",
            [
                user_line("u1", None, 0, "Long work."),
                answer_line("u2", "u1", 1, tool_use("t1")),
                session_line(
                    "system", "u3", None, 2, subtype="compact_boundary", logicalParentUuid="u2"
                ),
                user_line("u4", "u3", 3, "This session is being continued.", isCompactSummary=True),
                answer_line("u5", "u4", 5, text_block()),
            ],
        )
    )

    assert [turn.text for turn in told.kind("turn")] == ["Long work."]
    assert {call.parent_id for call in told.kind("call")} == {"u1"}
    assert told.n_silent == 2


@pytest.mark.parametrize(
    "stop",
    [
        [user_line("u3", "u2", 5, [text_block("[Request interrupted by user]")])],
        [
            user_line(
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
                    text_block("[Request interrupted by user for tool use]"),
                ],
            )
        ],
    ],
    ids=["while it ran", "when it was asked"],
)
def test_a_turn_that_the_user_stopped_is_cancelled(stop: Lines, tmp_path: Path) -> None:
    """And so is the tool that was to run; the turn after it is another one."""
    lines = [
        user_line("u1", None, 0, "Delete all."),
        answer_line("u2", "u1", 1, tool_use("t1")),
        *stop,
        user_line("u4", "u3", 9, "Only the copy."),
        answer_line("u5", "u4", 10, text_block()),
    ]
    told = ReadSession(write_session(tmp_path / "s.jsonl", lines))
    first, second = told.kind("turn")

    assert (first.outcome, first.is_infrastructure_error) == ("cancelled", True)
    assert told.by_id["t1"].outcome == "cancelled"
    assert (second.outcome, second.text) == ("ok", "Only the copy.")
