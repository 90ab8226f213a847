"""One Parquet file of a table in the making: it gets its name when it is whole."""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from tracetier.table.place import sync
from tracetier.table.read import SUMMARY_KEY, PartInfo, file_sha256

if TYPE_CHECKING:
    import pyarrow as pa


class Part:
    """One Parquet file that is being written.

    Parameters
    ----------
    path : Path
        Its name in the end.
    schema : pa.Schema
        Of all that is appended.

    Attributes
    ----------
    n_rows, n_bytes : int
        So far; bytes as they stand in memory.
    """

    def __init__(self, path: Path, schema: "pa.Schema") -> None:
        import pyarrow.parquet as pq

        self.path, self.n_rows, self.n_bytes = path, 0, 0
        self._partial = path.with_name(path.name + ".partial")
        self._writer = pq.ParquetWriter(self._partial, schema, compression="zstd")

    def append(self, table: "pa.Table") -> None:
        """Add a row group."""
        self._writer.write_table(table)
        self.n_rows += table.num_rows
        self.n_bytes += table.nbytes

    def describe(self, account: bytes) -> None:
        """Keep an account of the table in the footer, where Arrow can still add to it."""
        add = getattr(self._writer, "add_key_value_metadata", None)
        if add is not None:
            add({SUMMARY_KEY: account})

    def close(self) -> PartInfo:
        """Write the footer and give the file its name."""
        self._writer.close()
        sync(self._partial)
        self._partial.rename(self.path)
        return PartInfo(self.path.name, self.n_rows, file_sha256(self.path))

    def abandon(self) -> None:
        """Leave it unfinished."""
        # A full disk refuses the footer too, or Arrow has closed the file already.
        with contextlib.suppress(OSError, ValueError):
            self._writer.close()
