"""A replay as a picture, or as one page with the picture and the tables in it.

The drawing library is imported here only, when something is drawn.
"""

import base64
import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tracetier.errors import SettingsError
from tracetier.evaluate.render_replay import render_replay
from tracetier.evaluate.replay_result import Replay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHADES = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
"""Told apart by people who see few colours."""

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>tracetier replay</title>
<style>body {{ font: 16px/1.5 sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
img {{ max-width: 100% }} pre {{ overflow-x: auto; font-size: 13px }}</style>
<h1>Replay</h1>
<p>{headline}</p>
<img alt="Regret so far, and quality, cost and tiers by phase" src="data:image/png;base64,{image}">
<pre>{tables}</pre>
</html>
"""


def check_plotting() -> None:
    """Raise `SettingsError` where the drawing library is not installed."""
    try:
        import matplotlib as _  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            'plots need matplotlib, which is not installed: pip install "tracetier[report]"'
        ) from error


def write_png(replay: Replay, path: str | Path) -> None:
    """Draw the replay into a file; `SettingsError` where matplotlib is not installed."""
    Path(path).write_bytes(_png(replay))


def write_html(replay: Replay, path: str | Path) -> None:
    """Write one page that needs nothing beside it."""
    console = Console(file=io.StringIO(), width=130, record=True, markup=False, emoji=False)
    console.print(render_replay(replay))
    page = _PAGE.format(
        headline=escape(replay.headline),
        image=base64.b64encode(_png(replay)).decode(),
        tables=escape(console.export_text()),
    )
    Path(path).write_text(page, encoding="utf-8")


def _png(replay: Replay) -> bytes:
    check_plotting()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 7.5), layout="constrained")
    _draw(figure, replay)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _draw(figure: "Figure", replay: Replay) -> None:
    (regret, quality), (cost, share) = figure.subplots(2, 2)
    for shade, (name, found) in zip(_SHADES, replay.strategies.items(), strict=False):
        middle = [each.estimate for each in found.regret_oracle]
        regret.plot(replay.checkpoints, middle, marker="o", color=shade, label=name)
        regret.fill_between(
            replay.checkpoints,
            [each.low for each in found.regret_oracle],
            [each.high for each in found.regret_oracle],
            color=shade,
            alpha=0.2,
            linewidth=0.0,
        )
        starts = [phase.start for phase in found.phases] + [replay.n_tasks]
        quality.stairs(
            [10.0 * phase.quality.estimate for phase in found.phases], starts, color=shade
        )
        cost.stairs([1e3 * phase.cost_usd.estimate for phase in found.phases], starts, color=shade)
    if replay.budget_usd is not None:
        cost.axhline(1e3 * replay.budget_usd, color="black", linestyle=":", label="budget")
        cost.legend(frameon=False)
    regret.legend(frameon=False)
    _named(regret, "regret so far against the best tier in hindsight", "reward, 0-10")
    _named(quality, "mean quality by phase", "0-10")
    _named(cost, "mean cost by phase", "USD per 1,000 tasks")
    _draw_shares(share, replay)


def _draw_shares(axes: "Axes", replay: Replay) -> None:
    phases = replay.strategies[replay.strategy].phases
    places, below = range(len(phases)), [0.0] * len(phases)
    for shade, tier in zip(_SHADES, replay.tiers, strict=False):
        heights = [phase.share[tier] for phase in phases]
        axes.bar(places, heights, bottom=below, color=shade, label=tier)
        below = [b + h for b, h in zip(below, heights, strict=True)]
    axes.set_xticks(list(places), [f"{phase.start:,}-{phase.end:,}" for phase in phases])
    axes.legend(frameon=False)
    axes.set_title(f"tiers taken by {replay.strategy}", loc="left")
    axes.set_xlabel("decisions")


def _named(axes: "Axes", title: str, unit: str) -> None:
    axes.set_title(title, loc="left")
    axes.set_ylabel(unit)
    axes.set_xlabel("decisions")
