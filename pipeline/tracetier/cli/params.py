"""Parameters that several commands share, and the settings that stand behind them."""

import math
from pathlib import Path
from typing import Annotated

import typer

from tracetier.settings import Settings


def finite(value: float | None) -> float | None:
    """Refuse nan and infinity, which the command line would take for numbers."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value


ArtifactPath = Annotated[
    Path,
    typer.Argument(
        metavar="ARTIFACT",
        help="Trained artifact: its folder, or its .tar.zst file.",
        show_default=False,
    ),
]
TablePath = Annotated[
    Path,
    typer.Argument(
        metavar="TABLE", help="Feature table that `tracetier ingest` wrote.", show_default=False
    ),
]
LamOption = Annotated[
    float | None,
    typer.Option(
        "--lam",
        metavar="L",
        min=0.0,
        callback=finite,
        help="Weight of cost (0-1) against quality (0-10). Default: that of tracetier.toml or "
        "TRACETIER_LAM, else the artifact's.",
        show_default=False,
    ),
]
BudgetOption = Annotated[
    float | None,
    typer.Option(
        "--budget-usd",
        metavar="X",
        help="Solve lambda for this mean cost per task, USD, instead.",
        show_default=False,
    ),
]
FloorOption = Annotated[
    float | None,
    typer.Option(
        "--quality-floor",
        metavar="Q",
        min=0.0,
        max=10.0,
        help="Solve lambda for this mean quality, 0-10, instead.",
        show_default=False,
    ),
]
SavingOption = Annotated[
    float | None,
    typer.Option(
        "--saving",
        metavar="S",
        min=0.0,
        max=1.0,
        callback=finite,
        help="Solve lambda for this saving instead, a share of the dear tier's cost: .5 is half "
        "of its cost.",
        show_default=False,
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        help="Seed of every random draw. Default: that of tracetier.toml or TRACETIER_SEED, "
        "else 0.",
        show_default=False,
    ),
]
JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of tables.")
]


def lam_of(settings: Settings) -> float | None:
    """Return lambda where a flag, the file or the environment gives it, else ``None``.

    ``None`` leaves it to the artifact, which holds the one it was trained for.

    Examples
    --------
    >>> from tracetier.settings import load_settings
    >>> lam_of(load_settings(env={})), lam_of(load_settings(env={"TRACETIER_LAM": "2"}))
    (None, 2.0)
    """
    return settings.given_lam
