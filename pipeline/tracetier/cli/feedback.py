"""``tracetier feedback``: report the outcome of a decision to a router's state."""

from typing import Annotated

import typer

from tracetier.cli.params import JsonFlag


def feedback(
    state: Annotated[
        str,
        typer.Argument(
            metavar="STATE", help="The router's state, a file or URL.", show_default=False
        ),
    ],
    decision_id: Annotated[
        str,
        typer.Argument(
            metavar="DECISION_ID", help="As `tracetier route` gave it.", show_default=False
        ),
    ],
    quality: Annotated[
        float | None,
        typer.Option(metavar="Q", help="Quality of the outcome, 0-10.", show_default=False),
    ] = None,
    cost_usd: Annotated[
        float | None,
        typer.Option(metavar="C", help="What it cost, in USD.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Report how a decision turned out, and show how Q moved.

    Give the quality, the cost, or both; one may follow later. What was reported before teaches
    nothing.
    """
    from tracetier.cli.state_view import q_table
    from tracetier.cli.terminal import show, show_json
    from tracetier.route.offline import bucket_of, feedback_to_state, snapshot_of_state

    before, bucket = snapshot_of_state(state), bucket_of(state, decision_id)
    receipt = feedback_to_state(state, decision_id, quality=quality, cost_usd=cost_usd)
    after = snapshot_of_state(state)
    old, new = (
        [cell for cell in snapshot.cells if cell.bucket == bucket] for snapshot in (before, after)
    )
    if as_json:
        pairs = zip(old, new, strict=True)
        cells = [{"q_before": was.q, **now._asdict()} for was, now in pairs]
        answer = {"decision_id": decision_id, "is_new": bool(receipt), "new": receipt.new}
        show_json({**answer, "cells": cells if receipt else []})
    elif receipt:
        show(f"learned from decision {decision_id}", q_table(new, old))
    else:
        show(f"decision {decision_id} was reported before; nothing was learned")
