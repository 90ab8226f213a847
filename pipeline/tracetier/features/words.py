"""Words and fields as hashed ids: the same in every process, on every machine.

A token's id is its CRC-32; the id of a pair of neighbours is an integer mix of the two. Names
(task type, tools, agent, last tier, text attributes) enter as tokens with a prefix that no
word can have, and so do the parts of tool names. Python's own ``hash`` is salted per process
and would break this.
"""

from collections.abc import Iterator
from itertools import chain
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tracetier.features.text import to_utf8
from tracetier.features.tool_names import offer_of
from tracetier.records import Task

HASH_BITS = 14
"""Width of the hashed table; ids are in [0, 2**HASH_BITS)."""

# Knuth's multiplicative constant: odd, so that no bit of the left word is lost.
MIX = 2_654_435_761
"""Multiplier of a hash."""
_MIX = np.uint32(MIX)
_SHIFT = np.uint32(32 - HASH_BITS)

Ids = NDArray[np.uint32]


def field_tokens(task: Task) -> Iterator[bytes]:
    r"""Yield a task's names as tokens ``field=value``.

    Examples
    --------
    >>> list(field_tokens(Task(task_type="code", tools=["bash"])))
    [b'task_type=code', b'tools=bash', b'tools~bash']
    """
    if task.task_type is not None:
        yield b"task_type=" + to_utf8(task.task_type)
    if task.agent_name is not None:
        yield b"agent_name=" + to_utf8(task.agent_name)
    if task.level is not None:
        yield b"level=" + to_utf8(task.level)
    if task.last_tier is not None:
        yield b"last_tier=" + to_utf8(task.last_tier)
    if task.tools:
        yield from offer_of(task.tools).tokens
    for name, value in (task.attrs or {}).items():
        if isinstance(value, str):
            yield to_utf8(f"attr_{name}={value}")


def hash_words(tokens: list[bytes], fields: list[bytes]) -> Ids:
    """Ids of all distinct words, neighbouring pairs and fields.

    Parameters
    ----------
    tokens : list of bytes
        Words in order.
    fields : list of bytes
        ``field_tokens`` of the task.

    Returns
    -------
    (n_ids,) array of uint32
        Distinct, ascending, each below ``2 ** HASH_BITS``. Empty for no token at all.
    """
    n = len(tokens)
    hashes = chain(map(crc32, tokens), map(crc32, fields))
    raw = np.fromiter(hashes, np.uint32, n + len(fields))
    if n > 1:
        pairs = (raw[: n - 1] * _MIX) ^ raw[1:n]
        raw = np.concatenate((raw, pairs))
    # The top bits of the product depend on all bits of the id; the low bits of a CRC do not.
    ids = np.sort((raw * _MIX) >> _SHIFT)
    if ids.size == 0:
        return ids
    keep = np.empty(ids.size, dtype=np.bool_)
    keep[0] = True
    np.not_equal(ids[1:], ids[:-1], out=keep[1:])
    return ids[keep]
