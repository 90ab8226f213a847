"""Words and fields as hashed ids: the same in every process, on every machine.

A token's id is its CRC-32; the id of a pair of neighbours is an integer mix of the two. Names
(task type, tools, agent, last tier, text attributes) enter as tokens with a prefix that no
word can have, and so do the parts of tool names. Python's own ``hash`` is salted per process
and would break this.
"""

from collections.abc import Iterable, Iterator
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
_END = np.zeros(1, np.uint32)
_BEYOND = 1 << HASH_BITS

Ids = NDArray[np.uint32]

_MAX_NAMED = 4096
_MAX_TOOLS = 64
"""Names of tasks with more tools are hashed anew each time, so that what is kept stays small."""

NameKey = tuple[str | None, str | None, str | None, str | None, tuple[str, ...]]
_named: dict[NameKey, Ids] = {}


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


def name_key(task: Task) -> NameKey | None:
    """All that a task's names hang on; ``None`` where that is too much to keep."""
    tools = task.tools
    if task.attrs or (tools and len(tools) > _MAX_TOOLS):
        return None
    offered = tuple(tools) if tools else ()
    return task.task_type, task.agent_name, task.level, task.last_tier, offered


def field_hashes(task: Task) -> Ids:
    """Hashes of a task's names, ``(n_fields,)``; those that come again are at hand.

    Examples
    --------
    >>> field_hashes(Task(level="task")).tolist() == [crc32(b"level=task")]
    True
    """
    key = name_key(task)
    if key is None:
        return crcs(field_tokens(task))
    found = _named.get(key)
    if found is None:
        found = crcs(field_tokens(task))
        if len(_named) >= _MAX_NAMED:
            _named.clear()
        _named[key] = found
    return found


def crcs(tokens: Iterable[bytes]) -> Ids:
    """CRC-32 of each token, ``(n,)``."""
    return np.fromiter(map(crc32, tokens), np.uint32)


def hash_words(tokens: list[bytes], fields: Ids) -> Ids:
    """Ids of all distinct words, neighbouring pairs and fields.

    Parameters
    ----------
    tokens : list of bytes
        Words in order.
    fields : (n_fields,) array of uint32
        ``field_hashes`` of the task.

    Returns
    -------
    (n_ids,) array of uint32
        Distinct, ascending, each below ``2 ** HASH_BITS``. Empty for no token at all.
    """
    words = np.fromiter(map(crc32, tokens), np.uint32, len(tokens))
    pairs = words[:-1] * _MIX
    pairs ^= words[1:]
    ids = np.concatenate((words, pairs, fields, _END))
    # The top bits of the product depend on all bits of the id; the low bits of a CRC do not.
    ids *= _MIX
    ids >>= _SHIFT
    ids[-1] = _BEYOND  # beyond all others, so that each id has a next one to differ from
    ids.sort()
    each = ids[:-1]
    distinct: Ids = each[each != ids[1:]]
    return distinct
