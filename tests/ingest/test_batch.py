"""What comes back from a reader in another process is what it read."""

import pickle
from pathlib import Path

import numpy as np

from tracetier.errors import RecordError
from tracetier.ingest.batch import Batch, Piece
from tracetier.ingest.read import read_piece
from tracetier.ingest.recipe import Recipe


def _handed_over(batch: Batch) -> Batch:
    found = pickle.loads(pickle.dumps(batch))
    assert isinstance(found, Batch)
    return found


def test_rows_arrive_as_they_were_read(shared: Path) -> None:
    """To the byte that they take, by which row groups end: the table is the same everywhere."""
    paths = sorted((shared / "samples").rglob("*.jsonl"))[:40]
    n_rows = 0
    for path in paths:
        for batch in read_piece(Piece(path=path), Recipe()):
            found = _handed_over(batch)
            assert (found.table is None) == (batch.table is None)
            if batch.table is not None and found.table is not None:
                n_rows += len(batch.table)
                assert found.table.equals(batch.table, check_metadata=True)
                assert found.table.nbytes == batch.table.nbytes
            assert np.array_equal(found.lines, batch.lines)
            assert (found.issues, found.n_bytes) == (batch.issues, batch.n_bytes)
    assert n_rows > 100


def test_an_error_arrives_too() -> None:
    """Where a file cannot be read there are no rows, but the reason."""
    batch = Batch(lines=np.zeros(0, np.int64), are_of_steps=False, issues=[], n_bytes=7)
    batch.error = RecordError("the end")
    found = _handed_over(batch)
    assert (found.table, found.n_bytes, str(found.error)) == (None, 7, "the end")
