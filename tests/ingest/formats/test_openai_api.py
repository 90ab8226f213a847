"""Calls to OpenAI's API: pairs, streams, batches, bare answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.openai_api import OpenaiApi
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span

Write = Callable[..., Path]

ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1767600000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2},
}


def _read(path: Path) -> list[Any]:
    return list(OpenaiApi().read(Source(path), Context()))


def _golden(root: Path) -> list[Any]:
    return _read(root / "tests" / "golden" / "ingest" / "openai_api" / "input.jsonl")


def test_the_sample_gives_the_calls_that_its_page_states(shared: Path) -> None:
    """15 calls; three streams were not asked for usage, so 12 tell tokens: 234 in, 2,459 out."""
    spans = _read(shared / "samples" / "api_logs" / "openai_chat_and_responses.jsonl")

    assert [span.kind for span in spans] == ["call"] * 15
    assert sum(span.input_tokens is None for span in spans) == 3
    assert sum(span.input_tokens or 0 for span in spans) == 234
    assert sum(span.output_tokens or 0 for span in spans) == 2459
    assert {span.outcome for span in spans} == {"ok"}
    assert spans[8].price_factor == 0.5  # asked for the flex tier


def test_each_line_ends_as_a_call_a_step_of_no_interest_or_an_issue(root: Path) -> None:
    """Ten lines: seven calls, an embedding, a line cut off, a count in words."""
    items = _golden(root)

    assert [type(item) for item in items] == [*[Span] * 6, NoStep, Span, Issue, Issue]
    assert [(item.line, item.reason) for item in items[-2:]] == [(9, "not_json"), (10, "bad_value")]
    assert items[-1].pointer == "response.body.usage.prompt_tokens"


def test_the_input_of_a_call_includes_what_came_from_the_cache(root: Path) -> None:
    """``prompt_tokens`` 100 hold the 64 cached ones; the logger's duration is the latency."""
    call = _golden(root)[0]

    assert (call.input_tokens, call.cache_read_tokens, call.output_tokens) == (100, 64, 5)
    assert (call.model_asked, call.model_answered) == ("gpt-4o-mini", "gpt-4o-mini-2024-07-18")
    assert (call.text, call.tools, call.latency_s) == ("Add 2 and 2.", ["add"], 0.5)


def test_a_stream_tells_usage_only_where_it_was_asked_for(root: Path) -> None:
    """The last chunk holds it; without it the tokens are unknown, not 0."""
    with_usage, without = _golden(root)[1:3]

    assert (with_usage.input_tokens, with_usage.output_tokens) == (20, 2)
    assert (without.input_tokens, without.output_tokens) == (None, None)
    assert without.response_id == "chatcmpl-3"


def test_a_response_that_continues_another_is_of_its_session(root: Path) -> None:
    """A split by session keeps them on one side."""
    first, second = _golden(root)[3:5]

    assert (first.session_id, second.session_id) == (None, first.span_id)
    assert second.text == "Another one."


def test_a_limit_of_rate_says_nothing_of_the_model(root: Path) -> None:
    """Neither does a connection that broke before there was an answer."""
    limited, broken = _golden(root)[5], _golden(root)[7]

    assert (limited.outcome, limited.error_type) == ("error", "rate_limit_error")
    assert (limited.is_infrastructure_error, broken.is_infrastructure_error) == (True, True)
    assert limited.input_tokens is None


def test_a_batch_is_joined_to_its_requests_by_custom_id(write_lines: Write) -> None:
    """In any order, at half the price; the requests alone are no step."""
    ask = {"custom_id": "b", "method": "POST", "url": "/v1/chat/completions"}
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say b."}]}
    requests = write_lines(
        [ask | {"custom_id": "a", "body": body | {"model": "gpt-4o"}}, ask | {"body": body}],
        "sums_input.jsonl",
    )
    done = {"status_code": 200, "request_id": "r", "body": ANSWER}
    answers = write_lines(
        [
            {"id": "batch_req_1", "custom_id": "b", "response": done, "error": None},
            {
                "id": "batch_req_2",
                "custom_id": "a",
                "response": None,
                "error": {"code": "batch_expired", "message": "too late"},
            },
        ],
        "sums_output.jsonl",
    )

    first, second = _read(answers)
    assert (first.text, first.model_asked, first.price_factor) == ("Say b.", "gpt-4o-mini", 0.5)
    assert (second.model_asked, second.error_type) == ("gpt-4o", "batch_expired")
    assert _read(requests) == [NoStep(), NoStep()]


def test_a_batch_whose_requests_could_be_in_two_files_is_joined_to_none(write_lines: Write) -> None:
    """``request-1`` is in every batch; the file named like the answers settles it."""
    ask = {"custom_id": "request-1", "url": "/v1/chat/completions"}
    for name in ("one", "two"):
        body = {"model": "m", "messages": [{"role": "user", "content": name}]}
        write_lines([ask | {"body": body}], f"{name}_input.jsonl")
    done = [{"custom_id": "request-1", "response": {"status_code": 200, "body": ANSWER}}]

    call, issue = _read(write_lines(done, "other.jsonl"))
    assert (call.text, issue.reason, issue.line) == ("", "no_request", None)
    assert "2 files beside it hold such ids" in issue.message
    assert _read(write_lines(done, "two_output.jsonl"))[0].text == "two"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps(ANSWER, indent=1), id="one document"),
        pytest.param(json.dumps([ANSWER], indent=1), id="a list"),
        pytest.param(json.dumps(ANSWER), id="a line"),
        pytest.param(json.dumps({"response": ANSWER, "request": {"model": "x"}}), id="no envelope"),
        pytest.param(
            json.dumps({"request": {"model": "x"}, "response": json.dumps(ANSWER)}), id="as text"
        ),
    ],
)
def test_an_answer_is_read_however_it_was_kept(content: str, tmp_path: Path) -> None:
    """By itself, in a list, with or without its request, as an object or as text."""
    (tmp_path / "log.json").write_text(content)
    source = Source(tmp_path / "log.json")
    (call,) = OpenaiApi().read(source, Context())

    assert isinstance(call, Span)
    assert (call.response_id, call.input_tokens) == ("chatcmpl-1", 9)
    assert call.start is not None
    assert OpenaiApi().matches(source.head) == 1


def test_counts_of_the_cache_beyond_the_input_are_apart_from_it(write_lines: Write) -> None:
    """A reseller that counts as Anthropic does: 5 + 90, and tells the cost itself."""
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 90},
        "cost": 0.5,
    }
    (call,) = _read(write_lines([ANSWER | {"usage": usage}]))

    assert (call.input_tokens, call.cache_read_tokens, call.cost_usd) == (95, 90, 0.5)
