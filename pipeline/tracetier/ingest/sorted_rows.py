"""Rows on their way into a table, put in order of time as far as they fit in memory together.

Logs mostly come in order of time, and then the whole table does. Where they do not, each row group
is sorted in itself; its statistics tell readers of Parquet which times it holds.
"""

from typing import TYPE_CHECKING

import numpy as np

from tracetier.table import TableWriter
from tracetier.table.arrays import microseconds_of

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 50_000
GROUP_BYTES = 16 * 1024 * 1024


class SortedRows:
    """Collects rows and writes them as row groups, each sorted by time.

    Rows of one time, and those without any, which come last, keep the order in which they came.
    """

    def __init__(self, writer: TableWriter) -> None:
        self._writer = writer
        self._held: list[pa.Table] = []
        self._n_rows = self._n_bytes = 0

    def add(self, table: "pa.Table") -> None:
        """Take some rows."""
        self._held.append(table)
        self._n_rows += table.num_rows
        self._n_bytes += table.nbytes
        if self._n_rows >= GROUP_ROWS or self._n_bytes >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        import pyarrow as pa

        if self._held:
            table = pa.concat_tables(self._held, promote_options="default")
            self._held, self._n_rows, self._n_bytes = [], 0, 0
            times = microseconds_of(table["timestamp"])
            if (times[1:] < times[:-1]).any():
                table = table.take(np.argsort(times, kind="stable"))
            self._writer.write_table(table)
