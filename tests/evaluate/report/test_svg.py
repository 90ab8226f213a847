"""Shapes and scales of the charts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.evaluate.report.svg import Scale, element, label, number


@given(st.floats(1e-6, 1e6), st.floats(1.001, 1e6), st.booleans(), st.integers(2, 9))
def test_ticks_are_round_ascending_and_inside(
    low: float, ratio: float, is_log: bool, most: int
) -> None:
    """However far apart the ends are."""
    scale = Scale(low, low * ratio, 0.0, 100.0, is_log=is_log)
    ticks = scale.ticks(most)

    assert ticks == sorted(set(ticks))
    assert len(ticks) <= most + 2
    assert all(low * 0.998 <= tick <= low * ratio * 1.002 for tick in ticks)
    places = [scale(tick) for tick in ticks]
    assert places == sorted(places)
    assert all(0.0 <= place <= 100.0 for place in places)


def test_what_lies_outside_is_put_at_the_end_that_it_passes() -> None:
    """Also where up is smaller, as on a screen; and a scale of no width has a middle."""
    down = Scale(0.0, 10.0, 100.0, 0.0)

    assert [down(value) for value in (-1.0, 2.0, 99.0)] == [100.0, 80.0, 0.0]
    assert Scale(3.0, 3.0, 0.0, 10.0)(3.0) == 5.0


def test_names_are_escaped_in_text_and_attributes() -> None:
    """Whatever a log calls its tiers."""
    assert "<b>" not in label("<b>&", 0.0, 0.0)
    assert element("g", aria_label='"><b>') == '<g aria-label="&quot;&gt;&lt;b&gt;"></g>'


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1e-7, "0.0000001"), (12345.0, "12,300"), (0.5, "0.5"), (math.nan, "-"), (100.0, "100")],
)
def test_numbers_have_three_figures_and_no_exponent(value: float, expected: str) -> None:
    """For people who do not read 1e-07."""
    assert number(value) == expected
