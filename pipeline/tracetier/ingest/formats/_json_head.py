"""What a JSON file shows in its head, cut off or not: the keys by path, and the short texts there.

A path is written ``info.model_stats`` or, through lists, ``samples[].id``. Works on one line of
JSON as on a document over many, and stops without complaint where the head ends.
"""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache

from tracetier.ingest.head import BOM, HEAD_BYTES, Head

_DEPTH = 5
_VALUE_CHARS = 200
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}:,]', re.DOTALL)


@dataclass
class Outline:
    """Paths that occur, and the first short text at each.

    Attributes
    ----------
    paths : set of str
        Keys down to five levels.
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
    data = head.data[:HEAD_BYTES].removeprefix(BOM)
    return _outline(data.lstrip().partition(b"\n")[0] if head.kind == "jsonl" else data)


def names_of_records(head: Head) -> set[str]:
    """Return the top-level names of records that stand on lines, or in one list."""
    if head.kind == "jsonl":
        return set(head.columns)
    return {path.removeprefix("[].") for path in outline(head).paths if path.count(".") == 1}


class _Walk:
    """Where in the document the walk stands."""

    def __init__(self) -> None:
        self.found = Outline()
        self._names: list[str | None] = []  # open containers: the key at hand, None for a list
        self._key, self._expects_key = b"", False

    def step(self, token: bytes) -> None:
        if token in (b"{", b"["):
            self._names.append(None if token == b"[" else "")
            self._expects_key = token == b"{"
        elif token in (b"}", b"]"):
            del self._names[-1:]
            self._expects_key = False
        elif token == b",":
            self._expects_key = bool(self._names) and self._names[-1] is not None
        elif token == b":":
            self._note_key()
        elif token.startswith(b'"'):
            self._note_text(token)

    def _note_key(self) -> None:
        if self._names and self._names[-1] is not None:
            self._names[-1] = _text(self._key)
            if len(self._names) <= _DEPTH:
                self.found.paths.add(self._path())

    def _note_text(self, token: bytes) -> None:
        if self._expects_key:
            self._key, self._expects_key = token, False
        elif 0 < len(self._names) <= _DEPTH and len(token) < _VALUE_CHARS:
            path = self._path()
            if path not in self.found.texts:
                self.found.texts[path] = _text(token)

    def _path(self) -> str:
        return _joined(tuple(self._names))


@lru_cache(maxsize=512)  # records are alike
def _joined(names: tuple[str | None, ...]) -> str:
    parts = ("[]" if name is None else f".{name}" for name in names)
    return "".join(parts).removeprefix(".")


@lru_cache(maxsize=8)
def _outline(data: bytes) -> Outline:
    walk = _Walk()
    for match in _TOKEN.finditer(data):
        walk.step(match.group())
    return walk.found


@lru_cache(maxsize=512)  # keys come again with every record
def _text(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return ""
