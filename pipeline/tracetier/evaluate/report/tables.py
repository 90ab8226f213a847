"""The tables of the report, each figure with its place in the JSON."""

from collections.abc import Iterable

from msgspec import Struct

from tracetier.evaluate.call_share import CallShare
from tracetier.evaluate.report.cells import Cell, figure, words
from tracetier.evaluate.report.svg import number
from tracetier.evaluate.result import (
    Candidate,
    Evaluation,
    FullResult,
    LoggedResult,
    LoggedValue,
    PolicyOutcome,
    SplitFacts,
)

SET_POINTS = {
    "quality_99": "set to keep 99 %",
    "quality_100": "set to keep 100 %",
    "goal": "set to the goal",
}
_SHARE_ROWS = 9


class DataTable(Struct, frozen=True):
    """A table: what it is, its headings, and a row per thing told."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def policy_table(found: Evaluation, full: FullResult) -> DataTable:
    """Tell every policy at one point: tiers, router, set points, controls."""
    rows: list[tuple[Cell, ...]] = []

    def add(name: str, outcome: PolicyOutcome | None, *path: str) -> None:
        if outcome is not None:
            rows.append((words(name), *_policy_cells(outcome, ("full", *path), found.tiers)))

    for name, outcome in full.fixed.items():
        add(f"always {name}", outcome, "fixed", name)
    add(f"router, lambda {found.lam:g}", full.router.at_lam, "router", "at_lam")
    for name, outcome in full.calibrated.items():
        add(SET_POINTS.get(name, name), outcome, "calibrated", name)
    for name, control in full.controls.items():
        add(name, control.at_lam, "controls", name, "at_lam")
    columns = (
        "policy",
        "quality, 0-10",
        "USD per 1,000",
        f"quality kept, % of {full.reference}",
        f"cost, % of {full.reference}",
        f"tasks, % {' / '.join(found.tiers)}",
    )
    return DataTable("Policies", columns, tuple(rows))


def _policy_cells(
    outcome: PolicyOutcome, path: tuple[str, ...], tiers: Iterable[str]
) -> tuple[Cell, ...]:
    return (
        figure(outcome.quality, (*path, "quality"), ".2f", scale=10.0),
        figure(outcome.cost_usd, (*path, "cost_usd"), ".3g", scale=1000.0),
        figure(outcome.quality_kept, (*path, "quality_kept"), ".1f", scale=100.0),
        figure(outcome.cost_share, (*path, "cost_share"), ".1f", scale=100.0),
        words(" / ".join(f"{100 * outcome.share[tier]:.0f}" for tier in tiers)),
    )


def frontier_table(full: FullResult) -> DataTable:
    """Tell the frontier of the router and of each control."""
    rows = [_frontier_row("router", full.router, ("full", "router"))]
    rows += [
        _frontier_row(name, each, ("full", "controls", name))
        for name, each in full.controls.items()
    ]
    columns = (
        "predictions",
        "gap closed, %",
        "AIQ gain x 1,000",
        "saving at 99 %, %",
        "gap closed as published, %",
    )
    return DataTable("Frontiers", columns, tuple(row for row in rows if row))


def _frontier_row(name: str, candidate: Candidate, path: tuple[str, ...]) -> tuple[Cell, ...]:
    found = candidate.frontier
    if found is None:
        return ()
    at = (*path, "frontier")
    hindsight = "" if found.hindsight is None else f"{100 * found.hindsight.gap_closed:.1f}"
    return (
        words(name),
        figure(found.gap_closed, (*at, "gap_closed"), ".1f", scale=100.0),
        figure(found.aiq_gain, (*at, "aiq_gain"), ".1f", scale=1000.0),
        figure(found.saving_at_99, (*at, "saving_at_99"), ".1f", scale=100.0),
        words(hindsight or "-"),
    )


def share_table(found: Evaluation, full: FullResult) -> DataTable:
    """Tell some lambdas from one end to the other."""
    step = max(1, (len(full.points) - 1) // (_SHARE_ROWS - 1))
    points = full.points[::step]
    rows = tuple(
        (
            words(number(point.lam)),
            words(f"{10 * point.quality:.2f}"),
            words(number(1000 * point.cost_usd)),
            *(words(f"{100 * point.share[tier]:.0f}") for tier in found.tiers),
        )
        for point in points
    )
    columns = ("lambda", "quality, 0-10", "USD per 1,000", *(f"{t}, %" for t in found.tiers))
    return DataTable("Lambda", columns, rows)


def call_share_table(found: CallShare) -> DataTable:
    """Tell some shares of calls to the dear tier, from the least to the most."""
    others = [name for name in found.points[0].share if name != found.tier]
    step = max(1, (len(found.points) - 1) // (_SHARE_ROWS - 1))
    rows = []
    for place in range(0, len(found.points), step):
        point, at = found.points[place], ("full", "call_share", "points", str(place))
        rows.append(
            (
                words(f"{100 * point.calls:.0f}"),
                figure(point.quality, (*at, "quality"), ".2f", scale=10.0),
                figure(point.cost_usd, (*at, "cost_usd"), ".3g", scale=1000.0),
                *(words(f"{100 * point.share[name]:.0f}") for name in others),
                words(number(point.lam)),
            )
        )
    columns = (
        f"calls to {found.tier}, %",
        "quality, 0-10",
        "USD per 1,000",
        *(f"{name}, %" for name in others),
        "lambda",
    )
    return DataTable("Calls to the dear tier", columns, tuple(rows))


def calibration_table(full: FullResult) -> DataTable:
    """Tell calibration error and Brier score per tier."""
    rows = tuple(
        (
            words(tier),
            figure(each.ece, ("full", "calibration", tier, "ece"), ".3f"),
            figure(each.brier, ("full", "calibration", tier, "brier"), ".3f"),
            words(f"{each.brier_of_mean:.3f}"),
        )
        for tier, each in full.calibration.items()
    )
    return DataTable("Calibration", ("tier", "ECE", "Brier", "Brier of the mean"), rows)


def coverage_table(found: Evaluation) -> DataTable:
    """Tell every tier on every kind of task: quality, or what a log can say."""
    rows = []
    for kind in found.coverage:
        cells = [words(kind.kind)]
        for seen in kind.tiers.values():
            routed = f"n {seen.n:,}, routed {100 * seen.routed:.0f} %"
            if seen.quality is None:
                cells.append(words(f"-; {routed}"))
            elif found.full is None:
                cells.append(words(f"{seen.ess:.0f}; {routed}"))
            else:
                cells.append(words(f"{10 * seen.quality:.2f}; {routed}"))
        rows.append(tuple(cells))
    return DataTable("Tier by kind of task", ("kind", *found.tiers), tuple(rows))


def inputs_table(found: Evaluation) -> DataTable:
    """Tell how much decisions rest on each input."""
    rows = tuple(
        (
            words(each.name),
            words(f"{100 * each.decisions_changed:.1f}"),
            words(f"{10 * each.quality_moved:.2f}"),
        )
        for each in found.inputs
    )
    columns = ("input", "decisions changed, %", "predicted gain moved, of 10")
    return DataTable("Inputs", columns, rows)


def learning_table(found: Evaluation) -> DataTable:
    """Tell each size of training, and what it adds to the one before."""
    rows = tuple(
        (
            words(f"{point.n_tasks:,}"),
            figure(point.gap_closed, ("learning", str(place), "gap_closed"), ".1f", scale=100.0),
            words("")
            if point.gained is None
            else figure(point.gained, ("learning", str(place), "gained"), "+.1f", scale=100.0),
        )
        for place, point in enumerate(found.learning)
    )
    return DataTable("Learning curve", ("tasks", "gap closed, %", "gained, points"), rows)


def split_table(split: SplitFacts) -> DataTable:
    """Tell the trainings of a split."""
    rows = tuple(
        (words(part.name), words(f"{part.n_train:,}"), words(f"{part.n_test:,}"))
        for part in split.parts
    )
    return DataTable("Trainings", ("held out", "tasks trained on", "tasks tested"), rows)


def logged_table(found: Evaluation, logged: LoggedResult) -> DataTable:
    """Tell what the log says of the router and of every tier."""
    sides: list[tuple[str, LoggedValue, tuple[str, ...]]] = [
        ("as logged", logged.as_logged, ("logged", "as_logged")),
        (f"router, lambda {found.lam:g}", logged.router, ("logged", "router")),
    ]
    if logged.at_goal is not None:
        sides.append(("set to the goal", logged.at_goal, ("logged", "at_goal")))
    sides += [
        (f"always {name}", each, ("logged", "fixed", name)) for name, each in logged.fixed.items()
    ]
    rows = []
    for name, value, path in sides:
        cells = (
            figure(value.quality, (*path, "quality"), ".2f", scale=10.0),
            figure(value.cost_usd, (*path, "cost_usd"), ".3g", scale=1000.0),
            figure(value.reward, (*path, "reward"), ".3f"),
        )
        shown = cells if value.is_supported else (words("not claimed"),) * 3
        rows.append((words(name), *shown, words(f"{value.ess:,.0f}")))
    columns = ("policy", "quality, 0-10", "USD per 1,000", "reward", "effective sample size")
    return DataTable("Values", columns, tuple(rows))
