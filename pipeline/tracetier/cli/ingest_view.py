"""An ingest summary as people like to read it.

Names from the logs are shown as they are: they go in as `Text`, which knows no markup.
"""

import json
from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tracetier.ingest.assemble.score_tally import ScoreSummary
from tracetier.ingest.summary import NOTES, IngestSummary

_N_SHOWN, _N_TIERS, _PATH_CHARS = 8, 5, 40
_ORDER_TOLD = {
    "declared": "cheap to dear, as declared",
    "by cost": "cheap to dear, by mean cost",
    "unknown": "order unknown, since a cost is: declare them as [[tier]] in tracetier.toml",
}


def render(summary: IngestSummary) -> RenderableType:
    """Return what `rich` prints for a summary: what was read, the tiers, and what is amiss."""
    parts: list[RenderableType] = [_headline(summary), _files(summary)]
    if len(summary.files) > _N_SHOWN:
        parts.append(_formats(summary))
    parts += [_tiers(summary), _facts(summary)]
    if len(summary.types) > 1 and len(summary.tiers) > 1:
        parts.append(_overlap(summary))
    if summary.notes or summary.n_outcomes_unused:
        parts.append(_notes(summary))
    unused = [score for score in summary.scores if not score.is_complete]
    if unused:
        parts.append(_unused(unused))
    if summary.unmapped_models:
        parts.append(_unmapped(summary))
    if summary.issues:
        parts.append(_issues(summary))
    if summary.findings:
        parts.append(_findings(summary))
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


def _files(summary: IngestSummary) -> RenderableType:
    """Return the files, those with most rows first, by what is not the same in all paths."""
    table = _table("file", "format", number=("records", "rows", "rejected", "duplicates"))
    folder = _folder([file.path for file in summary.files])
    ranked = sorted(summary.files, key=lambda file: -file.n_rows)
    for file in ranked[:_N_SHOWN]:
        counts = (file.n_records, file.n_rows, file.n_rejected, file.n_duplicates)
        name = _short(file.path.removeprefix(folder).lstrip("/") if folder else file.path)
        table.add_row(Text(name), file.format or "none", *(f"{n:,}" for n in counts))
    if len(ranked) > _N_SHOWN:
        n_more = len(ranked) - _N_SHOWN
        table.add_row(f"and {n_more:,} more file{'s' if n_more > 1 else ''}", style="dim")
    where = f"{_size(summary.n_bytes)} in {folder or 'these files'}:"
    return Group(Text(where, "dim"), table)


def _short(path: str) -> str:
    """Return the end of a path, which tells files apart."""
    return path if len(path) <= _PATH_CHARS else "…" + path[1 - _PATH_CHARS :]


def _folder(paths: list[str]) -> str:
    """Return the folder that all paths have, empty where they have none."""
    parts = [path.split("/")[:-1] for path in paths]
    common = [names[0] for names in zip(*parts, strict=False) if len(set(names)) == 1]
    same = "/".join(common)
    return same if len(common) > 1 and all(path.startswith(same + "/") for path in paths) else ""


def _formats(summary: IngestSummary) -> Table:
    numbers = ("files", "size", "records", "rows", "rejected", "duplicates")
    table = _table("all files, by format", number=numbers)
    for one in summary.formats:
        counts = (one.n_records, one.n_rows, one.n_rejected, one.n_duplicates)
        shown = (f"{one.n_files:,}", _size(one.n_bytes), *(f"{n:,}" for n in counts))
        table.add_row(one.name, *shown)
    return table


def _overlap(summary: IngestSummary) -> Table:
    """Return where tiers met: rows with an outcome, of all, by task type and tier."""
    known = sorted(summary.tiers, key=lambda tier: (-tier.n_with_quality, -tier.n_rows))
    most = {tier.name for tier in known[:_N_TIERS]}
    names = [tier.name for tier in summary.tiers if tier.name in most]
    of_tiers = f" on {len(most)} of {len(known)} tiers" if len(most) < len(known) else ""
    table = _table(f"task type: outcomes of rows{of_tiers}", number=(*names, "comparable"))
    for one in summary.types[:_N_SHOWN]:
        cells = [
            f"{one.with_quality.get(name, 0):,} of {one.rows[name]:,}" if name in one.rows else "-"
            for name in names
        ]
        table.add_row(Text(one.name), *cells, "yes" if one.is_compared else "no")
    if len(summary.types) > _N_SHOWN:
        table.add_row(f"and {len(summary.types) - _N_SHOWN:,} more", style="dim")
    return table


def _unmapped(summary: IngestSummary) -> Group:
    """Return models without a tier, and the line that would give them one."""
    table = _table("model without a tier", number=("rows left out",))
    models = list(summary.unmapped_models)[:_N_SHOWN]
    for name in models:
        table.add_row(Text(name), f"{summary.unmapped_models[name]:,}", style="yellow")
    listed = ", ".join(map(json.dumps, models))
    told = f'add them to a tier in tracetier.toml:\n\n[[tier]]\nname = "?"\nmodels = [{listed}]'
    return Group(table, Padding(Text(told, "dim"), (0, 0, 0, 1)))


def _findings(summary: IngestSummary) -> Group:
    title = Text("what can and cannot be learned", "bold")
    listed = Table.grid(padding=(0, 1))
    for finding in summary.findings:
        listed.add_row("·", Text(finding))
    return Group(Text(), title, listed)


def _tiers(summary: IngestSummary) -> Table:
    columns = ("rows", "quality", "mean (0-10)", "cost", "mean (USD)", "tokens")
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
            _share(tier.n_with_tokens, tier.n_rows),
        )
    return table


def _facts(summary: IngestSummary) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    table.add_row("tiers", Text(_ORDER_TOLD[summary.tier_order]))
    table.add_row("outcomes", _information(summary))
    if summary.models:
        models = [f"{one.name} → {one.tier} {one.n_rows:,}" for one in summary.models[:_N_SHOWN]]
        table.add_row("models", _listed(models, len(summary.models)))
    if summary.quality_sources:
        sources = [f"{name} {n:,}" for name, n in summary.quality_sources.items()]
        table.add_row("quality from", _listed(sources, len(sources)))
    n_shared = sum(file.n_shared for file in summary.files)
    if n_shared:
        table.add_row("read as one", f"{n_shared:,} records of traces that several files tell of")
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
        table.add_column(name, justify="right", overflow="fold")
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
