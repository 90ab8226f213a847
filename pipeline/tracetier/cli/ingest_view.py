"""An ingest summary as people like to read it.

Names from the logs are shown as they are: they go in as `Text`, which knows no markup.
"""

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tracetier.ingest.assemble.score_tally import ScoreSummary
from tracetier.ingest.summary import NOTES, IngestSummary

_N_SHOWN = 8
_ORDER_TOLD = {
    "declared": "cheap to dear, as declared",
    "by cost": "cheap to dear, by mean cost",
    "unknown": "order unknown, since a cost is: declare them as [[tier]] in tracetier.toml",
}


def render(summary: IngestSummary) -> RenderableType:
    """Return what `rich` prints for a summary: what was read, the tiers, and what is amiss."""
    parts: list[RenderableType] = [_headline(summary), _files(summary), _tiers(summary)]
    parts.append(_facts(summary))
    if summary.notes or summary.n_outcomes_unused:
        parts.append(_notes(summary))
    unused = [score for score in summary.scores if not score.is_complete]
    if unused:
        parts.append(_unused(unused))
    if summary.issues:
        parts.append(_issues(summary))
    return Group(*parts)


def _headline(summary: IngestSummary) -> Text:
    text = Text.assemble(
        (f"{summary.n_rows:,} rows", "bold green"),
        f" of {summary.n_tasks:,} tasks → ",
        (summary.out, "bold"),
    )
    text.append(f"\n{summary.n_records:,} records = {summary.n_read:,} read")
    if summary.n_no_step:
        text.append(f" + {summary.n_no_step:,} without a step")
    text.append(f" + {summary.n_rejected:,} rejected", "red" if summary.n_rejected else "")
    text.append(f" + {summary.n_duplicates:,} duplicates", "yellow" if summary.n_duplicates else "")
    return text


def _files(summary: IngestSummary) -> Table:
    table = _table("file", "format", number=("size", "records", "rows", "rejected", "duplicates"))
    for file in summary.files[:_N_SHOWN]:
        counts = (file.n_records, file.n_rows, file.n_rejected, file.n_duplicates)
        size = _size(file.n_bytes)
        table.add_row(Text(file.path), file.format or "none", size, *(f"{n:,}" for n in counts))
    if len(summary.files) > _N_SHOWN:
        table.add_row(f"and {len(summary.files) - _N_SHOWN:,} more files", style="dim")
    return table


def _tiers(summary: IngestSummary) -> Table:
    columns = ("rows", "with quality", "mean quality (0-10)", "with cost", "mean cost (USD)")
    table = _table("tier", number=columns)
    for tier in summary.tiers:
        quality = None if tier.mean_quality is None else 10 * tier.mean_quality
        table.add_row(
            Text(tier.name),
            f"{tier.n_rows:,}",
            _share(tier.n_with_quality, tier.n_rows),
            "unknown" if quality is None else f"{quality:.3f}",
            _share(tier.n_with_cost, tier.n_rows),
            "unknown" if tier.mean_cost_usd is None else f"{tier.mean_cost_usd:.3g}",
        )
    return table


def _facts(summary: IngestSummary) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    table.add_row("tiers", Text(_ORDER_TOLD[summary.tier_order]))
    table.add_row("outcomes", _information(summary))
    types = [f"{name} {n:,}" for name, n in list(summary.task_types.items())[:_N_SHOWN]]
    table.add_row("task types", _listed(types or ["none told"], len(summary.task_types)))
    if summary.first_timestamp and summary.last_timestamp:
        first, last = (
            f"{time:%Y-%m-%d %H:%M}" for time in (summary.first_timestamp, summary.last_timestamp)
        )
        table.add_row("time", f"{first} to {last} UTC")
    if summary.redacted:
        told = [f"{kind.replace('_', ' ')} {n:,}" for kind, n in summary.redacted.items()]
        table.add_row("redacted", ", ".join(told))
    ignored = sorted({name for file in summary.files for name in file.ignored_columns})
    if ignored:
        table.add_row("not read", _listed(ignored[:_N_SHOWN], len(ignored)))
    return table


def _information(summary: IngestSummary) -> str:
    told = {
        "full": "full information: every task ran on every tier",
        "logged": "logged: each task ran on one tier",
        "mixed": f"mixed: {summary.n_tasks_on_all_tiers:,} of {summary.n_tasks:,} tasks ran on "
        "every tier",
    }[summary.information]
    if summary.information == "full":
        return told
    if not summary.n_with_propensity:
        return told + ", with no propensity: what follows will be observational"
    return told + f", {_share(summary.n_with_propensity, summary.n_rows)} with a propensity"


def _notes(summary: IngestSummary) -> Table:
    table = _table("in nested logs", number=("count",))
    for name, n in summary.notes.items():
        table.add_row(Text(NOTES.get(name, name)), f"{n:,}")
    if summary.n_outcomes_unused:
        told = "outcomes of --scores about what is not in the logs"
        table.add_row(told, f"{summary.n_outcomes_unused:,}", style="yellow")
    return table


def _unused(scores: list[ScoreSummary]) -> Group:
    table = _table("score", number=("given", "used"))
    for score in scores[:_N_SHOWN]:
        why = ", ".join(why.replace("_", " ") for why in score.unused)
        table.add_row(Text(f"{score.name} ({why})"), f"{score.n:,}", f"{score.n_used:,}")
    told = "say in tracetier.toml what they mean, and read again:\n\n"
    told += "\n\n".join(score.to_map() for score in scores[:_N_SHOWN])
    return Group(table, Padding(Text(told, "dim"), (0, 0, 0, 1)))


def _issues(summary: IngestSummary) -> Group:
    table = _table("issue", number=("count",))
    for reason, n in summary.issues.items():
        table.add_row(Text(reason), f"{n:,}", style="yellow")
    first = Text("\n".join(f"· {issue}" for issue in summary.first_issues), "dim")
    where = Text(f"all of them: {summary.out}/issues.parquet", "dim")
    return Group(table, Padding(first, (0, 0, 0, 1)), Padding(where, (0, 0, 0, 1)))


def _table(*texts: str, number: Iterable[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in texts:
        table.add_column(name, overflow="fold")
    for name in number:
        table.add_column(name, justify="right")
    return table


def _share(part: int, whole: int) -> str:
    return "all" if part == whole else f"{part / whole:.1%}" if whole else "none"


def _listed(shown: list[str], n_total: int) -> Text:
    more = f" and {n_total - len(shown):,} more" if n_total > len(shown) else ""
    return Text(", ".join(shown) + more)


def _size(n_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes} B"
