"""``tracetier ingest``: exit codes, messages, what is left on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


def test_a_log_becomes_a_table_and_a_summary(run: Run, log: Path) -> None:
    """For people a table, with counts that add up."""
    found = run("ingest", log, "--out", "table")

    assert (found.exit_code, found.stderr) == (0, "")
    assert "300 records = 300 read + 0 rejected + 0 duplicates" in found.stdout
    assert (Path("table") / "_table.json").is_file()


def test_tiers_come_from_the_file_that_is_named(run: Run, log: Path) -> None:
    """Before those of tracetier.toml; rows of other tiers are listed as issues."""
    Path("tracetier.toml").write_text("[[tier]]\nname = 'opus'\n")
    Path("two.toml").write_text("[[tier]]\nname = 'haiku'\n[[tier]]\nname = 'opus'\n")

    found = json.loads(run("ingest", log, "--out", "t", "--tiers", "two.toml", "--json").stdout)

    assert [tier["name"] for tier in found["tiers"]] == ["haiku", "opus"]
    assert found["issues"] == {"undeclared_tier": 100}


def test_a_map_says_which_column_is_which(run: Run) -> None:
    """Records of the user's own."""
    Path("own.jsonl").write_text('{"id": "a", "ask": "Hi", "llm": "m-1", "good": 1}\n')
    Path("map.toml").write_text(
        'task_id = "id"\ntask_text = "ask"\nmodel = "llm"\ny_quality = "good"\n'
    )

    found = run("ingest", "own.jsonl", "--out", "t", "--map", "map.toml", "--json")

    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["files"][0]["format"] == "mapped"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(["nowhere"], "no such file or folder: 'nowhere'", id="unknown file"),
        pytest.param(["LOG", "--format", "outcome"], "did you mean 'outcomes'?", id="format"),
        pytest.param(["LOG", "--tiers", "none.toml"], "'none.toml' cannot be read", id="tiers"),
        pytest.param(["LOG", "--tiers", "empty.toml"], "declares no tier", id="no tier"),
        pytest.param(["LOG", "--map", "none.toml"], "none.toml", id="map"),
        pytest.param(
            ["LOG", "--tiers", "other.toml", "--strict"],
            "tier 'haiku' of model 'synthetic-haiku' is none of the declared haikus",
            id="undeclared tier",
        ),
    ],
)
def test_wrong_input_is_told_and_nothing_is_written(
    run: Run, log: Path, args: list[str], told: str
) -> None:
    """Exit code 2, what was wrong, an empty folder."""
    Path("empty.toml").write_text("[route]\nlam = 1\n")
    Path("other.toml").write_text("[[tier]]\nname = 'haikus'\n")
    found = run("ingest", *(log if arg == "LOG" else arg for arg in args), "--out", "table")

    assert found.exit_code == 2
    assert found.stderr.startswith("tracetier: error: ")
    assert told in found.stderr
    assert found.stdout == ""
    assert not Path("table").exists()


def test_a_broken_setting_is_told_with_its_place(run: Run, log: Path) -> None:
    """A typo in the project's file."""
    Path("tracetier.toml").write_text("[route]\nlamb = 1\n")
    found = run("ingest", log, "--out", "table")

    assert found.exit_code == 2
    assert "tracetier.toml: [route]" in found.stderr
    assert "did you mean 'lam'?" in found.stderr


def test_a_folder_that_is_no_table_is_not_replaced(run: Run, log: Path) -> None:
    """What stands there may be precious."""
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("precious")
    found = run("ingest", log, "--out", "mine")

    assert found.exit_code == 2
    assert "is not a feature table, so it is not replaced" in found.stderr
    assert Path("mine/notes.txt").read_text() == "precious"


def test_outcomes_and_what_is_routed_are_options(run: Run, log: Path) -> None:
    """Joined by the task; the map says what a column of the file means."""
    first = json.loads(log.read_text().splitlines()[0])
    Path("scores.csv").write_text(f"task_id,tone\n{first['task_id']},2\nnowhere,2\n")
    Path("map.toml").write_text('[tone]\nbetter = "low"\nlow = 1\nhigh = 5\n')
    options = ["--scores", "scores.csv", "--scores-map", "map.toml", "--level", "task"]

    found = run("ingest", log, "--out", "t", *options, "--quality-from", "proxy:all", "--json")

    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["n_outcomes_unused"] == 1


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--quality-from", "proxy:luck"], "unknown proxy rule 'luck'"),
        (["--scores", "none.csv"], "none.csv"),
        (["--scores-map", "none.toml"], "score map 'none.toml' cannot be read"),
        (["--level", "session"], "'session' is not one of 'call', 'agent_run', 'task'"),
    ],
)
def test_an_option_that_is_not_understood_is_the_user_s_mistake(
    run: Run, log: Path, args: list[str], told: str
) -> None:
    """One line, exit code 2, no table."""
    found = run("ingest", log, "--out", "t", *args)

    assert found.exit_code == 2
    assert told in " ".join(found.stderr.replace("│", " ").split())
    assert not Path("t").exists()


def test_secrets_are_taken_out_when_asked(run: Run) -> None:
    """With the project's own patterns; people see how many of each kind."""
    Path("tracetier.toml").write_text("[privacy]\nredact = ['CUST-\\d+']\n")
    Path("own.jsonl").write_text(
        '{"trace_id": "t", "task_id": "k", "task_text": "CUST-77: ask ann@example.com", '
        '"model": "m", "y_cost_usd": 0.1}\n'
    )
    plain = run("ingest", "own.jsonl", "--out", "plain")
    found = run("ingest", "own.jsonl", "--out", "t", "--redact")

    assert "redacted" not in plain.stdout
    assert (found.exit_code, found.stderr) == (0, "")
    assert "email 1, pattern 1" in found.stdout


def test_a_pattern_that_cannot_be_used_is_told(run: Run, log: Path) -> None:
    """Before anything is read."""
    Path("tracetier.toml").write_text("[privacy]\nredact = ['(a+)+']\n")
    found = run("ingest", log, "--out", "t", "--redact")

    assert found.exit_code == 2
    assert "can take for ever" in found.stderr
    assert not Path("t").exists()


def test_texts_are_withheld_by_a_key_only(
    run: Run, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one nothing is written."""
    found = run("ingest", log, "--out", "t", "--no-text")
    assert found.exit_code == 2
    assert "TRACETIER_HASH_KEY" in found.stderr
    assert not Path("t").exists()

    monkeypatch.setenv("TRACETIER_HASH_KEY", "0123456789abcdef")
    assert run("ingest", log, "--out", "t", "--no-text").exit_code == 0
    assert not json.loads((Path("t") / "_table.json").read_text())["has_text"]
