"""Claude Code sessions that are broken or odd, and how they are told from other files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ingest.formats.claude_lines import (
    SESSION,
    SIDE,
    Lines,
    ReadSession,
    answer_line,
    session_line,
    text_block,
    user_line,
    write_session,
)

from tracetier.ingest.formats.claude_code import ClaudeCode
from tracetier.ingest.source import Source


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"type": "user"', "not_json"),
        ("[1]", "bad_value"),
        ("{}", "missing"),
        (session_line("assistant", "x", None, 1), "missing"),
        (user_line("x", None, 1, 5), "bad_value"),
        (
            answer_line("x", "u1", 1, text_block(), message={"usage": {"input_tokens": "many"}}),
            "bad_value",
        ),
        (session_line("user", "x", None, 1, timestamp="yesterday"), "bad_value"),
        ('{"type": "user", "message": {"content": ' + "[" * 5_000 + "]" * 5_000 + "}}", "too_deep"),
    ],
)
def test_a_broken_line_is_an_issue_and_the_rest_is_read(
    line: Any, reason: str, tmp_path: Path
) -> None:
    """With its number; nothing is raised."""
    good = [user_line("u1", None, 0, "Look."), answer_line("u2", "u1", 1, text_block())]
    told = ReadSession(write_session(tmp_path / "s.jsonl", [good[0], line, good[1]]))

    assert told.reasons == [(reason, 2)]
    assert len(told.kind("call")) == 1


def test_unusual_lines_are_read(tmp_path: Path) -> None:
    """Half a surrogate pair, ``NaN``, U+2028 within a text, and kinds that nobody knows yet."""
    answer = json.dumps(answer_line("u2", "u1", 1, text_block("cut: \ud83d")))
    lines = [
        json.dumps(user_line("u1", None, 0, "a\u2028b"), ensure_ascii=False),
        answer.replace('"uuid"', '"score": NaN, "uuid"'),
        session_line("progress", "u3", "u2", 2, message="a word", content={"a": 1}),
        {"type": "new-kind", "sessionId": SESSION, "timestamp": "soon"},
    ]
    told = ReadSession(write_session(tmp_path / "s.jsonl", lines))

    assert told.issues == []
    assert told.kind("turn")[0].text == "a\u2028b"
    assert (len(told.kind("call")), told.n_silent) == (1, 2)


def test_what_is_broken_in_a_sub_agent_s_file_is_told_once(tmp_path: Path) -> None:
    """Of the whole file with the session, line by line in its own reading."""
    side = SIDE | {"agentId": "a1"}
    agent = write_session(
        tmp_path / "s" / "subagents" / "agent-a1.jsonl",
        [
            user_line("s1", None, 1, "Look.", **side),
            "{",
            answer_line("s2", "s1", 2, text_block(), **side),
        ],
    )
    told = ReadSession(write_session(tmp_path / "s.jsonl", [user_line("u1", None, 0, "Look.")]))

    assert told.reasons == [("unreadable_part", None)]
    assert len(told.kind("call")) == 1
    assert ReadSession(agent).reasons == [("not_json", 2)]


def test_files_that_come_with_a_session_are_known(tmp_path: Path) -> None:
    """Long tool results and a workflow's script: nothing in them, and no unknown format."""
    write_session(tmp_path / "s.jsonl", [user_line("u1", None, 0, "Look.")])
    text = write_session(tmp_path / "s" / "tool-results" / "b1.txt", ["a long result"])
    script = write_session(
        tmp_path / "s" / "workflows" / "scripts" / "w.js", ["export const meta = {}"]
    )
    stray = write_session(tmp_path / "other" / "tool-results" / "b1.txt", ["a long result"])

    for path in (text, script):
        assert ClaudeCode().matches(Source(path).head) == 1
        assert (ReadSession(path).n_silent, ReadSession(path).spans) == (1, [])
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
    assert ClaudeCode().matches(Source(write_session(tmp_path / "s.jsonl", [line])).head) == 1


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
    assert ClaudeCode().matches(Source(write_session(tmp_path / "s.jsonl", [line])).head) == 0


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
    told = ReadSession(path)

    rejected = {line for _, line in told.reasons if line is not None}
    n_lines = sum(bool(line.strip()) for line in raw)
    assert len(rejected) == sum(line is not None for _, line in told.reasons)
    assert len(rejected) + told.n_silent <= n_lines
    ids = Counter((span.trace_id, span.span_id) for span in told.spans)
    assert set(ids.values()) <= {1}
