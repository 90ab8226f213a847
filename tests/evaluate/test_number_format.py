"""How numbers are written, and those that are not defined."""

import math

import pytest

from tracetier.evaluate.number_format import percent, scaled
from tracetier.measures.bootstrap import Interval


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval(0.9912, 0.985, 1.0), "99.1 % [98.5, 100.0]"),
        (Interval(0.5, math.nan, math.nan), "50.0 %"),
        (Interval(math.nan, math.nan, math.nan), "-"),
        (Interval(math.inf, 0.0, 1.0), "-"),
    ],
    ids=["known", "without interval", "undefined", "infinite"],
)
def test_a_share_with_its_interval(interval: Interval, expected: str) -> None:
    """What is not known is not written as a number."""
    assert percent(interval) == expected


def test_a_value_is_scaled_with_its_interval() -> None:
    """Quality .5 of 1 is 5 of 10; the unit stands once."""
    assert scaled(Interval(0.5, 0.25, 0.75), ".1f", scale=10.0) == "5.0 [2.5, 7.5]"
    assert scaled(Interval(0.5, 0.25, 0.75), ".2f", unit=" USD") == "0.50 USD [0.25, 0.75]"


def test_zero_has_no_sign() -> None:
    """A share that rounds to 0 from below is 0."""
    assert percent(Interval(0.0, -1e-9, -0.0)) == "0.0 % [0.0, 0.0]"
