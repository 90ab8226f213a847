"""Columns of a file that its format does not read: typos are told, the rest is listed."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.source import Source
from tracetier.table.columns import ATTR_PREFIX, X_PREFIX

_SURE = 0.8


def note_columns(source: Source, known: Sequence[str]) -> Iterator[Issue]:
    """List unread columns in ``source.ignored``, and yield an issue for each that looks mistyped.

    A column looks mistyped when it is close to a known one that the file lacks.
    """
    present = set(source.head.columns)
    absent = [name for name in known if name not in present]
    for name in source.head.columns:
        if name in known or name.startswith((ATTR_PREFIX, X_PREFIX)):
            continue
        source.ignored.add(name)
        if near := get_close_matches(name, absent, n=1, cutoff=_SURE):
            message = f"column {name!r} is not read; did you mean {near[0]!r}?"
            yield source.issue(Fault("unknown_column", message, pointer=name), is_of_file=True)
