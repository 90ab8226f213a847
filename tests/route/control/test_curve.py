"""Spending as a function of the price: falling, and found again by interpolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.route.control.curve import (
    BONUS,
    Beliefs,
    Optimism,
    curve_scale,
    mean_amounts,
    price_for,
    price_grid,
)


def _beliefs(seed: int, optimism: Optimism) -> Beliefs:
    rng = np.random.default_rng(seed)
    return Beliefs(
        10 * rng.random((60, 3)),
        rng.random((60, 3)),
        rng.random((60, 3)),
        np.array([0.01, 0.1, 1.0]) * rng.random((60, 3)),
        optimism,
    )


def test_optimism_moves_a_choice_at_no_price_only() -> None:
    """The second tier is .5 worse and has an sd of 1: taken where a whole sd counts."""
    beliefs = Beliefs(
        np.array([[6.0, 5.5]]),
        np.array([[0.0, 1.0]]),
        np.zeros((1, 2)),
        np.array([[0.0, 0.001]]),
        Optimism(1.0, 0.3),
    )
    found = mean_amounts(np.array([0.0, 5.0]), beliefs, np.array([[0.0, 1.0]]))

    assert found.tolist() == [1.0, 0.0]


@given(st.integers(0, 1000), st.floats(1e-2, 1e3))
def test_the_curve_falls_with_the_price(seed: int, around: float) -> None:
    """On any grid, which is sorted and holds the price it is made around."""
    prices = price_grid(around)
    beliefs = _beliefs(seed, Optimism(1.0, 0.3))
    found = mean_amounts(prices, beliefs, beliefs.cost)

    assert (np.diff(prices) >= 0).all()
    assert np.abs(np.log((prices + BONUS) / (around + BONUS))).min() < 1e-9
    assert (np.diff(found) <= 0).all()


@given(st.floats(0.05, 0.95))
def test_two_prices_around_a_jump_spend_the_target_in_turn(share: float) -> None:
    """All contexts change at one price: over 200 even turns the mean amount is the target."""
    curve, amount = curve_scale(np.array([9.5, 3.5, 0.5])).tolist(), [0.1, 0.2, 1.0]
    target = 0.2 + 0.8 * share

    found = [price_for(target, curve, amount, turn=i / 200) for i in range(200)]

    spent = [1.0 if price == pytest.approx(0.5) else 0.2 for price in found]
    assert np.mean(spent) == pytest.approx(target, abs=0.005)


def test_on_a_gentle_curve_the_price_is_interpolated() -> None:
    """Whose turn it is does not matter."""
    curve = curve_scale(np.array([9.5, 3.5, 0.5])).tolist()

    found = {price_for(0.95, curve, [0.8, 0.9, 1.0], turn=turn) for turn in (0.0, 0.5, 0.9)}

    assert len(found) == 1
    assert found.pop() == pytest.approx((4.0 * 1.0) ** 0.5 - BONUS)


def test_beyond_the_curve_the_price_at_its_end_is_taken() -> None:
    """Both ways."""
    scale = curve_scale(np.array([9.5, 0.5])).tolist()

    assert price_for(-1.0, scale, [0.1, 0.9], turn=0.5) == pytest.approx(9.5)
    assert price_for(2.0, scale, [0.1, 0.9], turn=0.5) == pytest.approx(0.5)
