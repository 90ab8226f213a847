"""Steps of traces that are spread over files → rows, put together where all files arrive.

Files come in their order, whichever engine read them, so what is made of them is always the same.
A trace is put together as soon as the last file that tells of it is there. As in one file there is
a bound on what is held; what goes beyond it is cut, and counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from tracetier.ingest.assemble.group import Grouper
from tracetier.ingest.assemble.score_tally import ScoreTally
from tracetier.ingest.batch import Batch, Piece
from tracetier.ingest.files import InputFile
from tracetier.ingest.read import Reading
from tracetier.ingest.recipe import Recipe
from tracetier.ingest.resolve import Resolver
from tracetier.ingest.spread import LastFiles
from tracetier.ingest.steps import Out, SharedSteps, Steps
from tracetier.ingest.told import Told
from tracetier.records import Level

_LINE_BITS = 40  # a line and its file in one number; no file has a trillion lines
_LINES = 1 << _LINE_BITS


class _JoinedRows(Reading):
    """Rows of a file that were put together from what several files tell.

    Parameters
    ----------
    piece : Piece
        The file in which the rows stand.
    recipe : Recipe
    format : str, optional
        Its format.
    """

    def __init__(self, piece: Piece, recipe: Recipe, format: str | None) -> None:
        super().__init__(piece, recipe)
        self._counts.format, self._has_steps = format, True

    @property
    def is_full(self) -> bool:
        """Whether a batch is due."""
        return self._is_full

    def take(self, told: Told, line: int) -> None:
        """Take a row, or what is wrong with a step."""
        self._take(told, line)

    def finish(self) -> Batch:
        """Return what is left, with what is to be added to the counts of the file."""
        self._note_default()
        counts = self._counts
        counts.n_read = -counts.n_duplicates - counts.n_rejected  # it was counted when it was read
        counts.redacted = dict(self._redacted)
        return self.take_batch(counts=counts)


class Joining:
    """All that several files tell of, on its way.

    Parameters
    ----------
    recipe : Recipe
        That of the run.
    last_of : LastFiles
        Up to which file a trace or session goes on.

    Attributes
    ----------
    notes : Counter of str
        What was found and gave no row.
    """

    def __init__(self, recipe: Recipe, last_of: LastFiles) -> None:
        self.notes: Counter[str] = Counter()
        self._recipe, self._last_of = recipe, last_of
        self._price = Resolver(recipe.tiers, recipe.default_model).price
        self._steps: dict[Level, Steps] = {}
        self._rows: dict[int, _JoinedRows] = {}

    def add(self, number: int, file: InputFile, batch: Batch) -> Iterator[tuple[int, Batch]]:
        """Take what a file shares, and yield what has become full by it, with its file's number."""
        if not batch.shared or batch.level is None:
            return
        if number not in self._rows:
            piece = Piece(path=file.path, is_named=file.is_named)
            self._rows[number] = _JoinedRows(piece, self._recipe, batch.format)
        steps = self._steps_of(batch.level)
        for shared in batch.shared:
            yield from self._told(_added(steps, shared, number * _LINES))

    def close_until(self, number: int) -> Iterator[tuple[int, Batch]]:
        """Yield the rows of what no file after this one tells of."""
        for steps in self._steps.values():
            yield from self._told(steps.close_until(number))

    def finish(self) -> Iterator[tuple[int, Batch]]:
        """Yield all that is left, and with it what is to be added to each file's counts."""
        for steps in self._steps.values():
            yield from self._told(steps.finish())
            self.notes += steps.notes
        for number, rows in sorted(self._rows.items()):
            yield number, rows.finish()

    def _steps_of(self, level: Level) -> Steps:
        if level not in self._steps:
            self._steps[level] = Steps(
                level,
                price=self._price,
                judges=self._recipe.judges,
                tally=ScoreTally(self._recipe.judges.scores),  # they were counted file by file
                grouper=Grouper[int](last_of=self._last_of),
            )
        return self._steps[level]

    def _told(self, every: Iterable[Out]) -> Iterator[tuple[int, Batch]]:
        for told in every:
            number, line = divmod(told.line, _LINES)
            rows = self._rows[number]
            rows.take(told, line)
            if rows.is_full:
                yield number, rows.take_batch()


def _added(steps: Steps, shared: SharedSteps, base: int) -> Iterator[Out]:
    for span, line in shared.steps:
        yield from steps.add(span, base + line)
    for addition in shared.additions:
        yield from steps.add(addition, base)
