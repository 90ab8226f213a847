"""Our hooks in Claude Code's settings.json: what is to stand there, and the smallest edit to it.

    settings (text) -> planned -> Edit(before, after) -> shown to the user -> applied

Everything of the user's stays as it is, in its order; what is ours is told by its command or
address, so that a second install replaces the first, and uninstalling leaves no trace.
"""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlencode

from msgspec import Struct

from tracetier.errors import SettingsError, StorageError
from tracetier.serve.hooks.client import TOKEN_ENV
from tracetier.serve.hooks.options import HookOptions

Scope = Literal["user", "project", "local"]
"""All projects of this user, this project for all its users, or this project for this user."""

Json = dict[str, Any]  # Any: settings.json is the user's, and holds what it holds

MATCHERS: Final = {"SessionStart": "startup|resume", "PreToolUse": "Agent|Task", "SubagentStop": ""}
"""Event -> matcher; at the session's start the helper is started, to be there for the first spawn.

The tool that spawns was renamed from Task to Agent; both names are matched.
"""

TIMEOUT_S: Final = 5
"""Seconds after which the agent goes on without us; the hook itself ends long before."""

PROJECT: Final = "CLAUDE_PROJECT_DIR"
"""Variable by which the agent tells its hooks where the project is."""

_PATH: Final = "/hooks/claude-code"
_OURS = re.compile(r"\btracetier['\"]? hook claude-code\b")
_BACKUP = ".before-tracetier"


class Edit(Struct, frozen=True):
    """A settings file before and after; ``before`` is ``None`` where there is no file."""

    path: Path
    before: str | None
    after: str

    @property
    def is_change(self) -> bool:
        """Whether anything changes."""
        return (self.before or "") != self.after

    @property
    def diff(self) -> list[str]:
        """The change, as ``diff -u`` shows it."""
        name = str(self.path)
        old, new = (self.before or "").splitlines(), self.after.splitlines()
        return list(unified_diff(old, new, name, name, lineterm=""))


def settings_file(scope: Scope) -> Path:
    """Return the settings file of a scope; a project is the working folder."""
    if scope == "user":
        told = os.environ.get("CLAUDE_CONFIG_DIR")
        return (Path(told) if told else Path.home() / ".claude") / "settings.json"
    name = "settings.json" if scope == "project" else "settings.local.json"
    return Path.cwd() / ".claude" / name


def handler(options: HookOptions, scope: Scope, *, is_http: bool, has_token: bool = False) -> Json:
    """Return the handler that is entered for each event.

    Parameters
    ----------
    options : HookOptions
    scope : {"user", "project", "local"}
        In a project's shared file no path of this machine may stand.
    is_http : bool
        Whether the agent itself asks the service at ``options.url``, without our command.
    has_token : bool
        Whether it sends the token that the variable ``TRACETIER_TOKEN`` holds.

    Examples
    --------
    >>> options = HookOptions(url="http://127.0.0.1:8080")
    >>> handler(options, "user", is_http=True)["url"]
    'http://127.0.0.1:8080/hooks/claude-code'
    """
    if is_http:
        query = f"?{urlencode(options.query)}" if options.query else ""
        told: Json = {"type": "http", "url": f"{(options.url or '').rstrip('/')}{_PATH}{query}"}
        if has_token:
            told["headers"] = {"Authorization": f"Bearer ${TOKEN_ENV}"}
            told["allowedEnvVars"] = [TOKEN_ENV]
        return told | {"timeout": TIMEOUT_S}
    return {"type": "command", "command": _command(options, scope), "timeout": TIMEOUT_S}


def installed(before: str | None, ours: Json, path: Path) -> Edit:
    """Return the edit that enters a handler for every event, in place of an earlier one of ours.

    Raises
    ------
    SettingsError
        If the text is no settings file.
    """
    settings = _parsed(before, path)
    wanted = {event: _group(matcher, ours) for event, matcher in _events(ours).items()}
    if _own_groups(settings) == wanted:
        return Edit(path, before, before or "")
    settings = _without_ours(settings)
    hooks = settings.setdefault("hooks", {})
    for event, group in wanted.items():
        hooks[event] = [*hooks.get(event, []), group]
    return Edit(path, before, _written(settings, before))


def uninstalled(before: str | None, path: Path) -> Edit:
    """Return the edit that takes our handlers out, and with them what they alone were in.

    Raises
    ------
    SettingsError
        If the text is no settings file.
    """
    settings = _parsed(before, path)
    if before is None or not _own_groups(settings):
        return Edit(path, before, before or "")
    return Edit(path, before, _written(_without_ours(settings), before))


