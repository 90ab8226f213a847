"""Figures of merit, each on an example that can be done on paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.measures.hull import upper_hull
from tracetier.measures.metrics import (
    aiq,
    aiq_gain,
    cost_save,
    gap_at_oracle,
    gap_closed,
    log_costs,
    perf_gain,
)

FIXED = upper_hull([1.0, 5.0], [0.4, 0.8])
ROUTER = upper_hull([1.0, 2.0, 5.0], [0.4, 0.7, 0.8])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        # trapezia: (.4 + .7)/2 * 1 + (.7 + .8)/2 * 3 = .55 + 2.25, over 4
        pytest.param(1.0, 5.0, 0.7, id="over all vertices"),
        pytest.param(2.0, 5.0, 0.75, id="from a vertex on"),
        pytest.param(3.5, 5.0, 0.775, id="inside one edge"),
        # the hull is level beyond 5: (2.8 + 4 * .8) / 8
        pytest.param(1.0, 9.0, 0.75, id="beyond the last vertex"),
        pytest.param(2.0, 2.0, 0.7, id="no width: the height"),
        pytest.param(0.5, 5.0, np.nan, id="begins before the hull does"),
    ],
)
def test_aiq_is_the_mean_height_of_the_hull(low: float, high: float, expected: float) -> None:
    """Areas of trapezia over the width of the range."""
    assert aiq(ROUTER, low, high) == pytest.approx(expected, nan_ok=True)


def test_aiq_gain_is_the_area_between_the_hulls() -> None:
    """The triangle (1, .4) (2, .7) (5, .8): the router's mean .7 less the fixed tiers' .6."""
    assert aiq_gain(ROUTER, FIXED, 1.0, 5.0) == pytest.approx(0.1)
    assert aiq_gain(FIXED, FIXED, 1.0, 5.0) == 0.0


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        pytest.param(1.0, 0.0, id="all of it costs all of it"),
        # .75 lies half way between (2, .7) and (5, .8)
        pytest.param(0.9375, 1 - 3.5 / 5, id="between two vertices"),
        pytest.param(0.5, 0.8, id="the cheapest is good enough"),
    ],
)
def test_cost_save_reads_the_cheapest_cost_that_keeps_the_quality(
    fraction: float, expected: float
) -> None:
    """Against the dear tier at quality .8 and cost 5."""
    got = cost_save(ROUTER, reference_quality=0.8, reference_cost=5.0, fraction=fraction)

    assert got == pytest.approx(expected)


def test_cost_save_where_it_is_not_defined_or_negative() -> None:
    """Out of reach and a free reference are nan; having to pay more is negative."""
    assert np.isnan(cost_save(ROUTER, reference_quality=0.9, reference_cost=5.0))
    assert np.isnan(cost_save(ROUTER, reference_quality=0.4, reference_cost=0.0))
    assert cost_save(ROUTER, reference_quality=0.7, reference_cost=1.6) == pytest.approx(-0.25)


def test_perf_gain_and_gap_at_oracle() -> None:
    """Relative to the best fixed tier and to the oracle; nothing to divide by is nan."""
    assert perf_gain(0.9, 0.75) == pytest.approx(0.2)
    assert gap_at_oracle(0.9, 0.72) == pytest.approx(0.2)
    assert np.isnan(perf_gain(0.9, 0.0))
    assert np.isnan(gap_at_oracle(0.0, 0.0))


def test_log_costs_weigh_every_order_of_magnitude_alike() -> None:
    """Both ends exact; a free tier starts at a ten-thousandth; no width repeats the end."""
    assert log_costs(0.1, 1000.0, 5) == pytest.approx([0.1, 1.0, 10.0, 100.0, 1000.0])
    assert log_costs(0.1, 0.7, 7)[[0, -1]].tolist() == [0.1, 0.7]
    assert log_costs(0.0, 1.0, 3) == pytest.approx([1e-4, 1e-2, 1.0])
    assert log_costs(2.0, 2.0, 3).tolist() == [2.0, 2.0, 2.0]
    assert log_costs(0.0, 0.0, 2).tolist() == [0.0, 0.0]


def test_gap_closed_on_three_costs() -> None:
    """Heights at 1, 10, 100: fixed 0, 0, 0; router 0, .2, .4 (mean .2); oracle .5 all along."""
    fixed = upper_hull([1.0, 100.0], [0.0, 0.0])
    # The line from (1, 0) to (10, .2), then on to (100, .4).
    router = upper_hull([1.0, 10.0, 100.0], [0.0, 0.2, 0.4])
    oracle = upper_hull([1.0], [0.5])

    assert gap_closed(router, fixed, oracle, 1.0, 100.0, n_costs=3) == pytest.approx(0.4)
    assert gap_closed(fixed, fixed, oracle, 1.0, 100.0) == 0.0
    assert gap_closed(oracle, fixed, oracle, 1.0, 100.0) == 1.0


def test_gap_closed_is_unknown_where_the_oracle_gains_nothing() -> None:
    """With no gap there is no share of it."""
    assert np.isnan(gap_closed(FIXED, FIXED, FIXED, 1.0, 5.0))


@given(
    st.lists(st.tuples(st.floats(1, 5), st.floats(0.3, 0.8)), min_size=1, max_size=20),
    st.floats(1, 4),
)
def test_more_policies_never_lower_a_figure(extra: list[tuple[float, float]], width: float) -> None:
    """A hull with more points is nowhere lower, so no figure that reads it is."""
    cost, quality = np.array(extra).T
    more = upper_hull(np.append(FIXED.cost, cost), np.append(FIXED.quality, quality))
    oracle = upper_hull([1.0], [1.0])

    assert aiq_gain(more, FIXED, 1.0, 1.0 + width) >= -1e-12
    assert gap_closed(more, FIXED, oracle, 1.0, 5.0) >= -1e-12
    assert cost_save(more, reference_quality=0.8, reference_cost=5.0) >= -1e-12
