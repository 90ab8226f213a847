"""A state in one SQLite file, shared by the processes of one host.

What is appended together is one row, and one statement: it is committed by itself. Nobody can come
between a look and the append after it, since all who write hold the lock of the file.

Folding goes by short steps, each a transaction: the pieces of the document, the moment from which
it stands, what is thrown away. After a crash between two of them only space is lost, for a while.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Literal

from tracetier.route.event import Event
from tracetier.route.state.bundle import pack_events, unpack_events
from tracetier.route.state.mark import Mark, Page, Stored
from tracetier.route.state.pieces import Draft, drop_unnamed, read_pieces
from tracetier.route.state.sqlite_file import Level, SqliteFile

_KEPT_EVENTS = 10_000
"""Events left in the log before the document, for readers that are a little behind."""

_AT_ONCE = 100
"""Rows of the log that are thrown away in one step."""

# One statement for the head and for what follows a place in the log.
_PAGE = """
SELECT epoch, base, folded, (SELECT max(position) FROM event) FROM head
UNION ALL
SELECT * FROM (SELECT body, position, NULL, NULL FROM event WHERE position > ? ORDER BY position)
"""


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

    def __init__(self, path: str | os.PathLike[str], *, synchronous: Level = "FULL") -> None:
        self._file = SqliteFile(path, synchronous)
        self.path = self._file.path
        self.name = self._file.name
        self._connection: sqlite3.Connection | None = None
        self._is_unsynced = False
        # The end of the log when it was last looked at, the version of the file then, and what to
        # say while both stand.
        self._end: Mark | None = None
        self._version: tuple[int] | None = None
        self._no_news = Page()

    def load(self) -> Stored | None:
        """Return everything, ``None`` if there is no file, or no state in it."""
        with self._file.errors("read"):
            connection = self._opened()
            if connection is None:
                return None
            connection.execute("BEGIN")
            try:
                row = connection.execute("SELECT epoch, folded, document FROM head").fetchone()
                if row is None:
                    return None
                epoch, folded, document = row
                if not document:
                    document = read_pieces(connection)
                rows = connection.execute(
                    "SELECT body, position FROM event WHERE position > ? ORDER BY position",
                    (folded,),
                ).fetchall()
            finally:
                connection.execute("COMMIT")
        return Stored(document, Mark(epoch, folded), self._events(rows, folded))

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        """Append all the events or none; return what others had appended since ``mark``."""
        body = pack_events(events) if events else None
        file = self._file
        try:
            connection = self._opened()
            if connection is None:
                return Page(is_behind=True)
            file.write_at(connection, None if durable else "NORMAL")
            with file.lock:
                page = self._page(connection, mark)
                if page.is_elsewhere or page.is_behind:
                    return page
                end = Mark(mark.epoch, mark.position + len(page.events) + len(events))
                self._end = None  # not known until it is done
                if body is not None:
                    connection.execute("INSERT INTO event VALUES (?, ?)", (end.position, body))
                    self._is_unsynced = not durable
                elif durable and self._is_unsynced:
                    # A commit that changes nothing would force nothing to the disk.
                    connection.execute("UPDATE head SET batches = batches + 1")
                    self._is_unsynced = False
        except (sqlite3.Error, OSError) as error:
            raise file.told(error, "written") from error
        self._end = end
        if page.events:
            self._no_news = Page((), page.folded)
        return page

    def read(self, mark: Mark) -> Page:
        """Return what others have appended since ``mark``."""
        with self._file.errors("read"):
            connection = self._opened()
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
        news = self._events([row[:2] for row in rows[1:]], mark.position)
        return Page(news, folded)

    def _events(self, rows: Sequence[tuple[bytes, int]], after: int) -> list[Event]:
        """Return the events of rows that come after a position, which may lie within the first."""
        events: list[Event] = []
        for body, last in rows:
            bundle = unpack_events(body, where=self.name)
            n_known = after - (last - len(bundle))
            events += bundle if n_known <= 0 else bundle[n_known:]
        return events

    def compact(
        self, document: bytes, mark: Mark, pause: Callable[[], object] | None = None
    ) -> None:
        """Put the document in place of the log up to ``mark``, but for the last events."""
        with self._file.errors("written"):
            connection = self._opened()
            if connection is None:
                return
            for _ in self._folding(connection, document, mark):
                if pause is not None:
                    pause()
                if self._opened() is not connection:  # another file took its place
                    return

    def _folding(
        self, connection: sqlite3.Connection, document: bytes, mark: Mark
    ) -> Iterator[None]:
        """Fold by steps, and yield between them."""
        draft, transaction = Draft(document), self._file.transaction
        try:
            for row in draft.pieces():
                with transaction(connection, "NORMAL"):
                    connection.execute("INSERT INTO piece VALUES (?, ?)", row)
                yield
            # Being firm, it makes the pieces so as well.
            with transaction(connection):
                if not self._is_turned(connection, draft, mark):
                    draft.drop(connection)
                    return
        except sqlite3.Error:
            # Where there is no room there may be none for this either.
            with suppress(sqlite3.Error), transaction(connection, "NORMAL"):
                draft.drop(connection)
            raise
        is_more = True
        while is_more:
            yield
            with transaction(connection, "NORMAL"):
                is_more = drop_unnamed(connection) or self._trim(connection)

    def _is_turned(self, connection: sqlite3.Connection, draft: Draft, mark: Mark) -> bool:
        """Have the document be the draft, unless there is a later one; whether it is."""
        self._end = None
        if not draft.is_whole(connection):
            return False
        turned = connection.execute(
            "UPDATE head SET base = max(base, ?), folded = ?, document = x'', draft = ? "
            "WHERE epoch = ? AND folded < ?",
            (
                mark.position - _KEPT_EVENTS,
                mark.position,
                draft.number,
                mark.epoch,
                mark.position,
            ),
        )
        return turned.rowcount > 0

    @staticmethod
    def _trim(connection: sqlite3.Connection) -> bool:
        """Throw away some rows from before the log's beginning; return whether there were any."""
        trimmed = connection.execute(
            "DELETE FROM event WHERE position IN (SELECT position FROM event "
            f"WHERE position <= (SELECT base FROM head) ORDER BY position LIMIT {_AT_ONCE})"
        )
        return trimmed.rowcount > 0

    def replace(
        self, document: bytes, mark: Mark, *, expected: Mark | Literal["any"] | None
    ) -> bool:
        """Put a document in place of everything, unless the log's end is not ``expected``."""
        with self._file.errors("written"):
            connection = self._file.made()
            with self._file.transaction(connection):
                row = connection.execute(
                    "SELECT epoch, coalesce((SELECT max(position) FROM event), folded) FROM head"
                ).fetchone()
                found = None if row is None else Mark(*row)
                if expected not in ("any", found):
                    return False
                self._end = None
                connection.execute("DELETE FROM event")
                connection.execute("DELETE FROM piece")
                connection.execute(
                    "INSERT OR REPLACE INTO head (id, epoch, base, folded, batches, document) "
                    "VALUES (1, ?, ?, ?, 0, ?)",
                    (mark.epoch, mark.position, mark.position, document),
                )
                return True

    def keep(self, name: str, document: bytes) -> None:
        """Keep a document under a name, beside the state."""
        with self._file.errors("written"):
            connection = self._file.made()
            with self._file.transaction(connection):
                connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, document))

    def kept(self) -> dict[str, bytes]:
        """Return the documents that were kept, by name."""
        with self._file.errors("read"):
            connection = self._opened()
            if connection is None:
                return {}
            return dict(connection.execute("SELECT name, document FROM kept ORDER BY name"))

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        self._file.close()

    def __del__(self) -> None:
        self.close()

    def _opened(self) -> sqlite3.Connection | None:
        connection = self._file.opened()
        if connection is not self._connection:
            self._connection, self._end = connection, None
        return connection
