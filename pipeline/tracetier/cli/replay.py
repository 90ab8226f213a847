"""``tracetier replay``: route a full-information table as if its tasks came live."""

from typing import Annotated, Literal

import typer

from tracetier.cli.params import ArtifactPath, JsonFlag, LamOption, SeedOption, TablePath, lam_of
from tracetier.settings import load_settings

ReplayStrategy = Literal["residual", "seed", "seed-cold", "greedy"]


def replay(
    artifact: ArtifactPath,
    table: TablePath,
    strategy: Annotated[
        ReplayStrategy | None,
        typer.Option(
            help="How the router learns; the published rule (seed, and seed-cold without the "
            "model) runs beside it. Default: that of tracetier.toml, else residual.",
            show_default=False,
        ),
    ] = None,
    lam: LamOption = None,
    budget_usd: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0.0,
            help="Solve lambda for this mean cost per task, USD, instead.",
            show_default=False,
        ),
    ] = None,
    orders: Annotated[
        int, typer.Option(min=1, metavar="N", help="Random orders of the tasks.")
    ] = 20,
    seed: SeedOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Route a table as if live: decide, then see one outcome.

    Tasks come in several random orders, and only the outcome of the chosen tier is shown. Needs
    a table where every tier ran on each task. Regret is what was missed against the best
    tier of each task in hindsight.
    """
    from tracetier.api import replay as run
    from tracetier.cli.terminal import progress, show, show_json
    from tracetier.evaluate.render_replay import render_replay

    settings = load_settings(overrides={"lam": lam, "seed": seed})
    with progress() as tell:
        found = run(
            artifact,
            table,
            strategy=strategy or settings.strategy,
            lam=lam if budget_usd is not None else lam_of(settings),
            budget_usd=budget_usd,
            orders=orders,
            seed=settings.seed,
            n_jobs=settings.n_jobs or 1,
            progress=tell,
        )
    if as_json:
        show_json(found.summary())
    else:
        show(render_replay(found))
