"""What needs all files, done in their order: types of attributes, duplicates, the account.

Batches come in from wherever they were read, and go out as rows of the table and issues. A file
that has not changed comes in from the table of the run before.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tracetier.errors import RecordError
from tracetier.ingest.assemble.score_file import Key
from tracetier.ingest.assemble.score_tally import merged
from tracetier.ingest.batch import Batch, Counts
from tracetier.ingest.earlier import Earlier
from tracetier.ingest.files import InputFile
from tracetier.ingest.issue import Fault, Issue, IssueLog, excerpt
from tracetier.ingest.join import Joining
from tracetier.ingest.privacy import shown_path
from tracetier.ingest.progress import Meter
from tracetier.ingest.recipe import Recipe
from tracetier.ingest.seen import SeenKeys
from tracetier.ingest.sorted_rows import SortedRows
from tracetier.ingest.spread import FileIds
from tracetier.ingest.stamp import Surroundings
from tracetier.ingest.summary import FileSummary, IngestSummary
from tracetier.ingest.tally import Tally
from tracetier.table import ATTR_PREFIX, SUMMARY_NAME, TableWriter
from tracetier.table.columns import kind_of


class Gathering:
    """One table in the making."""

    def __init__(
        self,
        writer: TableWriter,
        issues: IssueLog,
        recipe: Recipe,
        meter: Meter,
        around: Surroundings,
        joining: Joining,
    ) -> None:
        self._writer, self._issues, self._recipe = writer, issues, recipe
        self._meter, self._around, self._joining = meter, around, joining
        self._tally, self._seen = Tally(), SeenKeys()
        self._rows = SortedRows(writer, self._tally.add)
        self._attrs: dict[str, str] = {}
        self._files: list[FileSummary] = []
        self._reasons: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._unmapped: Counter[str] = Counter()
        self._outcomes_used: set[Key] = set()

    def take(self, file: InputFile, stamp: str, batches: Iterator[Batch]) -> FileIds | None:
        """Take the batches of one file, to its end and no further; return what it names."""
        summary = FileSummary(path=self._name(file), n_bytes=file.n_bytes)
        number = len(self._files)
        self._files.append(summary)
        n_before = self._meter.n_done
        n_lines = 0  # of the pieces before
        ids: FileIds | None = None
        stands_alone = False
        is_open = True
        while is_open:
            batch = next(batches)
            self._take(batch, summary, n_lines)
            self._take_joined(self._joining.add(number, file, batch))
            self._meter.advance(batch.n_bytes)
            if batch.error is not None:
                raise batch.error
            if batch.counts is not None:
                _add_counts(summary, batch.counts)
                self._outcomes_used |= batch.counts.outcomes_used
                n_lines += batch.counts.n_lines
                stands_alone = batch.counts.stands_alone
                ids = ids if batch.counts.ids is None else batch.counts.ids.with_others(ids)
                is_open = not batch.is_last
        self._take_joined(self._joining.close_until(number))
        summary.stamp = self._around.stamp(file.path, stamp, stands_alone=stands_alone)
        # What was skipped, or grew.
        self._meter.advance(n_before + file.n_bytes - self._meter.n_done)
        return ids

    def take_over(self, file: InputFile, earlier: Earlier) -> bool:
        """Take what an earlier table holds of a file; not if its rows meet those of others."""
        before = earlier.by_path[self._name(file)]
        if any(self._clashes(table) for table in earlier.tables(before.path)):
            return False
        self._files.append(before)
        for table in earlier.tables(before.path):
            self._seen.add(_keys(table))
            for name in _attrs(table):
                self._attrs.setdefault(name, kind_of(table.schema.field(name).type))
            self._rows.add(table)
        for issue in earlier.issues(before.path):
            self._note(issue)
        self._meter.advance(file.n_bytes)
        return True

    def finish(self, recipe_stamp: str) -> IngestSummary:
        """Write what is left and return the account."""
        given = self._recipe.judges.given
        self._take_joined(self._joining.finish())
        if given is not None:
            self._outcomes_used |= given.used
        for issue in () if given is None else given.issues:
            self._note(issue)
        self._rows.flush()
        if not any(file.n_rows for file in self._files):
            self._refuse_empty()
        declared = self._recipe.tiers
        reasons = sorted(self._reasons, key=lambda reason: (-self._reasons[reason], reason))
        summary = self._tally.summary(
            out=str(self._writer.out),
            files=tuple(self._files),
            declared=None if declared is None else declared.names,
            issues=self._reasons,
            first_issues=tuple(self._first[reason] for reason in reasons),
            notes=sum((Counter(file.notes) for file in self._files), self._joining.notes),
            redacted=sum((Counter(file.redacted) for file in self._files), Counter[str]()),
            scores=merged(score for file in self._files for score in file.scores),
            n_outcomes_unused=0 if given is None else given.n_keys - len(self._outcomes_used),
            unmapped=dict(sorted(self._unmapped.items(), key=lambda item: (-item[1], item[0]))),
            recipe=recipe_stamp,
        )
        with self._writer.storing():
            self._issues.close()
            out = shown_path(self._writer.out, self._recipe.privacy)
            kept = msgspec.structs.replace(summary, out=out)
            plain = msgspec.json.format(msgspec.json.encode(kept.to_dict()))
            (self._writer.dir / SUMMARY_NAME).write_bytes(plain + b"\n")
            self._writer.describe(msgspec.json.encode(summary.account()))
        is_ordered = summary.tier_order != "unknown"
        self._writer.close(tuple(tier.name for tier in summary.tiers) if is_ordered else ())
        return summary

    def _name(self, file: InputFile) -> str:
        """Return what the table and its account call a file."""
        return shown_path(file.path, self._recipe.privacy)

    def _take_joined(self, batches: Iterator[tuple[int, Batch]]) -> None:
        """Take rows that were put together from several files, each into its own."""
        for number, batch in batches:
            summary = self._files[number]
            self._take(batch, summary, 0)
            if batch.counts is not None:
                for name in _COUNTS:
                    old = getattr(summary, name)
                    setattr(summary, name, old + getattr(batch.counts, name))
                summary.redacted = dict(Counter(summary.redacted) + Counter(batch.counts.redacted))
                summary.notes = dict(Counter(summary.notes) + Counter(batch.counts.notes))

    def _take(self, batch: Batch, summary: FileSummary, n_lines: int) -> None:
        if batch.table is not None:
            table, left_out = self._accepted(batch.table, batch.lines + n_lines, summary.path)
            n_out = len(left_out)
            summary.n_rows += len(table)
            summary.n_clashes += n_out
            if batch.are_of_steps:
                summary.n_rows_left_out += n_out
            else:
                n_twice = sum(issue.is_duplicate for issue in left_out)
                summary.n_read += len(table)
                summary.n_duplicates += n_twice
                summary.n_rejected += n_out - n_twice
            for issue in left_out:
                self._note(issue)
            if len(table):
                self._rows.add(table)
        for issue in batch.issues:
            at = None if issue.line is None else issue.line + n_lines
            self._note(msgspec.structs.replace(issue, line=at))

    def _accepted(
        self, table: pa.Table, lines: NDArray[np.int64], path: str
    ) -> tuple[pa.Table, list[Issue]]:
        """Return the rows that fit those before, and an issue for each other."""
        faults: dict[int, Fault] = {}
        for name in _attrs(table):
            kind = kind_of(table.schema.field(name).type)
            known = self._attrs.setdefault(name, kind)
            if kind != known:
                for i in np.flatnonzero(table[name].is_valid().to_numpy()).tolist():
                    faults.setdefault(i, _attr_fault(name, kind, known, table[name][i].as_py()))
                table = table.drop_columns([name])
        rest = np.array([i for i in range(len(table)) if i not in faults], np.int64)
        keys = _keys(table.take(rest) if faults else table)
        is_new = self._seen.add(keys)
        for j in np.flatnonzero(~is_new).tolist():
            faults[int(rest[j])] = _duplicate(*keys[j])
        issues = [_issue(path, int(lines[i]), fault) for i, fault in sorted(faults.items())]
        return (table.take(rest[is_new]) if faults else table), issues

    def _clashes(self, table: pa.Table) -> bool:
        """Whether rows of a table do not fit those before."""
        kinds = {name: kind_of(table.schema.field(name).type) for name in _attrs(table)}
        is_other = any(self._attrs.get(name, kind) != kind for name, kind in kinds.items())
        return is_other or self._seen.has_any(_keys(table))

    def _note(self, issue: Issue) -> None:
        """Keep an issue; with ``strict`` it is the end."""
        if self._recipe.strict:
            raise RecordError(f"{issue}; without strict it would be kept as an issue")
        self._reasons[issue.reason] += 1
        if issue.reason == "undeclared_tier" and len(self._unmapped) < _MOST_MODELS:
            self._unmapped[issue.value.strip("'")] += 1
        self._first.setdefault(issue.reason, str(issue))
        with self._writer.storing():
            self._issues.add(issue)

    def _refuse_empty(self) -> None:
        n_records = sum(file.n_records for file in self._files)
        told = "".join(f"\n  {issue}" for issue in self._first.values())
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in self._reasons.most_common())
        raise RecordError(
            f"no row could be read: {n_records:,} records in {len(self._files):,} files"
            + (f" ({reasons}){told}" if reasons else "; give logs that are not empty")
        )


_MOST_MODELS = 1_000
_COUNTS = ("n_read", "n_no_step", "n_rejected", "n_duplicates", "n_rows_left_out", "n_shared")


def _add_counts(summary: FileSummary, counts: Counts) -> None:
    summary.format, summary.level = counts.format, counts.level
    for name in _COUNTS:
        setattr(summary, name, getattr(summary, name) + getattr(counts, name))
    summary.ignored_columns = counts.ignored_columns
    summary.redacted = dict(Counter(summary.redacted) + Counter(counts.redacted))
    summary.notes = dict(Counter(summary.notes) + Counter(counts.notes))
    summary.scores = merged([*summary.scores, *counts.scores])


def _issue(path: str, line: int, fault: Fault) -> Issue:
    return Issue(
        file=path,
        line=line,
        pointer=fault.pointer,
        reason=fault.reason,
        message=str(fault),
        value=excerpt(fault.value),
    )


def _attrs(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if name.startswith(ATTR_PREFIX)]


def _keys(table: pa.Table) -> list[tuple[str, str | None]]:
    traces, spans = table["trace_id"].to_pylist(), table["span_id"].to_pylist()
    return list(zip(traces, spans, strict=True))


def _attr_fault(name: str, kind: str, before: str, value: object) -> Fault:
    message = f"{name} is a {kind}, was a {before} before; keep to one type"
    return Fault("attr_type", message, pointer=name, value=value)


def _duplicate(trace_id: str, span_id: str | None) -> Fault:
    id_ = trace_id if span_id is None else f"{trace_id} / {span_id}"
    return Fault(
        "duplicate",
        f"id {id_[:80]!r} was read before, and only its first record is kept",
        pointer="trace_id",
    )
