"""``tracetier policy``: rules and caps as they are, their mistakes, and a task tried."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]

TIERS = "[[tier]]\nname = 'haiku'\ncontext_window = 1000\n[[tier]]\nname = 'opus'\n"
RULES = (
    "[[rule]]\nname = 'safe'\ntask_type = 'sec_*'\nattr_pii = true\nfloor = 'opus'\n"
    "[[rule]]\ntools = 'bash'\ndeny = 'haiku'\nexplore = false\n"
    "[[cap]]\nper = 'session'\nusd = 2\n[[cap]]\nper = 'all'\ncalls = 9\nat_cap = 'refuse'\n"
    "[session]\nescalate_after = 3\n"
)


def test_rules_and_caps_are_shown(run: Run) -> None:
    """Each with what it is for and what it asks; other settings above the learner by name."""
    Path("tracetier.toml").write_text(TIERS + RULES)
    found = run("policy")

    assert (found.exit_code, found.stderr) == (0, "")
    assert "tiers, cheap to dear: haiku (1,000 tokens), opus" in found.stdout
    assert "task_type 'sec_*' and attr_pii true" in found.stdout
    assert "deny haiku, no exploration" in found.stdout
    assert "9 calls in all" in found.stdout
    assert "also set: escalate_after = 3" in found.stdout


@pytest.mark.parametrize(
    ("args", "allowed", "explore", "rules"),
    [
        (["--text", "hello"], ["haiku", "opus"], True, []),
        (["--task-type", "sec_x", "--attr", "pii=true"], ["opus"], True, ["safe"]),
        (["--task-type", "sec_x", "--attr", "pii=1"], ["haiku", "opus"], True, []),
        (["--tool", "bash", "--agent", "a"], ["opus"], False, ["rule 2"]),
        (["--tokens", "1001"], ["opus"], True, []),
    ],
)
def test_a_task_can_be_tried(
    run: Run, args: list[str], allowed: list[str], explore: bool, rules: list[str]
) -> None:
    """Which tiers it may go to, and why."""
    Path("tracetier.toml").write_text(TIERS + RULES)
    task = json.loads(run("policy", *args, "--json").stdout)["task"]

    assert (task["allowed"], task["explore"], task["rules"]) == (allowed, explore, rules)
    assert task["error"] is None


def test_a_task_that_no_tier_is_left_for_is_told(run: Run) -> None:
    """That is an outcome of the trial, not a mistake in the file."""
    Path("my.toml").write_text(TIERS + "[[rule]]\nname = 'no opus'\ndeny = 'opus'\n")
    found = run("policy", "my.toml", "--tokens", "5000")

    assert found.exit_code == 0
    assert "refused: no tier is left for this task: haiku holds 1,000 tokens" in found.stdout


def test_the_tiers_may_be_those_of_an_artifact(run: Run, artifact: Path) -> None:
    """Rules are checked against them."""
    Path("tracetier.toml").write_text("[[rule]]\npin = 'sonnet'\n")
    found = run("policy", "--artifact", artifact, "--text", "x")

    assert "this task may go to sonnet" in found.stdout
    assert "· rule 1: sonnet pinned" in found.stdout


@pytest.mark.parametrize(
    ("content", "args", "told"),
    [
        (None, [], "no tracetier.toml in this folder"),
        ("[[rule]]\npin = 'x'\n", [], r"declares no [[tier]]"),
        (TIERS + "[[rule]]\npin = 'opsu'\n", [], "did you mean 'opus'?"),
        (TIERS + "[[rul]]\npin = 'opus'\n", [], "did you mean 'rule'?"),
        (TIERS + "[[cap]]\nper = 'all'\n", [], "[[cap]] 1: a cap is on one of"),
        (TIERS, ["--attr", "pii"], "--attr 'pii' is no NAME=VALUE"),
    ],
)
def test_a_mistake_is_told(run: Run, content: str | None, args: list[str], told: str) -> None:
    """Exit code 2, nothing on stdout."""
    if content is not None:
        Path("tracetier.toml").write_text(content)
    found = run("policy", *args)

    assert (found.exit_code, found.stdout) == (2, "")
    assert told in found.stderr


def test_rules_hold_for_the_route_command(run: Run, artifact: Path) -> None:
    """And an error of the policy is the user's: exit code 2."""
    Path("tracetier.toml").write_text("[[rule]]\ntask_type = 'x'\npin = 'opus'\nexplore = false\n")
    found = run("route", artifact, "--text", "hello", "--task-type", "x", "--json")
    decision = json.loads(found.stdout)
    assert (decision["tier"], decision["rules"]) == ("opus", ["rule 1"])

    Path("tracetier.toml").write_text("[[cap]]\nper = 'session'\nusd = 1e-9\nat_cap = 'refuse'\n")
    refused = run("route", artifact, "--text", "hello", "--session", "s")
    assert refused.exit_code == 1
    assert "the cap of $1e-09 per session of session 's' is reached" in refused.stderr
