"""``tracetier evaluate``: what the artifact's router would have cost and scored."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tracetier.cli.params import (
    ArtifactPath,
    BudgetOption,
    FloorOption,
    JsonFlag,
    LamOption,
    SavingOption,
    SeedOption,
    TablePath,
    lam_of,
)
from tracetier.settings import load_settings

SplitKind = Literal["time", "source", "group"]


def evaluate(
    artifact: ArtifactPath,
    table: TablePath,
    lam: LamOption = None,
    budget_usd: BudgetOption = None,
    quality_floor: FloorOption = None,
    saving: SavingOption = None,
    split: Annotated[
        SplitKind | None,
        typer.Option(
            help="Train the recipe anew on a part of the table and tell it on the rest: on later "
            "tasks, on one source after the other, or on a fifth of the tasks after the other.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="Column that tells sources apart, for --split source."),
    ] = "task_type",
    learning_curve: Annotated[
        bool,
        typer.Option(
            "--learning-curve",
            help="Train on more and more tasks too, to see how many are enough. Takes a while.",
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the report as one HTML file that needs no network.",
            show_default=False,
        ),
    ] = None,
    md: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the report as Markdown.", show_default=False),
    ] = None,
    seed: SeedOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell what the router would have saved, and at which loss.

    It is compared with each fixed tier, and with controls that could prove it wrong. Tasks that
    were in training are judged by models that had not seen them. Every figure comes
    with a 95 % interval. For a budget, a quality floor or a saving, lambda is solved on a part of
    the tasks and told on the rest, beside the fixed tiers and the incumbent.
    """
    from tracetier.api import evaluate as run
    from tracetier.cli.terminal import progress, say, show, show_json
    from tracetier.evaluate.render import render
    from tracetier.evaluate.report.write import check_writable, write_text

    for file in (html, md):
        if file is not None:
            check_writable(file)
    settings = load_settings(overrides={"lam": lam, "seed": seed})
    has_goal = any(each is not None for each in (budget_usd, quality_floor, saving))
    with progress() as tell:
        found = run(
            artifact,
            table,
            lam=lam if has_goal else lam_of(settings),
            budget_usd=budget_usd,
            quality_floor=quality_floor,
            saving=saving,
            incumbent=settings.incumbent,
            seed=settings.seed,
            split=split,
            source=source,
            learning_curve=learning_curve,
            n_jobs=settings.n_jobs or 1,
            progress=tell,
        )
    if html is not None:
        found.to_html(html)
        say(f"report written to {html}")
    if md is not None:
        write_text(md, found.to_markdown())
        say(f"report written to {md}")
    if as_json:
        show_json(found.summary())
    else:
        show(render(found))
