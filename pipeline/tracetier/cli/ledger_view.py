"""The ledger of a state or a decision log: read, and as people like to read it."""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tracetier.decision_log.schema import DecisionLine, FeedbackLine
from tracetier.errors import InputError, RecordError
from tracetier.route.savings import Entry, SavingsBook, Sums

_LINE = msgspec.json.Decoder(DecisionLine | FeedbackLine)
_N_SHOWN = 12


def ledger_facts(
    source: str, *, session: str | None = None, tenant: str | None = None
) -> dict[str, Any]:  # Any: the shape of JSON
    """Return what a state or a decision log says of money and quality.

    Raises
    ------
    InputError
        If nothing is there, or the session or tenant is not in it.
    RecordError
        If a line of a log cannot be read.
    """
    book, dear, kind = _read(source)
    facts: dict[str, Any] = {"kind": kind, "path": source, "dear_tier": dear}
    for what, name, rows in (("session", session, book.sessions), ("tenant", tenant, book.tenants)):
        if name is not None:
            if name not in rows:
                known = ", ".join(list(rows)[-5:]) or "none"
                raise InputError(
                    f"{what} {name!r} is not in the ledger of {source}; the last used are {known}"
                )
            return facts | {what: name, "total": _sums(rows[name])}
    return facts | {
        "total": _sums(book.total()),
        **{
            what: {name: _sums(sums) for name, sums in rows.items()}
            for what, rows in (
                ("by_tier", book.by_tier()),
                ("by_day", book.by_day()),
                ("by_tenant", book.tenants),
                ("by_session", book.sessions),
            )
        },
    }


def _read(source: str) -> tuple[SavingsBook, str, str]:
    from tracetier.cli.inspect import kind_of

    if kind_of(source) == "log":
        book, dear = book_of_log(Path(source))
        return book, dear, "decision log"
    from tracetier.route.offline import export_state
    from tracetier.route.state.document import decode_document

    document = decode_document(export_state(source), where=f"state {source!r}")
    return document.savings, document.tiers[-1], "state"


def book_of_log(path: Path) -> tuple[SavingsBook, str]:
    """Return the ledger of a decision log, and the tier that counts as the dear one.

    That is the last of the propensities: they are in the order of the tiers, cheap to dear. Of
    several reports of one decision the newest value of each outcome counts.

    Raises
    ------
    RecordError
        If a line cannot be read, or there is no decision.
    """
    decisions: dict[str, DecisionLine] = {}
    reports: dict[str, tuple[float | None, float | None]] = {}
    dear = ""
    for line in _lines(path):
        if isinstance(line, DecisionLine):
            decisions[line.decision_id] = line
            dear = next(reversed(line.propensities), dear)
        else:
            cost, quality = reports.get(line.decision_id, (None, None))
            reports[line.decision_id] = (
                cost if line.cost_usd is None else line.cost_usd,
                quality if line.quality is None else line.quality,
            )
    if not decisions:
        raise RecordError(f"{path} holds no decision; give a router's state, or its decision log")
    book = SavingsBook()
    for decision_id, line in decisions.items():
        entry = _entry(line, dear)
        book.decided(entry, line.tier)
        cost, quality = reports.get(decision_id, (None, None))
        if cost is not None or quality is not None:
            is_dear = line.tier == dear
            book.reported(entry, line.tier, is_dear=is_dear, cost_usd=cost, quality_10=quality)
    return book, dear


def _lines(path: Path) -> Iterator[DecisionLine | FeedbackLine]:
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as lines:
            for number, raw in enumerate(lines, start=1):
                if raw.strip():
                    try:
                        yield _LINE.decode(raw)
                    except msgspec.MsgspecError as error:
                        raise RecordError(
                            f"{file}, line {number}: {error}; this is no line of a decision log: "
                            "give a router's state, or its decision log"
                        ) from error


