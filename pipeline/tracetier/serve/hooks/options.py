"""What a hook is told: the arguments of its command, the same in settings.json and in the helper.

::

    tracetier hook claude-code [ARTIFACT] [--state URL] [--root DIR] [--url URL]
                               [--override] [--allow] [--quality-from proxy:RULES]
"""

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import NoReturn

from msgspec import Struct

from tracetier.errors import SettingsError

DEFAULT_STATE = "sqlite://state/bandit.db"


class HookOptions(Struct, frozen=True, kw_only=True):
    """How spawns are routed and stops reported.

    Parameters
    ----------
    artifact : str, optional
        Path of the artifact; none where a service decides.
    state : str
        URL of the state that is learned in.
    root : str, optional
        Folder of ``tracetier.toml``, from which relative paths count; by default the working one.
    url : str, optional
        Address of a service that decides in place of a helper.
    overrides : bool
        Whether a model that a spawn names is replaced, too.
    allows : bool
        Whether the answer also lets the spawn pass without the agent's permission prompt.
    quality_from : str, optional
        Proxies to report as quality when a sub-agent stops, as in ``ingest``: ``proxy:all`` or
        ``proxy:RULES``; by default cost alone is reported.

    Examples
    --------
    >>> options = read_options(["models/prod", "--override"])
    >>> options.artifact, options.state, options.argv
    ('models/prod', 'sqlite://state/bandit.db', ['models/prod', '--override'])
    """

    artifact: str | None = None
    state: str = DEFAULT_STATE
    root: str | None = None
    url: str | None = None
    overrides: bool = False
    allows: bool = False
    quality_from: str | None = None

    @property
    def argv(self) -> list[str]:
        """The arguments that say this; what is as it would be anyhow is left out."""
        argv = [self.artifact] if self.artifact is not None else []
        if self.state != DEFAULT_STATE and self.url is None:
            argv += ["--state", self.state]
        for flag, value in (
            ("--root", self.root),
            ("--url", self.url),
            ("--quality-from", self.quality_from),
        ):
            argv += [] if value is None else [flag, value]
        argv += ["--override"] if self.overrides else []
        return argv + (["--allow"] if self.allows else [])

    @property
    def query(self) -> dict[str, str]:
        """The part that a service is told in its address."""
        told = {"override": "1"} if self.overrides else {}
        told |= {"allow": "1"} if self.allows else {}
        return told | ({} if self.quality_from is None else {"quality_from": self.quality_from})


def read_options(argv: Sequence[str]) -> HookOptions:
    """Read the arguments of the command.

    Raises
    ------
    SettingsError
        For an argument that is not known.
    """
    parser = _Parser(prog="tracetier hook claude-code", add_help=False, allow_abbrev=False)
    parser.add_argument("artifact", nargs="?")
    parser.add_argument("--state", default=DEFAULT_STATE)
    parser.add_argument("--root")
    parser.add_argument("--url")
    parser.add_argument("--quality-from")
    parser.add_argument("--override", action="store_true", dest="overrides")
    parser.add_argument("--allow", action="store_true", dest="allows")
    return HookOptions(**vars(parser.parse_args(list(argv))))


def of_query(query: Mapping[str, str]) -> HookOptions:
    """Read the options that stand in the address of a service's hook."""
    return HookOptions(
        overrides=query.get("override") == "1",
        allows=query.get("allow") == "1",
        quality_from=query.get("quality_from") or None,
    )


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"tracetier hook claude-code: {message}; see --help")