def is_installed(text: str | None, path: Path) -> bool:
    """Whether a settings file holds a handler of ours."""
    return bool(_own_groups(_parsed(text, path)))


def read(path: Path) -> str | None:
    """Return a settings file's text, ``None`` where there is no file.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error}; it must be a text file that you may read"
        ) from error


def apply(edit: Edit) -> Path | None:
    """Write an edit, and return where the text before it was kept, ``None`` where there was none.

    Raises
    ------
    SettingsError
        If the file has changed since the edit was planned.
    StorageError
        If it cannot be written; then nothing has changed.
    """
    path = edit.path.resolve()  # a link into a folder of dotfiles stays a link
    if read(path) != edit.before:
        raise SettingsError(f"{edit.path} was changed meanwhile; nothing was written, run it again")
    backup = None if edit.before is None else path.with_name(path.name + _BACKUP)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if backup is not None:
            shutil.copy2(path, backup)
        draft.write_text(edit.after, encoding="utf-8")
        if edit.before is not None:
            shutil.copymode(path, draft)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(f"{edit.path} cannot be written: {error.strerror or error}") from error
    return backup


def _command(options: HookOptions, scope: Scope) -> str:
    """Return the command as a shell reads it; every version of the agent knows that form."""
    if scope == "project":
        words = shlex.join(["tracetier", "hook", "claude-code", *options.argv])
        return words if options.url else f'{words} --root "${PROJECT}"'
    found = shutil.which("tracetier")
    program = [found] if found else [sys.executable, "-P", "-m", "tracetier"]
    return shlex.join([*program, "hook", "claude-code", *options.argv])


def _events(ours: Json) -> dict[str, str]:
    """Return the events to enter; a service needs no start."""
    return {
        event: matcher
        for event, matcher in MATCHERS.items()
        if event != "SessionStart" or (ours["type"] == "command" and "--url" not in ours["command"])
    }


def _group(matcher: str, ours: Json) -> Json:
    return ({"matcher": matcher} if matcher else {}) | {"hooks": [ours]}


def _parsed(text: str | None, path: Path) -> Json:
    try:
        settings = json.loads(text) if text is not None and text.strip() else {}
    except ValueError as error:
        raise SettingsError(
            f"{path} is not JSON: {error}; mend it first, it was left as it is"
        ) from error
    hooks = settings.get("hooks", {}) if isinstance(settings, dict) else None
    if not isinstance(hooks, dict) or not all(isinstance(each, list) for each in hooks.values()):
        raise SettingsError(
            f"{path} has not the shape of Claude Code's settings: expected an object, in it "
            '"hooks" as an object of lists; mend it first, it was left as it is'
        )
    return settings


def _is_ours(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    url = str(entry.get("url", "")).partition("?")[0]
    return bool(_OURS.search(str(entry.get("command", "")))) or url.endswith(_PATH)


def _groups(settings: Json) -> Iterator[tuple[str, Json]]:
    for event, groups in settings.get("hooks", {}).items():
        for group in groups:
            if isinstance(group, dict) and isinstance(group.get("hooks"), list):
                yield event, group


def _own_groups(settings: Json) -> dict[str, Json]:
    return {
        event: group for event, group in _groups(settings) if any(map(_is_ours, group["hooks"]))
    }


def _without_ours(settings: Json) -> Json:
    own = _own_groups(settings)
    if not own:
        return settings
    hooks: Json = {}
    for event, groups in settings["hooks"].items():
        kept = [left for group in groups if (left := _left(group)) is not None]
        if kept or event not in own:
            hooks[event] = kept
    if not hooks:
        return {name: value for name, value in settings.items() if name != "hooks"}
    return settings | {"hooks": hooks}


def _left(group: object) -> object:
    """Return what is left of a group without ours, ``None`` where that is nothing."""
    if not isinstance(group, dict) or not isinstance(group.get("hooks"), list):
        return group
    kept = [entry for entry in group["hooks"] if not _is_ours(entry)]
    if len(kept) == len(group["hooks"]):
        return group
    return group | {"hooks": kept} if kept else None


def _written(settings: Json, before: str | None) -> str:
    """Return the settings as text, indented as before."""
    found = re.search(r"^\{\r?\n([ \t]+)\"", before or "")
    return json.dumps(settings, indent=found[1] if found else 2, ensure_ascii=False) + "\n"
