"""One file, or a range of its lines → checked rows with their features, as Arrow batches.

All that is heavy happens here, and nothing here knows of other files: what comes out follows from
the arguments and the file's bytes alone. So it may run in any process, on any machine that sees
the file, and again where one died. What needs all files (duplicates, the types of attributes, the
account of the run) is done afterwards, in the order of the files.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from tracetier.errors import FormatError, TracetierError
from tracetier.features.extract import X_COLUMNS, extract_row
from tracetier.ingest.assemble.group import Grouper
from tracetier.ingest.assemble.judge import given_quality
from tracetier.ingest.assemble.score_tally import ScoreSummary, ScoreTally
from tracetier.ingest.batch import Batch, Counts, Piece
from tracetier.ingest.check import AttrTypes, find_fault
from tracetier.ingest.ids import Names, is_spread
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.privacy import (
    forget_features,
    protect,
    protect_issue,
    protect_text,
    shown_path,
    with_given_features,
    withhold_texts,
)
from tracetier.ingest.recipe import Recipe
from tracetier.ingest.registry import (
    Context,
    Format,
    Item,
    detect_format,
    format_named,
    refuse_unreadable,
    stands_alone,
)
from tracetier.ingest.resolve import Resolver
from tracetier.ingest.source import Source
from tracetier.ingest.span import PartOfStep
from tracetier.ingest.spread import Sharing
from tracetier.ingest.steps import SharedSteps, StepFault, StepRow, Steps
from tracetier.ingest.told import OF_STEPS, Told, invocations
from tracetier.records import Invocation, Level
from tracetier.table.arrays import Features, rows_table

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 5_000
_BATCH_BYTES = 16 * 1024 * 1024  # of the file, so that progress is told where rows are few


class ReadPiece(Struct, frozen=True):
    """`read_piece` with the recipe of a run, as it travels to a worker."""

    recipe: Recipe

    def __call__(self, piece: Piece) -> Iterator[Batch]:
        """Read a piece."""
        return read_piece(piece, self.recipe)


def read_piece(piece: Piece, recipe: Recipe) -> Iterator[Batch]:
    """Read a piece to its end, or with ``strict`` to its first issue.

    Yields
    ------
    Batch
        At most `BATCH_ROWS` rows or so each; the last one has counts or an error.
    """
    reading = Reading(piece, recipe)
    try:
        yield from reading.batches()
    except TracetierError as error:
        yield reading.take_batch(error=error)


class Reading:
    """One piece on its way.

    Parameters
    ----------
    piece : Piece
    recipe : Recipe
    """

    def __init__(self, piece: Piece, recipe: Recipe) -> None:
        self._piece, self._recipe = piece, recipe
        self._source = Source(piece.path, on_bytes=self._advance, span=piece.span)
        self._resolver, self._attrs = Resolver(recipe.tiers, recipe.default_model), AttrTypes()
        self._features = Features(extract_row, len(X_COLUMNS))
        self._counts, self._redacted = Counts(), Counter[str]()
        self._rows: list[Invocation] = []
        self._lines: list[int] = []
        self._issues: list[Issue] = []
        self._shared: list[SharedSteps] = []
        self._n_bytes, self._has_steps = 0, False
        self._level: Level | None = None

    def batches(self) -> Iterator[Batch]:
        """Yield the piece's batches; the last one has counts."""
        found = self._format()
        if found is not None:
            self._counts.format, self._counts.stands_alone = found.name, stands_alone(found)
            yield from self._read(found)
            self._counts.ignored_columns = self._safe_names(self._source.ignored)
        self._counts.n_lines = self._source.line
        self._counts.redacted = dict(self._redacted)
        yield self.take_batch(counts=self._counts)

    def _read(self, found: Format) -> Iterator[Batch]:
        counts, recipe = self._counts, self._recipe
        level = self._level = recipe.level or found.level
        tally = ScoreTally(recipe.judges.scores)
        sharing = self._piece.sharing
        steps = Steps(
            level,
            price=self._resolver.price,
            judges=recipe.judges,
            tally=tally,
            grouper=_grouper(sharing) if sharing else None,
            is_sharing=bool(sharing),
        )
        for told, line in invocations(self._items(found), steps):
            self._take(told, line)
            if recipe.strict and self._issues:
                return
            if self._is_full:
                yield self.take_batch()
        counts.level = level if self._has_steps else None
        counts.n_read += steps.n_read
        counts.notes, counts.scores = dict(steps.notes), self._safe_scores(tally.summaries())
        self._note_default()
        if recipe.judges.given is not None:
            counts.outcomes_used = frozenset(recipe.judges.given.used)

    def _note_default(self) -> None:
        if n_by_default := self._resolver.n_by_default:
            self._counts.notes = self._counts.notes | {"by_default_model": n_by_default}

    def take_batch(
        self, counts: Counts | None = None, error: TracetierError | None = None
    ) -> Batch:
        """Return what has been read since the last time."""
        rows, self._rows = self._rows, []
        lines, self._lines = np.array(self._lines, np.int64), []
        issues, self._issues = self._issues, []
        shared, self._shared = self._shared, []
        n_bytes, self._n_bytes = self._n_bytes, 0
        return Batch(
            table=self._table(rows) if rows else None,
            lines=lines,
            are_of_steps=self._has_steps,
            issues=issues,
            n_bytes=n_bytes,
            counts=counts,
            is_last=counts is not None and self._piece.is_last,
            format=self._counts.format,
            level=self._level,
            shared=shared,
            error=error,
        )

    def _table(self, rows: list[Invocation]) -> "pa.Table":
        privacy = self._recipe.privacy
        table = rows_table(
            rows,
            self._features,
            X_COLUMNS,
            source_format=self._counts.format,
            source_file=shown_path(self._piece.path, privacy),
        )
        table = with_given_features(forget_features(table), rows)
        return withhold_texts(table, privacy, are_of_steps=self._has_steps)

    def _safe_scores(self, scores: tuple[ScoreSummary, ...]) -> tuple[ScoreSummary, ...]:
        """Return what is told of scores without secrets: names and labels come from the logs."""
        privacy, found = self._recipe.privacy, self._redacted
        return tuple(
            msgspec.structs.replace(
                score,
                name=protect_text(score.name, privacy, found),
                labels=tuple(protect_text(label, privacy, found) for label in score.labels),
            )
            for score in scores
        )

    def _safe_names(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return names of a file's own; a file without a header has its first row for them."""
        privacy, found = self._recipe.privacy, self._redacted
        return tuple(sorted({protect_text(name, privacy, found) for name in names}))

    @property
    def _is_full(self) -> bool:
        n_held = len(self._rows) + len(self._issues)
        return n_held >= BATCH_ROWS or self._n_bytes >= _BATCH_BYTES

    def _advance(self, n_bytes: int) -> None:
        self._n_bytes += n_bytes

    def _format(self) -> Format | None:
        """Return the format; a stray file in a folder is an issue, not an error."""
        head = self._source.head
        if head.kind == "empty":
            self._note_file(Fault("empty", "file is empty"))
            return None
        try:
            refuse_unreadable(head)
            named = self._recipe.format or self._piece.format
            return format_named(named) if named else detect_format(head)
        except FormatError as error:
            if self._piece.is_named or self._recipe.strict:
                raise
            told = str(error).removeprefix(f"{str(self._piece.path)!r} ")
            self._note_file(Fault("unknown_format", told))
            return None

    def _items(self, found: Format) -> Iterator[tuple[Item, int]]:
        source, names = self._source, Names()
        seeks_tests = self._recipe.judges.proxies is not None
        for item in found.read(source, Context(self._recipe.mapping, seeks_tests)):
            if isinstance(item, OF_STEPS):
                self._has_steps = True
                names.add(item)
            yield item, source.line
        if is_spread(found):
            self._counts.ids = names.ids(found.name)

    def _take(self, told: Told, line: int) -> None:
        if isinstance(told, Invocation):
            self._keep(given_quality(self._recipe.judges, told), line)
        elif isinstance(told, StepRow):
            before = self._resolver.tier_of(told.row.last_tier)
            row = msgspec.structs.replace(told.row, last_tier=before)
            self._keep(row, line, is_of_steps=True)
        elif isinstance(told, StepFault):
            self._note(self._issue(told.fault, line), is_record=told.is_record)
        elif isinstance(told, SharedSteps):
            self._counts.n_shared += len(told.steps) + len(told.additions)
            self._shared.append(told)
        elif isinstance(told, Issue):
            self._note(told, is_record=told.line is not None)
        elif isinstance(told, PartOfStep):
            self._counts.n_read += 1
        else:
            self._counts.n_no_step += 1

    def _keep(self, row: Invocation, line: int, *, is_of_steps: bool = False) -> None:
        fault = find_fault(row) or (self._attrs.find_fault(row) if row.attrs else None)
        if fault is None:
            try:
                safe = protect(row, self._recipe.privacy, self._redacted)
                self._rows.append(self._resolver.resolve(safe, is_priced=is_of_steps))
                self._lines.append(line)
                return
            except Fault as found:
                fault = found
        self._counts.n_rows_left_out += is_of_steps
        self._note(self._issue(fault, line), is_record=not is_of_steps)

    def _issue(self, fault: Fault, line: int) -> Issue:
        return msgspec.structs.replace(self._source.issue(fault), line=line)

    def _note_file(self, fault: Fault) -> None:
        self._note(self._source.issue(fault, is_of_file=True), is_record=False)

    def _note(self, issue: Issue, *, is_record: bool) -> None:
        if is_record and issue.is_duplicate:
            self._counts.n_duplicates += 1
        elif is_record:
            self._counts.n_rejected += 1
        if issue.line is not None or self._piece.is_first:  # of the whole file it is said once
            self._issues.append(protect_issue(issue, self._recipe.privacy, self._redacted))


def _grouper(sharing: Sharing) -> Grouper[int]:
    wants = sharing.wants if len(sharing.lone) else None
    return Grouper[int](is_shared=sharing.holds_group, wants=wants)
