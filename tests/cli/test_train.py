"""``tracetier train``: lambda given or solved for, and what cannot be trained on."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
COMMON = {"TRACETIER_FOLDS": "2", "TRACETIER_N_JOBS": "1"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMMON.items():
        monkeypatch.setenv(name, value)


def test_a_table_becomes_an_artifact_that_is_shown(run: Run, table: Path) -> None:
    """Lambda from the environment, which is below a flag."""
    found = run("train", table, "--out", "model", "--lam", "0.7")

    assert (found.exit_code, found.stderr) == (0, "")
    assert "artifact model, id " in found.stdout
    assert "0.7 by default" in found.stdout
    assert (Path("model") / "manifest.json").is_file()


def test_lambda_can_be_solved_for_a_budget(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The predicted mean cost keeps to it; a lambda of the environment gives way."""
    monkeypatch.setenv("TRACETIER_LAM", "0")
    found = run("train", table, "--out", "model", "--budget-usd", "0.012", "--json")
    facts = json.loads(found.stdout)

    assert facts["lam"] > 0
    assert facts["metrics"]["value"]["at_lam"]["cost_usd"] <= 0.012 * 1.001


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(["--lam", "1", "--budget-usd", "0.1"], "give one of them", id="two goals"),
        pytest.param(["--budget-usd", "0.000001"], "raise the budget", id="budget"),
        pytest.param(["--quality-floor", "9.99"], "lower the floor", id="floor"),
    ],
)
def test_a_goal_that_cannot_be_met_is_told(
    run: Run, table: Path, options: list[str], told: str
) -> None:
    """Exit code 2, the mend, and no artifact."""
    found = run("train", table, "--out", "model", *options)

    assert found.exit_code == 2
    assert told in found.stderr
    assert not Path("model").exists()


def test_a_path_that_is_no_table_is_told(run: Run, log: Path) -> None:
    """Exit code 2, and how to make one."""
    found = run("train", "nowhere", "--out", "model")

    assert found.exit_code == 2
    assert "tracetier ingest LOGS --out DIR" in found.stderr


def test_rows_without_quality_are_work_that_failed(run: Run) -> None:
    """The table is sound, but nothing can be learned from it: exit code 1."""
    row = {"trace_id": "a", "task_id": "a", "task_text": "t", "model": "m", "y_cost_usd": 1}
    Path("log.jsonl").write_text(json.dumps(row))
    assert run("ingest", "log.jsonl", "--out", "table").exit_code == 0
    found = run("train", "table", "--out", "model")

    assert found.exit_code == 1
    assert "quality" in found.stderr
    assert not Path("model").exists()
