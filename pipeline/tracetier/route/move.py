"""From one layout of tiers and buckets to the next: what every index becomes."""

from collections.abc import Sequence

from msgspec import Struct

MAX_MOVES = 16
"""Moves that a state remembers, to place decisions that were made before them."""


class Move(Struct, frozen=True, kw_only=True):
    """From one layout of a state to the next.

    Attributes
    ----------
    tiers_from, buckets_from : list of int
        For each new tier, and bucket, its index in the old layout, -1 where it is new.
    cost_scale : list of float
        For each new tier, what its old reward costs are multiplied by.
    is_same_model : bool
        Whether the predictions stay the same, price aside: then their running means stay too.

    Examples
    --------
    >>> move = Move(tiers_from=[0, 2], buckets_from=[0], cost_scale=[1.0, 1.0])
    >>> [move.tier_to(old) for old in range(3)]
    [0, -1, 1]
    """

    tiers_from: list[int]
    buckets_from: list[int]
    cost_scale: list[float]
    is_same_model: bool = True

    def tier_to(self, old: int) -> int:
        """Return the new index of an old tier, -1 where it is gone."""
        return self.tiers_from.index(old) if old in self.tiers_from else -1

    def bucket_to(self, old: int) -> int:
        """Return the new index of an old bucket, -1 where it is gone."""
        return self.buckets_from.index(old) if old in self.buckets_from else -1


def placed(moves: Sequence[Move], bucket: int, tier: int) -> tuple[int, int, float]:
    """Return where a cell is after some moves, and what its cost is multiplied by.

    Bucket and tier are -1 where the cell is gone.
    """
    scale = 1.0
    for move in moves:
        bucket, tier = move.bucket_to(bucket), move.tier_to(tier)
        if bucket < 0 or tier < 0:
            return -1, -1, scale
        scale *= move.cost_scale[tier]
    return bucket, tier, scale
