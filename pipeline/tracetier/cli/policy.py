"""``tracetier policy``: the rules and caps above the learner, and what they do for one task."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracetier.cli.params import JsonFlag
from tracetier.errors import InputError, SettingsError
from tracetier.records import AttrValue, Task
from tracetier.settings import CONFIG_FILE, load_settings

if TYPE_CHECKING:
    from tracetier.settings import Settings
    from tracetier.tiers import TierSet

_WORDS: dict[str, AttrValue] = {"true": True, "false": False}


def policy(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="Settings file. Default: tracetier.toml in this folder.",
            show_default=False,
        ),
    ] = None,
    artifact: Annotated[
        Path | None,
        typer.Option(
            metavar="ARTIFACT",
            help="Where the tiers are from. Default: the \\[\\[tier]] of the settings.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="A task to try: its words.", show_default=False)
    ] = None,
    task_type: Annotated[
        str | None, typer.Option(metavar="T", help="Its type.", show_default=False)
    ] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who asks.", show_default=False)
    ] = None,
    tool: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A tool offered; repeat for each.", show_default=False),
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Tokens of its prompt.", show_default=False),
    ] = None,
    attr: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="An attribute of it; repeat for each.", show_default=False
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check the rules and caps of the settings, and try a task.

    Every mistake in them is told with its place. Rules decide which tiers may be taken; which of
    those is taken is up to what was learned.
    """
    from tracetier.cli.policy_view import policy_facts, render_policy
    from tracetier.cli.terminal import show, show_json
    from tracetier.route.guard_settings import caps_of, guard_params

    if file is None and not CONFIG_FILE.exists():
        raise InputError(f"no {CONFIG_FILE} in this folder; go to its folder, or give the file")
    settings = load_settings(file)
    tiers = _tiers(settings, artifact, str(file or CONFIG_FILE))
    guards = guard_params(settings, tiers)
    assert guards.policy is not None
    caps = caps_of(settings)
    is_tried = any(x is not None for x in (text, task_type, agent, tool, tokens, attr))
    task = Task(
        text=text or "",
        task_type=task_type,
        agent_name=agent,
        tools=tool or None,
        prompt_tokens_est=tokens,
        attrs=_attrs(attr or []) or None,
    )
    facts = policy_facts(guards.policy, caps, settings, task if is_tried else None)
    if as_json:
        show_json(facts)
    else:
        show(render_policy(facts))


def _tiers(settings: "Settings", artifact: Path | None, where: str) -> "TierSet":
    from tracetier.route.guard_settings import declared

    if artifact is not None:
        from tracetier.artifact.load import load_artifact

        return declared(load_artifact(artifact).tiers, settings)
    if settings.tier_set is None:
        raise SettingsError(
            f"{where} declares no [[tier]], so it is not known which tiers rules may name; declare "
            "them, or give --artifact"
        )
    return settings.tier_set


def _attrs(pairs: list[str]) -> dict[str, AttrValue]:
    attrs: dict[str, AttrValue] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InputError(f"--attr {pair!r} is no NAME=VALUE; write --attr repo=payments")
        attrs[name.removeprefix("attr_")] = _value(value)
    return attrs


def _value(text: str) -> Any:  # Any: an AttrValue, of which bool and float overlap for checkers
    if text in _WORDS:
        return _WORDS[text]
    try:
        return float(text)
    except ValueError:
        return text
