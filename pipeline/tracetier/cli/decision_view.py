"""A decision as people like to read it: the tier, why, and how to report on it."""

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tracetier.records import Decision


def render_decision(decision: Decision) -> RenderableType:
    """Return the tier and its model, and the terms of the decision."""
    model = f" ({decision.model})" if decision.model else ""
    drawn = ", drawn at random to learn" if decision.explored else ""
    return Text.assemble(
        (decision.tier, "bold green"),
        model,
        (
            f"\nprobability {decision.propensity:.3f}{drawn}, lambda {decision.lam:g}, "
            f"bucket {decision.bucket}, strategy {decision.strategy}",
            "dim",
        ),
        f"\ndecision {decision.decision_id}",
    )


def render_reasons(decision: Decision) -> RenderableType:
    """Return what was believed of each tier, and the reasons in words; quality is 0-10."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("tier", no_wrap=True)
    for name in ("quality", "USD", "reward", "at first", "probability"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, score in decision.scores.items():
        table.add_row(
            Text(name),
            f"{10 * score.quality:.2f}",
            f"{score.cost_usd:.3g}",
            f"{score.reward:.2f} ± {score.sd:.2f}" if score.sd else f"{score.reward:.2f}",
            f"{score.prior_reward:.2f}",
            f"{decision.propensities[name]:.3f}",
            style="bold" if name == decision.tier else "",
        )
    return Group(table, bullets(decision.reasons))


def bullets(lines: Sequence[str]) -> RenderableType:
    """Return lines with a dot before each, the rest of a long one below its start."""
    grid = Table.grid(padding=(0, 1))
    for line in lines:
        grid.add_row("·", Text(line))
    return grid
