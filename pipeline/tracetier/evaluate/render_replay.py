"""A replay for people at a terminal: the headline, then strategies, then comparisons."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from tracetier.evaluate.figure_table import FigureTable
from tracetier.evaluate.number_format import counted, scaled
from tracetier.evaluate.replay_result import Replay

FEW_ORDERS = 10
"""With fewer the percentiles of resampled orders cover too little."""


def render_replay(replay: Replay) -> RenderableType:
    """Return something that rich prints; quality is 0-10, cost USD per 1,000 tasks."""
    parts: list[RenderableType] = [
        Text(replay.headline, style="bold"),
        Text(""),
        _strategies(replay),
    ]
    if replay.budget_usd is not None or len(replay.strategies[replay.strategy].phases) > 1:
        parts.append(_phases(replay))
    if replay.versus:
        parts.append(_versus(replay))
    parts.append(Text(_footer(replay), style="dim"))
    return Group(*parts)


def _strategies(replay: Replay) -> FigureTable:
    table = _table("Regret while learning", replay, ("vs bucket", "quality", "USD/1,000"))
    for name, found in replay.strategies.items():
        table.add_row(
            name,
            *(f"{each.estimate:z,.0f}" for each in found.regret_oracle),
            f"{found.regret_bucket[-1].estimate:z,.0f}",
            f"{10 * found.quality[-1].estimate:.2f}",
            f"{1000 * found.cost_usd[-1].estimate:.3g}",
        )
    return table


def _phases(replay: Replay) -> FigureTable:
    columns = ["strategy, decisions", "quality", "USD/1,000", *replay.tiers]
    if replay.budget_usd is not None:
        columns[3:3] = ["of budget", "at most"]
    table = FigureTable("Phase by phase", columns)
    for name, found in replay.strategies.items():
        for phase in found.phases:
            paced = []
            if phase.cost_share is not None and phase.most is not None:
                paced = [scaled(phase.cost_share, ".3f"), f"{phase.most:.3f}"]
            table.add_row(
                f"{name}, {phase.start:,}-{phase.end:,}",
                scaled(phase.quality, ".2f", scale=10.0),
                scaled(phase.cost_usd, ".3g", scale=1000.0),
                *paced,
                *(f"{phase.share[tier]:.0%}" for tier in replay.tiers),
            )
        table.add_section()
    return table


def _versus(replay: Replay) -> FigureTable:
    title = f"Regret of {replay.strategy} as a share of a baseline's"
    table = _table(title, replay, ("better in", "p (sign)"))
    for name, found in replay.versus.items():
        table.add_row(
            name,
            *(f"{each.estimate:.3f}" for each in found.regret_ratio[:-1]),
            scaled(found.regret_ratio[-1], ".3f"),
            f"{found.n_better[-1]} of {replay.orders}",
            f"{found.p_value[-1]:.2g}",
        )
    return table


def _table(title: str, replay: Replay, others: Sequence[str]) -> FigureTable:
    ends = [f"at {end:,}" for end in replay.checkpoints]
    return FigureTable(title, ("strategy", *ends, *others))


def _footer(replay: Replay) -> str:
    aim = f"lambda {replay.lam:.3g}"
    if replay.budget_usd is not None:
        aim = (
            f"held to {replay.budget_usd:.3g} USD per task; regret at lambda {replay.lam:.3g}, "
            "what that comes to by the predictions"
        )
    return (
        f"{replay.n_tasks:,} tasks ({replay.n_out_of_fold:,} predicted out of fold, "
        f"{replay.n_left_out:,} left out), {counted(replay.orders, 'order')}, seed {replay.seed}, "
        f"{aim}; regret is in units of reward (0-10) against the best tier of each task in "
        "hindsight, vs bucket against the best fixed tier of each bucket; quality 0-10; "
        f"{_intervals(replay.orders)}; artifact {replay.artifact_id}."
    )


def _intervals(orders: int) -> str:
    if orders == 1:
        return "no intervals, which take more than one order"
    rough = f", rough with so few as {orders}" if orders < FEW_ORDERS else ""
    return f"[..] 95 % intervals over orders{rough}"
