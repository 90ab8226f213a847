"""``tracetier ingest``: logs → feature table."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracetier.cli.params import JsonFlag
from tracetier.errors import SettingsError
from tracetier.settings import load_settings

if TYPE_CHECKING:
    from tracetier.tiers import TierSet


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Logs: files or folders.", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder of the table; one that is there is replaced.", metavar="DIR"),
    ],
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of all files. Default: each is recognised by its content.",
            show_default=False,
        ),
    ] = None,
    tiers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML file that declares the tiers, cheap to dear. Default: tracetier.toml, "
            "else they are taken from the logs.",
            show_default=False,
        ),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE",
            help="TOML or JSON file: our column, and the path to it in your records.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Stop at the first record that cannot be read, write nothing."
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read logs into a feature table.

    The table is Parquet, with one row per model call or agent run. What cannot be read is
    listed with file, line and reason in issues.parquet beside the table.
    """
    from tracetier.api import ingest as run
    from tracetier.cli.ingest_view import render
    from tracetier.cli.terminal import progress, show, show_json

    settings = load_settings()
    with progress() as tell:
        summary = run(
            paths,
            out,
            format=format_name,
            tiers=None if tiers is None else _declared(tiers),
            mapping=map_file,
            strict=strict,
            settings=settings,
            progress=lambda done, total: tell("reading", done / max(total, 1)),
        )
    if as_json:
        show_json(summary.to_dict())
    else:
        show(render(summary))


def _declared(file: Path) -> "TierSet":
    tiers = load_settings(file, env={}).tier_set
    if tiers is None:
        raise SettingsError(
            f"{str(file)!r} declares no tier; write one [[tier]] with a name and its models for "
            "each, cheap to dear"
        )
    return tiers
