"""The smallest edit to settings.json, and everything of the user's stays."""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import SettingsError, StorageError
from tracetier.serve.hooks.install import (
    apply,
    handler,
    installed,
    is_installed,
    read,
    settings_file,
    uninstalled,
)
from tracetier.serve.hooks.options import HookOptions, read_options

PATH = Path("settings.json")
OPTIONS = HookOptions(artifact="models/prod", root="/home/me/my router")
OURS = handler(OPTIONS, "user", is_http=False)

USERS = """\
{
    "permissions": {"allow": ["Bash(npm test)"]},
    "hooks": {
        "PreToolUse": [
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "check.sh"}]}
        ],
        "Stop": []
    },
    "model": "opus",
    "später": "ä"
}
"""


def _text(told: Any) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def test_an_empty_place_gets_three_events() -> None:
    """The session's start, the spawn by both names of its tool, and the stop."""
    edit = installed(None, OURS, PATH)

    assert json.loads(edit.after) == {
        "hooks": {
            "SessionStart": [{"matcher": "startup|resume", "hooks": [OURS]}],
            "PreToolUse": [{"matcher": "Agent|Task", "hooks": [OURS]}],
            "SubagentStop": [{"hooks": [OURS]}],
        }
    }


def test_what_is_the_users_stays_and_in_its_order() -> None:
    """Unknown names, other hooks, and the indent too."""
    after = installed(USERS, OURS, PATH).after
    told = json.loads(after)

    assert list(told) == ["permissions", "hooks", "model", "später"]
    assert told["hooks"]["PreToolUse"][0]["hooks"][0]["command"] == "check.sh"
    assert told["hooks"]["Stop"] == []
    assert after.splitlines()[1].startswith('    "permissions"')
    assert "später" in after


def test_a_second_install_changes_nothing() -> None:
    """Byte for byte."""
    once = installed(USERS, OURS, PATH)

    assert not installed(once.after, OURS, PATH).is_change


def test_an_install_with_other_options_replaces_the_first() -> None:
    """There is one of each event, whichever way it was entered before."""
    first = installed(USERS, handler(HookOptions(url="http://h:1"), "user", is_http=True), PATH)
    again = installed(first.after, OURS, PATH)

    assert json.loads(again.after) == json.loads(installed(USERS, OURS, PATH).after)


def test_uninstalling_undoes_it() -> None:
    """As if it had never been there."""
    assert json.loads(uninstalled(installed(USERS, OURS, PATH).after, PATH).after) == json.loads(
        USERS
    )
    assert json.loads(uninstalled(installed(None, OURS, PATH).after, PATH).after) == {}
    assert not uninstalled(USERS, PATH).is_change
    assert not uninstalled(None, PATH).is_change


def test_a_group_that_holds_others_too_keeps_them() -> None:
    """Someone may have moved ours beside their own."""
    theirs = {"type": "command", "command": "tracetier-like hook"}
    told = {"hooks": {"PreToolUse": [{"matcher": "Task", "hooks": [theirs, OURS]}]}}
    after = json.loads(uninstalled(_text(told), PATH).after)

    assert after == {"hooks": {"PreToolUse": [{"matcher": "Task", "hooks": [theirs]}]}}


_hooks = st.dictionaries(
    st.sampled_from(["PreToolUse", "SubagentStop", "Stop", "Later"]),
    st.lists(
        st.fixed_dictionaries(
            {"hooks": st.lists(st.fixed_dictionaries({"command": st.text()}), max_size=2)},
            optional={"matcher": st.text()},
        ),
        min_size=1,
        max_size=2,
    ),
    min_size=1,
)


@given(st.dictionaries(st.text(), st.integers()), _hooks)
def test_installing_and_uninstalling_gives_back_any_settings(
    others: dict[str, Any], hooks: dict[str, Any]
) -> None:
    """Whatever else there is."""
    told = others | {"hooks": hooks}
    after = installed(_text(told), OURS, PATH).after

    assert is_installed(after, PATH)
    assert json.loads(uninstalled(after, PATH).after) == told


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"hooks": []}', '{"hooks": {"Stop": {}}}', "// no\n{}"]
)
def test_a_file_that_is_no_settings_is_left_alone(text: str) -> None:
    """With where it is and what to do."""
    with pytest.raises(SettingsError, match=r"settings\.json .*mend it first"):
        installed(text, OURS, PATH)


