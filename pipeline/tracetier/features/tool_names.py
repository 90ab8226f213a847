"""Tool names as words: how far a task's text speaks of the tools on offer.

Names are few and repeat from task to task, so their parts are cached.
"""

import re
from collections.abc import Sequence, Set
from functools import lru_cache
from typing import NamedTuple

from tracetier.features.text import to_utf8

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_STEM_BYTES = 4
"""Words match by their first letters, so that ``files`` and ``file`` agree."""
_FEW_STEMS = 32
"""Up to so many are searched for in the text; more are looked up among the words' beginnings."""


_MAX_OFFERS = 1024
_MAX_OFFERED = 64
"""Longer lists are taken apart anew each time, so that what is kept stays small."""


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


class Offer(NamedTuple):
    """A list of tools, taken apart.

    Attributes
    ----------
    tokens : tuple of bytes
        For hashing, of all tools in their order.
    stems : tuple of frozenset of bytes
        Of each tool.
    all_stems : frozenset of bytes
    mean_length : float
        Characters per name.
    dotted : float
        Share of names with a dot.
    """

    tokens: tuple[bytes, ...]
    stems: tuple[frozenset[bytes], ...]
    all_stems: frozenset[bytes]
    mean_length: float
    dotted: float


_offers: dict[tuple[str, ...], Offer] = {}


def offer_of(tools: Sequence[str]) -> Offer:
    """Take a list of at least one tool apart; short lists that come again are at hand.

    Examples
    --------
    >>> offer_of(["list_files", "mail.box"]).mean_length
    9.0
    """
    key = tuple(tools)
    offer = _offers.get(key)
    if offer is None:
        offer = _offer(key)
        if len(key) <= _MAX_OFFERED:
            if len(_offers) >= _MAX_OFFERS:
                _offers.clear()
            _offers[key] = offer
    return offer


def _offer(tools: tuple[str, ...]) -> Offer:
    names, n = [split_tool_name(tool) for tool in tools], len(tools)
    stems = tuple(name.stems for name in names)
    return Offer(
        tokens=tuple(token for name in names for token in name.tokens),
        stems=stems,
        all_stems=frozenset().union(*stems),
        mean_length=sum(map(len, tools)) / n,
        dotted=sum("." in tool for tool in tools) / n,
    )


def spoken_stems(stems: Set[bytes], spaced: bytes) -> set[bytes]:
    """Return the stems with which some word of a text starts.

    Parameters
    ----------
    stems : set of bytes
        Three or four letters each.
    spaced : bytes
        Words of the text, a space before each.

    Examples
    --------
    >>> sorted(spoken_stems({b"list", b"run", b"mail"}, b" list running ma"))
    [b'list', b'run']
    """
    if len(stems) <= _FEW_STEMS:
        return {stem for stem in stems if b" " + stem in spaced}
    return {word[:n] for word in spaced.split() for n in (3, _STEM_BYTES)} & stems


def overlaps(offer: Offer, spaced: bytes) -> list[float]:
    """Share of each tool's stems that a text speaks of, in [0, 1]; 0 for a tool without any.

    Examples
    --------
    >>> overlaps(offer_of(["list_files", "send_mail"]), b" list the file")
    [1.0, 0.0]
    """
    spoken = spoken_stems(offer.all_stems, spaced)
    if not spoken:
        return [0.0] * len(offer.stems)
    return [len(stems & spoken) / len(stems) if stems else 0.0 for stems in offer.stems]
