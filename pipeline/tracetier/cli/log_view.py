"""A first look into logs: format, fields and tiers of the first records, nothing written."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tracetier.cli.contents import Contents, contents_of, render_contents
from tracetier.errors import FormatError
from tracetier.ingest.assemble.judge import NO_MAP
from tracetier.ingest.assemble.score_tally import ScoreTally
from tracetier.ingest.check import find_fault
from tracetier.ingest.files import InputFile, find_files
from tracetier.ingest.issue import Fault, Issue
from tracetier.ingest.mapping import read_mapping
from tracetier.ingest.registry import (
    Context,
    Format,
    detect_format,
    format_named,
    refuse_unreadable,
)
from tracetier.ingest.resolve import Resolver
from tracetier.ingest.source import Source
from tracetier.ingest.span import NoStep, PartOfStep
from tracetier.ingest.steps import SharedSteps, StepFault, StepRow, Steps
from tracetier.ingest.told import Told, invocations
from tracetier.records import Invocation
from tracetier.tiers import TierSet

if TYPE_CHECKING:
    import pyarrow as pa

N_FILES = 20
N_RECORDS = 1_000


class FileFacts(Struct, frozen=True, kw_only=True):
    """One file: ``n_rows`` good records and ``n_issues`` others among those that were read."""

    path: str
    format: str | None
    n_bytes: int
    n_rows: int
    n_issues: int
    is_whole: bool
    not_read: tuple[str, ...] = ()


class LogFacts(Struct, frozen=True, kw_only=True):
    """What the first records of each file hold; ``first_issues`` has one issue of each reason."""

    kind: str = "log"
    path: str
    n_files: int
    files: tuple[FileFacts, ...]
    contents: Contents | None
    issues: dict[str, int]
    first_issues: tuple[str, ...]


def log_facts(
    path: Path,
    tiers: TierSet | None,
    *,
    format: str | None = None,
    mapping: Path | None = None,
) -> LogFacts:
    """Look into the first files of a path, and their first records.

    Parameters
    ----------
    path : Path
        A file or a folder.
    tiers : TierSet, optional
        Declared tiers.
    format : str, optional
        Name of the format of all files; by default each is recognised.
    mapping : Path, optional
        The user's own map of columns, see `read_mapping`; it makes ``mapped`` the format.

    Raises
    ------
    InputError
        If there is nothing to read; `FormatError` for one file in no known format.
    """
    files = find_files(path)
    context = Context(None if mapping is None else read_mapping(mapping))
    name = format or ("mapped" if mapping is not None else None)
    look = _Look(Resolver(tiers), None if name is None else format_named(name), context)
    facts = tuple(look.read(file) for file in files[:N_FILES])
    names = tiers.names if tiers else ()
    return LogFacts(
        path=str(path),
        n_files=len(files),
        files=facts,
        contents=contents_of(_as_table(look.rows), names) if look.rows else None,
        issues=dict(look.reasons.most_common()),
        first_issues=tuple(look.first.values()),
    )


def render_log(facts: LogFacts) -> RenderableType:
    """Return the files, what their first records hold, and what is amiss."""
    parts: list[RenderableType] = [_headline(facts), _file_table(facts)]
    if facts.contents is not None:
        parts.append(render_contents(facts.contents))
    not_read = sorted({name for file in facts.files for name in file.not_read})
    if not_read:
        parts.append(Text(f"columns that are not read: {', '.join(not_read)}", style="dim"))
    parts += [Text(f"· {issue}", style="yellow") for issue in facts.first_issues]
    return Group(*parts)


class _Look:
    """Reads the first records of file after file."""

    def __init__(self, resolver: Resolver, format: Format | None, context: Context) -> None:
        self.rows: list[Invocation] = []
        self.reasons: Counter[str] = Counter()
        self.first: dict[str, str] = {}
        self._resolver = resolver
        self._format = format
        self._context = context

    def read(self, file: InputFile) -> FileFacts:
        source = Source(file.path)
        try:
            refuse_unreadable(source.head)
            found = self._format or detect_format(source.head)
        except FormatError as error:
            if file.is_named:
                raise
            self._note(Issue(file=source.name, reason="unknown_format", message=str(error)))
            return _facts(file, None, (0, 1), is_whole=False)
        records = islice(found.read(source, self._context), N_RECORDS)
        items = [(item, source.line) for item in records]
        tally = ScoreTally(NO_MAP.scores)
        steps = Steps(found.level, price=self._resolver.price, judges=NO_MAP, tally=tally)
        n_before = len(self.rows)
        n_issues = sum(self._take(told, source, line) for told, line in invocations(items, steps))
        counts = (len(self.rows) - n_before, n_issues)
        is_whole, not_read = len(items) < N_RECORDS, tuple(sorted(source.ignored))
        return _facts(file, found.name, counts, is_whole=is_whole, not_read=not_read)

    def _take(self, told: Told, source: Source, line: int) -> bool:
        """Keep a row, or note an issue and return ``True``."""
        if isinstance(told, Issue):
            self._note(told)
            return True
        if isinstance(told, NoStep | PartOfStep | SharedSteps):
            return False
        is_of_steps = isinstance(told, StepRow)
        row = told.row if isinstance(told, StepRow) else told
        fault = row.fault if isinstance(row, StepFault) else find_fault(row)
        if isinstance(row, Invocation) and fault is None:
            try:
                self.rows.append(self._resolver.resolve(row, is_priced=is_of_steps))
                return False
            except Fault as found:
                fault = found
        if fault is not None:
            self._note(msgspec.structs.replace(source.issue(fault), line=line))
        return True

    def _note(self, issue: Issue) -> None:
        self.reasons[issue.reason] += 1
        self.first.setdefault(issue.reason, str(issue))


def _facts(
    file: InputFile,
    format_name: str | None,
    counts: tuple[int, int],
    *,
    is_whole: bool,
    not_read: tuple[str, ...] = (),
) -> FileFacts:
    return FileFacts(
        path=str(file.path),
        format=format_name,
        n_bytes=file.n_bytes,
        n_rows=counts[0],
        n_issues=counts[1],
        is_whole=is_whole,
        not_read=not_read,
    )


def _as_table(rows: list[Invocation]) -> "pa.Table":
    import pyarrow as pa

    from tracetier.table import arrow_schema

    schema = arrow_schema()
    columns = {name: [getattr(row, name, None) for row in rows] for name in schema.names}
    return pa.table(columns, schema=schema)


def _headline(facts: LogFacts) -> Text:
    n_rows = sum(file.n_rows for file in facts.files)
    n_issues = sum(file.n_issues for file in facts.files)
    shown = "" if facts.n_files <= N_FILES else f"the first {N_FILES} of "
    whole = all(file.is_whole for file in facts.files) and facts.n_files <= N_FILES
    return Text.assemble(
        (f"log {facts.path}", "bold"),
        f": {shown}{facts.n_files:,} {'file' if facts.n_files == 1 else 'files'}, ",
        (f"{n_rows:,} rows", "bold green"),
        (f" and {n_issues:,} issues" if n_issues else "", "yellow"),
        " in all" if whole else f" among the first {N_RECORDS:,} records of each",
    )


def _file_table(facts: LogFacts) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("file", overflow="fold")
    table.add_column("format", no_wrap=True)
    for name in ("bytes", "rows", "issues"):
        table.add_column(name, justify="right")
    for row in _file_rows(facts):
        table.add_row(*row)
    return table


def _file_rows(facts: LogFacts) -> Iterator[tuple[Text | str, ...]]:
    for file in facts.files:
        more = "" if file.is_whole else "+"
        yield (
            Text(file.path),
            file.format or "none",
            f"{file.n_bytes:,}",
            f"{file.n_rows:,}{more}",
            f"{file.n_issues:,}{more}",
        )
