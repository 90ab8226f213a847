"""A live request as a task: the same that a log of it tells."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.assemble.assemble import assemble
from tracetier.ingest.formats._provider import read_calls
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span
from tracetier.records import Invocation, Task
from tracetier.serve.gateway.request import read_body
from tracetier.serve.gateway.session import Sessions
from tracetier.serve.gateway.task import Live, Told, live_task, read_headers

LOGS = ("openai_chat_and_responses.jsonl", "anthropic_messages.jsonl")


def _live(body: dict[str, Any], told: Told | None = None, sessions: Sessions | None = None) -> Live:
    raw = read_body(json.dumps({"model": "tracetier"} | body).encode())
    return live_task(raw, told or Told(), sessions or Sessions(), caller="ci", now_s=10.0)


def _requests(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the logged calls that are chat completions or messages."""
    for line in path.read_text().splitlines():
        record = json.loads(line)
        body = record.get("request", {}).get("body")
        if isinstance(body, dict) and "messages" in body:
            yield record


def _logged(record: dict[str, Any], folder: Path) -> Invocation:
    """Return the row of a log that holds this one call."""
    (folder / "one.jsonl").write_text(json.dumps(record) + "\n")
    spans = [item for item in read_calls(Source(folder / "one.jsonl")) if isinstance(item, Span)]
    (row,) = assemble(spans, "call").rows
    return row


@pytest.mark.parametrize("name", LOGS)
def test_a_request_is_the_task_that_its_log_tells(name: str, shared: Path, tmp_path: Path) -> None:
    """Of every recorded call: text, tools, level, and whatever else the log tells of before."""
    records = list(_requests(shared / "samples" / "api_logs" / name))

    assert len(records) > 3
    for record in records:
        row = _logged(record, tmp_path)
        task = _live(record["request"]["body"]).task
        told = {n: v for n in Task.__struct_fields__ if (v := getattr(row.task, n)) is not None}
        assert {n: getattr(task, n) for n in told} == told
        # What a log of one call cannot tell of before, but for what the request itself repeats.
        known = {"turn_index", "n_prior_errors", "n_prior_retries", "context_tokens"}
        unknown = set(Task.__struct_fields__) - set(told) - known - {"session_id", "attrs"}
        assert {n for n in unknown if getattr(task, n) is not None} == set()


USER = {"role": "user", "content": "Add 2 and 2."}
TOOLS = [{"type": "function", "function": {"name": "add"}}, {"name": "bash"}, {"type": "web"}]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"messages": [USER]}, id="text"),
        pytest.param({"messages": [USER], "tools": TOOLS}, id="tools"),
        pytest.param({"messages": [USER], "tools": []}, id="no tools"),
        pytest.param({"messages": [USER], "functions": [{"name": "old"}]}, id="functions"),
        pytest.param(
            {"messages": [{"role": "system", "content": "Be brief."}, USER]}, id="system first"
        ),
        pytest.param(
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "a"}, "b"]},
                    {"role": "assistant", "content": "c"},
                    {"role": "user", "content": "d"},
                ]
            },
            id="parts",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image", "text": None}]}, USER]},
            id="an image first",
        ),
        pytest.param({"messages": [{"role": "user", "content": "half \ud83d pair"}]}, id="half"),
        pytest.param({"messages": [{"role": "assistant", "content": "x"}]}, id="no user"),
        pytest.param({"messages": [USER], "metadata": {"session_id": "s1"}}, id="session"),
        pytest.param(
            {"messages": [USER], "metadata": {"user_id": "user_1_account__session_9"}}, id="agent"
        ),
    ],
)
def test_text_tools_and_session_are_those_of_the_log(body: dict[str, Any], tmp_path: Path) -> None:
    """In every shape that the reader of logs knows."""
    record = {"request": {"url": "http://a/v1/messages", "body": body}, "response": {"id": "r"}}
    row, live = _logged(record, tmp_path), _live(body)

    assert (live.task.text, live.task.tools) == (row.task_text, row.tools)
    assert (live.task.n_tools, live.task.level) == (row.n_tools, row.level)
    is_told = row.session_id != row.trace_id
    assert live.session.is_told is is_told
    assert not is_told or live.session.id == row.session_id


def test_headers_say_who_asks_and_what_for() -> None:
    """Type, agent, session, trace, a limit and attributes of the user's own."""
    told = read_headers(
        [
            (b"x-tracetier-session", b"s-1"),
            (b"x-tracetier-trace", b"t-1"),
            (b"x-tracetier-task-type", b"code_edit"),
            (b"x-tracetier-agent", b"coder"),
            (b"x-tracetier-latency-limit-s", b"2.5"),
            (b"x-tracetier-attr-team", b"payments"),
            (b"x-tracetier-attr-is-urgent", b"true"),
            (b"x-tracetier-attr-size", b"12"),
            (b"x-other", b"no"),
        ]
    )
    live = _live({"messages": [USER]}, told)

    assert (live.task.task_type, live.task.agent_name) == ("code_edit", "coder")
    assert (live.session.id, live.trace, live.task.latency_limit_s) == ("s-1", "t-1", 2.5)
    attrs = {"team": "payments", "is_urgent": True, "size": 12.0}
    assert live.task.attrs == attrs | {"request_tokens": live.n_tokens}


def test_headers_are_bounded() -> None:
    """However many there are, and however long."""
    told = read_headers([(f"x-tracetier-attr-{i}".encode(), b"v" * 999) for i in range(99)])

    assert len(told.attrs) == 32
    assert {len(str(value)) for value in told.attrs.values()} == {256}


@pytest.mark.parametrize("limit", [b"-1", b"soon", b"nan", b"inf", b"true", b"0"])
def test_a_limit_that_is_none_is_left_out(limit: bytes) -> None:
    """It is no reason to refuse a request."""
    assert read_headers([(b"x-tracetier-latency-limit-s", limit)]).latency_limit_s is None


def test_an_image_makes_it_a_task_for_tiers_that_see() -> None:
    """By the attribute that the rules know."""
    content = [{"type": "image", "source": {"data": "A"}}, {"type": "text", "text": "What is it?"}]
    task = _live({"messages": [{"role": "user", "content": content}]}).task

    assert (task.attrs or {})["vision"] is True
    assert "vision" not in (_live({"messages": [USER]}).task.attrs or {})


def test_what_another_worker_saw_is_unknown_rather_than_wrong() -> None:
    """Two answers so far, of which this process saw none: no retries and no exact context."""
    turns = [USER, {"role": "assistant", "content": "4"}] * 2
    task = _live({"messages": [*turns, USER]}).task

    assert (task.turn_index, task.n_prior_errors, task.n_prior_retries) == (2, 0, None)
    assert (task.last_tier, task.last_failed, task.idle_s) == (None, None, None)
    assert task.context_tokens is not None


@pytest.mark.parametrize("messages", [None, 3, "x", [3], [{"role": 3}], {"a": 1}])
def test_a_request_of_another_shape_is_a_task_without_text(messages: object) -> None:
    """It goes on to an upstream, which will say what is wrong with it."""
    task = _live({"messages": messages}).task

    assert (task.text, task.level) == ("", "call")
