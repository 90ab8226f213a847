"""Context buckets: the task type where it is frequent, else the leaf of a small tree.

A bucket is where the bandit keeps its corrections and where means are taken, so each must hold
enough tasks; what is rare or new falls to the leaves, or to the pooled bucket, always last.
"""

from collections.abc import Sequence
from math import isnan

from msgspec import Struct

POOLED = "other"


class Split(Struct, frozen=True):
    """One inner node: ``x[feature] <= threshold`` goes ``left``, all else (nan too) ``right``.

    A child below 0 is a leaf: bucket ``-child - 1``.
    """

    feature: int
    threshold: float
    left: int
    right: int


class Buckets(Struct, frozen=True, kw_only=True):
    """Assigns a task to its context bucket.

    Attributes
    ----------
    names : tuple of str, length B
        All different. The last is the pooled one, for all that is rare or new: ``other``, or
        ``(other)`` where a task type has that name.
    types : dict of str to int
        Bucket of each frequent task type.
    splits : tuple of Split
        The tree for tasks of no frequent type, root first; empty: they are pooled.
    """

    names: tuple[str, ...]
    types: dict[str, int]
    splits: tuple[Split, ...] = ()

    def assign(self, task_type: str | None, row: Sequence[float]) -> int:
        """Return the bucket of a task.

        Parameters
        ----------
        task_type : str or None
            As in the task.
        row : (d,) floats
            The numeric features, ``nan`` where unknown.

        Examples
        --------
        >>> by_type = Buckets(names=("code", "other"), types={"code": 0})
        >>> by_type.assign("code", []), by_type.assign("poem", [])
        (0, 1)
        """
        if task_type is not None:
            bucket = self.types.get(task_type)
            if bucket is not None:
                return bucket
        if not self.splits:
            return len(self.names) - 1
        node = 0
        while node >= 0:
            split = self.splits[node]
            value = row[split.feature]
            below = not isnan(value) and value <= split.threshold
            node = split.left if below else split.right
        return -node - 1
