"""The first text of a user, in whatever a logger kept of a call's arguments."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.ingest.formats._logged_input import (
    as_list,
    as_object,
    first_word,
    held,
    offered_tools,
    parsed,
    user_text,
    within,
    word,
)

HUMAN = {"lc": 1, "id": ["langchain", "schema", "HumanMessage"], "kwargs": {"content": "Hi"}}
SYSTEM = {"lc": 1, "id": ["langchain", "schema", "SystemMessage"], "kwargs": {"content": "Be."}}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "type", "messages", "parts", "text", "tools", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "logged",
    [
        pytest.param("Hi", id="prompt"),
        pytest.param([{"role": "system", "content": "Be."}, {"role": "user", "content": "Hi"}]),
        pytest.param({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}),
        pytest.param({"messages": [[SYSTEM, HUMAN]]}, id="LangChain, serialised"),
        pytest.param({"messages": [{"type": "human", "content": "Hi"}]}, id="LangChain, dumped"),
        pytest.param([{"type": "human", "data": {"content": "Hi"}}], id="LangChain, as dict"),
        pytest.param({"messages": [["system", "Be."], ["human", "Hi"]]}, id="LangChain, pairs"),
        pytest.param([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}], id="OTel"),
        pytest.param({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}, id="Gemini"),
        pytest.param({"args": ["Hi"], "kwargs": {}}, id="arguments of a function"),
        pytest.param({"kwargs": {"question": "Hi"}}, id="named arguments"),
        pytest.param({"model": "opus", "topic": "Hi"}, id="other names, but never the model"),
        pytest.param({"input": "Hi", "model": "opus"}, id="Responses"),
        pytest.param(json.dumps(json.dumps({"prompt": "Hi"})), id="encoded twice"),
        pytest.param(
            [
                {"role": "user", "content": [{"type": "tool_result", "content": "ok"}]},
                {"role": "user", "content": "Hi"},
            ],
            id="a tool's result is no user's word",
        ),
    ],
)
def test_the_first_text_of_a_user_is_found(logged: object) -> None:
    """In the words of each framework, as a value or as JSON text."""
    assert user_text(logged) == "Hi"
    assert user_text(json.dumps(logged)) == "Hi"


@pytest.mark.parametrize(
    "logged",
    [
        None,
        7,
        {},
        [],
        {"messages": []},
        {"messages": [{"role": "system", "content": "Be."}], "model": "opus"},
        [{"role": "assistant", "content": "Hi"}],
        {"model": "opus", "messages": []},
    ],
)
def test_where_no_user_speaks_there_is_no_text(logged: object) -> None:
    """Least of all a system prompt or the name of the model that was taken."""
    assert user_text(logged) == ""


@given(logged=ANYTHING)
def test_nothing_is_too_odd(logged: Any) -> None:
    """Text or nothing, tools or nothing."""
    assert isinstance(user_text(logged), str)
    names = offered_tools(logged)
    assert names is None or all(isinstance(name, str) and name for name in names)
    assert isinstance(as_list(logged), list)
    assert isinstance(dict(as_object(logged)), dict)


def test_a_deep_input_ends() -> None:
    """No stack is exhausted."""
    deep: object = "Hi"
    for _ in range(2000):
        deep = {"input": deep}

    assert user_text(deep) == ""
    assert user_text("[" * 100_000) == "[" * 100_000


def test_halves_of_surrogate_pairs_are_mended() -> None:
    """What could not be written to a table."""
    assert user_text("a\ud83d") == "a\ufffd"


@pytest.mark.parametrize(
    ("defined", "expected"),
    [
        ([{"type": "function", "function": {"name": "a"}}], ["a"]),
        (
            [{"name": "a", "input_schema": {}}, "b", {"type": "web_search"}],
            ["a", "b", "web_search"],
        ),
        ([{"functionDeclarations": [{"name": "a"}, {"name": "b"}]}], ["a", "b"]),
        ([{"toolSpec": {"name": "a"}}], ["a"]),
        ({"a": "{}", "b": "{}"}, ["a", "b"]),
        ({"tools": [{"name": "a"}]}, ["a"]),
        ('[{"name": "a"}]', ["a"]),
        ([], []),
        ({}, None),
        (None, None),
        ("search", None),
    ],
)
def test_names_of_offered_tools(defined: object, expected: list[str] | None) -> None:
    """An empty list says that there was none; nothing says nothing."""
    assert offered_tools(defined) == expected


class _Named(msgspec.Struct, frozen=True):
    a: object = None
    b: object = msgspec.field(default=None, name="x.b")


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "x.b": [2], "c": 3},
        '{"a": 1, "x.b": [2], "c": 3}',
        json.dumps('{"a": 1, "x.b": [2]}'),
        [("a", 1), ("x.b", [2])],
    ],
)
def test_named_parts_of_an_object_are_held(value: object) -> None:
    """Whatever the object is written as."""
    assert held(value, _Named) == _Named(1, [2])


@pytest.mark.parametrize("value", [None, "", "no", 5, [1], "[1]", '{"a": ', "[" * 5000])
def test_what_is_no_object_holds_nothing(value: object) -> None:
    """It is not refused."""
    assert held(value, _Named) == _Named()


def test_values_within() -> None:
    """Through objects, lists and JSON texts; anything else is nothing."""
    held = {"a": '[{"b": {"c": 1}}]'}

    assert within(held, "a", "0", "b", "c") == 1
    assert within(held, "a", "1") is within(held, "a", "x") is within(held, "b", "c") is None
    assert parsed("{not json") == "{not json"
    assert as_object([("a", 1), ("b", 2)]) == {"a": 1, "b": 2}
    assert (word(" "), word(5), first_word([None, "", "x"])) == (None, None, "x")
