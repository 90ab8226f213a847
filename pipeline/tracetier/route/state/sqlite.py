"""A state in one SQLite file, shared by the processes of one host.

Write-ahead log with ``synchronous=FULL``: what was appended durably survives a crash of the
machine. Readers never wait. Writers queue on a lock file instead of SQLite's own retries, which
sleep up to a tenth of a second at a time and stall for seconds under several busy writers.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from tracetier.errors import StateError, StorageError
from tracetier.route.event import Event, decode_event, encode_event
from tracetier.route.state.mark import Mark, Page, Stored

APPLICATION_ID = 0x74726163
"""Stands in the file's header: "trac"."""

LAYOUT = 1
"""Number of the layout of the tables; stands in the header as ``user_version``."""

_KEPT_EVENTS = 10_000
"""Events left in the log before the document, for readers that are a little behind."""

_TABLES = (
    "CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, "
    "base INTEGER NOT NULL, folded INTEGER NOT NULL, batches INTEGER NOT NULL, "
    "document BLOB NOT NULL)",
    "CREATE TABLE event (position INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE kept (name TEXT PRIMARY KEY, document BLOB NOT NULL)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {LAYOUT}",
)

# One statement for the head and for what follows a place in the log.
_PAGE = """
SELECT epoch, base, folded, (SELECT max(position) FROM event) FROM head
UNION ALL
SELECT * FROM (SELECT body, position, NULL, NULL FROM event WHERE position > ? ORDER BY position)
"""

_INSERT = "INSERT INTO event VALUES (?, ?)"

_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_MISMATCH}


