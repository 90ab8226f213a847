"""``tracetier state``: keep, go back, write out, add up and forget what a router learned."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracetier.cli.params import JsonFlag

if TYPE_CHECKING:
    from tracetier.route.learner import Snapshot

state = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Keep, go back to, write out, add up or reset what a router has learned.",
    epilog="[dim]Example:[/dim]\n\n  tracetier state snapshot bandit.json before-friday",
)

StateUrl = Annotated[
    str,
    typer.Argument(metavar="STATE", help="The router's state, a file or URL.", show_default=False),
]


@state.command()
def snapshot(
    where: StateUrl,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Keep it under this name; without one, list those that are kept."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Keep the state as it is now under a name, or list what is kept.

    Routers may go on using the state meanwhile.
    """
    from tracetier.cli.terminal import show, show_json
    from tracetier.route.offline import keep_state, kept_states

    if name is not None:
        keep_state(where, name)
    kept = kept_states(where)
    if as_json:
        show_json({"kept": name, "snapshots": {each: _facts(kept[each]) for each in kept}})
        return
    if name is not None:
        show(f"kept {name!r}: {_told(kept[name])}")
        return
    for each, what in kept.items():
        show(f"{each}: {_told(what)}")
    if not kept:
        show("no snapshot is kept")


@state.command()
def rollback(
    where: StateUrl,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A snapshot that was kept.", show_default=False),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Put a snapshot in place of the state.

    What was learned since is gone, unless it was kept under another name. Routers that use the
    state go on from the snapshot.
    """
    from tracetier.cli.terminal import show, show_json
    from tracetier.route.offline import roll_back, snapshot_of_state

    roll_back(where, name)
    now = snapshot_of_state(where)
    if as_json:
        show_json({"rolled_back_to": name, **_facts(now)})
    else:
        show(f"rolled back to {name!r}: {_told(now)}")


@state.command()
def export(
    where: StateUrl,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it there. Default: to standard output."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the whole state out as JSON.

    The file is itself a state: give it to a router, or to tracetier state import.
    """
    from tracetier.cli.terminal import show, show_json
    from tracetier.errors import StorageError
    from tracetier.route.offline import export_state, snapshot_of_state

    data = export_state(where)
    if out is None:
        typer.echo(data.decode(), nl=False)
        return
    try:
        with out.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise StorageError(
            f"cannot write {str(out)!r}: {error.strerror or error}; give a file that is not there "
            "yet, in a folder that you may write to"
        ) from error
    written = snapshot_of_state(where)
    if as_json:
        show_json({"out": str(out), "bytes": len(data), **_facts(written)})
    else:
        show(f"wrote {out}: {_told(written)}")


@state.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A state that was exported.", show_default=False),
    ],
    where: StateUrl,
    as_json: JsonFlag = False,
) -> None:
    """Put an exported state in place of whatever state is there.

    So a state moves from a JSON file to SQLite or Redis.
    """
    from tracetier.cli.terminal import show, show_json
    from tracetier.errors import StateError
    from tracetier.route.offline import import_state, snapshot_of_state

    try:
        data = file.read_bytes()
    except OSError as error:
        raise StateError(
            f"cannot read {str(file)!r}: {error.strerror or error}; give a file that "
            "`tracetier state export` wrote"
        ) from error
    import_state(data, where, where=f"file {str(file)!r}")
    now = snapshot_of_state(where)
    if as_json:
        show_json({"imported": str(file), **_facts(now)})
    else:
        show(f"imported {file}: {_told(now)}")


@state.command()
def merge(
    one: Annotated[
        str, typer.Argument(metavar="STATE", help="A state, file or URL.", show_default=False)
    ],
    other: Annotated[
        str,
        typer.Argument(metavar="OTHER", help="One that learned apart.", show_default=False),
    ],
    out: Annotated[
        str,
        typer.Option(
            metavar="STATE",
            help="Where the sum goes; nothing may be there yet.",
            show_default=False,
        ),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Add two states that learned apart, of one artifact and strategy.

    Which comes first makes no difference. Each report keeps the weight that it had in its own
    state.
    """
    from tracetier.cli.terminal import show, show_json
    from tracetier.route.offline import merge_states

    merged = merge_states(one, other, out)
    if as_json:
        show_json({"out": out, **_facts(merged)})
    else:
        show(f"merged into {out}: {_told(merged)}")


@state.command()
def reset(
    where: StateUrl,
    tier: Annotated[
        str | None, typer.Option(metavar="NAME", help="Forget this tier.", show_default=False)
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Forget this context bucket.", show_default=False),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Forget what feedback taught of a tier, a bucket, or one tier in one bucket.

    What the model expects stays, and so do the counts of decisions. A whole state starts anew
    where its file is moved away, or by reset=True in Python.
    """
    from tracetier.cli.state_view import q_table
    from tracetier.cli.terminal import show, show_json
    from tracetier.route.offline import reset_state, snapshot_of_state

    before = snapshot_of_state(where)
    after = reset_state(where, tier=tier, bucket=bucket)
    pairs = [
        (was, now)
        for was, now in zip(before.cells, after.cells, strict=True)
        if tier in (None, now.tier) and bucket in (None, now.bucket)
    ]
    if as_json:
        cells = [{"q_before": was.q, **now._asdict()} for was, now in pairs]
        show_json({"tier": tier, "bucket": bucket, "cells": cells})
        return
    show("forgotten:", q_table([now for _, now in pairs], [was for was, _ in pairs]))


def _facts(found: "Snapshot") -> dict[str, object]:
    from msgspec import to_builtins

    return {
        "artifact_id": found.artifact_id,
        "strategy": found.strategy,
        "counts": to_builtins(found.counts),
        "n_pending": found.n_pending,
    }


def _told(found: "Snapshot") -> str:
    counts = found.counts
    return (
        f"{counts.decisions:,} decisions, {counts.feedback:,} reports, {found.n_pending:,} waiting "
        f"(strategy {found.strategy}, artifact {found.artifact_id})"
    )