def test_the_diff_is_that_of_the_file() -> None:
    """As everybody reads it."""
    diff = installed("{}\n", OURS, PATH).diff

    assert diff[:2] == ["--- settings.json", "+++ settings.json"]
    assert '+    "SubagentStop": [' in diff


def test_the_file_as_it_was_is_kept(tmp_path: Path) -> None:
    """With its mode; a link stays a link."""
    real = tmp_path / "dotfiles" / "settings.json"
    real.parent.mkdir()
    real.write_text(USERS, encoding="utf-8")
    real.chmod(0o600)
    link = tmp_path / "settings.json"
    link.symlink_to(real)
    edit = installed(read(link), OURS, link)
    backup = apply(edit)

    assert backup is not None
    assert backup.read_text(encoding="utf-8") == USERS
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == edit.after
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """The agent writes it too."""
    path = tmp_path / ".claude" / "settings.json"
    edit = installed(read(path), OURS, path)
    path.parent.mkdir()
    path.write_text("{}")

    with pytest.raises(SettingsError, match="changed meanwhile"):
        apply(edit)
    assert path.read_text() == "{}"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "settings.json"

    with pytest.raises((SettingsError, StorageError), match=r"settings\.json cannot be"):
        apply(installed(None, OURS, path))


def test_the_command_is_one_that_a_shell_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names with blanks are quoted; without a program of that name, the interpreter is called."""
    import shlex
    import sys

    monkeypatch.setattr("shutil.which", lambda name: None)
    words = shlex.split(handler(OPTIONS, "user", is_http=False)["command"])

    assert words[:6] == [sys.executable, "-P", "-m", "tracetier", "hook", "claude-code"]
    assert read_options(words[6:]) == OPTIONS


def test_a_projects_file_names_no_path_of_this_machine() -> None:
    """Everyone who has the project runs it."""
    command = handler(HookOptions(artifact="models/prod"), "project", is_http=False)["command"]

    assert command == 'tracetier hook claude-code models/prod --root "$CLAUDE_PROJECT_DIR"'


def test_a_service_is_asked_without_a_command() -> None:
    """The agent sends the event itself; the token stays in the environment."""
    options = HookOptions(url="http://127.0.0.1:8080/", overrides=True, quality_from="proxy:all")
    ours = handler(options, "user", is_http=True, has_token=True)

    assert ours == {
        "type": "http",
        "url": "http://127.0.0.1:8080/hooks/claude-code?override=1&quality_from=proxy%3Aall",
        "headers": {"Authorization": "Bearer $TRACETIER_TOKEN"},
        "allowedEnvVars": ["TRACETIER_TOKEN"],
        "timeout": 5,
    }
    assert list(json.loads(installed(None, ours, PATH).after)["hooks"]) == [
        "PreToolUse",
        "SubagentStop",
    ]


def test_the_scopes_have_the_files_of_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's folder may have been moved."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)

    assert settings_file("user") == Path("/home/me/.claude/settings.json")
    assert settings_file("project") == tmp_path / ".claude" / "settings.json"
    assert settings_file("local") == tmp_path / ".claude" / "settings.local.json"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", "/etc/claude")
    assert settings_file("user") == Path("/etc/claude/settings.json")


@pytest.mark.parametrize(
    "options",
    [
        HookOptions(artifact="a"),
        HookOptions(artifact="a", state="b.json", root="/r", overrides=True),
        HookOptions(url="http://h", allows=True, quality_from="proxy:all"),
    ],
)
def test_options_come_back_from_their_arguments(options: HookOptions) -> None:
    """What is installed is what the helper reads."""
    assert read_options(options.argv) == options


def test_the_page_shows_what_is_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte for byte, both ways of asking."""
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/local/bin/{name}")
    page = (root / "docs" / "claude-code.md").read_text(encoding="utf-8")
    command = HookOptions(artifact="models/prod", root="/home/me/agents")
    service = HookOptions(url="http://127.0.0.1:8080")
    written = [
        installed(None, handler(command, "user", is_http=False), PATH).after,
        installed(None, handler(service, "user", is_http=True, has_token=True), PATH).after,
    ]

    assert re.findall(r"```json\n(.*?)```", page, re.DOTALL) == written
