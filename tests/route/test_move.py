"""Where indices go when tiers and buckets move."""

import pytest

from tracetier.route.move import Move, placed

REVERSED = Move(tiers_from=[2, 1, 0], buckets_from=[0, 1], cost_scale=[0.5, 1.0, 1.0])
WITHOUT_FIRST = Move(tiers_from=[1, 2], buckets_from=[1], cost_scale=[1.0, 3.0])


@pytest.mark.parametrize(
    ("moves", "bucket", "tier", "expected"),
    [
        pytest.param([], 1, 2, (1, 2, 1.0), id="no move"),
        pytest.param([REVERSED], 1, 2, (1, 0, 0.5), id="to the front"),
        pytest.param([REVERSED, REVERSED], 1, 2, (1, 2, 0.5), id="there and back"),
        pytest.param([WITHOUT_FIRST], 1, 2, (0, 1, 3.0), id="a place up"),
        pytest.param([WITHOUT_FIRST], 1, 0, (-1, -1, 1.0), id="the tier is gone"),
        pytest.param([WITHOUT_FIRST], 0, 2, (-1, -1, 1.0), id="the bucket is gone"),
        pytest.param([REVERSED, WITHOUT_FIRST], 1, 2, (-1, -1, 0.5), id="gone at last"),
    ],
)
def test_a_cell_is_followed_through_moves(
    moves: list[Move], bucket: int, tier: int, expected: tuple[int, int, float]
) -> None:
    """With what its cost is multiplied by on the way."""
    assert placed(moves, bucket, tier) == expected
