"""An evaluation for people at a terminal: the headline, then tiers, router and controls."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from tracetier.evaluate.call_share import CallShare
from tracetier.evaluate.figure_table import FigureTable
from tracetier.evaluate.number_format import percent, scaled
from tracetier.evaluate.report.tables import SET_POINTS
from tracetier.evaluate.result import (
    Candidate,
    Evaluation,
    FullResult,
    LoggedResult,
    LoggedValue,
    PolicyOutcome,
)


def render(evaluation: Evaluation) -> RenderableType:
    """Return something that rich prints: headline, tables, what limits the numbers.

    Quality is shown 0-10, cost in USD per 1,000 tasks.
    """
    parts: list[RenderableType] = [Text(evaluation.headline, style="bold"), Text("")]
    if evaluation.full is not None:
        parts += _full_parts(evaluation.full, evaluation.lam)
    if evaluation.logged is not None:
        parts.append(_logged_table(evaluation.logged, evaluation.lam))
        parts.append(_estimator_table(evaluation.logged, evaluation.lam))
    parts.append(Text(_footer(evaluation), style="dim"))
    parts += [Text(f"Note: {note}.", style="yellow") for note in evaluation.notes]
    return Group(*parts)


def _full_parts(full: FullResult, lam: float) -> list[RenderableType]:
    parts: list[RenderableType] = [_policy_table(full, lam), _frontier_table(full)]
    if full.call_share is not None:
        parts.append(_call_share_table(full.call_share))
    if full.two_tier is not None:
        figures = full.two_tier
        parts.append(
            Text(
                f"APGR {scaled(figures.apgr, '.3f')}; half of the gap at "
                f"{percent(figures.cpt_50)} of strong calls, 80 % of it at "
                f"{percent(figures.cpt_80)}."
            )
        )
    return parts


def _policy_table(full: FullResult, lam: float) -> FigureTable:
    tiers = tuple(full.fixed)
    table = FigureTable(
        f"Policies at lambda {lam:g}; kept and cost in % of {full.reference}",
        ("policy", "quality", "USD/1,000", "kept %", "cost %", "tiers %"),
    )
    _add_policies(table, {f"always {name}": each for name, each in full.fixed.items()}, tiers)
    table.add_section()
    _add_policies(table, {"router": full.router.at_lam}, tiers)
    named = {SET_POINTS.get(name, name): each for name, each in full.calibrated.items()}
    _add_policies(table, named, tiers)
    table.add_section()
    _add_policies(table, {name: each.at_lam for name, each in full.controls.items()}, tiers)
    return table


def _add_policies(
    table: FigureTable, rows: Mapping[str, PolicyOutcome | None], tiers: Sequence[str]
) -> None:
    for name, outcome in rows.items():
        if outcome is not None:
            table.add_row(
                name,
                f"{10 * outcome.quality.estimate:.2f}",
                f"{1000 * outcome.cost_usd.estimate:.3g}",
                scaled(outcome.quality_kept, ".1f", scale=100.0),
                scaled(outcome.cost_share, ".1f", scale=100.0),
                " ".join(f"{100 * outcome.share[tier]:.0f}" for tier in tiers),
            )


def _frontier_table(full: FullResult) -> FigureTable:
    table = FigureTable(
        "Frontiers over all lambdas, each policy chosen on other tasks",
        ("predictions", "gap closed %", "AIQ gain x 1,000", "saving % at 99 %"),
    )
    _add_frontier(table, "router", full.router)
    table.add_section()
    for name, control in full.controls.items():
        _add_frontier(table, name, control)
    versus = full.versus_bucket_mean
    if versus is not None:
        table.add_section()
        table.add_row(
            "router - bucket mean",
            scaled(versus.gap_closed, "+.1f", scale=100.0),
            scaled(versus.aiq, "+.1f", scale=1000.0),
            "",
        )
    return table


def _add_frontier(table: FigureTable, name: str, candidate: Candidate) -> None:
    figures = candidate.frontier
    if figures is None:
        return
    table.add_row(
        name,
        scaled(figures.gap_closed, ".1f", scale=100.0),
        scaled(figures.aiq_gain, ".1f", scale=1000.0),
        scaled(figures.saving_at_99, ".1f", scale=100.0),
    )


def _call_share_table(found: CallShare) -> FigureTable:
    """Show five points from the least share to the most."""
    table = FigureTable(
        f"By share of calls to {found.tier}, the dear tier",
        (f"{found.tier} %", "quality", "USD/1,000", "tiers %", "lambda"),
    )
    last = len(found.points) - 1
    for place in dict.fromkeys(round(part * last / 4) for part in range(5)):
        point = found.points[place]
        table.add_row(
            f"{100 * point.calls:.0f}",
            scaled(point.quality, ".2f", scale=10.0),
            scaled(point.cost_usd, ".3g", scale=1000.0),
            " ".join(f"{100 * share:.0f}" for share in point.share.values()),
            f"{point.lam:.3g}",
        )
    return table


def _logged_table(logged: LoggedResult, lam: float) -> FigureTable:
    table = FigureTable(
        "Values from the log (self-normalised doubly robust)",
        ("policy", "quality", "USD/1,000", "reward", "ESS"),
    )
    _add_logged(table, "as logged", logged.as_logged)
    _add_logged(table, f"router at lambda {lam:g}", logged.router)
    if logged.at_goal is not None:
        _add_logged(table, "set to the goal", logged.at_goal)
    for name, value in logged.fixed.items():
        _add_logged(table, f"always {name}", value)
    table.add_section()
    table.add_row("router - log", "", "", scaled(logged.gain, "+.3f"), "")
    return table


def _estimator_table(logged: LoggedResult, lam: float) -> FigureTable:
    table = FigureTable(
        "Quality by other estimators: where they part, model or propensities are off",
        ("policy", "DM", "IPS", "SNIPS", "DR", "switch-DR", "shrunk DR"),
    )
    named = {f"router at lambda {lam:g}": logged.router}
    for name, value in (named | {f"always {n}": v for n, v in logged.fixed.items()}).items():
        if value.quality_by is not None and value.is_supported:
            by = value.quality_by
            estimates = (by.dm, by.ips, by.snips, by.dr, by.switch_dr, by.shrunk_dr)
            table.add_row(name, *(scaled(each, ".2f", scale=10.0) for each in estimates))
    return table


def _add_logged(table: FigureTable, name: str, value: LoggedValue) -> None:
    known = value.is_supported
    table.add_row(
        name,
        scaled(value.quality, ".2f", scale=10.0) if known else "not claimed",
        scaled(value.cost_usd, ".3g", scale=1000.0) if known else "not claimed",
        scaled(value.reward, ".3f") if known else "not claimed",
        f"{value.ess:,.0f}",
    )


def _footer(evaluation: Evaluation) -> str:
    return (
        f"{evaluation.n_tasks:,} tasks in {evaluation.n_groups:,} independent groups "
        f"({evaluation.n_out_of_fold:,} predicted out of fold, {evaluation.n_fresh:,} not in "
        "training). Quality 0-10; tiers in % of tasks, "
        f"{' < '.join(evaluation.tiers)}. [..] 95 % intervals, {evaluation.n_draws:,} paired "
        f"resamples of groups, seed {evaluation.seed}. Artifact {evaluation.artifact_id}."
    )
