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
    end_known: Annotated[
        bool,
        typer.Option(
            "--end-known",
            help="Tell the router for how many tasks the budget is, so that it ends on it.",
        ),
    ] = False,
    orders: Annotated[
        int, typer.Option(min=1, metavar="N", help="Random orders of the tasks.")
    ] = 20,
    seed: SeedOption = None,
    phase: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="What happens on the way, written as above; may be given several times.",
            show_default=False,
        ),
    ] = None,
    phases: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The same from a TOML file, with delay, missing and noise; what is given here "
            "counts more, and phases are added to those of the file.",
            show_default=False,
        ),
    ] = None,
    delay: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Decisions between one and its report. Default: 0.",
            show_default=False,
        ),
    ] = None,
    missing: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="SHARE",
            help="Share of reports that never come. Default: 0.",
            show_default=False,
        ),
    ] = None,
    noise: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            metavar="SD",
            help="Deviation added to reported quality, of 10. Default: 0.",
            show_default=False,
        ),
    ] = None,
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

    What happens on the way is a --phase, in decisions counted from 0: drop:TIER:QUALITY@START[-END]
    for a tier that gets worse, price:TIER:FACTOR@START[-END], add:TIER@START or remove:TIER@START.
    """
    from tracetier.cli.terminal import progress, show, show_json
    from tracetier.evaluate.plot_replay import check_plotting, write_html, write_png
    from tracetier.evaluate.render_replay import render_replay
    from tracetier.evaluate.replay import replay as run
    from tracetier.evaluate.scenario import Scenario, parse_event
    from tracetier.evaluate.scenario_file import read_scenario

    if html or png:
        check_plotting()
    settings = load_settings(overrides={"lam": lam, "seed": seed})
    base = Scenario() if phases is None else read_scenario(phases)
    with progress() as tell:
        found = run(
            artifact,
            table,
            strategy=strategy or settings.strategy,
            lam=lam if budget_usd is not None else lam_of(settings),
            budget_usd=budget_usd,
            scenario=Scenario(
                events=(*base.events, *map(parse_event, phase or ())),
                delay=base.delay if delay is None else delay,
                missing=base.missing if missing is None else missing,
                noise=base.noise if noise is None else noise / 10.0,
            ),
            is_end_known=end_known,
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