class SqliteStore:
    """Keeps the state in a SQLite file; its folder is made with it.

    Parameters
    ----------
    path : str or path
        The file. Beside it SQLite keeps its ``-wal`` and ``-shm``, and this store a ``-lock``.
    synchronous : {"FULL", "NORMAL"}
        With ``NORMAL`` a crash of the machine, though not one of the process, may lose the last
        reports, and feedback is several times as fast.
    """

    is_durable = True
    compact_every = 10_000

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
    ) -> None:
        self.path = Path(os.path.realpath(path))
        self._path_text = str(self.path)
        self.name = f"state {self._path_text!r}"
        self._synchronous = synchronous
        self._level = ""
        self._is_unsynced = False
        # The end of the log when it was last looked at, the version of the file then, and what to
        # say while both stand.
        self._end: Mark | None = None
        self._version: tuple[int] | None = None
        self._no_news = Page()
        self._connection: sqlite3.Connection | None = None
        self._inode = -1
        self._lock = -1

    def load(self) -> Stored | None:
        """Return everything, ``None`` if there is no file, or no state in it."""
        with self._errors("read"):
            connection = self._open(is_new=False)
            if connection is None:
                return None
            connection.execute("BEGIN")
            try:
                row = connection.execute("SELECT epoch, folded, document FROM head").fetchone()
                if row is None:
                    return None
                epoch, folded, document = row
                events = connection.execute(
                    "SELECT body FROM event WHERE position > ? ORDER BY position", (folded,)
                ).fetchall()
            finally:
                connection.execute("COMMIT")
        decoded = [decode_event(body, where=self.name) for (body,) in events]
        return Stored(document, Mark(epoch, folded), decoded)

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        """Append all the events or none; return what others had appended since ``mark``."""
        encoded = [encode_event(event) for event in events]
        try:
            connection = self._open(is_new=False)
            if connection is None:
                return Page(is_behind=True)
            level = self._synchronous if durable else "OFF"
            if level != self._level:
                self._sync_at(connection, level)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            try:
                return self._appended(connection, encoded, mark, durable=durable)
            finally:
                fcntl.flock(self._lock, fcntl.LOCK_UN)
        except (sqlite3.Error, OSError) as error:
            raise self._told(error, "written") from error

    def _appended(
        self, connection: sqlite3.Connection, encoded: Sequence[bytes], mark: Mark, *, durable: bool
    ) -> Page:
        execute = connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            page = self._page(connection, mark)
            if page.is_elsewhere or page.is_behind:
                execute("ROLLBACK")
                return page
            first = mark.position + len(page.events) + 1
            if len(encoded) == 1:
                execute(_INSERT, (first, encoded[0]))
            elif encoded:
                connection.executemany(_INSERT, enumerate(encoded, first))
            elif durable and self._is_unsynced:
                # A commit that changes nothing would force nothing to the disk.
                execute("UPDATE head SET batches = batches + 1")
            execute("COMMIT")
        except BaseException:
            self._end = None
            if connection.in_transaction:
                execute("ROLLBACK")
            raise
        if encoded or durable:
            self._is_unsynced = not durable
        self._end = Mark(mark.epoch, first - 1 + len(encoded))
        if page.events:
            self._no_news = Page((), page.folded)
        return page

    def read(self, mark: Mark) -> Page:
        """Return what others have appended since ``mark``."""
        with self._errors("read"):
            connection = self._open(is_new=False)
            return Page(is_behind=True) if connection is None else self._page(connection, mark)

    def _page(self, connection: sqlite3.Connection, mark: Mark) -> Page:
        # It changes when another connection commits, and costs less than to look.
        version = connection.execute("PRAGMA data_version").fetchone()
        if version == self._version and mark == self._end:
            return self._no_news
        # What others commit after this was asked is seen below, or by the next who asks.
        rows = connection.execute(_PAGE, (mark.position,)).fetchall()
        if not rows or rows[0][2] is None:
            return Page(is_behind=True)
        epoch, base, folded, last = rows[0]
        end = folded if last is None else last
        if epoch != mark.epoch or mark.position < base:
            return Page(is_elsewhere=True)
        if mark.position > end:
            return Page(is_behind=True, found=Mark(epoch, end))
        self._version, self._end, self._no_news = version, Mark(epoch, end), Page((), folded)
        if len(rows) == 1:
            return self._no_news
        return Page([decode_event(row[0], where=self.name) for row in rows[1:]], folded)

    def compact(self, document: bytes, mark: Mark) -> None:
        """Put the document in place of the log up to ``mark``, but for the last events."""
        with self._errors("written"):
            connection = self._open(is_new=False)
            if connection is None:
                return
            self._sync_at(connection, self._synchronous)
            with self._transaction(connection):
                changed = connection.execute(
                    "UPDATE head SET base = max(base, ?), folded = ?, document = ? "
                    "WHERE epoch = ? AND folded < ?",
                    (
                        mark.position - _KEPT_EVENTS,
                        mark.position,
                        document,
                        mark.epoch,
                        mark.position,
                    ),
                ).rowcount
                self._end = None
                if changed:
                    connection.execute(
                        "DELETE FROM event WHERE position <= ?", (mark.position - _KEPT_EVENTS,)
                    )

    def replace(
        self, document: bytes, mark: Mark, *, expected: Mark | Literal["any"] | None
    ) -> bool:
        """Put a document in place of everything, unless the log's end is not ``expected``."""
        with self._errors("written"):
            connection = self._open(is_new=True)
            assert connection is not None
            self._sync_at(connection, self._synchronous)
            with self._transaction(connection):
                row = connection.execute(
                    "SELECT epoch, coalesce((SELECT max(position) FROM event), folded) FROM head"
                ).fetchone()
                found = None if row is None else Mark(*row)
                if expected not in ("any", found):
                    return False
                self._end = None
                connection.execute("DELETE FROM event")
                connection.execute(
                    "INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?, 0, ?)",
                    (mark.epoch, mark.position, mark.position, document),
                )
                return True

    def keep(self, name: str, document: bytes) -> None:
        """Keep a document under a name, beside the state."""
        with self._errors("written"):
            connection = self._open(is_new=True)
            assert connection is not None
            self._sync_at(connection, self._synchronous)
            with self._transaction(connection):
                connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, document))

    def kept(self) -> dict[str, bytes]:
        """Return the documents that were kept, by name."""
        with self._errors("read"):
            connection = self._open(is_new=False)
            if connection is None:
                return {}
            return dict(connection.execute("SELECT name, document FROM kept ORDER BY name"))

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        connection, self._connection, self._level = self._connection, None, ""
        self._end = None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __del__(self) -> None:
        self.close()

    def _open(self, *, is_new: bool) -> sqlite3.Connection | None:
        """Return the connection; without ``is_new`` ``None`` where there is no file."""
        try:
            inode = os.stat(self._path_text).st_ino  # noqa: PTH116 - half the time of Path's
        except FileNotFoundError:
            inode = -1
        if self._connection is not None and inode == self._inode:
            return self._connection
        self.close()  # what was open is another file, or none any more
        if inode < 0 and not is_new:
            return None
        if is_new:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.path, timeout=10.0, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection, is_new=is_new)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, self.path.stat().st_ino
        return connection

    def _prepare(self, connection: sqlite3.Connection, *, is_new: bool) -> None:
        lock = self.path.with_name(self.path.name + "-lock")
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        # A blank file may be one that another process is about to make its tables in.
        if is_new or self._is_blank(connection):
            connection.execute("PRAGMA journal_mode = WAL")
            with self._transaction(connection):
                if self._is_blank(connection):
                    for statement in _TABLES:
                        connection.execute(statement)
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise StateError(
                f"{self.name} is a database of something else (application id {application}); "
                "it was left as it is: give another file"
            )
        if layout != LAYOUT:
            age = "a newer" if layout > LAYOUT else "an unknown"
            raise StateError(
                f"{self.name} has layout {layout}, of {age} version of tracetier; this one reads "
                f"layout {LAYOUT}: upgrade tracetier, or use another state. It was left as it is"
            )

    @staticmethod
    def _is_blank(connection: sqlite3.Connection) -> bool:
        (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        return not n_tables

    def _sync_at(self, connection: sqlite3.Connection, level: str) -> None:
        if level != self._level:
            connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    @contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._told(error, verb) from error

    def _told(self, error: sqlite3.Error | OSError, verb: str) -> StateError | StorageError:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            return StateError(
                f"{self.name} holds no readable state ({error}); it was left as it is: restore it "
                "from a copy, or move it away to start anew"
            )
        return StorageError(
            f"{self.name} cannot be {verb}: {error}; make room or mend the permissions, then try "
            "again"
        )
