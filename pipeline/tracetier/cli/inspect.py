"""``tracetier inspect``: what a path holds, found out by looking at it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tracetier.cli.params import JsonFlag
from tracetier.errors import InputError
from tracetier.settings import load_settings

Kind = Literal["log", "table", "artifact", "state"]

_HEAD_BYTES = 512
_DATABASES = (".db", ".sqlite", ".sqlite3")


def inspect(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A log or a folder of logs, a feature table, an artifact, or a router's state "
            "(file or URL).",
            show_default=False,
        ),
    ],
    format_name: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of the log's files. Default: each is recognised by its content.",
            show_default=False,
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--map",
            metavar="FILE",
            help="TOML or JSON file: our column, and the path to it in the log's records.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what is in a log, a table, an artifact or a state.

    Which of them it is, is found out. Of logs the first 1,000 records of each file are read, and
    nothing is written.
    """
    if format_name is not None or mapping is not None:
        _log(path, as_json, format_name=format_name, mapping=mapping)
        return
    look = {"log": _log, "table": _table, "artifact": _artifact, "state": _state}
    look[kind_of(path)](path, as_json)


def kind_of(path: str) -> Kind:
    """Return what a path holds.

    Raises
    ------
    InputError
        If nothing is there.
    """
    if "://" in path:
        return "state"
    place = Path(path)
    if not place.exists():
        raise InputError(
            f"no such file or folder: {path!r}; give a log, a feature table, an artifact or a state"
        )
    if place.is_dir():
        return _kind_of_folder(place)
    if place.name.endswith(".tar.zst"):
        return "artifact"
    if place.suffix in _DATABASES or (place.suffix == ".json" and _names_an_artifact(place)):
        return "state"
    return "table" if _is_part(place) else "log"


def _kind_of_folder(place: Path) -> Kind:
    from tracetier.table import is_table

    if (place / "manifest.json").is_file():
        return "artifact"
    is_parts = any(map(_is_part, sorted(place.glob("part-*.parquet"))[:1]))
    return "table" if is_table(place) or is_parts else "log"


def _names_an_artifact(place: Path) -> bool:
    """Whether a JSON file starts as a state does; a damaged one is still recognised."""
    try:
        with place.open("rb") as file:
            return b'"artifact_id"' in file.read(_HEAD_BYTES)
    except OSError:
        return False  # told when it is read


def _is_part(place: Path) -> bool:
    """Whether a file is Parquet that carries the version of our tables."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with place.open("rb") as file:
            if file.read(4) != b"PAR1":
                return False
            metadata = pq.read_schema(file).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    return b"tracetier.schema_version" in metadata


def _log(
    path: str,
    as_json: bool,
    *,
    format_name: str | None = None,
    mapping: Path | None = None,
) -> None:
    from tracetier.cli.log_view import log_facts, render_log
    from tracetier.cli.terminal import show, show_json

    tiers = load_settings().tier_set
    facts = log_facts(Path(path), tiers, format=format_name, mapping=mapping)
    if as_json:
        show_json(facts)
    else:
        show(render_log(facts))


def _table(path: str, as_json: bool) -> None:
    from tracetier.cli.table_view import render_table, table_facts
    from tracetier.cli.terminal import show, show_json

    facts = table_facts(Path(path))
    if as_json:
        show_json(facts)
    else:
        show(render_table(facts))


def _artifact(path: str, as_json: bool) -> None:
    from tracetier.artifact import load_artifact
    from tracetier.cli.artifact_view import artifact_facts, render_artifact
    from tracetier.cli.terminal import show, show_json

    artifact = load_artifact(path)
    if as_json:
        show_json(artifact_facts(artifact))
    else:
        show(render_artifact(artifact))


def _state(path: str, as_json: bool) -> None:
    from tracetier.cli.state_view import render_state, state_facts
    from tracetier.cli.terminal import show, show_json
    from tracetier.route.offline import snapshot_of_state

    snapshot = snapshot_of_state(path)
    if as_json:
        show_json(state_facts(path, snapshot))
    else:
        show(render_state(path, snapshot))
