"""A feature table looked at: its rows, what is known of them, and what was refused."""

from pathlib import Path

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.text import Text

from tracetier.cli.contents import Contents, contents_of, render_contents
from tracetier.table import (
    ISSUES_NAME,
    is_table,
    part_paths,
    read_info,
    read_table,
    table_fingerprint,
)


class TableFacts(Struct, frozen=True, kw_only=True):
    """What a table holds.

    ``n_full`` counts the tasks that ran on every tier; ``n_issues`` is ``None`` where there is no
    list of them.
    """

    kind: str = "table"
    path: str
    fingerprint: str
    n_parts: int
    n_full: int
    n_issues: int | None
    contents: Contents


def table_facts(path: Path) -> TableFacts:
    """Read a table and count what it holds.

    Raises
    ------
    TableError
        If it is damaged, or there is none.
    """
    import pyarrow.compute as pc

    table = read_table(path)
    tiers = read_info(path).tiers if is_table(path) else ()
    contents = contents_of(table, tiers)
    per_task = table.group_by("task_id").aggregate([("tier", "count_distinct")])
    n_full = pc.sum(pc.equal(per_task["tier_count_distinct"], len(contents.tiers))).as_py()
    return TableFacts(
        path=str(path),
        fingerprint=table_fingerprint(path),
        n_parts=len(part_paths(path)),
        n_full=int(n_full or 0),
        n_issues=_n_issues(path),
        contents=contents,
    )


def render_table(facts: TableFacts) -> RenderableType:
    """Return the headline and the contents."""
    return Group(render_headline(facts), render_contents(facts.contents))


def render_headline(facts: TableFacts) -> RenderableType:
    """Return rows, tasks, parts and issues."""
    contents = facts.contents
    text = Text.assemble(
        (f"feature table {facts.path}", "bold"),
        ": ",
        (f"{contents.n_rows:,} rows", "bold green"),
        f" of {contents.n_tasks:,} tasks in {facts.n_parts:,} "
        f"{'part' if facts.n_parts == 1 else 'parts'}, ",
        f"{facts.n_full:,} tasks on every tier",
    )
    if facts.n_issues:
        text.append(f"\n{facts.n_issues:,} issues in {facts.path}/{ISSUES_NAME}", "yellow")
    return text


def _n_issues(path: Path) -> int | None:
    import pyarrow.parquet as pq

    issues = path / ISSUES_NAME
    return int(pq.read_metadata(issues).num_rows) if issues.is_file() else None
