"""``tracetier demo``: what it runs on, and the whole of it on the sample."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import Result

from tracetier.artifact import load_artifact
from tracetier.cli.demo import _source
from tracetier.demo.pareto import PACKAGE
from tracetier.errors import InputError
from tracetier.table import read_table

Run = Callable[..., Result]


def test_without_the_real_outcomes_it_says_so_and_takes_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sample is made where it is missing; the word goes to stderr."""

    def missing() -> None:
        raise InputError("the example data is not installed")

    monkeypatch.setattr("tracetier.demo.pareto.real_source", missing)
    source = _source(tmp_path, is_sample=False)
    out, err = capsys.readouterr()

    assert source.is_synthetic
    assert source.files == (tmp_path / "data" / "sample" / "synthetic-traces.jsonl",)
    assert source.files[0].is_file()
    assert out == ""
    assert err == ("note: the example data is not installed. Going on with the synthetic sample.\n")


def test_another_file_in_the_samples_place_is_neither_used_nor_replaced(run: Run) -> None:
    """It would be told as synthetic, and it may be precious."""
    file = Path("data/sample/synthetic-traces.jsonl")
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    found = run("demo", "--sample")

    assert found.exit_code == 2
    assert "is not the synthetic sample" in found.stderr
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_work_that_failed(run: Run) -> None:
    """A file stands where the folder should be."""
    Path("data").write_text("")
    found = run("demo", "--sample")

    assert found.exit_code == 1
    assert "give a --dir where you may write" in found.stderr


@pytest.mark.slow
def test_the_demo_on_the_sample_is_labelled_and_leaves_what_it_says(run: Run) -> None:
    """Every stage; afterwards the commands that it names work."""
    found = run("demo", "--sample")

    assert (found.exit_code, found.stderr) == (0, "")
    for number, name in enumerate(
        ("Ingest", "Inspect", "Train", "Evaluate", "Route", "Feedback", "Replay"), start=1
    ):
        assert f"{number}  {name}" in found.stdout
    assert found.stdout.startswith("SYNTHETIC")
    assert "SYNTHETIC, no measurement of any model. Set beforehand" in found.stdout
    assert "Synthetic outcomes" in found.stdout
    assert "none of these figures is a claim" in found.stdout
    assert "synthetic-table" in load_artifact("models/demo").card
    sources = read_table("data/demo/synthetic-table")["y_quality_source"].unique().to_pylist()
    assert sources == ["synthetic"]
    (report,) = (line.split() for line in found.stdout.splitlines() if " feedback " in line)
    assert run(*report[1:]).exit_code == 0


@pytest.mark.slow
def test_the_demo_can_be_run_again_in_its_own_traces(run: Run) -> None:
    """As JSON too; the artifact is the same, and so is what was learned."""
    first, second = (json.loads(run("demo", "--sample", "--json").stdout) for _ in range(2))

    assert first["train"]["artifact_id"] == second["train"]["artifact_id"]
    assert first["feedback"] == second["feedback"]
    assert first["replay"] == second["replay"]
    assert first["feedback"]["n_reports"] > 20
    assert any(abs(cell["q"] - cell["q_before"]) > 0.01 for cell in first["feedback"]["cells"])


@pytest.mark.slow
@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="needs tracetier[demo]")
def test_the_demo_on_real_outcomes_saves_more_than_its_controls(run: Run) -> None:
    """3,609 prompts on three models; the router closes much more of the gap than noise does."""
    found = json.loads(run("demo", "--json").stdout)
    full = found["evaluate"]["full"]
    gap = full["router"]["frontier"]["gap_closed"]
    noise = full["controls"]["shuffled"]["frontier"]["gap_closed"]

    assert found["is_synthetic"] is False
    assert (found["ingest"]["n_tasks"], found["ingest"]["n_rows"]) == (3_609, 10_827)
    assert found["ingest"]["information"] == "full"
    assert gap["low"] > noise["high"]
    assert full["calibrated"]["quality_100"]["saving"]["low"] > 0.5
