"""What a request's own conversation tells of what was before."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.serve.gateway.conversation import Conversation, read_conversation


def _told(*messages: dict[str, Any], **fields: Any) -> Conversation:
    return read_conversation(json.dumps({"messages": list(messages)} | fields).encode())


USER, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}


def test_turns_are_the_answers_so_far() -> None:
    """An answer that is begun for the model, at the end, is none."""
    assert _told(USER).n_turns == 0
    assert _told(USER, ANSWER, USER, ANSWER, USER).n_turns == 2
    assert _told(USER, ANSWER).n_turns == 0


@pytest.mark.parametrize(
    ("content", "n_errors"),
    [
        pytest.param("Error: no such file", 1, id="word"),
        pytest.param("Traceback (most recent call last):\n  ...", 1, id="traceback"),
        pytest.param('{"error": "no such file"}', 1, id="object"),
        pytest.param('{"is_error": true}', 1, id="flag"),
        pytest.param('{"error": null, "rows": []}', 0, id="null"),
        pytest.param("No error: all tests pass", 0, id="speaks of errors"),
        pytest.param('{"error', 0, id="cut off"),
        pytest.param(None, 0, id="nothing"),
    ],
)
def test_a_tool_that_failed_is_known_by_what_it_answers(content: object, n_errors: int) -> None:
    """OpenAI's protocol has no mark for it."""
    assert _told(USER, ANSWER, {"role": "tool", "content": content}).n_tool_errors == n_errors


def test_anthropics_results_say_whether_they_failed() -> None:
    """Of three results one did."""
    results = [{"type": "tool_result", "is_error": bad} for bad in (True, False, None)]

    assert _told(USER, ANSWER, {"role": "user", "content": results}).n_tool_errors == 1


@pytest.mark.parametrize(
    "part",
    [
        pytest.param({"type": "image", "source": {"type": "base64", "data": "A" * 4000}}, id="a"),
        pytest.param(
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}},
            id="o",
        ),
        pytest.param(
            {"type": "tool_result", "content": [{"type": "image", "source": {"data": "A" * 4000}}]},
            id="in a result",
        ),
    ],
)
def test_images_are_seen_and_not_counted_as_text(part: dict[str, Any]) -> None:
    """4,000 bytes of an image are not 1,000 tokens."""
    told = _told({"role": "user", "content": [part, {"type": "text", "text": "What is it?"}]})

    assert told.has_images
    assert told.n_tokens < 100


def test_the_past_context_is_all_but_what_came_after_the_last_answer() -> None:
    """8,000 bytes of system prompt are 2,000 tokens; the new 400 bytes are 100."""
    first = _told(USER, system="s" * 8000)
    later = _told(USER, ANSWER, {"role": "user", "content": "n" * 400}, system="s" * 8000)

    assert first.n_past_tokens is None
    assert later.n_past_tokens == pytest.approx(2040, abs=20)
    assert later.n_tokens - (later.n_past_tokens or 0) == 100


@given(st.binary() | st.text().map(lambda text: json.dumps({"messages": text}).encode()))
def test_what_has_another_shape_tells_nothing(raw: bytes) -> None:
    """Whether it can be answered is for the upstream to say."""
    told = read_conversation(raw)

    assert (told.n_tool_errors, told.has_images, told.n_past_tokens) == (0, False, None)
