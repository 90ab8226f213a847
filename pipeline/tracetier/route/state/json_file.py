"""A state in one JSON file that a person can read, with a journal beside it.

The document is replaced as a whole or not at all: a write goes to a temporary file in the same
folder, is forced to the disk, takes the old file's name, and then the folder is forced to the
disk. Events go to the journal, ``NAME.journal`` (`tracetier.route.state.journal`). Folding it into
the document, every so often and when a router is closed, deletes it: then the file alone is the
state.

A lock file keeps writers apart, so processes of one host may share the file.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec

from tracetier.errors import StateError, StorageError
from tracetier.route.event import Event, decode_event, encode_event
from tracetier.route.state.document import decode_document, head_of, lay_out
from tracetier.route.state.journal import Journal, read_lines, write_all
from tracetier.route.state.mark import Mark, Page, Stored

_TRIES = 20
"""Times that a document and a journal are read until they fit together."""

_Signature = tuple[int, int, int, int]


class JsonFileStore:
    """Keeps the state in a file; its folder is made with it.

    Parameters
    ----------
    path : str or path
        The file. A symbolic link is followed, so that the link stays.
    """

    is_durable = True
    compact_every = 2000

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.realpath(path))
        self.name = f"state {str(self.path)!r}"
        self._journal = Journal(self.path.with_name(self.path.name + ".journal"), self.name)
        self._seen: _Signature | None = None
        self._head: Mark | None = None

    def load(self) -> Stored | None:
        """Return everything, ``None`` where there is no file. Takes no lock and writes nothing."""
        with self._errors("read"):
            for _ in range(_TRIES):
                try:
                    document = self.path.read_bytes()
                except FileNotFoundError:
                    return None
                head = self._head_of(document)
                lines = read_lines(self._journal.read(), head, self.name)
                # The journal may have been folded in between the two reads.
                if lines.first is None or lines.first <= head.position + 1:
                    bodies = lines.after(head.position)
                    events = [decode_event(body, where=self.name) for body in bodies]
                    return Stored(document, head, events)
        raise StateError(
            f"{self.name}: its journal begins after the event that the document stands at, so "
            "events between them are missing; restore both from a copy"
        )

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        """Append all the events or none; return what others had appended since ``mark``."""
        encoded = [encode_event(event) for event in events]
        if not self.path.parent.is_dir():
            return Page(is_behind=True)
        with self._errors("written"), self._exclusive():
            page = self._page(mark)
            if not (page.is_elsewhere or page.is_behind):
                self._journal.append(encoded, mark.epoch, durable=durable)
            return page

    def read(self, mark: Mark) -> Page:
        """Return what others have appended since ``mark``."""
        if not self.path.parent.is_dir():
            return Page(is_behind=True)
        with self._errors("read"):
            head = self._head
            if (
                head is not None
                and mark == Mark(head.epoch, self._journal.end)
                and self._signature() == self._seen
                and self._journal.is_as_read()
            ):
                return Page((), head.position)
            with self._exclusive():
                return self._page(mark)

    def compact(
        self, document: bytes, mark: Mark, pause: Callable[[], object] | None = None
    ) -> None:
        """Put the document in place of the file, and of the journal up to ``mark``."""
        laid_out = lay_out(document)
        if not self.path.parent.is_dir():
            return
        with self._errors("written"), self._exclusive():
            page, head = self._page(mark), self._head
            if page.is_behind or page.is_elsewhere or head is None:
                return
            if head.position < mark.position:
                self._replace(laid_out)
                later = [encode_event(event) for event in page.events]
                self._journal.replace(later, mark)

    def replace(
        self, document: bytes, mark: Mark, *, expected: Mark | Literal["any"] | None
    ) -> bool:
        """Put a document in place of everything, unless the log's end is not ``expected``."""
        laid_out = lay_out(document)
        with self._errors("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._exclusive():
                if expected != "any":
                    self._catch_up(None)
                    head = self._head
                    found = None if head is None else Mark(head.epoch, self._journal.end)
                    if expected != found:
                        return False
                self._replace(laid_out)
                self._journal.replace([], mark)
                return True

    def keep(self, name: str, document: bytes) -> None:
        """Keep a document as a file in the folder ``NAME.kept`` beside the state."""
        with self._errors("written"):
            folder = self._kept_folder
            folder.mkdir(parents=True, exist_ok=True)
            _put(folder / f"{name}.json", lay_out(document))

    def kept(self) -> dict[str, bytes]:
        """Return the documents that were kept, by name."""
        with self._errors("read"):
            return {
                path.stem: path.read_bytes() for path in sorted(self._kept_folder.glob("*.json"))
            }

    def close(self) -> None:
        """Close the journal; a later call opens it again."""
        self._journal.close()
        self._seen = self._head = None

    @property
    def _kept_folder(self) -> Path:
        return self.path.with_name(self.path.name + ".kept")

    def _page(self, mark: Mark) -> Page:
        bodies = self._catch_up(mark)
        head, journal = self._head, self._journal
        if head is None:
            return Page(is_behind=True)
        if mark.epoch != head.epoch or mark.position < journal.base:
            return Page(is_elsewhere=True)
        if mark.position > journal.end:
            return Page(is_behind=True, found=Mark(head.epoch, journal.end))
        return Page([decode_event(body, where=self.name) for body in bodies], head.position)

    def _catch_up(self, mark: Mark | None) -> Sequence[bytes]:
        """Read what is new in the file and the journal; return the events after ``mark``."""
        signature = self._signature()
        if signature != self._seen or self._head is None:
            self._head = None if signature is None else self._head_of(self.path.read_bytes())
            self._seen = signature
            self._journal.close()
        if self._head is None:
            return ()
        return self._journal.catch_up(self._head, None if mark is None else mark.position)

    def _head_of(self, document: bytes) -> Mark:
        try:
            return head_of(document)
        except msgspec.MsgspecError:
            found = decode_document(document, where=self.name)  # which tells what is wrong
            return Mark(found.epoch, found.position)

    def _signature(self) -> _Signature | None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns

    def _replace(self, data: bytes) -> None:
        _put(self.path, data)
        self._seen = self._head = None

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Hold the lock file beside the state, waiting for another holder."""
        path = self.path.with_name(f".{self.path.name}.lock")
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"{self.name} cannot be {verb}: {error}; it holds what was stored before: make "
                "room or mend the path and its permissions, then try again"
            ) from error


def _put(path: Path, data: bytes) -> None:
    """Write a file wholly or not at all; it is on the disk when this returns."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        # The lock is held, so a temporary file that exists is left over from a crash.
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        try:
            write_all(file, data)
            os.fsync(file)
        finally:
            os.close(file)
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
