"""A table of figures for a terminal of any width, in which no interval is torn."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_ANY_WIDTH = 10_000


class FigureTable:
    """Rows of a name and figures such as ``99.0 [98.6, 99.4]``.

    Where the terminal is too narrow for one line a row, intervals go below their figures, whole.

    Parameters
    ----------
    title : str or Text
    columns : sequence of str
        Headings, that of the names first.
    """

    def __init__(self, title: str | Text, columns: Sequence[str]) -> None:
        self._title = title
        self._columns = columns
        self._sections: list[list[tuple[str, ...]]] = [[]]

    def add_row(self, name: str, *figures: str) -> None:
        """Add a name with its figures."""
        self._sections[-1].append((name, *figures))

    def add_section(self) -> None:
        """Set the following rows apart."""
        self._sections.append([])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it as wide as there is room for."""
        table = self._drawn()
        needed = Measurement.get(console, options.update(max_width=_ANY_WIDTH), table).maximum
        yield table if needed <= options.max_width else self._drawn(is_narrow=True)
        yield ""

    def _drawn(self, *, is_narrow: bool = False) -> Table:
        table = Table(
            title=self._title or None,
            title_justify="left",
            title_style="bold",
            box=SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            collapse_padding=True,
        )
        for place, column in enumerate(self._columns):
            # Of all columns only the names may be folded.
            table.add_column(
                column,
                justify="right" if place else "left",
                no_wrap=bool(place) or not is_narrow,
                overflow="ellipsis" if place else "fold",
            )
        for rows in self._sections:
            for name, *figures in rows:
                cells = [each.replace(" [", "\n[") if is_narrow else each for each in figures]
                table.add_row(Text(name), *map(Text, cells))
            table.add_section()
        return table
