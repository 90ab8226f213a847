"""One figure of the report: how it reads, and where in the JSON it stands."""

from msgspec import Struct

from tracetier.evaluate.number_format import scaled
from tracetier.measures.bootstrap import Interval


class Cell(Struct, frozen=True):
    """What stands in one place of a table or tile.

    Attributes
    ----------
    text : str
        ``value [low, high]``, or any words.
    pointer : str
        JSON pointer (RFC 6901) of the interval in ``Evaluation.summary()``; empty for words.
    spec, scale, unit : str, float, str
        How the interval was written, as ``scaled`` takes them.
    """

    text: str
    pointer: str = ""
    spec: str = ""
    scale: float = 1.0
    unit: str = ""

    @property
    def value(self) -> str:
        """The text without its interval.

        Examples
        --------
        >>> cell = Cell("99.1 % [98.6, 99.5]", "/full/gap_closed")
        >>> cell.value, cell.interval
        ('99.1 %', '[98.6, 99.5]')
        """
        return self.text.partition(" [")[0] if self.pointer else self.text

    @property
    def interval(self) -> str:
        """The interval alone; empty where there is none."""
        _, bracket, rest = self.text.partition(" [")
        return f"[{rest}" if bracket and self.pointer else ""


def figure(
    interval: Interval, path: tuple[str, ...], spec: str, *, scale: float = 1.0, unit: str = ""
) -> Cell:
    """Write an interval that stands at a path of the summary.

    Examples
    --------
    >>> figure(Interval(0.5, 0.4, 0.6), ("full", "a/b"), ".0f", scale=100.0, unit=" %")
    Cell(text='50 % [40, 60]', pointer='/full/a~1b', spec='.0f', scale=100.0, unit=' %')
    """
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
    return Cell(scaled(interval, spec, scale=scale, unit=unit), pointer, spec, scale, unit)


def words(text: str) -> Cell:
    """Put plain words into a cell."""
    return Cell(text)
