"""A comparison of two policies for people at a terminal."""

from rich.console import Group, RenderableType
from rich.text import Text

from tracetier.evaluate.comparison import Comparison, PolicyFacts
from tracetier.evaluate.figure_table import FigureTable
from tracetier.evaluate.number_format import scaled
from tracetier.measures.bootstrap import Interval


def render_comparison(found: Comparison) -> RenderableType:
    """Return something that rich prints: the verdict, both sides, what limits the numbers."""
    table = FigureTable(
        f"Per task, at lambda {found.lam:g}", ("policy", "reward", "quality", "USD/1,000", "ESS")
    )
    for name, facts in (("incumbent", found.incumbent), ("candidate", found.candidate)):
        table.add_row(f"{name} {_shown(facts)}", *_figures(facts))
    table.add_section()
    table.add_row(
        "difference",
        scaled(found.gain, "+.3f"),
        scaled(found.quality_gain, "+.3f", scale=10.0),
        scaled(_cost_change(found), "+.3g", scale=1000.0),
        "",
    )
    style = "bold green" if found.passes else "bold red"
    what = "rows of one known tier" if found.n_logged else "tasks, every tier known"
    footer = (
        f"{found.n_rows:,} {what}, in {found.n_groups:,} independent groups. [..] 95 % intervals, "
        f"{found.n_draws:,} paired resamples of groups, seed {found.seed}."
    )
    notes = [Text(f"Note: {note}.", style="yellow") for note in found.notes]
    return Group(
        Text(found.headline, style=style), Text(""), table, Text(footer, style="dim"), *notes
    )


def _shown(facts: PolicyFacts) -> str:
    return facts.name if facts.kind != "tier" else f"always {facts.name}"


def _figures(facts: PolicyFacts) -> tuple[str, ...]:
    return (
        scaled(facts.reward, ".3f"),
        scaled(facts.quality, ".3f", scale=10.0),
        scaled(facts.cost_usd, ".3g", scale=1000.0),
        f"{facts.ess:,.0f}",
    )


def _cost_change(found: Comparison) -> Interval:
    """Cost of the candidate less that of the incumbent, as the other columns are."""
    saved = found.cost_saved_usd
    return Interval(-saved.estimate, -saved.high, -saved.low)
