"""Tool names as words: how far a task's text speaks of the tools on offer.

Names are few and repeat from task to task, so their parts are cached.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_STEM_BYTES = 4
"""Words match by their first letters, so that ``files`` and ``file`` agree."""


class ToolName(NamedTuple):
    """Parts of one tool's name.

    Attributes
    ----------
    tokens : tuple of bytes
        For hashing: the whole name, then each part.
    stems : frozenset of bytes
        First letters of each part of at least three.
    """

    tokens: tuple[bytes, ...]
    stems: frozenset[bytes]


@lru_cache(maxsize=8192)
def split_tool_name(name: str) -> ToolName:
    """Split a name at case, digits and separators.

    Examples
    --------
    >>> split_tool_name("listFiles").tokens
    (b'tools=listFiles', b'tools~list', b'tools~files')
    """
    parts = [part.lower().encode() for part in _PART.findall(name)]
    return ToolName(
        tokens=(
            b"tools=" + name.encode("utf-8", "replace"),
            *(b"tools~" + part for part in parts),
        ),
        stems=frozenset(part[:_STEM_BYTES] for part in parts if len(part) > 2),
    )


def stems_of(words: set[bytes]) -> set[bytes]:
    """Return the stems of words with at least three bytes."""
    return {word[:_STEM_BYTES] for word in words if len(word) > 2}


def overlaps(tools: list[str], stems: set[bytes]) -> list[float]:
    """Share of each tool's stems that occur among ``stems``, in [0, 1]; 0 without any.

    Examples
    --------
    >>> overlaps(["list_files", "send_mail"], stems_of({b"list", b"the", b"file"}))
    [1.0, 0.0]
    """
    shares = []
    for tool in tools:
        own = split_tool_name(tool).stems
        shares.append(len(own & stems) / len(own) if own else 0.0)
    return shares
