"""Logs → feature table: every record becomes a row, an issue or a known duplicate.

Formats only read. What holds for all of them is done here: the check of the values, the tier, the
price, the duplicates, the table and the account of it all. Rows keep the order of the files and,
within a file, of its records. Memory does not grow with the input, but for 25 bytes a row by which
duplicates and tasks are known.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from tracetier.errors import FormatError, RecordError
from tracetier.features.extract import X_COLUMNS, extract_row
from tracetier.features.spec import fingerprint
from tracetier.ingest.check import AttrTypes, find_fault
from tracetier.ingest.files import InputFile, PathLike, find_files
from tracetier.ingest.issue import Fault, Issue, IssueLog
from tracetier.ingest.mapping import ColumnMap, read_mapping
from tracetier.ingest.registry import (
    Context,
    Format,
    detect_format,
    format_named,
    refuse_unreadable,
)
from tracetier.ingest.resolve import Resolver
from tracetier.ingest.seen import SeenKeys
from tracetier.ingest.source import Source
from tracetier.ingest.summary import FileSummary, IngestSummary, Tally
from tracetier.records import Invocation
from tracetier.settings import Settings
from tracetier.table import ISSUES_NAME, SUMMARY_NAME, TableWriter
from tracetier.tiers import TierSet

Progress = Callable[[int, int], None]
BATCH_ROWS = 5_000


def ingest(
    paths: PathLike | Iterable[PathLike],
    out: PathLike,
    *,
    format: str | None = None,
    tiers: TierSet | None = None,
    mapping: PathLike | Mapping[str, object] | ColumnMap | None = None,
    strict: bool = False,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> IngestSummary:
    """Read logs into a feature table.

    Parameters
    ----------
    paths : path or paths
        Files, folders (searched for all files), or feature tables.
    out : path
        The table's directory: new, empty, or a table, which is replaced once the new one is whole.
    format : str, optional
        Format of all files; by default each is recognised.
    tiers : TierSet, optional
        Declared tiers; by default those of ``settings``. Where none are declared, the tier of a
        row is what it states, else its Claude family, else its model, and the tiers are
        ordered by their mean cost.
    mapping : path, mapping or ColumnMap, optional
        The user's own map, see `read_mapping`; it makes ``mapped`` the format of all files.
    strict : bool
        Stop at the first issue.
    settings : Settings, optional
        Of the project.
    progress : callable, optional
        Called with the bytes read so far and those to read in all.

    Returns
    -------
    IngestSummary
        Also kept as ``summary.json`` in the table, beside ``issues.parquet``.

    Raises
    ------
    InputError
        If a path is wrong; `FormatError` for a named file in no known format, or where a folder
        holds no other; `RecordError` where no record could be read, or with ``strict`` for the
        first issue; `TableError` where ``out`` may not be replaced.
    StorageError
        If the disk refuses.
    """
    files = find_files(paths)
    declared = tiers or (settings.tier_set if settings else None)
    if mapping is not None and not isinstance(mapping, ColumnMap):
        mapping = read_mapping(mapping)
    chosen = format_named(format or "mapped") if format or mapping else None
    meter = _Meter(sum(file.n_bytes for file in files), progress)
    new_table = TableWriter(
        out,
        x_columns=X_COLUMNS,
        extract=extract_row,
        tiers=declared.names if declared else (),
        feature_fingerprint=fingerprint(),
    )
    with new_table as writer, IssueLog(writer.dir / ISSUES_NAME) as issues:
        run = _Run(writer, issues, declared, Context(mapping), strict=strict)
        for file in files:
            run.read(file, chosen, meter)
        return run.finish()


class _Meter:
    """Adds up the bytes that were read."""

    def __init__(self, n_total: int, progress: Progress | None) -> None:
        self.n_done, self.n_total, self._progress = 0, n_total, progress

    def advance(self, n_bytes: int) -> None:
        self.n_done += n_bytes
        if self._progress is not None:
            self._progress(self.n_done, self.n_total)


class _Run:
    """One table in the making."""

    def __init__(
        self,
        writer: TableWriter,
        issues: IssueLog,
        declared: TierSet | None,
        context: Context,
        *,
        strict: bool,
    ) -> None:
        self._writer, self._issues = writer, issues
        self._declared, self._context, self._strict = declared, context, strict
        self._resolver, self._attrs = Resolver(declared), AttrTypes()
        self._seen, self._tally = SeenKeys(), Tally()
        self._files: list[FileSummary] = []
        self._pending: list[tuple[Invocation, FileSummary, int]] = []
        self._reasons: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def read(self, file: InputFile, chosen: Format | None, meter: _Meter) -> None:
        """Read one file to its end."""
        source = Source(file.path, on_bytes=meter.advance)
        summary = FileSummary(path=source.name, n_bytes=file.n_bytes)
        self._files.append(summary)
        n_before = meter.n_done
        found = self._format(file, source, chosen)
        if found is not None:
            summary.format = found.name
            for item in found.read(source, self._context):
                self._take(item, source, summary)
            summary.ignored_columns = tuple(sorted(source.ignored))
        meter.advance(n_before + file.n_bytes - meter.n_done)  # what was skipped, or grew

    def finish(self) -> IngestSummary:
        """Write what is left and return the account."""
        self._flush()
        n_records = sum(file.n_records for file in self._files)
        if not any(file.n_rows for file in self._files):
            self._refuse_empty(n_records)
        summary = self._tally.summary(
            out=str(self._writer.out),
            files=tuple(self._files),
            declared=None if self._declared is None else self._declared.names,
            issues=self._reasons,
            first_issues=tuple(self._first.values()),
        )
        with self._writer.storing():
            self._issues.close()
            plain = msgspec.json.format(msgspec.json.encode(summary.to_dict()))
            (self._writer.dir / SUMMARY_NAME).write_bytes(plain + b"\n")
        is_ordered = summary.tier_order != "unknown"
        self._writer.close(tuple(tier.name for tier in summary.tiers) if is_ordered else ())
        return summary

    def _format(self, file: InputFile, source: Source, chosen: Format | None) -> Format | None:
        """Return the format of a file; a stray file in a folder is an issue, not an error."""
        if source.head.kind == "empty":
            fault = Fault("empty", "file is empty")
            self._note(source.issue(fault, is_of_file=True), self._files[-1])
            return None
        try:
            refuse_unreadable(source.head)
            return chosen or detect_format(source.head)
        except FormatError as error:
            if file.is_named or self._strict:
                raise
            fault = Fault("unknown_format", str(error).removeprefix(f"{str(file.path)!r} "))
            self._note(source.issue(fault, is_of_file=True), self._files[-1])
            return None

    def _take(self, item: Invocation | Issue, source: Source, summary: FileSummary) -> None:
        if isinstance(item, Issue):
            self._note(item, summary)
            return
        fault = find_fault(item) or (self._attrs.find_fault(item) if item.attrs else None)
        if fault is None:
            try:
                row = self._resolver.resolve(item)
                self._pending.append((row, summary, source.line))
            except Fault as found:
                fault = found
        if fault is not None:
            self._note(source.issue(fault), summary)
        elif len(self._pending) >= BATCH_ROWS:
            self._flush()

    def _note(self, issue: Issue, summary: FileSummary) -> None:
        """Count an issue and keep it; with ``strict`` it is the end, but for earlier ones."""
        if self._strict:
            self._flush()
            raise RecordError(f"{issue}; without strict it would be kept as an issue")
        if issue.is_duplicate:
            summary.n_duplicates += 1
        elif issue.line is not None:
            summary.n_rejected += 1
        self._reasons[issue.reason] += 1
        self._first.setdefault(issue.reason, str(issue))
        with self._writer.storing():
            self._issues.add(issue)

    def _flush(self) -> None:
        """Write the pending rows, but for those whose ids came before."""
        pending, self._pending = self._pending, []
        is_new = self._seen.add((row.trace_id, row.span_id) for row, _, _ in pending)
        fresh = []
        for entry, is_first in zip(pending, is_new, strict=True):
            if is_first:
                fresh.append(entry)
            else:
                self._note_duplicate(*entry)
        if fresh:
            self._write(fresh)

    def _note_duplicate(self, row: Invocation, summary: FileSummary, line: int) -> None:
        id_ = row.trace_id if row.span_id is None else f"{row.trace_id} / {row.span_id}"
        issue = Issue(
            file=summary.path,
            line=line,
            pointer="trace_id",
            reason="duplicate",
            message=f"id {id_[:80]!r} was read before, and only its first record is kept",
        )
        self._note(issue, summary)

    def _write(self, entries: list[tuple[Invocation, FileSummary, int]]) -> None:
        for _, summary, _ in entries:
            summary.n_rows += 1
        table = self._writer.write(
            [row for row, _, _ in entries],
            source_format=[summary.format for _, summary, _ in entries],
            source_file=[summary.path for _, summary, _ in entries],
        )
        self._tally.add(table)

    def _refuse_empty(self, n_records: int) -> None:
        told = "".join(f"\n  {issue}" for issue in self._first.values())
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in self._reasons.most_common())
        raise RecordError(
            f"no row could be read: {n_records:,} records in {len(self._files):,} files"
            + (f" ({reasons}){told}" if reasons else "; give logs that are not empty")
        )
