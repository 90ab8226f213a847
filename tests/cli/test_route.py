"""``tracetier route``: the task from flag, file or stdin; the state; the settings behind it."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
TEXT = "Rename the main class of cache; it is one short file."


def test_a_decision_is_told_with_its_terms(run: Run, artifact: Path) -> None:
    """Tier and model first; without a state nothing can be reported."""
    found = run("route", artifact, "--text", TEXT, "--task-type", "rename", "--tool", "edit")
    first, second, third = found.stdout.splitlines()

    assert (found.exit_code, found.stderr) == (0, "")
    assert first in [f"{name} (synthetic-{name})" for name in ("haiku", "sonnet", "opus")]
    assert second.startswith("probability ")
    assert "lambda 1, bucket rename, strategy residual" in second
    assert third.startswith("decision ")


def test_reasons_and_scores_are_shown_when_asked_for(run: Run, artifact: Path) -> None:
    """A line per tier, and sentences."""
    found = run("route", artifact, "--text", TEXT, "--explain")

    assert "· the model expects haiku" in found.stdout
    for name in ("haiku", "sonnet", "opus"):
        assert any(line.startswith(f" {name} ") for line in found.stdout.splitlines())


@pytest.mark.parametrize("source", ["--text", "--text-file", "stdin"])
def test_the_task_may_come_from_a_flag_a_file_or_stdin(
    run: Run, artifact: Path, source: str
) -> None:
    """The same text is the same task."""
    Path("task.txt").write_text(TEXT, encoding="utf-8")
    how = {"--text": TEXT, "--text-file": "task.txt"}
    args = ["--text-file", "-"] if source == "stdin" else [source, how[source]]
    common = ("route", artifact, "--strategy", "greedy", "--json")
    found = run(*common, *args, stdin=TEXT if source == "stdin" else None)
    expected = run(*common, "--text", TEXT)

    assert json.loads(found.stdout)["scores"] == json.loads(expected.stdout)["scores"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param([], "neither of --text and --text-file given", id="no text"),
        pytest.param(["--text", "a", "--text-file", "b"], "both of --text", id="two texts"),
        pytest.param(["--text-file", "none.txt"], "cannot read 'none.txt'", id="no file"),
        pytest.param(["--text-file", "latin.txt"], "is not UTF-8", id="not UTF-8"),
        pytest.param(["--text", "a", "--state", "s.txt"], "expected memory://", id="state form"),
    ],
)
def test_bad_input_is_told(run: Run, artifact: Path, args: list[str], told: str) -> None:
    """Exit code 2, nothing on stdout."""
    Path("latin.txt").write_bytes("naïve".encode("latin-1"))
    found = run("route", artifact, *args)

    assert found.exit_code == 2
    assert told in found.stderr
    assert found.stdout == ""


def test_a_damaged_artifact_is_refused(run: Run, damaged: Path) -> None:
    """One flipped byte."""
    found = run("route", damaged, "--text", TEXT)

    assert found.exit_code == 2
    assert "heads.npz" in found.stderr


def test_a_state_of_another_artifact_is_refused_and_stays(run: Run, artifact: Path) -> None:
    """What was learned on one does not fit the other."""
    run("route", artifact, "--text", TEXT, "--state", "s.json")
    foreign = Path("s.json").read_text()
    own_id = json.loads(foreign)["artifact_id"]
    Path("s.json").write_text(foreign.replace(own_id, "0" * 16))
    found = run("route", artifact, "--text", TEXT, "--state", "s.json")

    assert found.exit_code == 2
    assert "belongs to artifact '0000000000000000'" in found.stderr
    assert Path("s.json").read_text() == foreign.replace(own_id, "0" * 16)


def test_the_decision_is_kept_in_the_state_with_the_command_to_report(
    run: Run, artifact: Path
) -> None:
    """The command can be copied: it holds the id."""
    found = run("route", artifact, "--text", TEXT, "--state", "s.json")
    (decision_id,) = json.loads(Path("s.json").read_text())["pending"]

    assert f"tracetier feedback s.json {decision_id} --quality" in found.stdout


def test_lambda_strategy_and_exploration_come_from_flag_environment_or_file(
    run: Run, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published rule explores .3 of the time, a third of it on each of the three tiers."""
    Path("tracetier.toml").write_text("[route]\nstrategy = 'seed'\nepsilon = 0.3\nlam = 2\n")
    found = json.loads(run("route", artifact, "--text", TEXT, "--json").stdout)

    assert (found["strategy"], found["lam"]) == ("seed", 2.0)
    assert sorted(found["propensities"].values()) == pytest.approx([0.1, 0.1, 0.8])

    monkeypatch.setenv("TRACETIER_LAM", "3")
    args = ("--strategy", "residual", "--json")
    found = json.loads(run("route", artifact, "--text", TEXT, *args).stdout)

    assert (found["strategy"], found["lam"]) == ("residual", 3.0)
    assert sorted(found["propensities"].values()) == pytest.approx([0.1, 0.1, 0.8])


def test_the_step_of_learning_reaches_the_state(
    run: Run, artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both strategies that learn have one, each in its place."""
    monkeypatch.setenv("TRACETIER_ALPHA", "0.25")
    for strategy in ("seed", "residual", "greedy"):
        state = f"{strategy}.json"
        found = run("route", artifact, "--text", TEXT, "--state", state, "--strategy", strategy)
        assert found.exit_code == 0, found.stderr

    def params(strategy: str) -> dict[str, object]:
        found = json.loads(Path(f"{strategy}.json").read_text())["strategy"]["params"]
        assert isinstance(found, dict)
        return found

    assert params("seed")["alpha"] == 0.25
    assert json.loads(json.dumps(params("residual")["channel"]))["alpha"] == 0.25
    assert params("greedy") == {}


def test_the_command_to_report_by_can_be_typed_as_it_is(run: Run, artifact: Path) -> None:
    """Also where the state's name holds a blank."""
    found = run("route", artifact, "--text", TEXT, "--state", "my state.json")
    (line,) = [line for line in found.stdout.splitlines() if line.startswith("report: ")]
    words = shlex.split(line)

    assert words[1:4] == ["tracetier", "feedback", "my state.json"]
    assert run(*words[2:5], "--quality", "8").exit_code == 0
