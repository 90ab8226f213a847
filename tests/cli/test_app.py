"""The commands as a whole: help, examples, exit codes, and who speaks on which stream."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

import tracetier
from tracetier.cli.app import EXAMPLES
from tracetier.errors import ArtifactError, InputError, StorageError, TrainingError, WorkError

Run = Callable[..., Result]
COMMANDS = {command.__name__: example for command, example in EXAMPLES}


def test_alone_it_prints_the_help_with_every_command(run: Run) -> None:
    """In the order of the loop, and it is no error."""
    found = run()

    assert found.exit_code == 0
    assert found.stdout.strip() == run("--help").stdout.strip()
    places = [found.stdout.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_shows_an_example_that_fits_it(run: Run, name: str) -> None:
    """Each option of the example is one that the same help lists."""
    found = run(name, "--help")
    words = shlex.split(COMMANDS[name])

    assert found.exit_code == 0
    assert "Example:" in found.stdout
    assert COMMANDS[name] in found.stdout
    assert words[:2] == ["tracetier", name]
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"{option}\b", found.stdout.partition("Example:")[0])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_line_of_a_commands_help_fits_the_list(run: Run, name: str) -> None:
    """The list of commands is for a glance; at 80 columns a command takes one line of it."""
    (command,) = (command for command, _ in EXAMPLES if command.__name__ == name)
    first = (command.__doc__ or "").partition("\n")[0]

    assert first.endswith(".")
    assert len(first) <= 64


@pytest.mark.parametrize("name", [*COMMANDS, "hook claude-code"])
def test_no_word_of_a_commands_help_is_cut(run: Run, name: str) -> None:
    """At 80 columns; a word longer than its column would end in dots."""
    assert "…" not in run(*name.split(), "--help").stdout


def test_sections_of_the_settings_keep_their_brackets_in_the_help(run: Run) -> None:
    """They look like markup of the terminal, which would swallow them."""
    shown = run("ingest", "--help").stdout

    assert all(f"[{section}]" in shown for section in ("scores", "ingest", "privacy"))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "mcp"])
def test_every_command_speaks_json(run: Run, name: str) -> None:
    """None is only for people; ``mcp`` speaks a protocol."""
    assert "--json" in run(name, "--help").stdout


def test_the_version_is_printed(run: Run) -> None:
    """As one line that scripts can read."""
    found = run("--version")

    assert (found.exit_code, found.stdout) == (0, f"tracetier {tracetier.__version__}\n")


def test_the_entry_point_is_the_one_of_the_project(root: Path) -> None:
    """What pip installs as ``tracetier``."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]

    assert project["scripts"] == {"tracetier": "tracetier.cli:main"}


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (InputError("no such thing"), 2),
        (ArtifactError("one byte is [wrong]"), 2),
        (WorkError("it broke"), 1),
        (TrainingError("nothing to learn"), 1),
        (StorageError("disk is full"), 1),
    ],
)
def test_our_errors_are_one_line_and_an_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: InputError | WorkError, exit_code: int
) -> None:
    """2 for the user's input, 1 for failed work; stdout stays empty and brackets are kept."""

    def fail(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("tracetier.api.train", fail)
    found = run("train", "table", "--out", "artifact", "--json")

    assert found.exit_code == exit_code
    assert found.stdout == ""
    assert found.stderr == f"tracetier: error: {error}\n"


def test_a_long_error_stays_on_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be searched for, and the terminal wraps it anyway."""

    def fail(*args: object, **options: object) -> None:
        raise InputError("very " * 100 + "long")

    monkeypatch.setattr("tracetier.api.train", fail)

    assert len(run("train", "table", "--out", "artifact").stderr.splitlines()) == 1


def test_a_bug_keeps_its_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody raises on purpose is not dressed up as the user's."""

    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("tracetier.api.train", fail)
    found = run("train", "table", "--out", "artifact")

    assert isinstance(found.exception, ZeroDivisionError)
    assert "tracetier: error" not in found.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(["rout"], "Did you mean 'route'?", id="mistyped command"),
        pytest.param(["ingest", "log"], "--out", id="missing option"),
        pytest.param(["route", "a", "--text", "t", "--lam", "nan"], "--lam", id="nan"),
        pytest.param(["route", "a", "--text", "t", "--lam", "inf"], "--lam", id="infinity"),
        pytest.param(["route", "a", "--text", "t", "--lam", "-1"], "--lam", id="negative lambda"),
        pytest.param(["train", "t", "--out", "a", "--lam", "inf"], "--lam", id="train, infinity"),
        pytest.param(["replay", "a", "t", "--orders", "0"], "--orders", id="no order"),
        pytest.param(["evaluate", "a", "t", "--seed", "-1"], "--seed", id="negative seed"),
        pytest.param(["route", "a", "--text", "t", "--strategy", "x"], "residual", id="strategy"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(run: Run, args: list[str], told: str) -> None:
    """The parameter that is wrong is named."""
    found = run(*args)

    assert found.exit_code == 2
    assert told in found.stderr
    assert found.stdout == ""


def _python(root: Path, code: str, *args: str) -> subprocess.CompletedProcess[str]:
    whole = f"import sys; sys.path.insert(0, {str(root / 'pipeline')!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-c", whole, *args], capture_output=True, text=True, check=False
    )


