"""One rule per type, whatever the container."""

from datetime import UTC, date, datetime
from decimal import Decimal
from math import inf

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from tracetier.ingest.coerce import attribute, count, flag, instant, make_row, names, number, text
from tracetier.ingest.formats.outcomes import OutcomeRow
from tracetier.ingest.issue import Fault
from tracetier.records import Invocation

NINE = datetime(2025, 1, 6, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("convert", "value", "expected"),
    [
        (text, "a", "a"),
        (text, 7, "7"),
        (text, 7.0, "7"),
        (text, 7.5, "7.5"),
        (text, "caf\u00e9 \ud83d", "caf\u00e9 \ufffd"),
        (number, "1e-3", 0.001),
        (number, Decimal("0.5"), 0.5),
        (number, 10**400, inf),
        (count, 12, 12),
        (count, "12.0", 12),
        (count, 12.0, 12),
        (flag, True, True),
        (flag, "False", False),
        (flag, 1.0, True),
        (flag, "0", False),
        (instant, "2025-01-06T09:00:00Z", NINE),
        (instant, "2025-01-06 09:00", NINE),
        (instant, "2025-01-06T10:00:00+01:00", NINE),
        (instant, "20250106T09", NINE),
        (instant, NINE.replace(tzinfo=None), NINE),
        (instant, date(2025, 1, 6), NINE.replace(hour=0)),
        (instant, 1736154000, NINE),
        (instant, "1736154000.0", NINE),
        (instant, 1736154000_000, NINE),
        (instant, 1736154000_000_000, NINE),
        (instant, 1736154000_000_000_000, NINE),
        (names, ["a", "b"], ["a", "b"]),
        (names, '["a", "b"]', ["a", "b"]),
        (names, "['a', \"b\"]", ["a", "b"]),
        (names, "[]", []),
        (names, "bash", ["bash"]),
        (names, [{"name": "a"}, {"type": "function", "function": {"name": "b"}}], ["a", "b"]),
        (attribute, 3, 3.0),
        (attribute, True, True),
        (attribute, "x", "x"),
    ],
)
def test_a_value_is_taken_as_it_is_meant(convert: object, value: object, expected: object) -> None:
    """Spellings that real logs use."""
    got = convert(value)  # type: ignore[operator]

    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("convert", "value", "told"),
    [
        (text, True, "a text"),
        (text, ["a"], "a text"),
        (number, True, "a number"),
        (number, "abc", "a number"),
        (number, [1], "a number"),
        (count, 1.5, "a whole number"),
        (count, "nan", "a whole number"),
        (count, inf, "a whole number"),
        (flag, "maybe", "true or false"),
        (flag, 2, "true or false"),
        (instant, "yesterday", "a time in ISO 8601"),
        (instant, "nan", "a time in ISO 8601"),
        (instant, 1e300, "a time in ISO 8601"),
        (instant, True, "a time in ISO 8601"),
        (instant, {"a": 1}, "a time in ISO 8601"),
        (names, [1], "a list of names"),
        (names, [""], "a list of names"),
        (names, "[__import__('os')]", "a list of names"),
        (names, {"a": 1}, "a list of names"),
        (attribute, float("nan"), "a finite number"),
        (attribute, 10**400, "a finite number"),
        (attribute, ["a"], "a finite number"),
    ],
)
def test_a_value_that_cannot_be_meant_is_a_fault(convert: object, value: object, told: str) -> None:
    """With what was expected in its place."""
    with pytest.raises(Fault, match=told):
        convert(value)  # type: ignore[operator]


def test_a_row_names_the_column_of_its_first_fault() -> None:
    """And shows the value, where that is not a text of a task."""
    with pytest.raises(Fault, match="cost_usd is 'cheap', must be a number") as caught:
        make_row(OutcomeRow, {"trace_id": "a", "task_id": "b", "cost_usd": "cheap"})

    assert (caught.value.pointer, caught.value.reason) == ("cost_usd", "bad_value")


def test_a_required_value_that_is_unknown_is_missing() -> None:
    """Null is as good as absent."""
    with pytest.raises(Fault, match="task_id is missing") as caught:
        make_row(OutcomeRow, {"trace_id": "a", "task_id": None})

    assert (caught.value.pointer, caught.value.reason) == ("task_id", "missing")


def test_blank_cells_are_unknown_but_a_blank_prompt_is_a_text() -> None:
    """As CSV writes null."""
    row = make_row(
        OutcomeRow, {"trace_id": "a", "task_id": "b", "cost_usd": " ", "tools": "", "prompt": " "}
    )

    assert (row.cost_usd, row.tools, row.prompt) == (None, None, " ")


def test_attributes_are_gathered_by_their_prefix() -> None:
    """Null and blank ones are left out."""
    row = make_row(
        Invocation,
        {"trace_id": "a", "task_id": "b", "attr_n": 2, "attr_s": "x", "attr_0": None, "attr_1": ""},
    )

    assert row.attrs == {"n": 2.0, "s": "x"}


def test_a_nested_fault_points_into_its_field() -> None:
    """The pointer is the field's, then msgspec's."""

    class Outer(Struct):
        arms: dict[str, dict[str, float]]

    with pytest.raises(Fault, match="arms is dict of 1, must be well-formed") as caught:
        make_row(Outer, {"arms": {"m": {"reward": "high"}}})

    assert caught.value.pointer == "arms[...][...]"


_JSON_ROWS = st.fixed_dictionaries(
    {"trace_id": st.text(min_size=1), "task_id": st.text("abc ", min_size=1).map("k".__add__)},
    optional={
        "timestamp": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "task_type": st.none() | st.text(),
        "prompt": st.text(),
        "tools": st.none() | st.lists(st.text(min_size=1)),
        "n_tools": st.none() | st.integers(0, 100),
        "prompt_tokens": st.none() | st.integers(0, 10**6) | st.integers(0, 99).map(float),
        "cost_usd": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "success": st.none() | st.booleans(),
        "other": st.none() | st.text() | st.lists(st.integers()),
    },
)


@given(record=_JSON_ROWS)
def test_the_slow_way_gives_what_typed_decoding_gives(record: dict[str, object]) -> None:
    """Two readers of one line must not differ."""
    fast = msgspec.json.decode(msgspec.json.encode(record), type=OutcomeRow, strict=False)

    assert make_row(OutcomeRow, record) == fast
