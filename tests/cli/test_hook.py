"""``tracetier hook claude-code``: installed after showing what changes, and taken out again."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]

GOLDEN = Path(__file__).parents[1] / "golden" / "artifact_v2" / "artifact"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's settings file, in a home of its own."""
    folder = tempfile.mkdtemp(prefix="tt", dir="/tmp")  # a socket's path must be short
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    yield tmp_path / "claude" / "settings.json"
    shutil.rmtree(folder)


def test_nothing_is_written_without_a_yes(run: Run, settings: Path) -> None:
    """The change is shown first, on the output; a no is exit code 1."""
    found = run("hook", "claude-code", GOLDEN, "--install", stdin="n\n")

    assert found.exit_code == 1
    assert '+            "type": "command",' in found.stdout
    assert "tiers: haiku → haiku, sonnet → sonnet, opus → opus" in found.stderr
    assert "nothing was written" in found.stderr
    assert not settings.exists()


def test_it_is_entered_once_and_taken_out(run: Run, settings: Path) -> None:
    """A second install has nothing to do; the file as it was is kept beside it."""
    settings.parent.mkdir()
    settings.write_text('{\n  "model": "opus"\n}\n')
    first = run("hook", "claude-code", GOLDEN, "--install", "--yes")
    second = run("hook", "claude-code", GOLDEN, "--install", "--yes")
    entered = json.loads(settings.read_text())
    third = run("hook", "claude-code", "--uninstall", "--yes")

    assert [found.exit_code for found in (first, second, third)] == [0, 0, 0]
    assert "the file as it was: " in first.stderr
    assert (second.stdout, "nothing to change" in second.stderr) == ("", True)
    (handler,) = entered["hooks"]["PreToolUse"][0]["hooks"]
    assert handler["command"] == (f"/bin/tracetier hook claude-code {GOLDEN} --root {Path.cwd()}")
    assert json.loads(settings.read_text()) == {"model": "opus"}


def test_a_service_is_asked_without_an_artifact(run: Run, settings: Path) -> None:
    """As an HTTP hook, or by the command where that is wanted; that it is down is told."""
    url = "http://127.0.0.1:1"
    found = run("hook", "claude-code", "--url", url, "--install", "--yes")
    (by_http,) = json.loads(settings.read_text())["hooks"]["PreToolUse"][0]["hooks"]
    run("hook", "claude-code", "--url", url, "--command", "--install", "--yes")
    hooks = json.loads(settings.read_text())["hooks"]

    assert f"nobody answers at {url} now" in found.stderr
    assert (by_http["type"], by_http["url"]) == ("http", f"{url}/hooks/claude-code")
    assert hooks["PreToolUse"][0]["hooks"][0]["command"].endswith(f"claude-code --url {url}")
    assert list(hooks) == ["PreToolUse", "SubagentStop"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nowhere", "--install"], "nowhere does not exist"),
        (["--install"], "give ARTIFACT, or --url"),
        ([GOLDEN, "--url", "http://h", "--install"], "give ARTIFACT, or --url"),
        (["--url", "h:80", "--install"], "expected http://HOST:PORT"),
        ([GOLDEN, "--install", "--scope", "all"], "one of user, project, local"),
        ([GOLDEN, "--install", "--scope", "project"], "as a path within it"),
        ([GOLDEN, "--install", "--quality-from", "all"], "proxy:all"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    run: Run, settings: Path, args: list[object], told: str
) -> None:
    """In one line, with exit code 2."""
    found = run("hook", "claude-code", *args)

    assert found.exit_code == 2
    assert told in found.stderr
    assert not settings.exists()


def test_a_settings_file_that_is_broken_is_left_alone(run: Run, settings: Path) -> None:
    """It may hold what took long to write."""
    settings.parent.mkdir()
    settings.write_text("{ // mine\n}")
    found = run("hook", "claude-code", GOLDEN, "--install", "--yes")

    assert found.exit_code == 2
    assert "mend it first" in found.stderr
    assert settings.read_text() == "{ // mine\n}"


def test_an_artifact_whose_models_no_spawn_can_name_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, settings: Path
) -> None:
    """With what to declare."""
    monkeypatch.setattr("tracetier.serve.hooks.claude_code.alias_of", lambda tier: None)
    found = run("hook", "claude-code", GOLDEN, "--install", "--yes")

    assert found.exit_code == 2
    assert "one of haiku, sonnet, opus, fable" in found.stderr
    assert not settings.exists()


def test_where_it_is_installed_and_why_it_does_not_work_is_told(run: Run, settings: Path) -> None:
    """The hook itself never says anything."""
    from tracetier.serve.hooks.client import place_of

    before = run("hook", "claude-code", "--check")
    run("hook", "claude-code", GOLDEN, "--install", "--yes")
    place = place_of(["models/gone"])
    Path(f"{place}.started").write_text("models/gone --state redis://me:s3cret@h/0")
    Path(f"{place}.log").write_text("a line\ntracetier: error: models/gone does not exist\n")
    after = run("hook", "claude-code", "--check")

    assert "none so far: the first event starts it" in before.stdout
    assert f"user     installed ({settings})" in after.stdout
    assert "project  not installed" in after.stdout
    told = " ".join(after.stdout.split())
    assert "not running (models/gone --state redis://***@h/0): tracetier: error: models" in told
    assert "s3cret" not in told
