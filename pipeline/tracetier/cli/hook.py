"""``tracetier hook``: put the router where an agent spawns its sub-agents.

The event itself is answered by `tracetier.serve.hooks.client`, before any of this is loaded; here
is what a person does: install, look, uninstall.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracetier.errors import SettingsError

if TYPE_CHECKING:
    from tracetier.serve.hooks.install import Edit, Scope
    from tracetier.serve.hooks.options import HookOptions

hook = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Route the sub-agents that an agent spawns, without a proxy.",
    epilog="[dim]Example:[/dim]\n\n  tracetier hook claude-code models/prod --install",
)

_SCOPES = ("user", "project", "local")
_STYLES = {"+": "green", "-": "red", "@": "dim"}


@hook.command("claude-code")
def claude_code(
    artifact: Annotated[
        Path | None,
        typer.Argument(
            metavar="ARTIFACT",
            help="Trained artifact that decides; none with --url.",
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        str,
        typer.Option(metavar="URL", help="Where decisions and what is learned are kept."),
    ] = "sqlite://state/bandit.db",
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address of a `tracetier serve` on this machine that decides instead.",
            show_default=False,
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of tracetier.toml, from which relative paths count. Default: this one.",
            show_default=False,
        ),
    ] = None,
    override: Annotated[
        bool, typer.Option("--override", help="Replace the model of spawns that name one, too.")
    ] = False,
    allow: Annotated[
        bool,
        typer.Option("--allow", help="Let spawns pass without Claude Code's permission prompt."),
    ] = False,
    quality_from: Annotated[
        str | None,
        typer.Option(
            metavar="proxy:RULES",
            help="Report quality guessed from the transcript, by all rules (proxy:all), or by "
            "one or more with commas between (proxy:failed_tools=0.2). Default: only cost is "
            "reported.",
            show_default=False,
        ),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Enter the hook in settings.json; shows the change.")
    ] = False,
    uninstall: Annotated[
        bool, typer.Option("--uninstall", help="Take the hook out of settings.json.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Tell where it is installed, and whether it works.")
    ] = False,
    scope: Annotated[
        str,
        typer.Option(
            metavar="user|project|local",
            help="Whose settings: yours everywhere, this project's for all, or yours here.",
        ),
    ] = "user",
    command: Annotated[
        bool,
        typer.Option(
            "--command",
            help="With --url: install the command all the same, not an HTTP hook.",
        ),
    ] = False,
    token: Annotated[
        bool,
        typer.Option(
            "--token", help="With --url: send the token that the variable TRACETIER_TOKEN holds."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")] = False,
) -> None:
    """Choose the model of Claude Code's sub-agents.

    Before a sub-agent is spawned, its model is set to the tier that the router chose. When it
    stops, its transcript is read and its cost reported. The hook never holds the agent up: where
    anything fails, the spawn stays as it is.
    """
    from tracetier.serve.hooks.options import DEFAULT_STATE, HookOptions

    if scope not in _SCOPES:
        raise SettingsError(f"--scope is {scope!r}, expected one of {', '.join(_SCOPES)}")
    options = HookOptions(
        artifact=None if artifact is None else str(artifact),
        state=state or DEFAULT_STATE,
        url=url,
        root=None if root is None else str(root),
        overrides=override,
        allows=allow,
        quality_from=quality_from,
    )
    if check:
        _check(options)
    elif install or uninstall:
        _edit(_planned(options, scope, uninstall, not command, token), yes)  # type: ignore[arg-type]
    else:
        _answer(options)


def _answer(options: "HookOptions") -> None:
    """Answer standard input; say what to do where a person sits at it."""
    import sys

    from tracetier.cli.terminal import say
    from tracetier.serve.hooks.client import main

    if sys.stdin.isatty():
        say("Claude Code runs this with an event on standard input; add --install to enter it")
        raise typer.Exit(2)
    main(options.argv)


def _planned(
    options: "HookOptions", scope: "Scope", uninstall: bool, is_http: bool, has_token: bool
) -> "Edit":
    from tracetier.serve.hooks import install as page

    path = page.settings_file(scope)
    before = page.read(path)
    if uninstall:
        return page.uninstalled(before, path)
    options = _checked(options, scope)
    is_http = is_http and options.url is not None
    ours = page.handler(options, scope, is_http=is_http, has_token=has_token)
    return page.installed(before, ours, path)


def _checked(options: "HookOptions", scope: "Scope") -> "HookOptions":
    """Return the options with the folder they count from, once what they name is known to work."""
    from msgspec.structs import replace

    if (options.artifact is None) == (options.url is None):
        raise SettingsError("give ARTIFACT, or --url of a running `tracetier serve`; one of them")
    if options.quality_from is not None:
        from tracetier.ingest.assemble.proxy import read_proxies

        read_proxies(options.quality_from)
    if options.url is not None:
        if not options.url.startswith(("http://", "https://")):
            raise SettingsError(f"--url is {options.url!r}, expected http://HOST:PORT")
        _look_for(options.url)
        return options
    _show_models(options)
    if scope != "project":
        return replace(options, root=options.root or str(Path.cwd()))
    if options.root is not None or Path(options.artifact or "").is_absolute():
        raise SettingsError(
            "--scope project is for everyone who has the project: give ARTIFACT as a path within "
            "it, without --root"
        )
    return options


def _look_for(url: str) -> None:
    """Say so where nobody answers; the service may be started later."""
    from urllib.request import urlopen

    from tracetier.cli.terminal import say

    try:
        urlopen(f"{url.rstrip('/')}/healthz", timeout=2).close()
    except (OSError, ValueError) as error:
        say(f"nobody answers at {url} now ({error}); until somebody does, spawns stay as they are")


def _show_models(options: "HookOptions") -> None:
    """Show which model each tier stands for."""
    from tracetier.artifact.load import load_artifact
    from tracetier.cli.terminal import say
    from tracetier.serve.hooks.claude_code import ALIASES, alias_of

    tiers = load_artifact(Path(options.root or ".") / (options.artifact or "")).tiers
    known = {tier.name: alias_of(tier) for tier in tiers.tiers}
    if not any(known.values()):
        raise SettingsError(
            f"no tier of {options.artifact} is a model that a spawn may name, one of "
            f"{', '.join(ALIASES)}; its tiers are {', '.join(known)}. Name one in the models of "
            "each [[tier]] and train again"
        )
    told = [f"{name} → {alias or 'not for sub-agents'}" for name, alias in known.items()]
    say(f"tiers: {', '.join(told)}")


def _edit(edit: "Edit", is_sure: bool) -> None:
    """Show a change, ask, and write it."""
    from tracetier.cli.terminal import say, show_line
    from tracetier.serve.hooks.install import apply

    if not edit.is_change:
        say(f"nothing to change in {edit.path}")
        return
    for line in edit.diff:
        show_line(line, style=_STYLES.get(line[:1], ""))
    if not is_sure and not typer.confirm("write this?", err=True):
        say("nothing was written")
        raise typer.Exit(1)
    backup = apply(edit)
    say(f"wrote {edit.path}; /hooks in Claude Code shows what it has read")
    if backup is not None:
        say(f"the file as it was: {backup}")


def _check(options: "HookOptions") -> None:
    """Tell where the hook is installed and how its helpers stand."""
    from rich.table import Table
    from rich.text import Text

    from tracetier.cli.terminal import show
    from tracetier.serve.hooks import install as page
    from tracetier.serve.hooks.standing import helpers

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for scope in ("user", "project", "local"):
        path = page.settings_file(scope)
        found = "installed" if page.is_installed(page.read(path), path) else "not installed"
        table.add_row(scope, Text(f"{found} ({path})"))
    known = helpers()
    for each in known:
        table.add_row("helper", Text(each.told))
    if not known:
        table.add_row("helper", "none so far: the first event starts it")
    show(table)
