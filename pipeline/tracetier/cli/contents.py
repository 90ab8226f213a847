"""What some rows hold, told alike for a log that was looked into and for a whole table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tracetier.table import ATTR_PREFIX, column_names

if TYPE_CHECKING:
    import pyarrow as pa

_N_SHOWN = 8
_DEAREST = float("inf")


class TierContents(Struct, frozen=True, kw_only=True):
    """Rows of one tier; a mean is over the rows where the value is known."""

    name: str
    models: tuple[str, ...]
    n_rows: int
    mean_quality: float | None
    mean_cost_usd: float | None


class Contents(Struct, frozen=True, kw_only=True):
    """What some rows hold.

    Attributes
    ----------
    n_rows, n_tasks : int
    tiers : tuple of TierContents
        In the order that was stated, else by mean cost.
    known : dict of str to float
        Share of the rows in which a column is known, in [0, 1]; ids and features aside.
    task_types, sources : dict of str to int
        Rows by task type, and by where the quality comes from; the most frequent first.
    """

    n_rows: int
    n_tasks: int
    tiers: tuple[TierContents, ...]
    known: dict[str, float]
    task_types: dict[str, int]
    sources: dict[str, int]


def contents_of(table: "pa.Table", tiers: Sequence[str] = ()) -> Contents:
    """Count what a table holds.

    Parameters
    ----------
    table : pyarrow.Table
        In the columns of `tracetier.table.COLUMNS`.
    tiers : sequence of str
        Their order, where it is stated.
    """
    n_rows = table.num_rows
    named = column_names("before", "action", "after")
    return Contents(
        n_rows=n_rows,
        n_tasks=len(table["task_id"].unique()),
        tiers=_tiers(table, tiers),
        known={
            name: _n_known(table, name) / n_rows
            for name in table.column_names
            if n_rows and (name in named or name.startswith(ATTR_PREFIX))
        },
        task_types=_counts(table, "task_type"),
        sources=_counts(table, "y_quality_source"),
    )


def render_contents(contents: Contents) -> RenderableType:
    """Return the tiers, then what is known of the rows."""
    return Group(_tier_table(contents), render_known(contents))


def render_known(contents: Contents) -> RenderableType:
    """Return which columns are known, and what the rows are about."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    facts.add_row("known", _listed(_known(contents)))
    facts.add_row("never known", _listed([n for n, share in contents.known.items() if not share]))
    types = [f"{name} {n:,}" for name, n in contents.task_types.items()]
    facts.add_row("task types", _listed(types[:_N_SHOWN], len(types) - _N_SHOWN))
    facts.add_row(
        "quality from", _listed([f"{name} {n:,}" for name, n in contents.sources.items()])
    )
    return facts


def _tiers(table: "pa.Table", order: Sequence[str]) -> tuple[TierContents, ...]:
    grouped = table.group_by("tier").aggregate(
        [
            ("trace_id", "count"),
            ("model", "distinct"),
            ("y_quality", "mean"),
            ("y_cost_usd", "mean"),
        ]
    )
    found = [
        TierContents(
            name=row["tier"] or "unknown",
            models=tuple(sorted(model for model in row["model_distinct"] if model)),
            n_rows=row["trace_id_count"],
            mean_quality=row["y_quality_mean"],
            mean_cost_usd=row["y_cost_usd_mean"],
        )
        for row in grouped.to_pylist()
    ]
    place = {name: k for k, name in enumerate(order)}

    def key(tier: TierContents) -> tuple[int, float, str]:
        cost = _DEAREST if tier.mean_cost_usd is None else tier.mean_cost_usd
        return place.get(tier.name, len(place)), cost, tier.name

    return tuple(sorted(found, key=key))


def _n_known(table: "pa.Table", name: str) -> int:
    """Count the rows in which a column says something; an empty text says nothing."""
    import pyarrow.compute as pc

    column = table[name]
    n_known = int(len(column) - column.null_count)
    if name == "task_text":
        n_known -= int(pc.sum(pc.equal(column, "")).as_py() or 0)
    return n_known


def _counts(table: "pa.Table", name: str) -> dict[str, int]:
    pairs: list[dict[str, Any]] = table[name].drop_null().value_counts().to_pylist()
    return {p["values"]: p["counts"] for p in sorted(pairs, key=lambda pair: -pair["counts"])}


def _tier_table(contents: Contents) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("tier", no_wrap=True)
    table.add_column("models", overflow="fold")
    for name in ("rows", "quality (0-10)", "USD per row"):
        table.add_column(name, justify="right")
    for tier in contents.tiers:
        more = len(tier.models) - 2
        models = ", ".join(tier.models[:2]) + (f" and {more} more" if more > 0 else "")
        table.add_row(
            Text(tier.name),
            Text(models or "unknown"),
            f"{tier.n_rows:,}",
            "unknown" if tier.mean_quality is None else f"{10 * tier.mean_quality:.3f}",
            "unknown" if tier.mean_cost_usd is None else f"{tier.mean_cost_usd:.3g}",
        )
    return table


def _known(contents: Contents) -> list[str]:
    """Name each column that is ever known, and its share where it is not always."""
    return [
        name if share == 1 else f"{name} {share:.1%}"
        for name, share in contents.known.items()
        if share
    ]


def _listed(shown: Sequence[str], n_more: int = 0) -> Text:
    more = f" and {n_more:,} more" if n_more > 0 else ""
    return Text((", ".join(shown) or "none") + more)
