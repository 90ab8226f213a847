"""Which bucket a task falls into."""

from math import inf, nan

import pytest

from tracetier.features.buckets import Buckets, Split

# x0 <= 0.5 ? (x1 <= 2 ? low : mid) : high
TREE = (Split(0, 0.5, 1, -4), Split(1, 2.0, -2, -3))
BUCKETS = Buckets(names=("code", "low", "mid", "high", "other"), types={"code": 0}, splits=TREE)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        pytest.param([0.0, 0.0], "low", id="left, left"),
        pytest.param([0.5, 2.0], "low", id="equal to the threshold goes left"),
        pytest.param([0.0, 3.0], "mid", id="left, right"),
        pytest.param([1.0, 0.0], "high", id="right"),
        pytest.param([nan, 0.0], "high", id="unknown goes right"),
        pytest.param([0.0, nan], "mid", id="unknown goes right at the second too"),
        pytest.param([inf, 0.0], "high", id="infinite"),
    ],
)
def test_a_task_of_no_frequent_type_walks_the_tree(row: list[float], name: str) -> None:
    """No type, or one that is rare."""
    assert BUCKETS.names[BUCKETS.assign(None, row)] == name
    assert BUCKETS.names[BUCKETS.assign("rare", row)] == name


def test_a_frequent_type_is_its_own_bucket() -> None:
    """Whatever its numbers."""
    assert BUCKETS.assign("code", [nan, nan]) == 0


def test_without_a_tree_all_else_is_pooled() -> None:
    """In the last bucket; an empty name is a name like any other."""
    pooled = Buckets(names=("", "other"), types={"": 0})

    assert [pooled.assign(t, []) for t in ("", None, "new")] == [0, 1, 1]
