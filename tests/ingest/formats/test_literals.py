"""Python literals from foreign files: data in, nothing run, nothing exhausted."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.ingest.formats._literals import MAX_CHARS, parse_literal

_LEAVES = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False)
_VALUES = st.recursive(
    _LEAVES | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(_VALUES)
def test_what_python_prints_is_read_back(value: object) -> None:
    """But for infinity, which has no literal."""
    text = repr(value)
    if "inf" not in text or "'" in text:
        try:
            assert parse_literal(text) == value
        except ValueError:
            assert "inf" in text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("__import__('os').system('true')", id="a call"),
        pytest.param("open", id="a name"),
        pytest.param("[x for x in (1,)]", id="a comprehension"),
        pytest.param("1 + 1", id="a sum"),
        pytest.param("f'{1}'", id="a formatted string"),
        pytest.param("[" * 51 + "]" * 51, id="deep"),
        pytest.param("(" * 100_000, id="deeper than the parser's stack"),
        pytest.param("-" * 100_000 + "1", id="signs upon signs"),
        pytest.param("9" * 5000, id="more digits than are converted"),
        pytest.param("[1, 2", id="cut"),
        pytest.param("'a", id="cut string"),
        pytest.param("{[1]: 2}", id="a key that cannot be one"),
        pytest.param("array([1, 2], dtype=object)", id="an array of numpy"),
        pytest.param("", id="nothing"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """With the same error, whatever is wrong."""
    with pytest.raises(ValueError, match="Python literal"):
        parse_literal(text)


def test_a_long_text_is_refused_before_it_is_looked_at() -> None:
    """Four million characters are the most."""
    with pytest.raises(ValueError, match="4,000,002 characters"):
        parse_literal("'" + "a" * MAX_CHARS + "'")


@given(st.text(alphabet="[](){}'\"\\,:-1eE.nNoTru \n", max_size=60))
def test_whatever_is_taken_is_what_python_takes(text: str) -> None:
    """The same value as Python's own reader, or a refusal."""
    try:
        found = parse_literal(text)
    except ValueError:
        return
    assert repr(found) == repr(ast.literal_eval(text.strip()))
