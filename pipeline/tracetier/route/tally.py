"""How often each tier was decided for in each bucket, and how many reports are still out."""

from collections.abc import Sequence

from msgspec import Struct


class Tally:
    """Counts of decisions and of pending reports, (B, K) rows of int.

    Examples
    --------
    >>> tally = Tally([[0, 0]])
    >>> tally.decided(0, 1)
    >>> tally.decisions, tally.pending, tally.n_tier, tally.n_total
    ([[0, 1]], [[0, 1]], [0, 1], 1)
    """

    def __init__(self, decisions: Sequence[Sequence[int]]) -> None:
        self.decisions = [list(row) for row in decisions]
        self.pending = [[0] * len(row) for row in self.decisions]
        self.n_tier = [sum(column) for column in zip(*self.decisions, strict=True)]
        self.n_total = sum(self.n_tier)

    def decided(self, bucket: int, tier: int) -> None:
        """Count a decision, whose report is now out."""
        self.decisions[bucket][tier] += 1
        self.pending[bucket][tier] += 1
        self.n_tier[tier] += 1
        self.n_total += 1

    def undecided(self, bucket: int, tier: int) -> None:
        """Take back a decision that was counted."""
        self.decisions[bucket][tier] -= 1
        self.pending[bucket][tier] -= 1
        self.n_tier[tier] -= 1
        self.n_total -= 1

    def settled(self, bucket: int, tier: int) -> None:
        """Count a report that came, or that nobody waits for any more."""
        self.pending[bucket][tier] -= 1


class Counts(Struct, kw_only=True):
    """What went through a state: decisions, reports, second reports, decisions given up."""

    decisions: int = 0
    feedback: int = 0
    duplicates: int = 0
    expired: int = 0
