"""Which keys a JSON file has and where, from its first bytes, though they are cut anywhere.

One document may be larger than the head, so that no JSON parser takes it; its keys still stand in
the order of the text.
"""

import re
from functools import lru_cache

from tracetier.ingest.head import HEAD_BYTES, Head

_TOKEN = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|([{}\[\]])')
_MAX_DEPTH = 6


def paths_of(head: Head) -> frozenset[str]:
    """Return the dotted paths of the keys in a JSON file's head, ``[]`` for the items of a list.

    Examples
    --------
    >>> from pathlib import Path
    >>> head = Head(path=Path("x"), data=b'[{"context": {"span_id": "1"}, "na')
    >>> sorted(paths_of(head))
    ['[].context', '[].context.span_id']
    """
    return _paths(head.data[:HEAD_BYTES])


@lru_cache(maxsize=4)  # each format of a family asks for the same head
def _paths(data: bytes) -> frozenset[str]:
    found: set[str] = set()
    parents: list[tuple[str, bool]] = []  # path of each open container, and whether it is a list
    at = ""  # path of the value that comes next
    for match in _TOKEN.finditer(data):
        bracket = match[3]
        if bracket is None:
            if match[2] is not None and len(parents) <= _MAX_DEPTH:
                parent = parents[-1][0] if parents else ""
                key = match[1].decode("utf-8", "replace")
                at = f"{parent}.{key}" if parent else key
                found.add(at)
        elif bracket in b"{[":
            if not parents or parents[-1][1]:
                at = parents[-1][0] if parents else ""
            is_list = bracket == b"["
            if len(parents) > _MAX_DEPTH:
                at = ""  # never shown; spelled out it would grow with the square of the depth
            parents.append((at + "[]" if is_list else at, is_list))
        elif parents:
            parents.pop()
    return frozenset(found)
