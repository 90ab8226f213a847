"""The bytes of an answer as they go by: usage and signs, however they are cut into pieces."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracetier.ingest.formats._provider import read_calls
from tracetier.ingest.source import Source
from tracetier.ingest.span import Span
from tracetier.serve.gateway.answer import MAX_KEPT, Watch
from tracetier.serve.gateway.proxies import Seen


def _chunk(**fields: Any) -> bytes:
    base = {"id": "c1", "object": "chat.completion.chunk", "model": "gpt-1"}
    return b"data: " + json.dumps(base | fields).encode() + b"\n\n"


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields)}\n\n".encode()


USAGE = {"prompt_tokens": 100, "completion_tokens": 20}
OPENAI = (
    b"".join(_chunk(choices=[{"delta": {"content": 'a "usage" b'}}], usage=None) for _ in range(3))
    + _chunk(choices=[], usage=USAGE)
    + b"data: [DONE]\n\n"
)
START = {"type": "message", "model": "claude-1", "usage": {"input_tokens": 10, "output_tokens": 1}}
ANTHROPIC = (
    _event("message_start", message=START | {"id": "m1"})
    + _event("content_block_delta", delta={"type": "text_delta", "text": "x"})
    + _event("message_delta", delta={}, usage={"output_tokens": 7})
)


def _watched(pieces: list[bytes], *, is_stream: bool = True, keeps_all: bool = False) -> Watch:
    watch = Watch(is_stream=is_stream, keeps_all=keeps_all)
    for piece in pieces:
        watch.feed(piece)
    return watch


@settings(max_examples=50)
@given(st.lists(st.integers(0, len(OPENAI) + len(ANTHROPIC)), max_size=8), st.booleans())
def test_a_stream_tells_the_same_however_it_is_cut(cuts: list[int], keeps_all: bool) -> None:
    """At any byte, within lines and words."""
    for text, model, tokens in ((OPENAI, "gpt-1", (100, 20)), (ANTHROPIC, "claude-1", (10, 7))):
        at = [0, *sorted(cut % len(text) for cut in cuts), len(text)]
        pieces = [text[i:j] for i, j in pairwise(at)]
        outcome = _watched(pieces, keeps_all=keeps_all).outcome()

        assert (outcome.model, outcome.tokens.input, outcome.tokens.output) == (model, *tokens)


@pytest.mark.parametrize("name", ["openai_chat_and_responses.jsonl", "anthropic_messages.jsonl"])
def test_an_answer_tells_what_its_log_tells(name: str, shared: Path, tmp_path: Path) -> None:
    """Model and tokens of every recorded answer, whole or streamed."""
    n_read = 0
    for line in (shared / "samples" / "api_logs" / name).read_text().splitlines():
        body = json.loads(line).get("response", {}).get("body")
        if body is None or "input" in json.loads(line)["request"]["body"]:
            continue
        (tmp_path / "one.jsonl").write_text(line + "\n")
        (span,) = read_calls(Source(tmp_path / "one.jsonl"))
        assert isinstance(span, Span)
        is_stream = isinstance(body, str) and not body.lstrip().startswith("{")
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        outcome = _watched([text], is_stream=is_stream).outcome()
        tokens = outcome.tokens
        assert (tokens.input, tokens.output) == (span.input_tokens, span.output_tokens)
        assert (tokens.cache_read, tokens.cache_write) == (
            span.cache_read_tokens,
            span.cache_write_tokens,
        )
        assert (outcome.model, outcome.price_factor) == (span.model_answered, span.price_factor)
        n_read += 1
    assert n_read > 3


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>busy</html>", id="no JSON"),
        pytest.param(b"[1]", id="a list"),
        pytest.param(b'{"usage": {"prompt_tokens": "many"}}', id="in words"),
        pytest.param(b'{"a": "' + b"x" * (MAX_KEPT + 1) + b'"}', id="too long"),
    ],
)
@pytest.mark.parametrize("is_stream", [True, False])
def test_what_cannot_be_read_tells_nothing(text: bytes, is_stream: bool) -> None:
    """An unknown cost is no cost of 0."""
    outcome = _watched([text], is_stream=is_stream).outcome()

    assert (outcome.tokens.input, outcome.cost_usd) == (None, None)


def test_a_stream_that_told_no_usage_tells_none() -> None:
    """As OpenAI's do where nobody asked."""
    text = _chunk(choices=[{"delta": {"content": "a"}}]) + b"data: [DONE]\n\n"

    assert _watched([text]).outcome().tokens.input is None
    assert _watched([text]).outcome().model == "gpt-1"


def test_half_the_price_and_a_price_of_its_own_are_told() -> None:
    """The flex tier, and what some resellers add."""
    body = {"model": "m", "service_tier": "flex", "usage": USAGE | {"cost": 0.25}}
    outcome = _watched([json.dumps(body).encode()], is_stream=False).outcome()

    assert (outcome.price_factor, outcome.cost_usd) == (0.5, 0.25)


def _chat(**choice: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0} | choice]}).encode()


def _call(*pieces: str) -> list[bytes]:
    return [
        _chunk(choices=[{"delta": {"tool_calls": [{"function": {"arguments": piece}}]}}])
        for piece in pieces
    ]


@pytest.mark.parametrize(
    ("pieces", "is_stream", "seen"),
    [
        pytest.param([_chat(finish_reason="stop")], False, Seen(), id="good"),
        pytest.param([_chat(finish_reason="length")], False, Seen(truncation=True), id="length"),
        pytest.param([b'{"stop_reason":"max_tokens"}'], False, Seen(truncation=True), id="max"),
        pytest.param([b'{"stop_reason":"refusal"}'], False, Seen(refusal=True), id="refusal"),
        pytest.param([_chat(finish_reason="content_filter")], False, Seen(refusal=True), id="cut"),
        pytest.param([_chat(message={"refusal": "No."})], False, Seen(refusal=True), id="says no"),
        pytest.param(_call('{"a"', ": 1}"), True, Seen(), id="good call"),
        pytest.param(_call('{"a"', ": }"), True, Seen(invalid_tool_call=True), id="bad call"),
        pytest.param(_call("", ""), True, Seen(), id="call without arguments"),
        pytest.param(
            [_event("content_block_delta", index=1, delta={"partial_json": '{"a'})],
            True,
            Seen(invalid_tool_call=True),
            id="cut call",
        ),
        pytest.param(
            [_event("message_delta", delta={"stop_reason": "max_tokens"})],
            True,
            Seen(truncation=True),
            id="streamed",
        ),
        pytest.param([_event("error", error={"type": "x"})], True, Seen(error=True), id="error"),
    ],
)
def test_signs_of_trouble_are_seen(pieces: list[bytes], is_stream: bool, seen: Seen) -> None:
    """In both protocols, whole or streamed."""
    assert _watched(pieces, is_stream=is_stream, keeps_all=True).seen() == seen
