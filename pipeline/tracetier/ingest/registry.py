"""Which formats there are, and which of them a file is in.

A format is one file in ``tracetier.ingest.formats``; nothing else has to be told of it. Outsiders
add theirs by an entry point in the group ``tracetier.formats``. Each format recognises its own
files: there is no switch here.
"""

import pkgutil
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, TypeAlias

from msgspec import Struct

from tracetier.errors import FormatError
from tracetier.ingest import formats
from tracetier.ingest.head import Head
from tracetier.ingest.issue import Issue
from tracetier.ingest.mapping import ColumnMap
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, NoStep, PartOfStep, Span
from tracetier.records import Invocation, Level

ENTRY_POINTS = "tracetier.formats"
Item: TypeAlias = Invocation | Span | Addition | PartOfStep | NoStep | Issue
"""What a record can be: a row, a step, a word on a step, nothing of either, or broken."""


class Context(Struct, frozen=True):
    """What a run gives to every reader.

    Parameters
    ----------
    mapping : ColumnMap, optional
        The user's own map from our columns to paths in their records.
    seeks_tests : bool
        Whether anybody asks if tools ran tests and how those ended, which costs time where outputs
        need not be looked at for anything else.
    """

    mapping: ColumnMap | None = None
    seeks_tests: bool = True


class Format(Protocol):
    """One log format.

    Attributes
    ----------
    name : str
        As ``--format`` and the column ``source_format`` spell it.
    level : {"call", "agent_run", "task"}
        What is routed where logs are in this format, unless the user says otherwise; for formats
        that tell steps.

    Three more may be there, each true only where it is stated:

    stands_alone : bool
        Whether the reader looks at the file alone, so that it need not be read again when files
        beside it change. Where it does not, all in the folder and directly above count.
    is_spread : bool
        Whether traces, sessions or words on them may be spread over several files, which are then
        read as one. ``quick_names(source)`` may then return what a file names sooner than its
        reading does, or ``None``; to name too much is harmless.
    splittable : bool
        Whether each line of JSON Lines stands for itself, so that a file may be read in parts.
    """

    name: str
    level: Level

    def matches(self, head: Head) -> float:
        """Return how surely a file is in this format, from 0 (it is not) to 1 (by its own sign).

        Looks at the head, and at names beside the file where the format spans several. 0.5 is for
        a shape that other formats may share.
        """
        ...

    def read(self, source: Source, context: Context) -> Iterator[Item]:
        """Yield the invocations or steps of a file, and an issue for each record that is broken.

        Every record of the file gives one of them, or several where it holds several outcomes or
        steps; one that gives none (a header, a summary) is a ``NoStep``. Where a step is told by
        several lines, each of them is a ``PartOfStep`` and the step itself no record. While a
        record is handed out, ``source.line`` says where it came from. Values need not be checked:
        ranges, tiers, prices and duplicates are the same work for all formats and are done
        afterwards. ``tier`` is what the log says, if it does. A file that is only part of another
        (the sub-agents of a session) gives nothing when it is read by itself.
        """
        ...


Factory = Callable[[], Format]


@cache
def own_names() -> tuple[str, ...]:
    """Return the names of our own formats, each that of its file, in order."""
    names = sorted(info.name for info in pkgutil.iter_modules(formats.__path__))
    return tuple(name for name in names if name[0] != "_")


@cache
def formats_by_name() -> dict[str, Factory]:
    """Return the known formats: our own in the order of their files, then those of entry points.

    Raises
    ------
    FormatError
        If an entry point cannot be loaded, or takes a name that is taken.
    """
    found = {name: _own(name) for name in own_names()}
    for name, factory in _plugins():
        if name in found:
            raise FormatError(
                f"format {name!r} of an entry point in {ENTRY_POINTS!r} exists already; "
                "uninstall that package, or have it choose another name"
            )
        found[name] = factory
    return found


def format_named(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    FormatError
        For an unknown name, with the known ones.

    Examples
    --------
    >>> format_named("outcome")
    Traceback (most recent call last):
    tracetier.errors.FormatError: unknown format 'outcome'; did you mean 'outcomes'? Known are ...
    """
    if name in own_names():
        return _own(name)()
    known = formats_by_name()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise FormatError(f"unknown format {name!r}; {hint}Known are {', '.join(known)}")
    return known[name]()


def stands_alone(format: Format) -> bool:
    """Whether what a format reads of a file follows from that file alone."""
    return bool(getattr(format, "stands_alone", False))


def detect_format(head: Head) -> Format:
    """Return the format that is surest of a file; among equals, the first by name.

    Raises
    ------
    FormatError
        If none knows it, with what the file shows and the way out.
    """
    best, surest = None, 0.0
    for factory in _in_order():
        candidate = factory()
        sure = candidate.matches(head)
        if sure > surest:
            best, surest = candidate, sure
        if surest >= 1:
            break  # none can be surer, so that the others need not even be loaded
    if best is not None:
        return best
    raise FormatError(f"{str(head.path)!r} is in no known format: {_reason(head)}")


def refuse_unreadable(head: Head) -> None:
    """Refuse bytes that no format may be given.

    Raises
    ------
    FormatError
        For a pickle, which is never read, and for packed or re-encoded files.
    """
    path = str(head.path)
    if head.kind == "pickle":
        raise FormatError(
            f"{path!r} is a Python pickle, which can run any code while it is read, so it never "
            "is; export it where you trust it: pandas.read_pickle(FILE).to_parquet(OTHER)"
        )
    if head.packed:
        raise FormatError(
            f"{path!r} is {head.packed}; only plain UTF-8 and gzip are read, convert it first"
        )


def _reason(head: Head) -> str:
    known = ", ".join(formats_by_name())
    if head.columns:
        shown = ", ".join(head.columns[:8]) + (", ..." if len(head.columns) > 8 else "")
        seen = f"{head.kind} with the columns {shown}"
    else:
        seen = {"empty": "it is empty", "json": "one JSON document"}.get(head.kind, head.kind)
    return (
        f"{seen}. Known are {known}; name one with --format, or say with --map FILE which of your "
        "columns is which"
    )


@cache
def entry_points_of_others() -> tuple[EntryPoint, ...]:
    """Return where outsiders add formats, by name; looking them up opens a file per package."""
    return tuple(sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name))


def _own(name: str) -> Factory:
    factory: Factory = import_module(f"{formats.__name__}.{name}").FORMAT
    return factory


def _in_order() -> Iterator[Factory]:
    """Yield all formats, each loaded when it is its turn."""
    yield from map(_own, own_names())
    yield from list(formats_by_name().values())[len(own_names()) :]


def _plugins() -> Iterator[tuple[str, Factory]]:
    for point in entry_points_of_others():
        try:
            factory: Factory = point.load()
        except (ImportError, AttributeError) as error:
            raise FormatError(
                f"format {point.name!r} of the entry point {point.value!r} cannot be loaded: "
                f"{error}; reinstall or uninstall its package"
            ) from error
        yield point.name, factory
