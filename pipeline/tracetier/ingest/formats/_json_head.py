"""What a JSON file shows in its head, cut off or not: the keys by path, and the short texts there.

A path is written ``info.model_stats`` or, through lists, ``samples[].id``. Works on one line of
JSON as on a document over many, and stops without complaint where the head ends: one document may
be larger than the head, so that no JSON parser takes it.
"""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache

from tracetier.ingest.head import Head

_DEPTH = 6
_VALUE_CHARS = 200
_TOKEN = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|([{}\[\]])', re.DOTALL)


@dataclass
class Outline:
    """Paths that occur, and the first short text at each.

    Attributes
    ----------
    paths : set of str
        Keys down to six levels.
    texts : dict of str to str
        First string value of a path, where it is short.
    """

    paths: set[str] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)

    def has(self, *paths: str) -> bool:
        """Whether all these paths occur."""
        return self.paths.issuperset(paths)


def outline(head: Head) -> Outline:
    """Return the outline of a JSON document, or of the first line of JSON Lines.

    Examples
    --------
    >>> from pathlib import Path
    >>> told = outline(Head(Path("x"), b'{"info": {"kind": "a", "n": [1]}, "rows": [{"id": 1}, {'))
    >>> sorted(told.paths), told.texts
    (['info', 'info.kind', 'info.n', 'rows', 'rows[].id'], {'info.kind': 'a'})
    """
    if head.kind not in ("json", "jsonl"):
        return Outline()
    return _outline(head.first_line if head.kind == "jsonl" else head.start)


def paths_of(head: Head) -> set[str]:
    """Return the dotted paths of the keys of all that the head shows, ``[]`` for a list's items.

    Examples
    --------
    >>> from pathlib import Path
    >>> sorted(paths_of(Head(path=Path("x"), data=b'[{"context": {"span_id": "1"}, "na')))
    ['[].context', '[].context.span_id']
    """
    # A lone line is walked once, for this and for `outline`; most lines are not alone.
    is_lone = head.kind == "jsonl" and head.first_line.strip() == head.start.strip()
    return _outline(head.first_line if is_lone else head.start).paths


def names_of_records(head: Head) -> set[str]:
    """Return the top-level names of records that stand on lines, or in one list."""
    if head.kind == "jsonl":
        return set(head.columns)
    return {path.removeprefix("[].") for path in outline(head).paths if path.count(".") == 1}


@lru_cache(maxsize=8)  # each format asks for the same head
def _outline(data: bytes) -> Outline:
    paths: set[str] = set()
    texts: dict[str, str] = {}
    open_: list[tuple[str, bool]] = []  # path of each container, and whether it is a list
    at = ""  # path of the value that comes next
    for match in _TOKEN.finditer(data):
        raw, colon, bracket = match.groups()
        if bracket is None:
            if not open_ or len(open_) > _DEPTH:
                continue
            parent, is_list = open_[-1]
            if colon is not None:
                at = f"{parent}.{_text(raw)}" if parent else _text(raw)
                paths.add(at)
            elif len(raw) < _VALUE_CHARS and match.end() < len(data):  # else it may be a key
                texts.setdefault(parent if is_list else at, _text(raw))
        elif bracket in b"{[":
            if not open_ or open_[-1][1]:
                at = open_[-1][0] if open_ else ""
            if len(open_) > _DEPTH:
                at = ""  # never shown; spelled out it would grow with the square of the depth
            is_list = bracket == b"["
            open_.append((at + "[]" if is_list else at, is_list))
        elif open_:
            open_.pop()
    return Outline(paths, texts)


@lru_cache(maxsize=512)  # keys come again with every record
def _text(raw: bytes) -> str:
    if b"\\" not in raw:
        return raw.decode("utf-8", "replace")
    try:
        return str(json.loads(b'"' + raw + b'"'))
    except ValueError:
        return ""
