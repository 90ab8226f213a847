"""``tracetier ingest``: logs → feature table."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracetier.cli.params import JsonFlag
from tracetier.errors import SettingsError
from tracetier.settings import load_settings

if TYPE_CHECKING:
    from tracetier.tiers import TierSet


class LevelName(StrEnum):
    """What is routed."""

    CALL = "call"
    AGENT_RUN = "agent_run"
    TASK = "task"


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
    level: Annotated[
        LevelName | None,
        typer.Option(
            help="What is a row where logs tell steps: each model call, each run of an agent or "
            "sub-agent, or each whole task. Default: by format.",
            show_default=False,
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Outcomes to join: rows with an id (span_id, response_id, trace_id, task_id or "
            "session_id) and a quality from 0 to 10, success, or name and value.",
            show_default=False,
        ),
    ] = None,
    scores_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML or JSON file: what the scores in the logs say, by name. Default: "
            "\\[scores] of tracetier.toml; names that are not in it are listed, not used.",
            show_default=False,
        ),
    ] = None,
    quality_from: Annotated[
        str | None,
        typer.Option(
            metavar="proxy:RULES",
            help="Guess quality where no outcome is known, by all rules (proxy:all), or by "
            "one or more with commas between (proxy:failed_tools=0.2).",
            show_default=False,
        ),
    ] = None,
    default_model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Model of rows that name neither model nor tier. Default: default_model "
            "under \\[ingest] in tracetier.toml, else such rows are issues.",
            show_default=False,
        ),
    ] = None,
    redact: Annotated[
        bool,
        typer.Option(
            "--redact",
            help="Take keys, e-mail addresses, home paths and the patterns of redact "
            "under \\[privacy] out of all that is written.",
        ),
    ] = False,
    no_text: Annotated[
        bool,
        typer.Option(
            "--no-text",
            help="Write no text of a task, but its features and a hash keyed by "
            "TRACETIER_HASH_KEY.",
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Stop at the first record that cannot be read, write nothing."
        ),
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, help="Processes that read files side by side."
        ),
    ] = 1,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where files are read: dask://HOST:PORT of a scheduler whose workers see them "
            "under the same paths, or dask://local?workers=N. Default: this machine.",
            show_default=False,
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Read all files again, also those unchanged since the last run."
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
            level=None if level is None else level.value,
            scores=scores,
            scores_map=scores_map,
            quality_from=quality_from,
            redact=redact,
            no_text=no_text,
            strict=strict,
            default_model=default_model,
            settings=settings,
            jobs=jobs,
            engine=engine,
            fresh=fresh,
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
