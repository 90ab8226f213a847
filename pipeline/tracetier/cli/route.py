"""``tracetier route``: which tier one task should go to."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from tracetier.cli.params import ArtifactPath, JsonFlag, LamOption, finite, lam_of
from tracetier.errors import InputError
from tracetier.records import Task
from tracetier.settings import StrategyName, load_settings


def route(
    artifact: ArtifactPath,
    text: Annotated[
        str | None, typer.Option(help="The task, in words.", show_default=False)
    ] = None,
    text_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File that holds the task, UTF-8; - for standard input.",
            show_default=False,
        ),
    ] = None,
    task_type: Annotated[
        str | None,
        typer.Option(metavar="T", help="Kind of task, as in the logs.", show_default=False),
    ] = None,
    tool: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A tool that is offered; repeat for each.", show_default=False
        ),
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(metavar="S", help="Session that it belongs to.", show_default=False),
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Tokens of its prompt.", show_default=False),
    ] = None,
    lam: LamOption = None,
    budget_usd: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            callback=finite,
            help="Hold this mean cost per request, in USD. Default: that of tracetier.toml.",
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where decisions and what is learned are kept, such as state/bandit-state.json. "
            "Default: nowhere, so that nothing can be reported back.",
            show_default=False,
        ),
    ] = None,
    strategy: Annotated[
        StrategyName | None,
        typer.Option(
            help="How to choose and learn. Default: that of tracetier.toml, else residual.",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show scores and reasons.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Choose a tier for one task.

    With --state the decision is kept, and its outcome can be reported by tracetier feedback.
    """
    from tracetier.cli.decision_view import render_decision, render_reasons
    from tracetier.cli.terminal import show, show_json, show_line
    from tracetier.route.late_reasons import settle
    from tracetier.route.router import Router
    from tracetier.route.strategy_settings import params_of

    settings = load_settings(overrides={"lam": lam, "strategy": strategy, "budget_usd": budget_usd})
    task = Task(
        text=_text(text, text_file),
        task_type=task_type,
        tools=tool or None,
        prompt_tokens_est=tokens,
        session_id=session,
    )
    with Router.load(
        artifact,
        state=state,
        strategy=settings.strategy,
        lam=lam_of(settings),
        params=params_of(settings),
        settings=settings,
    ) as router:
        decision = router.route(task)
    if as_json:
        show_json(settle(decision))
        return
    show(render_decision(decision))
    if explain:
        show(render_reasons(decision))
    if state is not None:
        where = shlex.quote(state)
        show_line(f"report: tracetier feedback {where} {decision.decision_id} --quality 0..10")


def _text(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        given = "neither" if text is None else "both"
        raise InputError(f"{given} of --text and --text-file given; give one of them")
    if text is not None:
        return text
    assert file is not None
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode("utf-8")
    except OSError as error:
        raise InputError(
            f"cannot read {str(file)!r}: {error.strerror or error}; give a file that you may read"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{str(file)!r} is not UTF-8 ({error}); convert it first") from error
