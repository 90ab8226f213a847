"""The parts that a report is made of, before it becomes a page or Markdown."""

from msgspec import Struct

from tracetier.evaluate.report.cells import Cell
from tracetier.evaluate.report.tables import DataTable


class Tile(Struct, frozen=True, kw_only=True):
    """One figure to remember, with what it means."""

    name: str
    cell: Cell
    meaning: str


class Section(Struct, frozen=True, kw_only=True):
    """One part of the report.

    Attributes
    ----------
    key : str
        Which chart belongs to it.
    title, lead : str
        Heading, and what to see.
    tables : tuple of DataTable
    """

    key: str
    title: str
    lead: str
    tables: tuple[DataTable, ...] = ()


class Report(Struct, frozen=True, kw_only=True):
    """All of the report but its charts."""

    title: str
    judgement: str
    is_good: bool
    verdict: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    would_change: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
