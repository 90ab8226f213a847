"""``tracetier mcp``: the router as tools of a model."""

from typing import Annotated, Literal

import typer

from tracetier.cli.params import ArtifactPath, LamOption


def mcp(
    artifact: ArtifactPath,
    state: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Where decisions and what is learned are kept: a file that ends in .db or .json, "
            "redis://HOST:PORT/DB, or memory://.",
        ),
    ] = "sqlite://state/bandit.db",
    transport: Annotated[
        Literal["stdio", "http"],
        typer.Option(help="Speak over standard input and output, or over streamable HTTP."),
    ] = "stdio",
    host: Annotated[str, typer.Option(metavar="HOST", help="With http: where to listen.")] = (
        "127.0.0.1"
    ),
    port: Annotated[
        int, typer.Option(metavar="N", min=1, max=65535, help="With http: port to listen on.")
    ] = 8765,
    lam: LamOption = None,
) -> None:
    """Offer the router to a model as an MCP server.

    Its tools are route_task, report_outcome, explain_decision and routing_report. With http it
    listens at /mcp, for this machine alone.
    """
    from tracetier.errors import SettingsError
    from tracetier.settings import load_settings

    try:
        from tracetier.serve.mcp_server import make_server, run
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the MCP server needs a library that is missing ({error.name}); install it: "
            'pip install "tracetier[mcp]"'
        ) from error
    from tracetier.serve.service import Service

    settings = load_settings(overrides={"lam": lam})
    service = Service.open(artifact, state=state, settings=settings)
    try:
        run(make_server(service), transport=transport, host=host, port=port)
    finally:
        service.close()
