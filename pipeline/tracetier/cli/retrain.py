"""``tracetier retrain``: decision log → better artifact in use, as one command for cron."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracetier.cli.params import JsonFlag, LamOption, SeedOption
from tracetier.errors import SettingsError
from tracetier.settings import load_settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tracetier.retrain.result import Retraining

TOKEN_ENV = "TRACETIER_TOKEN"


def retrain(
    artifact: Annotated[
        Path,
        typer.Argument(
            metavar="ARTIFACT",
            help="What is in use: a link to an artifact's folder, or the folder, which then "
            "becomes a link.",
            show_default=False,
        ),
    ],
    log: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of the decision log, see tracetier serve --log."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder of the versions, best the one that holds ARTIFACT; a service that is to "
            "swap must have it as its --models.",
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Feature table of earlier traces to learn from too; it is not changed.",
            show_default=False,
        ),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(
            "--serve",
            metavar="URL",
            help="Service that is to decide with the new artifact at once, as "
            "http://127.0.0.1:8080.",
            show_default=False,
        ),
    ] = None,
    token_env: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Environment variable that holds the service's token, of role admin.",
        ),
    ] = TOKEN_ENV,
    keep: Annotated[int, typer.Option(metavar="N", min=2, help="Versions that are kept.")] = 5,
    lam: LamOption = None,
    seed: SeedOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Learn from the decision log, and use what is shown to be better.

    Reads what is new in the log, trains a candidate, and holds it against what is in use on the
    tasks of the log. Where the lower bound of its gain is above 0, ARTIFACT leads to it from then
    on, and the service is told.

    Exits with 0 where it is in use, or nothing new was there to learn from; with 1 where it is
    not shown to be better, or the work failed; with 2 for wrong input. Nothing is changed unless
    it exits with 0. Two runs at a time do not meet.
    """
    from tracetier.cli.terminal import progress, show, show_json
    from tracetier.retrain.run import retrain as run

    settings = load_settings(overrides={"lam": lam, "seed": seed})
    tell_service = None if service is None else _teller(service, token_env, out)
    with progress() as tell:
        found = run(
            artifact,
            log,
            out,
            settings=settings,
            table=table,
            keep=keep,
            tell_service=tell_service,
            progress=tell,
        )
    if as_json:
        show_json(found.summary())
    else:
        show(_render(found))
    if found.outcome == "kept":
        raise typer.Exit(1)


def _teller(url: str, token_env: str, out: Path) -> Callable[[Path], None]:
    """Return what tells the service of a version, by its place below the folder of models."""
    from tracetier.client.client import Client

    token = os.environ.get(token_env)
    if token_env != TOKEN_ENV and not token:
        raise SettingsError(
            f"--token-env names {token_env}, which is not set; export it, or leave the option out "
            "where the service asks for no token"
        )

    def tell(version: Path) -> None:
        with Client(url, token=token or "") as client:
            client.swap(str(version.relative_to(out)))

    return tell


def _render(found: "Retraining") -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from tracetier.evaluate.render_comparison import render_comparison

    read = f"{found.n_rows:,} decisions in the log, {found.n_outcomes:,} with a quality."
    if found.n_issues:
        read += f" {found.n_issues:,} lines could not be read: see issues.parquet of its table."
    parts: list[RenderableType] = [Text(read)]
    judged = found.judgement
    if judged is None:
        return Group(*parts, Text(found.headline))
    parts += [Text(""), render_comparison(judged.comparison), Text("")]
    if judged.beside is not None:
        parts.append(Text(f"Beside it: {judged.beside.headline}", style="dim"))
    if judged.reason is not None:
        parts.append(Text(f"Does not pass: {judged.reason}.", style="bold red"))
    where = "In use now" if found.outcome == "swapped" else "Nothing changed, in use is"
    parts.append(Text(f"{where}: {found.path} ({found.artifact_id})", style="bold"))
    return Group(*parts)
