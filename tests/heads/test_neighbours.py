"""The nearest points, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.heads.neighbours import NearPoints

LINE = NearPoints(
    points=np.array([[0.0], [1.0], [2.0], [9.0]]),
    kind=np.array([0.0, 0.0, 0.0, 1.0]),
    values=np.array([[0.0, 1.0], [1.0, 1.0], [4.0, 1.0], [100.0, 1.0]]),
    n_near=2.0,
    type_distance=10.0,
)


def test_the_weight_falls_to_0_at_the_last_neighbour() -> None:
    """From 0: squared distances 0, 1, 4 of rank 0, 1, 2, so weights 1, 3/4, 0."""
    got = LINE.predict(np.array([[0.0]]), np.array([0]), 2)

    assert got[0] == pytest.approx([0.75 / 1.75, 1.0])


def test_another_type_is_far_away() -> None:
    """At 9, of type 1: squared distances 0, 59, 74 to the nearest, so weights 1, 15/74, 0."""
    own = LINE.predict(np.array([[9.0]]), np.array([1]), 2)
    other = LINE.predict(np.array([[3.0]]), np.array([0]), 2)

    assert own[0, 0] == pytest.approx((100 + 4 * 15 / 74) / (1 + 15 / 74))
    assert other[0, 0] < 4.1


def test_equal_points_count_alike() -> None:
    """All at distance 0: their plain mean, not a division by zero."""
    same = NearPoints(
        points=np.zeros((3, 1)),
        kind=np.zeros(3),
        values=np.array([[0.0], [1.0], [5.0]]),
        n_near=1.0,
        type_distance=10.0,
    )

    assert same.predict(np.zeros((1, 1)), np.array([0]), 1)[0, 0] == pytest.approx(2.0)


def test_no_point_says_0() -> None:
    """An artifact whose blend has no weight on neighbours keeps none."""
    none = NearPoints(
        points=np.zeros((0, 1)),
        kind=np.zeros(0),
        values=np.zeros((0, 2)),
        n_near=15.0,
        type_distance=10.0,
    )

    assert none.predict(np.zeros((3, 1)), np.zeros(3, dtype=np.intp), 1).tolist() == [[0, 0]] * 3


@given(st.floats(-5.0, 15.0), st.integers(0, 1))
def test_a_prediction_lies_among_the_values(x: float, kind: int) -> None:
    """It is a weighted mean, wherever the task lies."""
    got = LINE.predict(np.array([[x]]), np.array([kind]), 2)[0]

    assert 0.0 <= got[0] <= 100.0
    assert got[1] == pytest.approx(1.0)
