"""The upper, non-decreasing convex hull and what can be read off it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.measures.hull import cost_at, fixed_tier_hull, mixture_at, quality_at, upper_hull

# Multiples of 1/64 and 1/8: sums and products are exact, so properties need no tolerance games.
points = st.lists(
    st.tuples(st.integers(1, 80).map(lambda i: i / 8), st.integers(0, 64).map(lambda i: i / 64)),
    min_size=1,
    max_size=30,
)


@pytest.mark.parametrize(
    ("cost", "quality", "vertices"),
    [
        pytest.param([1], [0.5], [0], id="one point"),
        pytest.param([1, 3], [0.5, 0.9], [0, 1], id="two that rise"),
        pytest.param([1, 3], [0.9, 0.5], [0], id="dearer and worse is no vertex"),
        pytest.param([1, 3], [0.9, 0.9], [0], id="dearer and equal is no vertex"),
        pytest.param([1, 2, 3], [0.5, 0.6, 0.9], [0, 2], id="below the line"),
        pytest.param([1, 2, 3], [0.5, 0.75, 1.0], [0, 2], id="on the line"),
        pytest.param([1, 2, 3], [0.5, 0.8, 0.9], [0, 1, 2], id="above the line"),
        pytest.param([3, 1, 2], [0.9, 0.5, 0.8], [1, 2, 0], id="order of the input is free"),
        pytest.param([2, 2], [0.5, 0.7], [1], id="the better of equal costs"),
        pytest.param([2, 2], [0.5, 0.5], [0], id="the first of equals"),
        pytest.param([0, 1, 2, 3, 4], [0, 4, 6, 7, 2], [0, 1, 2, 3], id="falls at the end"),
    ],
)
def test_the_vertices_of_a_hull_drawn_on_paper(
    cost: list[float], quality: list[float], vertices: list[int]
) -> None:
    """Small sets of points whose hull can be seen."""
    assert upper_hull(cost, quality).point.tolist() == vertices


@given(points)
def test_no_point_lies_above_the_hull(given_points: list[tuple[float, float]]) -> None:
    """The hull is at least as high as every point at its cost."""
    cost, quality = np.array(given_points).T
    hull = upper_hull(cost, quality)

    assert (quality_at(hull, cost) >= quality - 1e-12).all()


@given(points)
def test_a_hull_rises_ever_less_steeply(given_points: list[tuple[float, float]]) -> None:
    """Costs and qualities rise strictly, slopes fall strictly: concave and non-decreasing."""
    hull = upper_hull(*np.array(given_points).T)
    slopes = np.diff(hull.quality) / np.diff(hull.cost)

    assert (np.diff(hull.cost) > 0).all()
    assert (slopes > 0).all()
    assert (np.diff(slopes) < 0).all()


@given(points, st.integers(0, 29), st.integers(0, 8), st.integers(0, 8))
def test_a_dominated_point_changes_nothing(
    given_points: list[tuple[float, float]], which: int, dearer: int, worse: int
) -> None:
    """Adding a point that costs no less and scores no more leaves the hull as it was."""
    cost, quality = np.array(given_points).T
    at = which % len(cost)
    before = upper_hull(cost, quality)
    after = upper_hull(
        np.append(cost, cost[at] + dearer / 8), np.append(quality, quality[at] - worse / 64)
    )

    assert after.cost.tolist() == before.cost.tolist()
    assert after.quality.tolist() == before.quality.tolist()


@given(points, st.floats(0, 1))
def test_a_mixture_has_the_cost_and_the_height_of_the_hull(
    given_points: list[tuple[float, float]], part: float
) -> None:
    """Drawing the two given points with the stated odds gives the point on the hull."""
    cost, quality = np.array(given_points).T
    hull = upper_hull(cost, quality)
    target = float(hull.cost[0] + part * (hull.cost[-1] - hull.cost[0]))
    mix = mixture_at(hull, target)

    def mixed(values: np.ndarray) -> float:
        return float((1 - mix.p_dear) * values[mix.cheap] + mix.p_dear * values[mix.dear])

    assert 0 <= mix.p_dear <= 1
    assert mixed(cost) == pytest.approx(target)
    assert mixed(quality) == pytest.approx(float(quality_at(hull, target)))


def test_the_hull_between_before_and_beyond_its_vertices() -> None:
    """Linear between, level beyond, unaffordable before."""
    hull = upper_hull([1.0, 3.0, 7.0], [0.25, 0.75, 1.0])

    np.testing.assert_allclose(
        quality_at(hull, [0.99, 1.0, 2.0, 5.0, 7.0, 100.0]), [np.nan, 0.25, 0.5, 0.875, 1.0, 1.0]
    )


@pytest.mark.parametrize(
    ("quality", "cost"),
    [(0.1, 1.0), (0.25, 1.0), (0.5, 2.0), (0.875, 5.0), (1.0, 7.0), (1.01, np.nan)],
)
def test_the_least_cost_of_a_quality(quality: float, cost: float) -> None:
    """The inverse of the hull: its cheap end at least, nothing above its best."""
    hull = upper_hull([1.0, 3.0, 7.0], [0.25, 0.75, 1.0])

    assert cost_at(hull, quality) == pytest.approx(cost, nan_ok=True)


def test_mixing_stops_at_both_ends() -> None:
    """Outside the hull's costs there is nothing to mix: the end itself is taken."""
    hull = upper_hull([1.0, 3.0], [0.5, 0.9])

    assert mixture_at(hull, 0.5) == (0, 0, 0.0)
    assert mixture_at(hull, 3.0) == (1, 1, 0.0)
    assert mixture_at(hull, 9.0) == (1, 1, 0.0)


def test_the_fixed_tier_hull_leaves_out_a_tier_that_mixing_beats() -> None:
    """Means (1, .4), (4, .5), (5, .8): the middle tier lies below the line of the others."""
    quality = np.array([[0.2, 0.5, 0.7], [0.6, 0.5, 0.9]])
    cost = np.array([[1.0, 3.0, 4.0], [1.0, 5.0, 6.0]])
    hull = fixed_tier_hull(quality, cost)

    assert hull.point.tolist() == [0, 2]
    np.testing.assert_allclose(hull.cost, [1.0, 5.0])
    np.testing.assert_allclose(hull.quality, [0.4, 0.8])


@pytest.mark.parametrize(
    ("cost", "quality", "words"),
    [
        pytest.param([], [], "got 0 points", id="none"),
        pytest.param([1.0, np.inf], [0.5, 0.5], "1 of them not finite", id="infinite cost"),
        pytest.param([1.0], [np.nan], "1 of them not finite", id="unknown quality"),
    ],
)
def test_a_hull_of_nothing_or_of_the_unknown_is_refused(
    cost: list[float], quality: list[float], words: str
) -> None:
    """An unknown outcome must be dealt with before it comes here."""
    with pytest.raises(ValueError, match=words):
        upper_hull(cost, quality)
