"""``tracetier train``: feature table → artifact."""

from pathlib import Path
from typing import Annotated

import typer

from tracetier.cli.params import (
    BudgetOption,
    FloorOption,
    JsonFlag,
    SavingOption,
    SeedOption,
    TablePath,
    finite,
)
from tracetier.settings import load_settings


def train(
    table: TablePath,
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Where the artifact goes: a folder, or a file *.tar.zst."),
    ],
    lam: Annotated[
        float | None,
        typer.Option(
            metavar="L",
            min=0.0,
            callback=finite,
            help="Default lambda of the artifact, the weight of cost (0-1) against quality "
            "(0-10). Default: that of tracetier.toml or TRACETIER_LAM, else 0.3.",
            show_default=False,
        ),
    ] = None,
    budget_usd: BudgetOption = None,
    quality_floor: FloorOption = None,
    saving: SavingOption = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE",
            help="Where the models are fitted: 'local' for processes of this machine, "
            "dask://HOST:PORT of a scheduler, or dask://local?workers=N. Default: here.",
            show_default=False,
        ),
    ] = None,
    seed: SeedOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Fit quality and cost of each tier, and save the artifact.

    Lambda, the weight of cost, can be given or solved for a budget, a quality floor or a saving;
    it can be changed again with every decision.
    """
    from tracetier.api import train as run
    from tracetier.cli.artifact_view import artifact_facts, render_artifact
    from tracetier.cli.terminal import progress, show, show_json

    settings = load_settings(overrides={"lam": lam, "seed": seed})
    with progress() as tell:
        artifact = run(
            table,
            out,
            lam=lam,
            budget_usd=budget_usd,
            quality_floor=quality_floor,
            saving=saving,
            engine=engine,
            settings=settings,
            progress=tell,
        )
    if as_json:
        show_json(artifact_facts(artifact))
    else:
        show(render_artifact(artifact))
