"""The shape of a text: some forty counts and shares, each from compiled code.

Counts enter as ``ln(1 + count)``, so that one more question mark weighs more where there are
few; shares are per byte or per word. Cue words count once each, however often they occur.
"""

from math import log1p

import numpy as np

from tracetier.features.text import BYTE_CLASS, TextView

LONG_WORD = 9
"""Bytes from which on a word is long."""

_SHORT = bytes(range(LONG_WORD))
CUES: tuple[bytes, ...] = (
    b"not no never none without neither nor except cannot",
    b"and also then both respectively additionally plus well",
    b"if when while unless because since therefore hence however",
    b"each every per all total altogether some any many much",
    b"half twice double triple third quarter times percent fraction ratio average",
    b"more less than fewer most least greater larger smaller same remaining left after before",
    b"what who which where how why whose",
    b"i my me you your we our",
    b"can could please would help need want find get calculate provide compute give tell",
    b"explain reason step steps show prove describe discuss analyze compare",
    b"write implement function class code program return test bug fix refactor script",
)
_CUE_OF = {word: cue for cue, words in enumerate(CUES) for word in words.split()}
_CUE_WORDS = frozenset(_CUE_OF)

_ALONE = b"\n.!?,:\"'$\\`_"
_IN_CLASS = b"dUnbcmp"
_REST = len(_ALONE) + len(_IN_CLASS)


def _kinds() -> bytes:
    """By byte: its place in ``_ALONE``, else that of its class behind, else what is not counted."""
    return bytes(
        _ALONE.index(byte)
        if byte in _ALONE
        else len(_ALONE) + _IN_CLASS.index(kind)
        if kind in _IN_CLASS
        else _REST
        for byte, kind in enumerate(BYTE_CLASS)
    )


_KINDS = _kinds()


def shape_row(view: TextView, distinct: set[bytes]) -> list[float]:
    """Return the statistics of one text, in the order of ``SHAPE_FEATURES``.

    Parameters
    ----------
    view : TextView
        The text, read once.
    distinct : set of bytes
        ``set(view.tokens)``, made once by the caller.

    Returns
    -------
    list of float
        All finite; an empty text gives zeros.
    """
    data, classes, tokens, numbers = view.data, view.classes, view.tokens, view.numbers
    kinds = np.frombuffer(data.translate(_KINDS), np.uint8)
    # Counted all at once: a call for each would take three times as long.
    counts = np.bincount(kinds, minlength=_REST + 1).tolist()
    lines, *marks = counts[: len(_ALONE)]
    dots, bangs, asks, commas, colons, double, single, dollars, slashes, ticks, bars = marks
    digits, upper, foreign, brackets, code, operators, others, _ = counts[len(_ALONE) :]
    n_words = len(tokens)
    lengths = _lengths(tokens)
    per_byte = 1.0 / max(len(data), 1)
    per_word = 1.0 / max(n_words, 1)
    count, of_class = data.count, classes.count
    row = [
        log1p(view.n_bytes),
        log1p(n_words),
        log1p(lines),
        log1p(dots + bangs + asks),
        log1p(max(map(len, data.split(b".")))),
        sum(lengths) * per_word,
        len(lengths.translate(None, _SHORT)) * per_word,
        len(distinct) * per_word,
        log1p(len(numbers)),
        log1p(len(set(numbers))),
        log1p(max(map(len, numbers), default=0)),
        log1p(of_class(b"dpd") if len(numbers) > 1 else 0),
        digits * per_byte,
        upper * per_byte,
        log1p(of_class(b" U")),
        foreign * per_byte,
        (others + sum(marks)) * per_byte,
        log1p(brackets),
        log1p(code),
        log1p(operators),
        log1p(commas),
        log1p(colons),
        log1p(double + single),
        log1p(asks),
        float(data.rstrip().endswith(b"?")),
        float(data[:1].isupper()),
        log1p(dollars),
        log1p(slashes),
        log1p(ticks),
        log1p(bars),
        log1p(count(b"http")),
        log1p(count(b"(B)") + count(b"\nB.") + count(b"\nB)") if b"B" in data else 0),
    ]
    found = [0] * len(CUES)
    for word in distinct & _CUE_WORDS:
        found[_CUE_OF[word]] += 1
    row += map(log1p, found)
    return row


def _lengths(tokens: list[bytes]) -> bytes:
    """Length of each word as one byte; 255 stands for all beyond."""
    lengths = list(map(len, tokens))
    try:
        return bytes(lengths)
    except ValueError:
        return bytes([min(n, 255) for n in lengths])
