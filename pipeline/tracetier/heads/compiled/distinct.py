"""Which stretches of a text are new, letters taken as lower case: words, and runs of digits."""

import numpy as np
from numpy.typing import NDArray

from tracetier.heads.compiled.jit import Number, kernel

LOWER = np.array([b + 32 if 65 <= b <= 90 else b for b in range(256)], np.uint8)
"""By byte: the same in lower case, where it is a letter of ASCII."""


@kernel
def capacity(n: Number) -> Number:
    """Slots of a table for n entries: a power of two, at most half full."""
    size = 8
    while size < 2 * n:
        size *= 2
    return size


@kernel
def is_new(
    data: bytes,
    start: Number,
    end: Number,
    code: Number,
    slots: NDArray[np.int32],
    spans: NDArray[np.int64],
    n: Number,
) -> bool:
    """Enter a stretch of the data as entry ``n``, unless an equal one was entered before."""
    mask = len(slots) - 1
    slot = code & mask
    while slots[slot] != 0:
        entry = slots[slot] - 1
        if spans[entry, 2] == code and spans[entry, 1] - spans[entry, 0] == end - start:
            other, same = spans[entry, 0], True
            for i in range(end - start):
                if LOWER[data[other + i]] != LOWER[data[start + i]]:
                    same = False
                    break
            if same:
                return False
        slot = (slot + 1) & mask
    slots[slot] = n + 1
    spans[n, 0], spans[n, 1], spans[n, 2] = start, end, code
    return True
