"""``tracetier state``: everything that can be done to a state without its artifact."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def used(run: Run, artifact: Path) -> str:
    """A state with one decision of type rename that went badly, and one that waits."""
    args = ("--text", "Rename it", "--task-type", "rename", "--state", "s.json", "--json")
    decision_id = json.loads(run("route", artifact, *args).stdout)["decision_id"]
    run("feedback", "s.json", decision_id, "--quality", "0", "--cost-usd", "0.01")
    run("route", artifact, *args)
    return "s.json"


def _cells(run: Run, state: str) -> list[dict[str, float]]:
    cells: list[dict[str, float]] = json.loads(run("inspect", state, "--json").stdout)["cells"]
    return cells


def test_a_snapshot_is_kept_and_gone_back_to(run: Run, used: str, artifact: Path) -> None:
    """What came after it is gone; a name is taken once."""
    before = _cells(run, used)
    found = json.loads(run("state", "snapshot", used, "friday", "--json").stdout)
    assert found["snapshots"]["friday"]["counts"]["feedback"] == 1
    assert "friday: 2 decisions, 1 reports, 1 waiting" in run("state", "snapshot", used).stdout

    run("route", artifact, "--text", "x", "--state", used)
    assert _cells(run, used) != before
    again = run("state", "snapshot", used, "friday")
    assert (again.exit_code, "has a snapshot 'friday' already" in again.stderr) == (2, True)

    found = json.loads(run("state", "rollback", used, "friday", "--json").stdout)
    assert (found["rolled_back_to"], found["counts"]["decisions"]) == ("friday", 2)
    assert _cells(run, used) == before
    assert "rolled back to 'friday'" in run("state", "rollback", used, "friday").stdout


def test_a_snapshot_that_is_not_there_is_told_with_those_that_are(run: Run, used: str) -> None:
    """Also where there is none; a name that could be a path is refused."""
    assert "no snapshot is kept" in run("state", "snapshot", used).stdout
    found = run("state", "rollback", used, "monday")
    assert found.exit_code == 2
    assert "has no snapshot 'monday'; there are: none" in found.stderr
    found = run("state", "snapshot", used, "../x")
    assert found.exit_code == 2
    assert "is no name for a snapshot" in found.stderr


def test_an_export_is_a_state_itself_and_moves_to_another_store(run: Run, used: str) -> None:
    """To standard output or a file; from there into SQLite, with all that was learned."""
    before = _cells(run, used)
    text = run("state", "export", used).stdout
    assert json.loads(text)["counts"]["feedback"] == 1
    found = json.loads(run("state", "export", used, "--out", "copy.json", "--json").stdout)
    assert found["bytes"] == len(Path("copy.json").read_bytes()) == len(text.encode())
    assert _cells(run, "copy.json") == before

    assert (
        "imported copy.json: 2 decisions"
        in run("state", "import", "copy.json", "sqlite://s.db").stdout
    )
    assert _cells(run, "sqlite://s.db") == before
    assert _cells(run, "s.db") == before

    assert run("state", "export", used, "--out", "copy.json").exit_code == 1
    assert run("state", "import", "nowhere.json", "s.db").exit_code == 2


def test_two_states_add_up(run: Run, used: str, artifact: Path) -> None:
    """Into a third place that must be free."""
    run("route", artifact, "--text", "x", "--state", "other.json")

    found = json.loads(
        run("state", "merge", used, "other.json", "--out", "sum.db", "--json").stdout
    )
    assert found["counts"] == {"decisions": 3, "feedback": 1, "duplicates": 0, "expired": 0}
    again = run("state", "merge", "other.json", used, "--out", "sum.db")
    assert (again.exit_code, "holds a state already" in again.stderr) == (2, True)
    again = run("state", "merge", "other.json", used, "--out", "sum2.json")
    assert "merged into sum2.json: 3 decisions, 1 reports" in again.stdout
    assert _cells(run, "sum2.json") == _cells(run, "sum.db")


def test_a_reset_forgets_a_tier_or_a_bucket_and_shows_it(run: Run, used: str) -> None:
    """Reports go, decisions stay; a name that is not known is told with those that are."""
    (cell,) = (cell for cell in _cells(run, used) if cell["n_reports"])
    found = json.loads(
        run("state", "reset", used, "--bucket", str(cell["bucket"]), "--json").stdout
    )
    assert {each["n_reports"] for each in found["cells"]} == {0}
    (now,) = (
        each
        for each in _cells(run, used)
        if (each["bucket"], each["tier"]) == (cell["bucket"], cell["tier"])
    )
    assert now["n_decisions"] == cell["n_decisions"]
    shown = run("state", "reset", used, "--tier", str(cell["tier"])).stdout
    assert "forgotten:" in shown
    assert "Q before" in shown

    for args, told in (
        (("--tier", "giant"), "tier 'giant' is not known to the state; it has haiku"),
        ((), "neither a tier nor a bucket is given"),
    ):
        found_wrong = run("state", "reset", used, *args)
        assert found_wrong.exit_code == 2
        assert told in found_wrong.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("snapshot", "no.json"),
        ("snapshot", "no.json", "x"),
        ("rollback", "no.json", "x"),
        ("export", "no.json"),
        ("reset", "no.json", "--tier", "haiku"),
        ("merge", "no.json", "no2.json", "--out", "o.json"),
    ],
)
def test_a_mistyped_state_is_told_and_not_made(run: Run, args: tuple[str, ...]) -> None:
    """But for the list of its snapshots, of which there are none."""
    found = run("state", *args)

    if len(args) > 2 or args[0] == "export":
        assert found.exit_code == 2
        assert found.stderr
    assert list(Path().iterdir()) == []


def test_the_help_lists_what_can_be_done(run: Run) -> None:
    """With an example."""
    shown = run("state", "--help").stdout

    for name in ("snapshot", "rollback", "export", "import", "merge", "reset"):
        assert f"│ {name} " in shown
    assert "tracetier state snapshot" in shown
