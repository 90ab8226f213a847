"""What goes to a reader of files, wherever it runs, and what comes back: pieces and batches."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tracetier.errors import TracetierError
from tracetier.ingest.assemble.score_file import Key
from tracetier.ingest.assemble.score_tally import ScoreSummary
from tracetier.ingest.issue import Issue
from tracetier.ingest.spread import ALONE, FileIds, Sharing
from tracetier.ingest.steps import SharedSteps
from tracetier.records import Level

if TYPE_CHECKING:
    import pyarrow as pa


class Piece(Struct, frozen=True, kw_only=True):
    """A file, or the lines of it that begin in a range of bytes.

    Parameters
    ----------
    path : Path
        The file.
    is_named : bool
        Whether the user named it, so that it must be in a known format.
    span : (int, int), optional
        First byte, at the start of a line, and the byte after the last.
    is_first, is_last : bool
        Whether nothing of the file comes before, or after.
    sharing : Sharing
        What it shares with other files.
    format : str, optional
        Its format where that has been found already.
    """

    path: Path
    is_named: bool = False
    span: tuple[int, int] | None = None
    is_first: bool = True
    is_last: bool = True
    sharing: Sharing = ALONE
    format: str | None = None


class Counts(Struct, kw_only=True):
    """What is known of a piece once it is read; names as in a file's summary.

    ``stands_alone`` is told of the format here, so that who gathers need not load it.
    """

    format: str | None = None
    stands_alone: bool = False
    level: Level | None = None
    n_lines: int = 0
    n_read: int = 0
    n_no_step: int = 0
    n_rejected: int = 0
    n_duplicates: int = 0
    n_rows_left_out: int = 0
    n_shared: int = 0
    ignored_columns: tuple[str, ...] = ()
    notes: dict[str, int] = {}
    scores: tuple[ScoreSummary, ...] = ()
    redacted: dict[str, int] = {}
    outcomes_used: frozenset[Key] = frozenset()
    ids: FileIds | None = None


class Batch(Struct, kw_only=True):
    """Some rows of a piece.

    Attributes
    ----------
    table : pa.Table, optional
        All columns but those of the run; ``None`` where there is no row.
    lines : (n,) array of int64
        Where each row stands, counted within the piece.
    are_of_steps : bool
        Whether the rows were put together from steps; else each is a record of the file.
    issues : list of Issue
        With lines counted within the piece.
    n_bytes : int
        Bytes on disk that were read since the batch before.
    counts : Counts, optional
        With the last batch of a piece, and only there.
    is_last : bool
        Whether it ends the file.
    format, level : str, optional
        Of the file, as far as they are known.
    shared : list of SharedSteps
        To be put together with those of other files.
    error : TracetierError, optional
        What ended the reading. It is handed over and not raised, so that it comes up when it is
        this file's turn, whichever process was first.
    """

    table: "pa.Table | None" = None
    lines: NDArray[np.int64]
    are_of_steps: bool
    issues: list[Issue]
    n_bytes: int = 0
    counts: Counts | None = None
    is_last: bool = False
    format: str | None = None
    level: Level | None = None
    shared: list[SharedSteps] = []
    error: TracetierError | None = None

    def __reduce__(self) -> tuple[object, ...]:
        """Travel with the table as one block, where Arrow pickles each of a hundred columns."""
        told = {name: getattr(self, name) for name in self.__struct_fields__}
        block = None if self.table is None else _block(self.table)
        return _unpacked, (told | {"table": block},)


def _block(table: "pa.Table") -> "pa.Buffer":
    import pyarrow as pa

    block = pa.BufferOutputStream()
    with pa.ipc.new_stream(block, table.schema) as stream:
        stream.write_table(table)
    return block.getvalue()


def _unpacked(told: dict[str, Any]) -> Batch:
    import pyarrow as pa

    block = told["table"]
    table = None if block is None else pa.ipc.open_stream(block).read_all()
    return Batch(**told | {"table": table})
