"""What hangs on single bytes and runs of digits, in one pass over a text.

The same numbers as `tracetier.features.shape`, to the bit: counts are whole numbers, and logarithms
are the C library's in both.
"""

from math import log1p

import numpy as np
from numpy.typing import NDArray

from tracetier.features.text import BYTE_CLASS
from tracetier.heads.compiled.distinct import capacity, is_new
from tracetier.heads.compiled.jit import Number, kernel

Floats = NDArray[np.float64]

_DIGIT, _UPPER, _SPACE, _PUNCT = (ord(c) for c in "dU p")
_BRACKET, _CODE, _OPERATOR, _FOREIGN = (ord(c) for c in "bcmn")
_CLASS = np.frombuffer(BYTE_CLASS, np.uint8).astype(np.int64)


@kernel
def read_bytes(data: bytes, x: Floats) -> None:
    """Fill in what hangs on single bytes and runs of digits: all but bytes, words and cues."""
    n = len(data)
    counts, classes = np.zeros(256, np.int64), np.zeros(128, np.int64)
    size = capacity(n // 2 + 1)
    slots, spans = np.zeros(size, np.int32), np.empty((n // 2 + 1, 3), np.int64)
    stretch = longest = n_decimals = n_capitals = n_links = n_options = 0
    n_numbers = n_distinct = longest_number = digits = code = 0
    before = previous = free = 0
    for i in range(n):
        byte: Number = np.int64(data[i])
        kind: Number = _CLASS[byte]
        counts[byte] += 1
        stretch += 1
        if kind == _DIGIT:
            digits += 1
            code = (code * 31 + byte) & 0xFFFFFF
            if previous == _PUNCT and before == _DIGIT and i - 2 >= free:
                n_decimals += 1
                free = i + 1
        elif digits:
            n_numbers += 1
            longest_number = max(longest_number, digits)
            if is_new(data, i - digits, i, code, slots, spans, n_distinct):
                n_distinct += 1
            digits = code = 0
        if kind == _UPPER:
            n_capitals += previous == _SPACE
        elif byte == 46:  # .
            longest = max(longest, stretch - 1)
            stretch = 0
            n_options += i > 1 and data[i - 1] == 66 and data[i - 2] == 10  # \nB.
        elif byte == 41:  # )
            is_b = i > 1 and data[i - 1] == 66
            n_options += is_b and (data[i - 2] == 40 or data[i - 2] == 10)  # (B) or \nB)
        elif byte == 112 and i > 2:  # http
            n_links += data[i - 1] == 116 and data[i - 2] == 116 and data[i - 3] == 104
        before, previous = previous, kind
    if digits:
        n_numbers += 1
        longest_number = max(longest_number, digits)
        if is_new(data, n - digits, n, code, slots, spans, n_distinct):
            n_distinct += 1
    for each in range(256):
        classes[_CLASS[each]] += counts[each]
    end = n
    while end > 0 and (data[end - 1] == 32 or 9 <= data[end - 1] <= 13):
        end -= 1
    per_byte = 1.0 / max(n, 1)
    x[2] = log1p(counts[10])
    x[3] = log1p(counts[46] + counts[33] + counts[63])
    x[4] = log1p(max(longest, stretch))
    x[8] = log1p(n_numbers)
    x[9] = log1p(n_distinct)
    x[10] = log1p(longest_number)
    x[11] = log1p(n_decimals)
    x[12] = classes[_DIGIT] * per_byte
    x[13] = classes[_UPPER] * per_byte
    x[14] = log1p(n_capitals)
    x[15] = classes[_FOREIGN] * per_byte
    x[16] = classes[_PUNCT] * per_byte
    x[17] = log1p(classes[_BRACKET])
    x[18] = log1p(classes[_CODE])
    x[19] = log1p(classes[_OPERATOR])
    x[20] = log1p(counts[44])
    x[21] = log1p(counts[58])
    x[22] = log1p(counts[34] + counts[39])
    x[23] = log1p(counts[63])
    x[24] = 1.0 if end > 0 and data[end - 1] == 63 else 0.0
    x[25] = 1.0 if n > 0 and _CLASS[data[0]] == _UPPER else 0.0
    x[26] = log1p(counts[36])
    x[27] = log1p(counts[92])
    x[28] = log1p(counts[96])
    x[29] = log1p(counts[95])
    x[30] = log1p(n_links)
    x[31] = log1p(n_options)
