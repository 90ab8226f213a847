"""Tool names as words: how far a task's text speaks of the tools on offer.

Names are few and repeat from task to task, so their parts are cached.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from tracetier.features.text import to_utf8

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_STEM_BYTES = 4
"""Words match by their first letters, so that ``files`` and ``file`` agree."""
_FEW_STEMS = 32
"""Up to so many are searched for in the text; more are looked up among the words' beginnings."""


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
            b"tools=" + to_utf8(name),
            *(b"tools~" + part for part in parts),
        ),
        stems=frozenset(part[:_STEM_BYTES] for part in parts if len(part) > 2),
    )


def spoken_stems(stems: set[bytes], tokens: list[bytes]) -> set[bytes]:
    """Return the stems with which some word of a text starts.

    Parameters
    ----------
    stems : set of bytes
        Three or four letters each.
    tokens : list of bytes
        Words of the text.

    Examples
    --------
    >>> sorted(spoken_stems({b"list", b"run", b"mail"}, [b"list", b"running", b"ma"]))
    [b'list', b'run']
    """
    if len(stems) <= _FEW_STEMS:
        text = b" " + b" ".join(tokens)
        return {stem for stem in stems if b" " + stem in text}
    return stems & {word[:n] for word in tokens for n in (3, _STEM_BYTES)}


def overlaps(tools: list[str], tokens: list[bytes]) -> list[float]:
    """Share of each tool's stems that a text speaks of, in [0, 1]; 0 for a tool without any.

    Examples
    --------
    >>> overlaps(["list_files", "send_mail"], [b"list", b"the", b"file"])
    [1.0, 0.0]
    """
    names = [split_tool_name(tool).stems for tool in tools]
    spoken = spoken_stems(set().union(*names), tokens)
    return [len(stems & spoken) / len(stems) if stems else 0.0 for stems in names]
