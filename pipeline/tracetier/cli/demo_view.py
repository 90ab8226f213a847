"""What the demo prints: numbered stages, the savings, the live decisions, what to type next."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from tracetier.cli.decision_view import bullets, render_decision
from tracetier.cli.state_view import q_table
from tracetier.demo.source import DemoSource
from tracetier.evaluate.figure_table import FigureTable
from tracetier.evaluate.number_format import percent, scaled
from tracetier.evaluate.result import Evaluation, FullResult, PolicyOutcome
from tracetier.records import Decision, Task

if TYPE_CHECKING:
    from tracetier.cli.demo_live import Learned
    from tracetier.ingest.summary import IngestSummary

_CONTROLS = ("bucket mean", "shuffled", "random", "oracle")
_SET = {"quality_99": "set to keep 99 %", "quality_100": "set to keep 100 %"}


def opening(source: DemoSource) -> RenderableType:
    """Return what the demo runs on, and whose it is."""
    title = Text(source.title, style="bold yellow" if source.is_synthetic else "bold")
    return Group(title, Text(" ".join(source.notice), style="dim"))


def heading(number: int, name: str, told: str) -> RenderableType:
    """Return the heading of a stage."""
    title = Text.assemble((f"{number}  {name}", "bold cyan"), f"  {told}")
    return Group(Text(), Rule(title, align="left", style="cyan"))


def took(time_s: float) -> RenderableType:
    """Return how long a stage took."""
    return Text(f"({time_s:.1f} s)", style="dim")


def short_paths(summary: "IngestSummary", table: Path) -> "IngestSummary":
    """Return a summary whose paths fit a line: those of installed files go deep."""
    files = tuple(replace(file, path=Path(file.path).name) for file in summary.files)
    return replace(summary, files=files, out=str(table))


def render_savings(evaluation: Evaluation, source: DemoSource) -> RenderableType:
    """Return each policy's quality and cost with its intervals, and what stands behind them."""
    full = evaluation.full
    assert full is not None, "the demo's tables hold every tier of each task"
    table = _savings_table(evaluation, full, is_synthetic=source.is_synthetic)
    foot = (
        f"[..] 95 % intervals over {evaluation.n_groups:,} groups of tasks; predictions out of "
        "fold. Last block, controls: the mean of the bucket, the router's predictions dealt to "
        "other tasks, random scores, and the best tier of each task in hindsight."
    )
    return Group(_headline(full, source), table, Text(foot, style="dim"), *_notes(evaluation))


def render_live(tasks: Sequence[Task], decisions: Sequence[Decision]) -> RenderableType:
    """Return each task with the tier that was chosen, and why."""
    parts: list[RenderableType] = []
    for task, decision in zip(tasks, decisions, strict=True):
        kind = f" ({task.task_type})" if task.task_type else " (no task type)"
        parts.append(Text.assemble(("» ", "cyan"), (task.text, "italic"), (kind, "dim")))
        told = Group(render_decision(decision), bullets(decision.reasons))
        parts.append(Padding(told, (0, 0, 1, 2)))
    return Group(*parts)


def render_dial(by_lam: Sequence[tuple[float, str]]) -> RenderableType:
    """Return where the second task would go as lambda grows."""
    first, *others = [name for _, name in by_lam]
    beyond = "".join(
        f", {name} from {lam:.2g}" for (lam, _), name in zip(by_lam[1:], others, strict=True)
    )
    return Text(
        "Lambda can change with every call. What the model expects of the second task makes it "
        f"{first} at 0{beyond}."
    )


def render_learned(learned: "Learned") -> RenderableType:
    """Return Q of the bucket before and after the reports."""
    text = (
        f"{learned.n_reports:,} prompts of bucket {learned.bucket} were routed one after the "
        "other; only the outcome of the chosen tier was reported back: quality "
        f"{learned.mean_quality_10:.2f} of 10 at {learned.mean_cost_usd:.3g} USD per task."
    )
    q = f"Q = quality (0-10) - lambda x cost (0-1), as expected in bucket {learned.bucket}"
    return Group(Text(text), q_table(learned.after, learned.before), Text(q, style="dim"))


def ending(source: DemoSource, paths: Mapping[str, Path], *, took_s: float) -> RenderableType:
    """Return where everything is."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim")
    made.add_column()
    for name, path in paths.items():
        made.add_row(name, Text(str(path)))
    title = Text.assemble(("Done", "bold green"), f"  in {took_s:.0f} s")
    if source.is_synthetic:
        title.append("  (synthetic: none of these figures is a claim)", "yellow")
    return Group(Text(), Rule(title, align="left", style="green"), made, Text("\nGo on with:"))


def next_commands(paths: Mapping[str, Path], decision_id: str) -> list[str]:
    """Return three commands to go on with, ready to be typed."""
    artifact, state = (shlex.quote(str(paths[name])) for name in ("artifact", "state"))
    return [
        f"tracetier feedback {state} {decision_id} --quality 8.5",
        f'tracetier route {artifact} --text "..." --state {state} --explain',
        "tracetier ingest YOUR_LOGS --out data/table",
    ]


def _headline(full: FullResult, source: DemoSource) -> Text:
    point, gap = full.calibrated["quality_100"], full.router.frontier
    text = (
        f"Set beforehand to keep all of {full.reference}'s quality, the router keeps "
        f"{percent(point.quality_kept)} of it and saves {percent(point.saving)} of its cost."
    )
    control = full.controls.get("shuffled")
    if gap is not None and control is not None and control.frontier is not None:
        text += (
            f" Over all lambdas it closes {percent(gap.gap_closed)} of the gap between fixed "
            f"tiers and oracle; with its predictions dealt to other tasks "
            f"{percent(control.frontier.gap_closed)}."
        )
    label = "SYNTHETIC, no measurement of any model. " if source.is_synthetic else ""
    return Text.assemble((label, "bold yellow"), (text, "bold"))


def _savings_table(evaluation: Evaluation, full: FullResult, *, is_synthetic: bool) -> FigureTable:
    title = Text("Synthetic outcomes", "bold yellow") if is_synthetic else ""
    columns = ("policy", "quality", "USD/1,000", "quality kept %", "cost saved %")
    table = FigureTable(title, columns)
    for name, outcome in full.fixed.items():
        _add(table, f"always {name}", outcome)
    table.add_section()
    _add(table, f"router at lambda {evaluation.lam:g}", full.router.at_lam)
    for name, outcome in full.calibrated.items():
        _add(table, _SET.get(name, name), outcome)
    table.add_section()
    for name in _CONTROLS:
        control = full.controls.get(name)
        _add(table, name, control.at_lam if control else None)
    return table


def _add(table: FigureTable, name: str, outcome: PolicyOutcome | None) -> None:
    if outcome is not None:
        table.add_row(
            name,
            f"{10 * outcome.quality.estimate:.2f}",
            f"{1000 * outcome.cost_usd.estimate:.3g}",
            scaled(outcome.quality_kept, ".1f", scale=100.0),
            scaled(outcome.saving, ".1f", scale=100.0),
        )


def _notes(evaluation: Evaluation) -> list[Text]:
    return [Text(f"Note: {note}.", style="yellow") for note in evaluation.notes]
