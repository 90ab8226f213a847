"""``tracetier ledger``: what was spent, and what the dear tier would have cost."""

from typing import Annotated

import typer

from tracetier.cli.params import JsonFlag
from tracetier.errors import InputError


def ledger(
    source: Annotated[
        str,
        typer.Argument(
            metavar="STATE|LOG",
            help="A router's state (file or URL), or a decision log (JSON Lines).",
            show_default=False,
        ),
    ],
    session: Annotated[
        str | None,
        typer.Option(metavar="S", help="Only this session.", show_default=False),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option(metavar="T", help="Only this tenant.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show spending, quality, and what routing saved.

    Nobody ran the dear tier on the tasks that others took: what it would have cost is what the
    router believed when it decided. Its own decisions count with their own outcomes.
    """
    from tracetier.cli.ledger_view import ledger_facts, render_ledger
    from tracetier.cli.terminal import show, show_json

    if session is not None and tenant is not None:
        raise InputError("both --session and --tenant given; give one of them")
    facts = ledger_facts(source, session=session, tenant=tenant)
    if as_json:
        show_json(facts)
    else:
        show(render_ledger(facts))
