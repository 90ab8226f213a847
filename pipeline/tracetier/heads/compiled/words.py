"""The words of a text, in one pass: their ids, their number and lengths, cues, and spoken stems.

The same ids as `tracetier.features.words` and the same numbers as `tracetier.features.shape`, to
the bit.
"""

from math import log1p
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tracetier.features.shape import CUES, LONG_WORD
from tracetier.features.words import HASH_BITS, MIX
from tracetier.heads.compiled.distinct import LOWER, capacity, is_new
from tracetier.heads.compiled.jit import Number, kernel

Floats = NDArray[np.float64]
Bits = NDArray[np.uint64]
Codes = NDArray[np.uint32]

N_SHAPE = 32 + len(CUES)
"""Numbers that tell the shape of a text."""
N_ID_WORDS = (1 << HASH_BITS) // 64
"""64-bit words of a set of ids."""

_MAX_CUE = 16
_N_CUE_SLOTS = 1024
_MIX = np.uint64(MIX)
_LOW32, _BYTE = np.uint64(0xFFFFFFFF), np.uint64(255)
_ID_SHIFT = np.uint64(32 - HASH_BITS)


def _crc_table() -> Bits:
    found = np.arange(256, dtype=np.uint64)
    for _ in range(8):
        odd = (found & np.uint64(1)) > 0
        found = (found >> np.uint64(1)) ^ np.where(odd, np.uint64(0xEDB88320), np.uint64(0))
    return found


def _word_units() -> NDArray[np.uint8]:
    """By first byte: 1 a letter of a word, 2 the same in two bytes, 3 and 4 a word of its own."""
    units = np.zeros(256, np.uint8)
    units[[b for b in range(128) if chr(b).isalnum() or b == ord("_")]] = 1
    units[0xC3:0xE0], units[0xE0:0xF0], units[0xF0:0xF5] = 2, 3, 4
    return units


def _cue_table() -> tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.int64]]:
    """Slots by hash, and per cue word its letters and its length and cue."""
    words = [(word, cue) for cue, text in enumerate(CUES) for word in text.split()]
    slots = np.zeros(_N_CUE_SLOTS, np.int16)
    letters = np.zeros((len(words), _MAX_CUE), np.uint8)
    about = np.zeros((len(words), 2), np.int64)
    for place, (word, cue) in enumerate(words):
        slot = crc32(word) % _N_CUE_SLOTS
        while slots[slot]:
            slot = (slot + 1) % _N_CUE_SLOTS
        slots[slot] = place + 1
        letters[place, : len(word)] = list(word)
        about[place] = len(word), cue
    return slots, letters, about


_CRC = _crc_table()
_UNITS = _word_units()
_CUE_SLOTS, _CUE_LETTERS, _CUE_ABOUT = _cue_table()


@kernel
def cue_of(data: bytes, start: Number, end: Number, code: Number) -> Number:
    """Return the cue of a word; -1 where it is none."""
    slot = code % _N_CUE_SLOTS
    while _CUE_SLOTS[slot] != 0:
        place = _CUE_SLOTS[slot] - 1
        if _CUE_ABOUT[place, 0] == end - start:
            same = True
            for i in range(end - start):
                if _CUE_LETTERS[place, i] != LOWER[data[start + i]]:
                    same = False
                    break
            if same:
                return _CUE_ABOUT[place, 1]
        slot = (slot + 1) % _N_CUE_SLOTS
    return -1


@kernel
def add_id(ids: Bits, code: Number) -> None:
    """Enter a 32-bit hash into the set of ids."""
    place = ((code * _MIX) & _LOW32) >> _ID_SHIFT
    ids[place >> np.uint64(6)] |= np.uint64(1) << (place & np.uint64(63))


@kernel
def is_whole(data: bytes, i: Number, n: Number) -> bool:
    """Whether a character of n bytes at ``i`` has all of them."""
    if i + n > len(data):
        return False
    n_following = 0
    for j in range(i + 1, i + n):
        n_following += 0x80 <= data[j] <= 0xBF
    return bool(n_following == n - 1)


@kernel
def read_words(data: bytes, x: Floats, ids: Bits, stems: Codes, spoken: NDArray[np.uint8]) -> None:
    """Fill in what hangs on words; enter their ids and those of pairs; note the spoken stems.

    Parameters
    ----------
    data : bytes
        The text, in lower case but for ASCII.
    x : (>= N_SHAPE,) array
    ids : (N_ID_WORDS,) array
    stems : (S,) array
        Table of stems, S a power of two, or 0 where there are none.
    spoken : (S,) array
        Set to 1 where the stem of that slot begins a word.
    """
    n, n_words, n_distinct, n_long, total = len(data), 0, 0, 0, 0
    i: Number = 0
    slots, spans = np.zeros(capacity(n // 2 + 1), np.int32), np.empty((n // 2 + 1, 3), np.int64)
    cues = np.zeros(N_SHAPE, np.int64)
    previous = np.uint64(0)
    while i < n:
        if _UNITS[data[i]] == 0:
            i += 1
            continue
        start, code = i, _LOW32
        while True:
            while i < n and _UNITS[data[i]] == 1:
                code = _CRC[(code & _BYTE) ^ LOWER[data[i]]] ^ (code >> np.uint64(8))
                i += 1
            if i == n or _UNITS[data[i]] != 2 or not is_whole(data, i, 2):
                break
            for j in range(i, i + 2):
                code = _CRC[(code & _BYTE) ^ data[j]] ^ (code >> np.uint64(8))
            i += 2
        if i == start:
            unit: Number = np.int64(_UNITS[data[i]])
            if unit == 2 or not is_whole(data, i, unit):
                i += 1
                continue
            for j in range(i, i + unit):
                code = _CRC[(code & _BYTE) ^ data[j]] ^ (code >> np.uint64(8))
            i += unit
        code ^= _LOW32
        add_id(ids, code)
        if n_words:
            add_id(ids, ((previous * _MIX) & _LOW32) ^ code)
        previous = code
        n_words += 1
        total += min(i - start, 255)
        n_long += i - start >= LONG_WORD
        if not is_new(data, start, i, np.int64(code), slots, spans, n_distinct):
            continue
        n_distinct += 1
        cue = cue_of(data, start, i, np.int64(code))
        if cue >= 0:
            cues[cue] += 1
        if len(stems) and i - start > 2:
            speak(data, start, i, stems, spoken)
    per_word = 1.0 / max(n_words, 1)
    x[1] = log1p(n_words)
    x[5] = total * per_word
    x[6] = n_long * per_word
    x[7] = n_distinct * per_word
    for cue in range(N_SHAPE - 32):
        x[32 + cue] = log1p(cues[cue])


@kernel
def speak(data: bytes, start: Number, end: Number, stems: Codes, spoken: NDArray[np.uint8]) -> None:
    """Note the stems of three and of four letters with which a word begins."""
    code: Number = np.int64(0)
    mask = len(stems) - 1
    for j in range(min(end - start, 4)):
        code |= np.int64(LOWER[data[start + j]]) << (8 * j)
        if j >= 2:
            slot = stem_slot(code, mask)
            while stems[slot] != 0:
                if stems[slot] == code:
                    spoken[slot] = 1
                slot = (slot + 1) & mask


@kernel
def stem_slot(code: Number, mask: Number) -> Number:
    """Where the search for a stem begins."""
    return ((code * 0x9E3779B1) >> 15) & mask
