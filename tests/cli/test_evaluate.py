"""``tracetier evaluate``: lambda and seed from flag, file or environment; bad input told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.mark.slow
def test_the_result_is_shown_with_its_controls(run: Run, artifact: Path, table: Path) -> None:
    """At the artifact's own lambda."""
    found = run("evaluate", artifact, table)

    assert (found.exit_code, found.stderr) == (0, "")
    assert "Policies at lambda 1;" in found.stdout
    for row in ("always haiku", "router", "shuffled", "oracle"):
        assert row in found.stdout


def test_a_flag_comes_before_the_environment_and_that_before_the_file(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none speaks, the artifact's lambda counts."""

    class Terms(NamedTuple):
        lam: float | None
        seed: int

        def summary(self) -> dict[str, object]:
            return self._asdict()

    def evaluate(artifact: Path, table: Path, *, lam: float, seed: int, **others: object) -> Terms:
        return Terms(lam, seed)

    def terms(*args: object) -> tuple[float | None, int]:
        found = json.loads(run("evaluate", "artifact", "table", "--json", *args).stdout)
        return found["lam"], found["seed"]

    monkeypatch.setattr("tracetier.api.evaluate", evaluate)
    assert terms() == (None, 0)
    Path("tracetier.toml").write_text("[route]\nlam = 2\n[train]\nseed = 3\n")
    assert terms() == (2.0, 3)
    monkeypatch.setenv("TRACETIER_LAM", "4")
    assert terms() == (4.0, 3)
    assert terms("--lam", "5", "--seed", "6") == (5.0, 6)


def test_a_goal_replaces_the_lambda_of_the_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The incumbent is that of the file; a lambda and a goal by flags are refused together."""
    given: dict[str, object] = {}

    class Nothing:
        def summary(self) -> dict[str, object]:
            return {}

    def evaluate(artifact: Path, table: Path, **options: object) -> Nothing:
        given.update(options)
        return Nothing()

    Path("tracetier.toml").write_text("[route]\nlam = 2\n[rollout]\nincumbent = 'sonnet'\n")
    with monkeypatch.context() as patched:
        patched.setattr("tracetier.api.evaluate", evaluate)
        run("evaluate", "artifact", "table", "--json", "--saving", ".5")
    assert (given["lam"], given["saving"], given["incumbent"]) == (None, 0.5, "sonnet")

    found = run("evaluate", "artifact", "table", "--lam", "1", "--budget-usd", "2")
    assert found.exit_code == 2
    assert "give one of them" in found.stderr


def test_bad_input_is_told(run: Run, artifact: Path, table: Path, damaged: Path) -> None:
    """A damaged artifact, a path that is none, a table that is none."""
    for args, told in (
        ((damaged, table), "does not match the manifest"),
        (("nowhere", table), "does not exist"),
        ((artifact, "nowhere"), "is not a feature table"),
    ):
        found = run("evaluate", *args)

        assert found.exit_code == 2
        assert told in found.stderr
        assert found.stdout == ""


@pytest.mark.slow
def test_a_report_is_written_beside_the_result(run: Run, artifact: Path, table: Path) -> None:
    """Page and Markdown, told on stderr; stdout still holds the JSON alone."""
    found = run("evaluate", artifact, table, "--html", "r.html", "--md", "r.md", "--json")
    read = json.loads(found.stdout)

    assert found.exit_code == 0
    assert "report written to r.html" in found.stderr
    assert Path("r.html").read_text().startswith("<!doctype html>")
    assert read["judgement"] in Path("r.md").read_text()


def test_a_report_that_cannot_be_written_is_told_before_the_work(
    run: Run, artifact: Path, table: Path
) -> None:
    """Not after minutes of it."""
    for option in ("--html", "--md"):
        found = run("evaluate", artifact, table, option, "nowhere/r")

        assert found.exit_code == 2
        assert "lies in a folder that does not exist" in found.stderr


@pytest.mark.slow
def test_a_split_trains_anew_and_says_so(run: Run, artifact: Path, table: Path) -> None:
    """By group every task is tested once."""
    found = run("evaluate", artifact, table, "--split", "group", "--json")
    read = json.loads(found.stdout)

    assert read["split"]["kind"] == "group"
    assert sum(part["n_test"] for part in read["split"]["parts"]) == read["n_tasks"] == 100
    assert read["n_out_of_fold"] == 0
    assert "trained anew 5 times" in " ".join(read["notes"])


def test_an_unknown_source_names_what_there_is(run: Run, artifact: Path, table: Path) -> None:
    """Before anything is trained."""
    found = run("evaluate", artifact, table, "--split", "source", "--source", "team")

    assert found.exit_code == 2
    assert "source column 'team' is not in the table; it has task_type" in found.stderr
