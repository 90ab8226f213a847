"""Numbers of foreign logs, and the one convention for cached input."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.ingest.formats._amounts import (
    MAX_COUNT,
    finite_of,
    known_cost,
    time_of,
    tokens_of,
    usd_of,
    verdict,
    with_cache,
)
from tracetier.ingest.issue import Fault

COUNTS = st.integers(0, 10**6)


@pytest.mark.parametrize(
    ("n_input", "n_output", "total", "read", "written", "expected"),
    [
        pytest.param(412, 37, 449, 256, None, 412, id="the total holds the cache in the input"),
        pytest.param(5, 94, 1099, 1000, None, 1005, id="the total adds the cache"),
        pytest.param(5, 94, None, 1000, 200, 1205, id="more cached than input"),
        pytest.param(30, 20, 50, 100, None, 130, id="more cached than input, whatever the total"),
        pytest.param(100, 20, None, 80, 10, 100, id="no total, and it fits"),
        pytest.param(None, 20, None, 80, None, None, id="no input"),
    ],
)
def test_input_includes_the_cache(
    n_input: int | None,
    n_output: int,
    total: int | None,
    read: int,
    written: int | None,
    expected: int | None,
) -> None:
    """By the stated total, else by what can be."""
    found = with_cache(n_input, n_output, total=total, cache_read=read, cache_write=written)

    assert found.input == expected
    assert (found.output, found.cache_read, found.cache_write) == (n_output, read, written)


@given(n_input=COUNTS, n_output=COUNTS, total=st.none() | COUNTS, read=COUNTS, written=COUNTS)
def test_cached_tokens_never_exceed_the_input(
    n_input: int, n_output: int, total: int | None, read: int, written: int
) -> None:
    """Or the row would be refused."""
    found = with_cache(n_input, n_output, total=total, cache_read=read, cache_write=written)

    assert found.input is not None
    assert read + written <= found.input <= n_input + read + written


@pytest.mark.parametrize("value", [None, "", "  "])
def test_nothing_is_unknown(value: object) -> None:
    """Not zero."""
    assert tokens_of(value, "n") is None
    assert usd_of(value, "c") is None
    assert time_of(value, "t") is None


@pytest.mark.parametrize("value", [-1, "-1", 1.5, "many", True, [1], float("nan"), MAX_COUNT + 1])
def test_what_is_no_count_is_told_with_its_place(value: object) -> None:
    """One fault for the record."""
    with pytest.raises(Fault) as caught:
        tokens_of(value, "usage.input")

    assert caught.value.pointer == "usage.input"
    assert str(caught.value).startswith("usage.input is ")


@pytest.mark.parametrize("value", [-0.5, "1e999", float("inf"), float("nan"), "free", {}, 10**400])
def test_what_is_no_cost_is_told_with_its_place(value: object) -> None:
    """Infinite costs would spoil every mean."""
    with pytest.raises(Fault, match=r"^total_cost is .*, must be "):
        usd_of(value, "total_cost")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (0, 0.0), (-2.5, -2.5), ("yes", None), ({}, None), (None, None)],
)
def test_verdicts_are_booleans_and_finite_numbers(value: object, expected: object) -> None:
    """A label needs a map, which is not for the reader."""
    assert verdict(value) == expected
    assert type(verdict(value)) is type(expected)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400])
def test_a_number_that_is_not_finite_is_no_verdict(value: object) -> None:
    """And where a number must stand, it is told."""
    assert verdict(value) is None
    with pytest.raises(Fault, match=r"^score is .*, must be a finite number"):
        finite_of(value, "score")


def test_costs_may_be_decimal_strings_and_0_is_unknown() -> None:
    """LangSmith writes decimals as text, LiteLLM 0 for a price that it does not know."""
    assert usd_of("0.00052065", "c") == 0.00052065
    assert known_cost(usd_of("0", "c")) is None
    assert known_cost(0.5) == 0.5


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-16 01:35:18",
        "2026-02-16T01:35:18+00:00",
        "2026-02-16 02:35:18+01",
        1771205718,
        1771205718.0,
        1771205718000,
        1771205718000000000,
    ],
)
def test_times_are_utc_whatever_their_unit(value: object) -> None:
    """No zone, an offset, seconds, milliseconds, nanoseconds."""
    assert time_of(value, "start") == datetime(2026, 2, 16, 1, 35, 18, tzinfo=UTC)


@pytest.mark.parametrize("value", ["soon", "2026-13-01", 1e300, True, ["2026-02-16"]])
def test_what_is_no_time_is_told(value: object) -> None:
    """It never becomes the time of another year."""
    with pytest.raises(Fault, match=r"^start is .*, must be a time"):
        time_of(value, "start")
