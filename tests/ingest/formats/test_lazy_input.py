"""An input that is decoded as far as needed says what the whole of it says."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tracetier.ingest.formats._lazy_input import Inputs, first_user_text
from tracetier.ingest.formats._logged_input import user_text

_ROLES = st.sampled_from(["system", "user", "human", "assistant", "tool", "", " "])
_TEXTS = st.text(max_size=8) | st.just("  ") | st.just([{"type": "text", "text": "part"}])
_MESSAGES = st.lists(st.fixed_dictionaries({"role": _ROLES, "content": _TEXTS}), max_size=5)


def _raw(value: object) -> Raw:
    return Raw(msgspec.json.encode(value))


@given(st.lists(_MESSAGES, min_size=1, max_size=4))
def test_the_text_is_that_of_the_whole_input(conversations: list[list[object]]) -> None:
    """One reader for all: what it remembers of one conversation is not told of another."""
    inputs = Inputs()
    for messages in conversations:
        assert inputs.user_text(_raw(messages)) == user_text(messages)


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_text_beyond_the_head_is_found(size: int) -> None:
    """A long instruction of the system stands before it."""
    messages = [{"role": "system", "content": "x" * size}, {"role": "user", "content": "Hi"}]
    raw = _raw(messages)
    assert Inputs().user_text(raw) == "Hi"
    assert bool(first_user_text(bytes(raw))[0]) is (size < 16_384)


def test_tools_defined_in_later_messages_are_not_overlooked() -> None:
    """The second call goes on from the first, with a tool that the first did not have."""
    told = [{"role": "user", "content": "Hi"}]
    defined = {"role": "tool", "content": {"type": "function", "function": {"name": "search"}}}
    inputs = Inputs()
    assert inputs.tools(_raw(told)) == []
    assert inputs.tools(_raw([*told, defined])) == [None, [defined["content"]]]
    as_text = {"role": "tool", "content": '{"function": {"name": "edit"}}'}
    found = inputs.tools(_raw([*told, as_text]))
    assert found == [None, ['{"function": {"name": "edit"}}']]
