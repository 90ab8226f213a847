"""Deciles of training columns, and their way through an artifact's figures."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.features.deciles import columns_deciles, deciles, deciles_of


def test_deciles_by_hand() -> None:
    """Of 0 to 99 the edges are the tens, and each bin holds a tenth."""
    edges, shares = deciles([float(i) for i in reversed(range(100))])

    assert edges == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]
    assert shares == [0.1] * 10


@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=50))
def test_edges_rise_and_shares_are_a_distribution(values: list[float]) -> None:
    """Whatever repeats or is unknown."""
    edges, shares = deciles(values)

    assert edges == sorted(edges)
    assert math.fsum(shares) == pytest.approx(1.0)
    assert min(shares) >= 0.0


def test_they_come_back_from_the_figures_and_columns_without_values_do_not() -> None:
    """Through JSON, as an artifact keeps them."""
    figures = {"inputs": columns_deciles({"n": [1.0, 2.0], "empty": [math.nan]}), "value": 1.0}

    found = deciles_of(msgspec.json.decode(msgspec.json.encode(figures)))

    assert found is not None
    assert found.columns == ("n",)
    assert found.shares[0] == tuple(deciles([1.0, 2.0])[1])


@pytest.mark.parametrize("figures", [{}, {"inputs": 3}, {"inputs": {"columns": ["a"]}}, None])
def test_figures_without_them_or_damaged_ones_tell_nothing(figures: object) -> None:
    """An older artifact has none; the alarm is then off."""
    assert deciles_of(figures) is None


def test_deciles_that_do_not_fit_together_tell_nothing() -> None:
    """One column, but edges of none."""
    assert deciles_of({"inputs": {"columns": ["a"], "edges": [], "shares": []}}) is None
