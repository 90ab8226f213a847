"""A SQLite file opened for a state: its tables, its lock, and how firmly it is written.

Write-ahead log with ``synchronous=FULL``: what is committed survives a crash of the machine.
Readers never wait. Writers queue on a lock file instead of SQLite's own retries, which sleep up to
a tenth of a second at a time and stall for seconds under several busy writers.

Pages are small, since a commit writes one of them, at the least, and waits for the disk to have it.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from tracetier.errors import StateError, StorageError

APPLICATION_ID = 0x74726163
"""Stands in the file's header: "trac"."""

LAYOUT = 3
"""Number of the layout of the tables; stands in the header as ``user_version``.

1: a row of ``event`` is one event, in JSON.
2: a row is what was appended together (`tracetier.route.state.bundle`), under the position of its
last event. There may be rows of 1 before it.
3: the document may lie in pieces (`tracetier.route.state.pieces`).

A file of an earlier layout is read as it is, and becomes one of this with the first write.
"""

_READ = (1, 2, 3)

PAGE_BYTES = 1024

SAME_S = 0.005
"""Time for which a file is taken for the one that it was: a look takes as long as one at the log,
and a file that is put in its place while one report is written is missed all the same."""

_SINCE_3 = (
    "ALTER TABLE head ADD COLUMN draft INTEGER",
    "CREATE TABLE piece (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    f"PRAGMA user_version = {LAYOUT}",
)
_TABLES = (
    "CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, "
    "base INTEGER NOT NULL, folded INTEGER NOT NULL, batches INTEGER NOT NULL, "
    "document BLOB NOT NULL)",
    "CREATE TABLE event (position INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE kept (name TEXT PRIMARY KEY, document BLOB NOT NULL)",
    f"PRAGMA application_id = {APPLICATION_ID}",
    *_SINCE_3,
)

_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_MISMATCH}

Level = Literal["FULL", "NORMAL"]


class _Lock:
    """A lock file: one at a time, of all processes and of all connections of one."""

    def __init__(self) -> None:
        self._file = -1

    def open(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def __enter__(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class SqliteFile:
    """A connection that is made anew where the file is another than the one that was opened.

    Parameters
    ----------
    path : str or path
    level : {"FULL", "NORMAL"}
        How firmly a commit is written unless asked otherwise. After a crash of the machine
        ``NORMAL`` may lose the last commits; neither harms the file.
    """

    def __init__(self, path: str | os.PathLike[str], level: Level) -> None:
        self.path = Path(os.path.realpath(path))
        self.name = f"state {str(self.path)!r}"
        self._path_text = str(self.path)
        self._level = level
        self._level_now = ""
        self._layout = 0
        self._connection: sqlite3.Connection | None = None
        self._inode = -1
        self._same_until_s = 0.0
        self.lock = _Lock()
        """Held by who writes."""

    def opened(self) -> sqlite3.Connection | None:
        """Return the connection, ``None`` where there is no file."""
        now_s = time.monotonic()
        if now_s < self._same_until_s:
            return self._connection
        try:
            inode = os.stat(self._path_text).st_ino  # noqa: PTH116 - half the time of Path's
        except FileNotFoundError:
            inode = -1
        if inode == self._inode and self._connection is not None:
            self._same_until_s = now_s + SAME_S
            return self._connection
        self.close()  # what was open is another file, or none any more
        return None if inode < 0 else self._open(inode)

    def made(self) -> sqlite3.Connection:
        """Return the connection; file, folder and tables are made where they are missing."""
        connection = self.opened()
        if connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._open(None)
        return connection

    def write_at(self, connection: sqlite3.Connection, level: Level | None = None) -> None:
        """Set how firmly the next commits are written, and see that the layout is of now."""
        level = level or self._level
        if level != self._level_now:
            connection.execute(f"PRAGMA synchronous = {level}")
            if self._layout != LAYOUT:
                self._bring_up(connection)
            self._level_now = level

    @contextmanager
    def transaction(
        self, connection: sqlite3.Connection, level: Level | None = None
    ) -> Iterator[None]:
        """Commit what is done within, by default as firmly as may be, or none of it."""
        self.write_at(connection, level)
        with self._locked(connection):
            yield

    @contextmanager
    def _locked(self, connection: sqlite3.Connection) -> Iterator[None]:
        with self.lock:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def errors(self, verb: str) -> Iterator[None]:
        """Tell what goes wrong within in the words of a state."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self.told(error, verb) from error

    def told(self, error: sqlite3.Error | OSError, verb: str) -> StateError | StorageError:
        """Return the error that says what went wrong, and how to mend it."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            return StateError(
                f"{self.name} holds no readable state ({error}); it was left as it is: restore it "
                "from a copy, or move it away to start anew"
            )
        return StorageError(
            f"{self.name} cannot be {verb}: {error}; make room or mend the permissions, then try "
            "again"
        )

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        connection, self._connection = self._connection, None
        self._level_now, self._inode, self._same_until_s = "", -1, 0.0
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
        self.lock.close()

    def _open(self, inode: int | None) -> sqlite3.Connection:
        # It was asked for before the file is opened: where another takes its place meanwhile, the
        # next call sees it.
        connection = sqlite3.connect(
            self.path, timeout=10.0, isolation_level=None, check_same_thread=False
        )
        try:
            self.lock.open(self._path_text + "-lock")
            # A blank file may be one that another process is about to make its tables in.
            if inode is None or self._is_blank(connection):
                self._make_tables(connection)
            self._layout = self._checked(connection)
            # Else each page that is given up is written once more, full of zeros.
            connection.execute("PRAGMA secure_delete = OFF")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._inode = self.path.stat().st_ino if inode is None else inode
        return connection

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        with self._locked(connection):
            if self._is_blank(connection):
                for statement in _TABLES:
                    connection.execute(statement)

    def _bring_up(self, connection: sqlite3.Connection) -> None:
        """Make of an earlier layout the one of now: who reads no more than that is then told."""
        with self._locked(connection):
            if self._checked(connection) != LAYOUT:
                for statement in _SINCE_3:
                    connection.execute(statement)
        self._layout = LAYOUT

    def _checked(self, connection: sqlite3.Connection) -> int:
        """Return the layout, which can be read."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise StateError(
                f"{self.name} is a database of something else (application id {application}); "
                "it was left as it is: give another file"
            )
        if layout not in _READ:
            age = "a newer" if layout > LAYOUT else "an unknown"
            raise StateError(
                f"{self.name} has layout {layout}, of {age} version of tracetier; this one reads "
                f"layouts {', '.join(map(str, _READ))}: upgrade tracetier, or use another state. "
                "It was left as it is"
            )
        return int(layout)

    @staticmethod
    def _is_blank(connection: sqlite3.Connection) -> bool:
        (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        return not n_tables
