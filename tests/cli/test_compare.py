"""``tracetier compare``: the exit code is the verdict."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


def test_a_clear_gain_exits_with_0(run: Run, artifact: Path, table: Path) -> None:
    """At a lambda that makes the dear tier a waste, routing beats it on every resample."""
    found = run("compare", "opus", artifact, table, "--lam", "20")

    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.startswith("Passes: ")
    assert "incumbent always opus" in found.stdout


@pytest.mark.parametrize("is_json", [True, False])
def test_no_gain_exits_with_1(run: Run, artifact: Path, table: Path, is_json: bool) -> None:
    """An artifact is no better than itself; the result is shown all the same."""
    found = run("compare", artifact, artifact, table, *(["--json"] if is_json else []))

    assert found.exit_code == 1
    if is_json:
        read = json.loads(found.stdout)
        assert read["passes"] is False
        assert read["gain"] == {"estimate": 0.0, "low": 0.0, "high": 0.0}
        assert read["candidate"]["is_training_table"] is True
        assert read["candidate"]["n_in_training"] == 100
    else:
        assert found.stdout.startswith("Does not pass: ")
        assert "the candidate was trained on this very table" in found.stdout


def test_wrong_input_exits_with_2(run: Run, artifact: Path, table: Path, damaged: Path) -> None:
    """It is told apart from a candidate that does not pass."""
    for args, told in (
        (("gpt", artifact, table), "incumbent 'gpt' is no artifact at that path"),
        (("opus", damaged, table), "does not match the manifest"),
        (("logs", artifact, table), "so the logs chose none"),
        (("opus", artifact, "nowhere"), "is not a feature table"),
    ):
        found = run("compare", *args)

        assert found.exit_code == 2
        assert told in found.stderr
        assert found.stdout == ""
