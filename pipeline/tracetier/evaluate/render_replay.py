"""A replay for people at a terminal: the headline, then strategies, then comparisons."""

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tracetier.evaluate.replay_result import Replay
from tracetier.evaluate.result import scaled


def render_replay(replay: Replay) -> RenderableType:
    """Return something that rich prints; quality is 0-10, cost USD per 1,000 tasks."""
    parts: list[RenderableType] = [
        Text(replay.headline, style="bold"),
        Text(""),
        _strategies(replay),
    ]
    if replay.versus:
        parts.append(_versus(replay))
    parts.append(Text(_footer(replay), style="dim"))
    return Group(*parts)


def _strategies(replay: Replay) -> Table:
    table = _table("Regret while learning")
    _add_checkpoints(table, replay)
    for name in ("vs bucket", "quality", "USD/1,000"):
        table.add_column(name, justify="right")
    for name, found in replay.strategies.items():
        table.add_row(
            name,
            *(f"{each.estimate:,.0f}" for each in found.regret_oracle),
            f"{found.regret_bucket[-1].estimate:,.0f}",
            f"{10 * found.quality[-1].estimate:.2f}",
            f"{1000 * found.cost_usd[-1].estimate:.3g}",
        )
    return table


def _versus(replay: Replay) -> Table:
    table = _table(f"Regret of {replay.strategy} as a share of a baseline's")
    _add_checkpoints(table, replay)
    for name in ("better in", "p (sign)"):
        table.add_column(name, justify="right")
    for name, found in replay.versus.items():
        table.add_row(
            name,
            *(f"{each.estimate:.3f}" for each in found.regret_ratio[:-1]),
            scaled(found.regret_ratio[-1], ".3f"),
            f"{found.n_better[-1]} of {replay.orders}",
            f"{found.p_value[-1]:.2g}",
        )
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("strategy", no_wrap=True)
    return table


def _add_checkpoints(table: Table, replay: Replay) -> None:
    for end in replay.checkpoints:
        table.add_column(f"at {end:,}", justify="right")


def _footer(replay: Replay) -> str:
    aim = f"lambda {replay.lam:.3g}"
    if replay.budget_usd is not None:
        aim += f" (mean, for {replay.budget_usd:.3g} USD per task as predicted)"
    return (
        f"{replay.n_tasks:,} tasks ({replay.n_out_of_fold:,} predicted out of fold, "
        f"{replay.n_left_out:,} left out), {replay.orders} orders, seed {replay.seed}, {aim}; "
        "regret is in units of reward (0-10) against the best tier of each task in hindsight, vs "
        "bucket against the best fixed tier of each bucket; quality 0-10; "
        f"[..] 95 % intervals over orders; artifact {replay.artifact_id}."
    )
