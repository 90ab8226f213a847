"""The steps of one file on their way to rows.

Steps are checked and counted as they come, grouped by trace and session, and assembled when their
group is whole. A step that is told twice in a file counts once; that a whole run stands in two
files is seen by its row.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tracetier.ingest.assemble.assemble import assemble
from tracetier.ingest.assemble.group import Batch, Grouper
from tracetier.ingest.assemble.judge import Judges
from tracetier.ingest.assemble.numbers import Price
from tracetier.ingest.assemble.score_tally import ScoreTally
from tracetier.ingest.check import find_span_fault
from tracetier.ingest.issue import Fault
from tracetier.ingest.seen import SeenKeys
from tracetier.ingest.span import Addition, Span
from tracetier.records import Invocation, Level

_PENDING = 1_000


class StepRow(NamedTuple):
    """A row, and the line of the step that it is."""

    row: Invocation
    line: int


class StepFault(NamedTuple):
    """What is wrong with a step, or with how it hangs together with others.

    Attributes
    ----------
    is_record : bool
        Whether the step's record is lost by it.
    """

    fault: Fault
    line: int
    is_record: bool


class SharedSteps(NamedTuple):
    """Steps of traces of which other files tell too, each with its line, and words on them."""

    steps: Sequence[tuple[Span, int]]
    additions: Sequence[Addition]
    line: int = 0


Out = StepRow | StepFault | SharedSteps


class Steps:
    """Takes the steps of one file and gives rows.

    Parameters
    ----------
    level : {"call", "agent_run", "task"}
        What is routed.
    price : callable
        From a call to its cost by its tokens.
    judges : Judges
        By what quality is judged.
    tally : ScoreTally
        Counts the scores.
    grouper : Grouper, optional
        Holds what is not whole yet.
    is_sharing : bool
        Whether words on steps that are not here may be on those of other files.

    Attributes
    ----------
    n_read : int
        Records that were a step, or told of one.
    notes : Counter of str
        What was found and gave no row.
    """

    def __init__(
        self,
        level: Level,
        *,
        price: Price,
        judges: Judges,
        tally: ScoreTally,
        grouper: Grouper[int] | None = None,
        is_sharing: bool = False,
    ) -> None:
        self.n_read = 0
        self.notes: Counter[str] = Counter()
        self._level: Level = level
        self._price, self._judges, self._tally = price, judges, tally
        self._grouper = grouper or Grouper[int]()
        self._is_sharing = is_sharing
        self._pending: list[tuple[Span, int]] = []
        self._seen = SeenKeys()

    def add(self, item: Span | Addition, line: int) -> Iterable[Out]:
        """Take a step, or a word on one; gives what has become ready by it."""
        if isinstance(item, Addition):
            self.n_read += 1
            self._tally.add(item.scores)
            self._grouper.add_addition(item)
        elif fault := find_span_fault(item):
            return (StepFault(fault, line, is_record=item.is_record),)
        else:
            self._pending.append((item, line))
            if len(self._pending) >= _PENDING:
                return self._group()
        return ()

    def close_until(self, file: int) -> Iterator[Out]:
        """Yield what is whole once a file is read, the last that tells of it."""
        yield from self._group()
        for batch in self._grouper.close_until(file):
            yield from self._assemble(batch)

    def finish(self) -> Iterator[Out]:
        """Yield all that is left."""
        yield from self._group()
        for batch in self._grouper.finish():
            yield from self._assemble(batch)
        if not self._is_sharing:
            self._note_left(self._grouper.loose)
        elif self._grouper.loose:
            yield SharedSteps((), self._grouper.loose)
        self.notes["late_steps"] += self._grouper.n_late
        self.notes["cut_traces"] += self._grouper.n_cut
        self.notes = +self.notes

    def _group(self) -> Iterator[Out]:
        pending, self._pending = self._pending, []
        is_new = self._seen.add((span.trace_id, span.span_id) for span, _ in pending)
        for (span, line), is_first in zip(pending, is_new.tolist(), strict=True):
            if is_first:
                self.n_read += span.is_record
                if span.scores:
                    self._tally.add(span.scores)
                self._grouper.add(span, line)
            else:
                yield StepFault(_repeated(span), line, is_record=span.is_record)
        for batch in self._grouper.overflow():
            yield from self._assemble(batch)

    def _assemble(self, batch: Batch[int]) -> Iterator[Out]:
        if batch.is_shared:
            steps = list(zip(batch.spans, batch.origins, strict=True))
            yield SharedSteps(steps, batch.additions)
            return
        found = assemble(
            batch.spans,
            self._level,
            additions=batch.additions,
            price=self._price,
            judges=self._judges,
            parts=batch.parts,
        )
        self.notes += found.counts
        self._note_left(self._grouper.put_back(found.left))
        lines = {
            (span.trace_id, span.span_id): line
            for span, line in zip(batch.spans, batch.origins, strict=True)
        }
        for span in found.circles:
            yield StepFault(_circle(span), lines[span.trace_id, span.span_id], is_record=False)
        for row in found.rows:
            yield StepRow(row, lines[row.trace_id, row.span_id or ""])

    def _note_left(self, additions: list[Addition]) -> None:
        self.notes["unplaced_scores"] += sum(len(addition.scores) for addition in additions)


def _repeated(span: Span) -> Fault:
    message = f"step {span.span_id[:80]!r} was read before, and only its first record is kept"
    return Fault("duplicate", message, pointer="span_id", value=span.span_id)


def _circle(span: Span) -> Fault:
    return Fault(
        "circle",
        f"step {span.span_id[:80]!r} is its own ancestor; it is taken for a root",
        pointer="parent_id",
        value=span.parent_id,
    )
