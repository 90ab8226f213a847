"""What a file names, collected while it is read or, where that has to come first, without rows."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from msgspec import Struct

from tracetier.errors import TracetierError
from tracetier.ingest.registry import Context, Format, Item, detect_format, format_named
from tracetier.ingest.source import Source
from tracetier.ingest.span import Addition, Span
from tracetier.ingest.spread import NO_KEYS, FileIds, Keys, Name, distinct, key_of

_HELD = 200_000
_READ_BYTES = 16 * 1024 * 1024


class Names:
    """Names as they come."""

    def __init__(self) -> None:
        self._groups, self._lone = _Growing(), _Growing()
        self._last: tuple[str, str | None] | None = None

    def add(self, item: Item) -> None:
        """Take what an item names."""
        if isinstance(item, Span):
            own = (item.trace_id, item.session_id)
            if own != self._last:  # the steps of a trace mostly come in a row
                self._last = own
                self._groups.add(("trace", item.trace_id))
                if item.session_id:
                    self._groups.add(("session", item.session_id))
        elif isinstance(item, Addition):
            self._add_addition(item)

    def add_all(self, names: Iterable[Name]) -> None:
        """Take names of traces and sessions."""
        for name in names:
            self._groups.add(name)

    def ids(self, format: str, n_bytes: int = 0) -> FileIds:
        """Return what was named in a file of a format."""
        groups, lone = self._groups.take(), self._lone.take()
        return FileIds(groups=groups, lone=lone, format=format, n_bytes=n_bytes)

    def _add_addition(self, told: Addition) -> None:
        if told.trace_id:
            self._groups.add(("trace", told.trace_id))
        elif told.span_id:
            self._lone.add(("span", told.span_id))
        elif told.response_id:
            self._lone.add(("answer", told.response_id))
        elif told.session_id:
            self._groups.add(("session", told.session_id))


class ReadIds(Struct, frozen=True):
    """`read_ids` as it travels to a worker."""

    def __call__(self, file: tuple[Path, str | None]) -> Iterator[FileIds]:
        """Read the ids of a file, of whose format the name may be known."""
        return read_ids(*file)


def is_spread(format: Format) -> bool:
    """Whether the traces of a format may be spread over several files."""
    return bool(getattr(format, "is_spread", False))


def read_ids(path: Path, format: str | None) -> Iterator[FileIds]:
    """Yield how far the reading has come, and then what the file names."""
    n_read = 0

    def advance(n_bytes: int) -> None:
        nonlocal n_read
        n_read += n_bytes

    source = Source(path, on_bytes=advance)
    found = _spread_format(source, format)
    if found is None:
        yield FileIds(groups=NO_KEYS, lone=NO_KEYS)
        return
    names = Names()
    try:
        quick = getattr(found, "quick_names", None)
        told = None if quick is None else quick(source)
        if told is not None:
            names.add_all(told)
        else:
            for item in found.read(source, Context()):
                names.add(item)
                if n_read >= _READ_BYTES:
                    yield FileIds(groups=NO_KEYS, lone=NO_KEYS, n_bytes=n_read, is_last=False)
                    n_read = 0
    except TracetierError:
        pass  # told when the file is read
    yield names.ids(found.name, n_read)


def _spread_format(source: Source, format: str | None) -> Format | None:
    """Return the format of a file, if the traces of that may be spread over files."""
    try:
        if format is not None:
            found = format_named(format)
        else:
            head = source.head
            if head.kind in ("empty", "pickle") or head.packed:
                return None
            found = detect_format(head)
    except TracetierError:
        return None  # told when the file is read
    return found if is_spread(found) else None


class _Growing:
    """Keys, of which many come again."""

    def __init__(self) -> None:
        self._new: set[int] = set()
        self._kept: Keys = NO_KEYS

    def add(self, name: Name) -> None:
        self._new.add(key_of(name))
        if len(self._new) >= _HELD:
            self._kept = self.take()

    def take(self) -> Keys:
        new = np.fromiter(self._new, np.int64, len(self._new))
        self._new = set()
        self._kept = distinct(self._kept, new)
        return self._kept
