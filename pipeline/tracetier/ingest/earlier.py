"""The table of the run before, for what it holds of files that have not changed since.

Nothing is taken from a table that was made by another recipe, or whose files are not the ones that
it names. A file that is taken over must stand for itself: one whose rows met those of another
(duplicates, attributes of another type) is read again as soon as any file has changed.
"""

import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tracetier.errors import FormatError, TableError
from tracetier.ingest.ids_file import read_ids
from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import format_named, stands_alone
from tracetier.ingest.spread import FileIds
from tracetier.ingest.stamp import Surroundings
from tracetier.ingest.summary import FileSummary, IngestSummary
from tracetier.table import ATTR_PREFIX, ISSUES_NAME, SUMMARY_NAME, part_paths, read_info
from tracetier.table.read import file_sha256

if TYPE_CHECKING:
    import pyarrow as pa

_PARTS_HELD = 2  # files come in the order in which they were written


class Earlier:
    """A table of before, and its account."""

    def __init__(self, place: Path, summary: IngestSummary) -> None:
        self.summary = summary
        self._place = place
        self.by_path = {file.path: file for file in summary.files}
        self._parts_of: dict[str, list[Path]] | None = None
        self._issues: dict[str, list[pa.Table]] | None = None
        self._ids: dict[str, FileIds] | None = None
        self._load = lru_cache(_PARTS_HELD)(_by_file)

    def file(self, path: Path, name: str, stamp: str, around: Surroundings) -> FileSummary | None:
        """Return what was told of a file, if neither it nor what it hangs on has changed.

        ``name`` is what the table calls it, which is not its path where paths are redacted.
        """
        found = self.by_path.get(name)
        if found is None or found.stamp is None:
            return None
        try:
            alone = found.format is not None and stands_alone(format_named(found.format))
        except FormatError:
            return None  # of a package that is gone
        return found if found.stamp == around.stamp(path, stamp, stands_alone=alone) else None

    def summary_at(self, out: str | os.PathLike[str]) -> IngestSummary:
        """Return the account of the table as it stands, which may have been moved."""
        return msgspec.structs.replace(self.summary, out=str(Path(out).resolve()))

    def tables(self, path: str) -> Iterator["pa.Table"]:
        """Yield the rows of a file, without the attributes that none of them has."""
        if self._parts_of is None:
            self._parts_of = _parts_of(self._place)
        for part in self._parts_of.get(path, ()):
            for table in self._load(part, "source_file")[path]:
                unused = [
                    name
                    for name in table.column_names
                    if name.startswith(ATTR_PREFIX) and table[name].null_count == len(table)
                ]
                yield table.drop_columns(unused)

    def ids(self, path: str) -> FileIds | None:
        """Return what a file names, where that was kept."""
        if self._ids is None:
            self._ids = read_ids(self._place)
        return self._ids.get(path)

    def issues(self, path: str) -> Iterator[Issue]:
        """Yield the issues of a file."""
        if self._issues is None:
            self._issues = _by_file(self._place / ISSUES_NAME, "file")
        for table in self._issues.get(path, ()):
            yield from (Issue(**row) for row in table.to_pylist())


def find_earlier(place: Path, recipe: Callable[[], str]) -> Earlier | None:
    """Return the table at a place, ``None`` where there is none that may be built upon.

    Parameters
    ----------
    place : Path
        Where the new table will be.
    recipe : callable
        Returns the stamp of the recipe; that of the table must be the same. It is asked only where
        there is a table.
    """
    import pyarrow as pa

    try:
        info = read_info(place)
        summary = msgspec.json.decode((place / SUMMARY_NAME).read_bytes(), type=IngestSummary)
        if summary.recipe != recipe() or info.n_rows != summary.n_rows:
            return None
        if len({file.path for file in summary.files}) < len(summary.files):
            return None  # redacted to the same name: whose rows they are cannot be told
        parts = {path.name: path for path in part_paths(place)}
        if any(file_sha256(parts[part.name]) != part.sha256 for part in info.parts):
            return None
        issues = _n_rows(place / ISSUES_NAME)
    except (TableError, OSError, msgspec.MsgspecError, pa.ArrowException):
        return None  # then all is read, and the table replaced or refused as ever
    return Earlier(place, summary) if issues == sum(summary.issues.values()) else None


def _n_rows(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def _parts_of(place: Path) -> dict[str, list[Path]]:
    """Return the parts in which the rows of each file are."""
    import pyarrow.parquet as pq

    found: dict[str, list[Path]] = {}
    for part in part_paths(place):
        names = pq.ParquetFile(part).read(columns=["source_file"])["source_file"]
        for name in names.unique().to_pylist():
            found.setdefault(name, []).append(part)
    return found


def _by_file(path: Path, column: str) -> dict[str, list["pa.Table"]]:
    """Return the rows of a Parquet file by the file that they came from, in their order."""
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read()
    names = table[column].combine_chunks().dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names.dictionary) + 1))
    ordered = table.take(order)
    return {
        name: [ordered.slice(starts[i], starts[i + 1] - starts[i])]
        for i, name in enumerate(names.dictionary.to_pylist())
    }
