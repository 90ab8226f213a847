"""``tracetier feedback``: an outcome moves Q once, and wrong reports are told."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def decision_id(run: Run, artifact: Path) -> str:
    """A decision that waits in ``s.json``."""
    args = ("--text", "Rename it", "--task-type", "rename", "--state", "s.json", "--json")
    return str(json.loads(run("route", artifact, *args).stdout)["decision_id"])


def test_a_bad_outcome_moves_q_down_and_shows_it(run: Run, decision_id: str) -> None:
    """Only the cell of the decision gets the report."""
    found = run("feedback", "s.json", decision_id, "--quality", "0", "--cost-usd", "0.01", "--json")
    answer = json.loads(found.stdout)
    (reported,) = (cell for cell in answer["cells"] if cell["n_reports"])

    assert (found.exit_code, found.stderr) == (0, "")
    assert answer["is_new"] is True
    assert {cell["bucket"] for cell in answer["cells"]} == {"rename"}
    assert reported["q"] < reported["q_before"] - 0.1


def test_for_people_q_is_shown_before_and_after(run: Run, decision_id: str) -> None:
    """A row per tier of the bucket."""
    found = run("feedback", "s.json", decision_id, "--quality", "10")

    assert f"learned from decision {decision_id}" in found.stdout
    assert "Q before" in found.stdout
    assert found.stdout.count("synthetic") == 0
    assert all(name in found.stdout for name in ("rename", "haiku", "sonnet", "opus"))


def test_a_second_report_teaches_nothing(run: Run, decision_id: str) -> None:
    """It is no error either: reports are delivered more than once."""
    run("feedback", "s.json", decision_id, "--quality", "3")
    before = json.loads(run("inspect", "s.json", "--json").stdout)
    found = run("feedback", "s.json", decision_id, "--quality", "9")
    after = json.loads(run("inspect", "s.json", "--json").stdout)

    assert found.exit_code == 0
    assert "was reported before; nothing was learned" in found.stdout
    assert after["cells"] == before["cells"]
    assert after["counts"] == before["counts"] | {"duplicates": 1}


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(["--quality", "8.5"], "no decision '0123' is known", id="unknown id"),
        pytest.param([], "neither quality nor cost_usd", id="nothing told"),
        pytest.param(["--quality", "11"], "must be in [0, 10]", id="quality out of range"),
        pytest.param(["--quality", "nan"], "must be in [0, 10]", id="no number"),
        pytest.param(["--cost-usd", "-1"], "a finite number >= 0", id="negative cost"),
    ],
)
def test_a_wrong_report_is_told_and_the_state_stays(
    run: Run, decision_id: str, args: list[str], told: str
) -> None:
    """Exit code 2."""
    before = Path("s.json").read_bytes()
    found = run("feedback", "s.json", "0123", *args)

    assert found.exit_code == 2
    assert told in found.stderr
    assert found.stdout == ""
    assert Path("s.json").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "does not exist"), ('{"format": 1', "holds no readable state"), ("", "no readable")],
    ids=["missing", "torn", "empty"],
)
def test_a_wrong_state_is_told_and_left_as_it_is(run: Run, content: str | None, told: str) -> None:
    """Exit code 2; a mistyped path makes no file."""
    if content is not None:
        Path("s.json").write_text(content)
    found = run("feedback", "s.json", "0123", "--quality", "5")

    assert found.exit_code == 2
    assert told in found.stderr
    assert (Path("s.json").read_text() if Path("s.json").exists() else None) == content
