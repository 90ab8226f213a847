"""A document that lies in a SQLite file in pieces, so that it is written by short steps.

    piece, piece, ... of a draft, which nobody reads ──▶ head names the draft ──▶ the others go

Written at once, a long document keeps all others from the file, and a busy processor from what it
has to answer. What is left of a draft that was never finished goes with the next one that is.
"""

import sqlite3
from collections.abc import Iterator
from random import SystemRandom

PIECE_BYTES = 65_536
"""Bytes of one step: half a millisecond of processor time."""

_AT_ONCE = 8
"""Pieces that are thrown away in one step."""

_MOST = 1 << 20
"""Pieces of one draft, at most: 64 GB."""


class Draft:
    """A document on its way into the file.

    Parameters
    ----------
    document : bytes
    """

    def __init__(self, document: bytes) -> None:
        self.number = SystemRandom().randrange(1, 1 << 40)
        """What head names it by."""
        self._document = memoryview(document)
        self._first = self.number * _MOST
        self._n_pieces = -(-len(document) // PIECE_BYTES)

    def pieces(self) -> Iterator[tuple[int, memoryview]]:
        """Yield the rows of its pieces."""
        for number in range(self._n_pieces):
            start = number * PIECE_BYTES
            yield self._first + number, self._document[start : start + PIECE_BYTES]

    def is_whole(self, connection: sqlite3.Connection) -> bool:
        """Whether all pieces are there; another draft that was finished throws them away."""
        (n_pieces,) = connection.execute(
            "SELECT count(*) FROM piece WHERE id BETWEEN ? AND ?", self._ids
        ).fetchone()
        return bool(n_pieces == self._n_pieces)

    def drop(self, connection: sqlite3.Connection) -> None:
        """Throw its pieces away."""
        connection.execute("DELETE FROM piece WHERE id BETWEEN ? AND ?", self._ids)

    @property
    def _ids(self) -> tuple[int, int]:
        return self._first, self._first + _MOST - 1


_OF_HEAD = f"BETWEEN draft * {_MOST} AND draft * {_MOST} + {_MOST - 1}"


def read_pieces(connection: sqlite3.Connection) -> bytes:
    """Return the document whose draft head names."""
    rows = connection.execute(
        f"SELECT body FROM piece, head WHERE piece.id {_OF_HEAD} ORDER BY piece.id"
    )
    return b"".join(body for (body,) in rows)


def drop_unnamed(connection: sqlite3.Connection) -> bool:
    """Throw away some pieces of drafts that head does not name; return whether there were any.

    It may name another than a moment ago: who has folded is not the last to have done so.
    """
    dropped = connection.execute(
        "DELETE FROM piece WHERE id IN "
        f"(SELECT piece.id FROM piece, head WHERE piece.id NOT {_OF_HEAD} LIMIT {_AT_ONCE})"
    )
    return dropped.rowcount > 0