def _entry(line: DecisionLine, dear: str) -> Entry:
    own, dearest = line.scores.get(line.tier), line.scores.get(dear)
    timestamp = line.timestamp if line.timestamp.tzinfo else line.timestamp.replace(tzinfo=UTC)
    attrs = (line.task.attrs if line.task is not None else None) or {}
    tenant = attrs.get("tenant")
    return Entry(
        time_s=timestamp.timestamp(),
        usd=0.0 if own is None else own.cost_usd,
        dear_usd=0.0 if dearest is None else dearest.cost_usd,
        dear_quality=0.0 if dearest is None else 10.0 * dearest.quality,
        session_id=line.session_id,
        tenant=None if tenant is None else str(tenant),
    )


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(sums),
        "saved_usd": sums.saved_usd,
        "saved_share": sums.saved_share,
        "mean_quality": sums.mean_quality,
        "mean_dear_quality": sums.mean_dear_quality,
    }


def render_ledger(facts: dict[str, Any]) -> RenderableType:
    """Return the totals, the rows by tier, day, tenant and session, and what is compared."""
    dear, total = facts["dear_tier"], facts["total"]
    whose = next((f", {k} {facts[k]}" for k in ("session", "tenant") if k in facts), "")
    n = total["decisions"]
    parts: list[RenderableType] = [
        Text.assemble((f"{facts['kind']} {facts['path']}{whose}", "bold")),
    ]
    if not n:
        return Group(*parts, Text("No decision yet.", "dim"))
    parts.append(_headline(total, dear))
    for name in ("by_tier", "by_day", "by_tenant", "by_session"):
        rows = facts.get(name) or {}
        if rows:
            parts.append(_rows(name.removeprefix("by_"), rows, dear))
    parts.append(Text(_meaning(total, dear), "dim"))
    return Group(*parts)


def _headline(total: dict[str, Any], dear: str) -> Text:
    saved, share = total["saved_usd"], total["saved_share"]
    told = "" if share is None else f" ({share:.0%})"
    verb = "saved" if saved >= 0.0 else "spent more:"
    return Text.assemble(
        f"{total['decisions']:,} decision{'s' * (total['decisions'] != 1)} for "
        f"{_usd(total['spend_usd'])}; always {dear} would have cost "
        f"{_usd(total['dear_usd'])}: {verb} ",
        (f"{_usd(abs(saved))}{told}", "bold green" if saved >= 0.0 else "bold red"),
    )


def _rows(what: str, rows: dict[str, dict[str, Any]], dear: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column(what, overflow="fold")
    for name in ("decisions", "spent", f"as {dear}", "saved", "quality", f"{dear} expected"):
        table.add_column(name, justify="right", no_wrap=True)
    shown = list(rows.items())[-_N_SHOWN:]
    for name, sums in shown:
        table.add_row(
            Text(name),
            f"{sums['decisions']:,}",
            _usd(sums["spend_usd"]),
            _usd(sums["dear_usd"]),
            "" if sums["saved_share"] is None else f"{sums['saved_share']:.0%}",
            _quality(sums["mean_quality"]),
            _quality(sums["mean_dear_quality"]),
        )
    if len(rows) > len(shown):
        table.add_row(Text(f"and {len(rows) - len(shown):,} earlier", "dim"))
    return table


def _meaning(total: dict[str, Any], dear: str) -> str:
    n = total["decisions"]
    return (
        f"Spending is as reported for {total['n_cost']:,} of {n:,}, as predicted for the rest. "
        f"What {dear} would have cost, and its quality, is what the router believed of it on the "
        f"same tasks when it decided, not a measurement; decisions that took {dear} count with "
        f"their own outcome on both sides. Quality (0-10) is over the {total['n_quality']:,} that "
        "were reported on. Days are in UTC."
    )


def _usd(value: float) -> str:
    return f"${value:,.2f}" if value >= 100.0 else f"${value:.3g}"


def _quality(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
