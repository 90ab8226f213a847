"""``tracetier replay``: strategies, orders, budget."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import Result

from tracetier.cli.replay import ReplayStrategy
from tracetier.evaluate import stream

Run = Callable[..., Result]


def test_the_strategies_are_those_of_the_replay() -> None:
    """They are named twice, since the help must not load the numeric code."""
    assert get_args(ReplayStrategy) == get_args(stream.ReplayStrategy)


def test_the_result_is_shown_beside_the_published_rule(
    run: Run, artifact: Path, table: Path
) -> None:
    """Two orders of 100 tasks."""
    found = run("replay", artifact, table, "--orders", "2")

    assert (found.exit_code, found.stderr) == (0, "")
    assert "Over 2 orders of 100 tasks, residual scored" in found.stdout
    assert "seed-warm" in found.stdout


@pytest.mark.parametrize("strategy", get_args(ReplayStrategy))
def test_every_strategy_can_be_replayed(
    run: Run, artifact: Path, table: Path, strategy: str
) -> None:
    """Named on the command line, or in the project's file."""
    args = ("replay", artifact, table, "--orders", "1", "--json")

    assert json.loads(run(*args, "--strategy", strategy).stdout)["strategy"] == strategy


def test_the_strategy_of_the_project_is_the_default(run: Run, artifact: Path, table: Path) -> None:
    """As for route."""
    Path("tracetier.toml").write_text("[route]\nstrategy = 'greedy'\n")
    found = run("replay", artifact, table, "--orders", "1", "--json")

    assert json.loads(found.stdout)["strategy"] == "greedy"


def test_a_budget_comes_before_the_lambda_of_the_project(
    run: Run, artifact: Path, table: Path
) -> None:
    """Only a flag beside it is a contradiction."""
    Path("tracetier.toml").write_text("[route]\nlam = 3\n")
    args = ("replay", artifact, table, "--orders", "1", "--budget-usd", "0.02")
    good, bad = run(*args, "--json"), run(*args, "--lam", "1")

    assert json.loads(good.stdout)["budget_usd"] == 0.02
    assert bad.exit_code == 2
    assert "lam or budget_usd, not both" in bad.stderr


def test_a_table_of_one_tier_per_task_is_refused(run: Run, artifact: Path, log: Path) -> None:
    """A replay reveals the outcome of whatever is chosen, so it needs them all."""
    lines = log.read_text().splitlines()[::3]
    Path("logged.jsonl").write_text("\n".join(lines))
    assert run("ingest", "logged.jsonl", "--out", "logged").exit_code == 0
    found = run("replay", artifact, "logged")

    assert found.exit_code == 2
    assert "needs a table where every tier ran" in found.stderr


def test_phases_delay_and_lost_reports_are_read_from_flags(
    run: Run, artifact: Path, table: Path
) -> None:
    """Each comes back in the result."""
    args = ("replay", artifact, table, "--orders", "1", "--json")
    found = run(
        *args, "--phase", "drop:opus:5@20-60", "--phase", "remove:haiku@70", "--delay", "5",
        "--missing", "0.1", "--noise", "0.5",
    )  # fmt: skip

    read = json.loads(found.stdout)
    scenario = read["scenario"]
    assert [event["kind"] for event in scenario["events"]] == ["drop", "remove"]
    assert (scenario["delay"], scenario["missing"], scenario["noise"]) == (5, 0.1, 0.05)
    assert [phase["start"] for phase in read["strategies"]["residual"]["phases"]] == [0, 20, 60, 70]


def test_phases_are_read_from_a_file_and_flags_count_more(
    run: Run, artifact: Path, table: Path
) -> None:
    """Phases of both, the delay of the flag, the share of the file."""
    Path("phases.toml").write_text(
        'delay = 5\nmissing = 0.1\n[[phase]]\nkind = "price"\ntier = "opus"\nfactor = 0.1\n'
        "start = 20\n"
    )
    args = ("replay", artifact, table, "--orders", "1", "--json", "--phases", "phases.toml")
    found = run(*args, "--phase", "remove:haiku@70", "--delay", "2")

    scenario = json.loads(found.stdout)["scenario"]
    assert [event["kind"] for event in scenario["events"]] == ["price", "remove"]
    assert (scenario["delay"], scenario["missing"]) == (2, 0.1)


def test_a_known_end_needs_a_budget(run: Run, artifact: Path, table: Path) -> None:
    """Which then is met at the last task, or nearly."""
    args = ("replay", artifact, table, "--orders", "1", "--json", "--end-known")
    alone = run(*args)
    held = run(*args, "--budget-usd", "0.02")

    assert (alone.exit_code, "give budget_usd" in alone.stderr) == (2, True)
    assert max(json.loads(held.stdout)["strategies"]["residual"]["spent"]) < 1.05


def test_a_phase_that_is_not_understood_ends_with_the_form_it_should_have(
    run: Run, artifact: Path, table: Path
) -> None:
    """Exit 2, one line."""
    found = run("replay", artifact, table, "--phase", "fall:opus")

    assert found.exit_code == 2
    assert "write drop:TIER:QUALITY@START" in found.stderr


def test_plots_are_written_beside_the_result(run: Run, artifact: Path, table: Path) -> None:
    """A picture, and a page that holds it."""
    pytest.importorskip("matplotlib")
    found = run(
        "replay", artifact, table, "--orders", "2", "--html", "r.html", "--png", "r.png"
    )  # fmt: skip

    assert found.exit_code == 0
    assert Path("r.png").read_bytes().startswith(b"\x89PNG")
    page = Path("r.html").read_text()
    assert "data:image/png;base64," in page
    assert "Over 2 orders of 100 tasks" in page
