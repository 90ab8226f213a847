"""Which keys have come before, in 8 bytes a key.

A set of Python strings would hold the whole input in memory. Kept are 64-bit hashes in a few sorted
arrays, merged as in a log-structured store; among ten million rows the odds that any two different
keys are taken for one are about 3 in a million.
"""

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.int64]


def hashes_of(keys: Iterable[Hashable]) -> Hashes:
    """Return the 64-bit hashes of keys; they hold within this process only."""
    return np.fromiter(map(hash, keys), np.int64)


class SeenKeys:
    """A set that only grows."""

    def __init__(self) -> None:
        self._blocks: list[Hashes] = []  # each sorted, each more than twice as long as the next

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    def add(self, keys: Iterable[Hashable]) -> NDArray[np.bool_]:
        """Add keys and return, for each, whether it is new: not here, nor earlier in ``keys``.

        Examples
        --------
        >>> SeenKeys().add(["a", "b", "a"]).tolist()
        [True, True, False]
        """
        return self.add_hashes(hashes_of(keys))

    def add_hashes(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Add keys by their hashes, and return as `add` does."""
        is_new = np.zeros(len(hashes), np.bool_)
        is_new[np.unique(hashes, return_index=True)[1]] = True
        is_new &= ~self._holds(hashes)
        self._merge(np.sort(hashes[is_new]))
        return is_new

    def has_any(self, keys: Iterable[Hashable]) -> bool:
        """Whether any of the keys is here already."""
        return bool(self._holds(hashes_of(keys)).any())

    def _holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        is_here = np.zeros(len(hashes), np.bool_)
        for block in self._blocks:
            place = np.minimum(np.searchsorted(block, hashes), len(block) - 1)
            is_here |= block[place] == hashes
        return is_here

    def _merge(self, fresh: Hashes) -> None:
        while self._blocks and len(self._blocks[-1]) <= 2 * len(fresh):
            fresh = np.sort(np.concatenate([self._blocks.pop(), fresh]))
        if len(fresh):
            self._blocks.append(fresh)
