"""Calls to Anthropic's API: pairs, streams, batches, bare messages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracetier.ingest.formats.anthropic_api import AnthropicApi
from tracetier.ingest.formats.openai_api import OpenaiApi
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Context
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, Span

Write = Callable[..., Path]


def _read(path: Path) -> list[Any]:
    return list(AnthropicApi().read(Source(path), Context()))


def _golden(root: Path) -> list[Any]:
    return _read(root / "tests" / "golden" / "ingest" / "anthropic_api" / "input.jsonl")


def test_the_sample_gives_the_calls_that_were_recorded(shared: Path) -> None:
    """30 calls: one to a model that is not there, 29 of 12 tokens each; 27 x 3 + 2 x 4 out."""
    spans = _read(shared / "samples" / "api_logs" / "anthropic_messages.jsonl")
    failed = [span for span in spans if span.outcome == "error"]

    assert len(spans) == 30
    assert sum(span.input_tokens or 0 for span in spans) == 29 * 12
    assert sum(span.output_tokens or 0 for span in spans) == 27 * 3 + 2 * 4
    assert [(span.error_type, span.model_asked) for span in failed] == [
        ("not_found_error", "claude-4-5-haiku")
    ]


def test_each_line_ends_as_a_call_a_step_of_no_interest_or_an_issue(root: Path) -> None:
    """Seven lines: five calls, a count of tokens, a request that is a number."""
    items = _golden(root)

    assert [type(item) for item in items] == [*[Span] * 4, NoStep, Span, Issue]
    assert (items[-1].line, items[-1].pointer) == (7, "request")


def test_reads_and_writes_of_the_cache_are_added_to_the_input(root: Path) -> None:
    """10 + 200 + 1,000: ``input_tokens`` leaves them out."""
    call = _golden(root)[0]

    assert (call.input_tokens, call.output_tokens) == (1210, 5)
    assert (call.cache_read_tokens, call.cache_write_tokens) == (1000, 200)
    assert (call.text, call.tools) == ("Add 2 and 2.", ["add"])


def test_the_output_of_a_stream_is_its_last_running_total(root: Path) -> None:
    """1, 3, 7 are not 11; the session stands in Claude Code's user id."""
    call = _golden(root)[1]

    assert (call.input_tokens, call.output_tokens, call.session_id) == (12, 7, "s-1")


def test_an_overloaded_provider_says_nothing_of_the_model(root: Path) -> None:
    """A model that does not exist is an error of another kind."""
    overloaded, unknown = _golden(root)[2:4]

    assert (overloaded.error_type, overloaded.is_infrastructure_error) == ("overloaded_error", True)
    assert (unknown.error_type, unknown.is_infrastructure_error) == ("not_found_error", False)


@pytest.mark.parametrize(
    ("result", "outcome", "is_infrastructure"),
    [
        pytest.param(
            {
                "type": "succeeded",
                "message": {
                    "id": "msg_1",
                    "type": "message",
                    "model": "claude-haiku-4-5",
                    "usage": {"input_tokens": 4, "output_tokens": 1},
                },
            },
            "ok",
            False,
            id="succeeded",
        ),
        pytest.param(
            {
                "type": "errored",
                "error": {"type": "error", "error": {"type": "invalid_request_error"}},
            },
            "error",
            False,
            id="errored",
        ),
        pytest.param({"type": "expired"}, "cancelled", True, id="expired"),
        pytest.param({"type": "canceled"}, "cancelled", True, id="canceled"),
    ],
)
def test_a_batch_tells_how_each_request_ended(
    result: dict[str, Any], outcome: str, is_infrastructure: bool, write_lines: Write
) -> None:
    """Its request, with the text and the model, is in the file beside it."""
    params = {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": "Say hi."}]}
    write_lines([{"custom_id": "a", "params": params}], "requests.jsonl")
    (call,) = _read(write_lines([{"custom_id": "a", "result": result}], "results.jsonl"))

    assert (call.outcome, call.is_infrastructure_error) == (outcome, is_infrastructure)
    assert (call.text, call.model_asked, call.price_factor) == ("Say hi.", "claude-haiku-4-5", 0.5)


def test_a_log_of_both_providers_is_read_in_full_by_either(root: Path, write_lines: Write) -> None:
    """A proxy sees both; the one with more calls takes the file."""
    folder = root / "tests" / "golden" / "ingest"
    lines = [
        *(folder / "anthropic_api" / "input.jsonl").read_bytes().split(b"\n")[:2],
        *(folder / "openai_api" / "input.jsonl").read_bytes().split(b"\n")[:1],
    ]
    path = write_lines(lines)

    assert AnthropicApi().matches(Source(path).head) == pytest.approx(2 / 3)
    assert OpenaiApi().matches(Source(path).head) == pytest.approx(1 / 3)
    assert _read(path) == list(OpenaiApi().read(Source(path), Context()))
    assert [span.input_tokens for span in _read(path)] == [1210, 12, 100]
