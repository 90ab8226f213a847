"""What a piece of a file tells: what its reader hands out, with the steps put together to rows."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from tracetier.ingest.issue import Issue
from tracetier.ingest.registry import Item
from tracetier.ingest.span import Addition, NoStep, PartOfStep, Span
from tracetier.ingest.steps import SharedSteps, StepFault, StepRow, Steps
from tracetier.records import Invocation

OF_STEPS = (Span, Addition)
"""What is put together; to test for a union of them takes four times as long."""

Told: TypeAlias = Invocation | Issue | NoStep | PartOfStep | StepRow | StepFault | SharedSteps
"""What comes of a record, or of several."""


def invocations(items: Iterable[tuple[Item, int]], steps: Steps) -> Iterator[tuple[Told, int]]:
    """Put the steps among a reader's items together to rows, and pass on all else.

    Parameters
    ----------
    items : iterable of (item, line)
        Of one piece, in the order of the file.
    steps : Steps
        Puts them together.

    Yields
    ------
    (Told, int)
        With the line of the record that it comes from.
    """
    for item, line in items:
        if isinstance(item, OF_STEPS):
            for found in steps.add(item, line):
                yield found, found.line
        else:
            yield item, line
    yield from ((found, found.line) for found in steps.finish())
