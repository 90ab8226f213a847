"""``tracetier inspect``: what a path holds is found out, and told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from tracetier.cli.inspect import kind_of

Run = Callable[..., Result]


@pytest.fixture
def state(run: Run, artifact: Path) -> Path:
    """A state with one decision that waits."""
    found = run("route", artifact, "--text", "Rename it", "--state", "state.json")
    assert found.exit_code == 0, found.stderr
    return Path("state.json")


def test_each_kind_is_recognised(
    log: Path, table: Path, artifact: Path, state: Path, tmp_path: Path
) -> None:
    """By what is in it, not by its name."""
    renamed = tmp_path / "part.bin"
    renamed.write_bytes(next(table.glob("part-*.parquet")).read_bytes())

    assert kind_of(str(log)) == kind_of(str(log.parent)) == "log"
    assert kind_of(str(table)) == kind_of(str(renamed)) == "table"
    assert kind_of(str(artifact)) == "artifact"
    assert kind_of(str(state)) == kind_of(f"json://{state}") == "state"


def test_a_damaged_state_is_still_a_state(run: Run) -> None:
    """Not a log in an unknown format."""
    Path("torn.json").write_text('{"format": 1, "artifact_id": "91f0')
    found = run("inspect", "torn.json")

    assert found.exit_code == 2
    assert "torn.json' holds no readable state" in found.stderr


def test_a_log_shows_format_tiers_and_what_is_known(run: Run, log: Path) -> None:
    """Nothing is written for it."""
    found = run("inspect", log)

    assert found.exit_code == 0
    assert "1 file, 300 rows in all" in found.stdout
    assert "canonical" in found.stdout
    assert ["haiku", "synthetic-haiku", "100"] in [
        line.split()[:3] for line in found.stdout.splitlines()
    ]
    assert list(Path().iterdir()) == []


def test_a_long_log_is_read_for_its_first_thousand_records(run: Run) -> None:
    """A look is quick whatever the size, and says that it is only a look."""
    row = '{{"trace_id": "{0}", "task_id": "{0}", "task_text": "t", "model": "m"}}\n'
    Path("long.jsonl").write_text("".join(row.format(i) for i in range(1_500)))
    found = json.loads(run("inspect", "long.jsonl", "--json").stdout)

    assert found["files"][0]["n_rows"] == found["contents"]["n_rows"] == 1_000
    assert found["files"][0]["is_whole"] is False
    assert "1,000 rows among the first 1,000 records" in run("inspect", "long.jsonl").stdout


def test_what_is_wrong_in_a_log_is_told_once_per_reason(run: Run) -> None:
    """Two lines that are no JSON, one quality out of range, one good row."""
    good = {"trace_id": "a", "task_id": "a", "task_text": "t", "model": "m", "y_quality": 0.5}
    lines = [json.dumps(good), "{", "}", json.dumps(good | {"trace_id": "b", "y_quality": 7})]
    Path("log.jsonl").write_text("\n".join(lines))
    found = json.loads(run("inspect", "log.jsonl", "--json").stdout)

    assert found["contents"]["n_rows"] == 1
    assert found["issues"] == {"not_json": 2, "out_of_range": 1}
    assert len(found["first_issues"]) == 2
    assert "y_quality is 7" in run("inspect", "log.jsonl").stdout


def test_a_folder_of_many_logs_is_looked_into_up_to_a_number(run: Run) -> None:
    """25 files, of which 20 are opened; the number of all is told."""
    Path("logs").mkdir()
    for i in range(25):
        row = {"trace_id": str(i), "task_id": str(i), "task_text": "t", "model": "m"}
        Path(f"logs/{i:02d}.jsonl").write_text(json.dumps(row))
    found = run("inspect", "logs")

    assert "the first 20 of 25 files, 20 rows" in found.stdout


def test_a_stray_file_in_a_folder_is_an_issue_and_alone_an_error(run: Run, log: Path) -> None:
    """A readme beside the logs stops nothing."""
    Path("logs").mkdir()
    Path("logs/log.jsonl").write_bytes(log.read_bytes())
    Path("logs/readme.txt").write_text("Hello\n")
    among, alone = run("inspect", "logs", "--json"), run("inspect", "logs/readme.txt")

    assert json.loads(among.stdout)["issues"] == {"unknown_format": 1}
    assert alone.exit_code == 2
    assert "no known format" in alone.stderr


def test_a_table_shows_its_rows_and_what_is_never_known(run: Run, table: Path) -> None:
    """Every task ran on all three tiers; nothing has a propensity."""
    found = run("inspect", table)
    facts = json.loads(run("inspect", table, "--json").stdout)

    assert "300 rows of 100 tasks in 1 part, 100 tasks on every tier" in found.stdout
    assert facts["contents"]["known"]["p_log"] == 0
    assert facts["contents"]["known"]["y_quality"] == 1
    assert facts["contents"]["sources"] == {"synthetic": 300}
    assert (facts["n_full"], facts["n_issues"]) == (100, 0)


def test_a_table_without_some_part_is_told(run: Run, table: Path, tmp_path: Path) -> None:
    """Exit code 2, and which part."""
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "_table.json").write_bytes((table / "_table.json").read_bytes())
    found = run("inspect", tmp_path / "half")

    assert found.exit_code == 2
    assert "part-00000.parquet is missing" in found.stderr


def test_an_artifact_shows_tiers_worth_and_reward(run: Run, artifact: Path) -> None:
    """With its id, which a state belongs to."""
    found = run("inspect", artifact)
    facts = json.loads(run("inspect", artifact, "--json").stdout)

    assert found.exit_code == 0
    assert facts["artifact_id"] in found.stdout
    assert [tier["model"] for tier in facts["tiers"]] == [
        "synthetic-haiku",
        "synthetic-sonnet",
        "synthetic-opus",
    ]
    assert "quality (0-10) - lambda x min(1, cost / " in found.stdout
    assert facts["lam"] == 1.0


def test_a_damaged_artifact_is_told_with_the_file(run: Run, damaged: Path) -> None:
    """One flipped byte."""
    found = run("inspect", damaged)

    assert found.exit_code == 2
    assert "heads.npz: the content does not match the manifest" in found.stderr


def test_a_state_shows_what_waits_and_where_q_stands(run: Run, state: Path) -> None:
    """One decision, no report: Q is still the model's."""
    found = run("inspect", state)
    facts = json.loads(run("inspect", state, "--json").stdout)

    assert "1 decision: 0 reported, 1 waiting" in found.stdout
    assert facts["n_pending"] == 1
    assert all(cell["q"] == cell["prior_q"] for cell in facts["cells"] if not cell["n_decisions"])


def test_nothing_there_is_told(run: Run) -> None:
    """Exit code 2, and what could be given."""
    found = run("inspect", "nowhere")

    assert found.exit_code == 2
    assert "give a log, a feature table, an artifact or a state" in found.stderr


def test_the_mends_that_an_unknown_format_names_are_there(run: Run) -> None:
    """A log of the user's own: the message names --map, and with it the log is read."""
    Path("odd.jsonl").write_text('{"ask": "Rename foo", "grade": 7, "who": "haiku"}\n')
    Path("map.toml").write_text('task_text = "ask"\ntier = "who"\ny_quality = "grade"\n')
    refused = run("inspect", "odd.jsonl")
    found = run("inspect", "odd.jsonl", "--map", "map.toml", "--json")
    named = run("inspect", "odd.jsonl", "--format", "nonsense")

    assert (refused.exit_code, named.exit_code) == (2, 2)
    assert "--map FILE" in refused.stderr
    assert "'nonsense'" in named.stderr
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["files"][0]["format"] == "mapped"
