"""``tracetier compare``: may the candidate replace the incumbent? Exit code 1 where not."""

from pathlib import Path
from typing import Annotated

import typer

from tracetier.cli.params import JsonFlag, LamOption, SeedOption, TablePath, lam_of
from tracetier.settings import load_settings


def compare(
    incumbent: Annotated[
        str,
        typer.Argument(
            metavar="INCUMBENT",
            help="What is in use: an artifact, the name of a tier, or `logs` for what the logs "
            "did.",
            show_default=False,
        ),
    ],
    candidate: Annotated[
        Path,
        typer.Argument(
            metavar="CANDIDATE",
            help="Trained artifact that may replace it: its folder, or its .tar.zst file.",
            show_default=False,
        ),
    ],
    table: TablePath,
    lam: LamOption = None,
    seed: SeedOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell whether a new artifact is better than what is in use.

    Exits with 0 where the lower bound of the gain in reward is above 0, with 1 where it is not:
    for a step of a release. Both are valued on the same tasks; those that one was trained on are
    judged by models that had not seen them. Works on tables where every tier ran, and on logs of
    one tier per task.
    """
    from tracetier.api import compare as run
    from tracetier.cli.terminal import progress, show, show_json
    from tracetier.evaluate.render_comparison import render_comparison

    settings = load_settings(overrides={"lam": lam, "seed": seed})
    with progress() as tell:
        found = run(
            incumbent,
            candidate,
            table,
            lam=lam_of(settings),
            seed=settings.seed,
            progress=tell,
        )
    if as_json:
        show_json(found.summary())
    else:
        show(render_comparison(found))
    if not found.passes:
        raise typer.Exit(1)
