"""``tracetier serve``: decide for others, over HTTP."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracetier.cli.params import ArtifactPath, LamOption
from tracetier.settings import StrategyName

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tracetier.serve.auth import Access
    from tracetier.serve.run import ServeConfig

DEFAULT_STATE = "sqlite://state/bandit.db"


def serve(
    artifact: ArtifactPath,
    host: Annotated[str, typer.Option(metavar="HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port to listen on; 0 takes any.")
    ] = 8080,
    state: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Where decisions and what is learned are kept: a file that ends in .db or .json, "
            "redis://HOST:PORT/DB, or memory://.",
        ),
    ] = DEFAULT_STATE,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="Processes that serve.")
    ] = 1,
    tokens_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File of lines NAME:ROLE[,ROLE]:TOKEN with the roles route, feedback, read and "
            "admin. Default: TRACETIER_TOKENS, else none is needed on this machine.",
            show_default=False,
        ),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the artifacts that may be swapped in. Default: that of ARTIFACT.",
            show_default=False,
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the decision log, which tracetier ingest reads. Default: none.",
            show_default=False,
        ),
    ] = None,
    lam: LamOption = None,
    strategy: Annotated[
        StrategyName | None,
        typer.Option(
            help="How to choose and learn. Default: that of tracetier.toml, else residual.",
            show_default=False,
        ),
    ] = None,
    requests_per_s: Annotated[
        float | None,
        typer.Option(
            metavar="R",
            help="Requests a second that each worker takes of one caller. Default: no limit.",
            show_default=False,
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Listen for other machines although no token is declared."),
    ] = False,
    log_requests: Annotated[
        bool, typer.Option("--log-requests", help="Log every request, not only the refused.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Log as one JSON object a line.")] = False,
) -> None:
    """Serve decisions over HTTP.

    Routes, feedback, look-up, metrics and the page that describes them all. What is learned is
    kept in the state, which several workers and several machines may share.
    """
    from tracetier.cli.terminal import show
    from tracetier.serve.run import ServeConfig, check, listen
    from tracetier.serve.run import serve as run

    config = ServeConfig(
        artifact=str(artifact),
        host=host,
        port=port,
        state=None if state == "memory://" else state,
        workers=workers,
        log=None if log is None else str(log),
        tokens_file=None if tokens_file is None else str(tokens_file),
        models=None if models is None else str(models),
        overrides={"lam": lam, "strategy": strategy, "requests_per_s": requests_per_s},
        is_insecure=insecure,
        logs_json=as_json,
        logs_all=log_requests,
    )
    access = check(config)
    with listen(config) as listening:
        if not as_json:
            show(_page(config, access, listening.getsockname()[1]))
        run(config, listening)


def _page(config: "ServeConfig", access: "Access", port: int) -> "RenderableType":
    """Return what is served and where, and how to try it."""
    from rich.table import Table
    from rich.text import Text

    url = f"http://{config.host}:{port}"
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    who = ", ".join(access.names)
    if access.is_open:
        who = "anyone, from anywhere (--insecure)" if config.is_insecure else "this machine alone"
    rows = (
        ("artifact", config.artifact),
        ("state", config.state or "memory: gone when the service ends"),
        ("decision log", config.log or "none"),
        ("workers", str(config.workers)),
        ("callers", who),
        ("docs", f"{url}/docs"),
        ("metrics", f"{url}/metrics"),
    )
    for name, value in rows:
        table.add_row(name, Text(value))
    token = "" if access.is_open else " -H 'Authorization: Bearer TOKEN'"
    task = '{"task": {"text": "Rename foo to bar"}}'
    table.add_row("try", Text(f"curl {url}/v1/route{token} -d '{task}'"))
    return table