def test_as_a_program_it_fails_without_a_traceback(root: Path) -> None:
    """The code of the process is the exit code."""
    done = _python(root, "from tracetier.cli import main; main()", "inspect", "nowhere")

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("tracetier: error: no such file or folder: 'nowhere'")
    assert "Traceback" not in done.stderr


def test_python_can_run_the_package(root: Path) -> None:
    """``python -m tracetier`` is the same program, by the same name."""
    code = "import runpy; runpy.run_module('tracetier', run_name='__main__', alter_sys=True)"

    assert _python(root, code, "--version").stdout == f"tracetier {tracetier.__version__}\n"
    assert "Usage: tracetier " in _python(root, code, "--help").stdout


def test_help_and_completion_load_nothing_heavy(root: Path) -> None:
    """The shell asks for every completion in a new process."""
    code = "import tracetier.cli.app; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = set(_python(root, code).stdout.split())

    assert "typer" in loaded
    assert not loaded & {"numpy", "pandas", "pyarrow", "rich", "scipy", "sklearn", "lightgbm"}


def test_shell_completion_can_be_installed(run: Run) -> None:
    """It is left switched on."""
    assert "--install-completion" in run("--help").stdout


def test_no_escape_code_is_printed_where_no_one_looks(run: Run, table: Path) -> None:
    """A pipe gets plain text."""
    found = run("inspect", table)

    assert "feature table" in found.stdout
    assert "\x1b" not in found.stdout + found.stderr


@pytest.mark.slow
def test_the_whole_loop_on_a_small_log(run: Run, log: Path) -> None:
    """Each command takes what the one before it made; each prints one JSON document."""

    def json_of(*args: object) -> dict[str, object]:
        found = run(*args, "--json")
        assert (found.exit_code, found.stderr) == (0, "")
        answer = json.loads(found.stdout)
        assert isinstance(answer, dict)
        return answer

    assert json_of("ingest", log, "--out", "table")["n_rows"] == 300
    assert json_of("inspect", "table")["kind"] == "table"
    trained = json_of("train", "table", "--out", "model", "--lam", "1")
    assert json_of("inspect", "model") == trained
    assert json_of("evaluate", "model", "table")["artifact_id"] == trained["artifact_id"]
    assert json_of("replay", "model", "table", "--orders", "2")["orders"] == 2
    assert json_of("predict", "model", "table", "--out", "p.parquet")["n_tasks"] == 100
    decision = json_of("route", "model", "--text", "Rename it", "--state", "s.json")
    assert decision["artifact_id"] == trained["artifact_id"]
    assert json_of("feedback", "s.json", decision["decision_id"], "--quality", "9")["is_new"]
    assert json_of("inspect", "s.json")["counts"] == {
        "decisions": 1,
        "feedback": 1,
        "duplicates": 0,
        "expired": 0,
    }
