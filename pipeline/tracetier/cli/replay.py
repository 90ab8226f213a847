"""``tracetier replay``: route a full-information table as if its tasks came live."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tracetier.cli.params import ArtifactPath, JsonFlag, LamOption, SeedOption, TablePath, lam_of
from tracetier.settings import load_settings

ReplayStrategy = Literal["residual", "seed-warm", "seed", "greedy", "thompson"]


def replay(
    artifact: ArtifactPath,
    table: TablePath,
    strategy: Annotated[
        ReplayStrategy | None,
        typer.Option(
            help="How the router learns; the published rule (seed, and seed-warm with the "
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
            help="Hold this mean cost per task, USD, instead.",
            show_default=False,
        ),
    ] = None,
    orders: Annotated[
        int, typer.Option(min=1, metavar="N", help="Random orders of the tasks.")
    ] = 20,
    seed: SeedOption = None,
    phase: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="What happens on the way, again and again: drop:TIER:QUALITY@START[-END], "
            "price:TIER:FACTOR@START[-END], add:TIER@START or remove:TIER@START, in decisions.",
            show_default=False,
        ),
    ] = None,
    delay: Annotated[
        int, typer.Option(min=0, metavar="N", help="Decisions between one and its report.")
    ] = 0,
    missing: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of reports that never come.")
    ] = 0.0,
    noise: Annotated[
        float, typer.Option(min=0.0, help="Deviation added to reported quality, of 10.")
    ] = 0.0,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Orders played side by side. Default: that of tracetier.toml, else 1.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with plots.", show_default=False),
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the plots as a picture.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Route a table as if live: decide, then see one outcome.

    Tasks come in several random orders, and only the outcome of the chosen tier is shown. Needs
    a table where every tier ran on each task. Regret is what was missed against the best
    tier of each task in hindsight.
    """
    from tracetier.cli.terminal import progress, show, show_json
    from tracetier.evaluate.plot_replay import check_plotting, write_html, write_png
    from tracetier.evaluate.render_replay import render_replay
    from tracetier.evaluate.replay import replay as run
    from tracetier.evaluate.scenario import Scenario, parse_event

    if html or png:
        check_plotting()
    settings = load_settings(overrides={"lam": lam, "seed": seed})
    with progress() as tell:
        found = run(
            artifact,
            table,
            strategy=strategy or settings.strategy,
            lam=lam if budget_usd is not None else lam_of(settings),
            budget_usd=budget_usd,
            scenario=Scenario(
                events=tuple(map(parse_event, phase or ())),
                delay=delay,
                missing=missing,
                noise=noise / 10.0,
            ),
            orders=orders,
            seed=settings.seed,
            n_jobs=jobs or settings.n_jobs or 1,
            progress=tell,
        )
    if html:
        write_html(found, html)
    if png:
        write_png(found, png)
    if as_json:
        show_json(found.summary())
    else:
        show(render_replay(found))
