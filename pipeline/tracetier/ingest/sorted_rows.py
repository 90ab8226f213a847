"""Rows on their way into a table, put in order of time as far as they fit in memory together.

Logs mostly come in order of time, and then the whole table does. Where they do not, each row group
is sorted in itself; its statistics tell readers of Parquet which times it holds.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tracetier.table import TableWriter
from tracetier.table.arrays import array_of_numbers, microseconds_of

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 50_000
GROUP_BYTES = 16 * 1024 * 1024
_MERGED = 32


class SortedRows:
    """Collects rows and writes them as row groups, each sorted by time.

    Rows of one time, and those without any, which come last, keep the order in which they came.

    Parameters
    ----------
    writer : TableWriter
        Of the table.
    tell : callable
        Takes the rows of each row group before it is sorted.
    """

    def __init__(self, writer: TableWriter, tell: "Callable[[pa.Table], None]") -> None:
        self._writer, self._tell = writer, tell
        self._held: list[pa.Table] = []
        self._loose: list[pa.Table] = []  # the last ones, each by itself
        self._n_rows = self._n_bytes = 0

    def add(self, table: "pa.Table") -> None:
        """Take some rows."""
        self._loose.append(table)
        if len(self._loose) >= _MERGED:
            self._merge()
        self._n_rows += table.num_rows
        self._n_bytes += table.nbytes
        if self._n_rows >= GROUP_ROWS or self._n_bytes >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        import pyarrow as pa

        self._merge()
        if self._held:
            table = pa.concat_tables(self._held, promote_options="default")
            self._held, self._n_rows, self._n_bytes = [], 0, 0
            self._tell(table)
            times = microseconds_of(table["timestamp"])
            if (times[1:] < times[:-1]).any():
                # As an Arrow array, since for one of numpy pandas would be imported.
                table = table.take(array_of_numbers(np.argsort(times, kind="stable")))
            self._writer.write_table(table)

    def _merge(self) -> None:
        """Put tables into one: a hundred columns of a row each take ten times as long to write."""
        import pyarrow as pa

        if self._loose:
            whole = pa.concat_tables(self._loose, promote_options="default")
            self._held.append(whole.combine_chunks())
            self._loose = []
