"""``tracetier ledger``: spending and saving, of a state and of a decision log."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import Result

from tracetier.decision_log.schema import LOG_VERSION, DecisionLine, FeedbackLine, encode_line
from tracetier.records import Task, TierScore

Run = Callable[..., Result]
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _score(cost_usd: float, quality: float) -> TierScore:
    return TierScore(quality, cost_usd, 0.0, 0.0, 0.0)


def _decision(name: str, tier: str, session: str) -> DecisionLine:
    return DecisionLine(
        tracetier_log=LOG_VERSION,
        decision_id=name,
        timestamp=NOON,
        tier=tier,
        propensity=0.5,
        propensities={"low": 0.5, "high": 0.5},
        scores={"low": _score(0.01, 0.5), "high": _score(0.10, 0.9)},
        session_id=session,
        task=Task(attrs={"tenant": "acme"}),
    )


def _report(name: str, **outcome: float) -> FeedbackLine:
    return FeedbackLine(tracetier_log=LOG_VERSION, decision_id=name, timestamp=NOON, **outcome)  # type: ignore[arg-type]


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    """Two decisions of session s, one of t; cost and quality of the first come apart."""
    lines: list[DecisionLine | FeedbackLine] = [
        _decision("a", "low", "s"),
        _report("a", cost_usd=0.03),
        _decision("b", "high", "s"),
        _report("a", quality=6.0),
        _report("b", quality=8.0, cost_usd=0.2),
        _report("unknown", quality=1.0),
        _decision("c", "low", "t"),
    ]
    path = tmp_path / "decisions.jsonl"
    path.write_bytes(b"".join(encode_line(line) + b"\n" for line in lines))
    return path


def test_a_log_is_summed_up(run: Run, log_file: Path) -> None:
    """.03 + .20 + .01 (predicted) spent; the dear tier .10 + .20 (its own) + .10; 7 against 8.5."""
    found = json.loads(run("ledger", log_file, "--json").stdout)
    total = found["total"]

    assert (found["kind"], found["dear_tier"], total["decisions"]) == ("decision log", "high", 3)
    assert total["spend_usd"] == pytest.approx(0.24)
    assert total["dear_usd"] == pytest.approx(0.40)
    assert total["saved_share"] == pytest.approx(0.4)
    assert (total["mean_quality"], total["mean_dear_quality"]) == (7.0, 8.5)
    assert found["by_session"]["t"]["spend_usd"] == pytest.approx(0.01)
    assert found["by_day"].keys() == {"2026-01-05"}
    assert found["by_tenant"]["acme"]["decisions"] == 3


def test_people_read_what_it_means(run: Run, log_file: Path) -> None:
    """The counterfactual is stated as what it is."""
    found = run("ledger", log_file).stdout

    assert "3 decisions for $0.24; always high would have cost $0.4: saved $0.16 (40%)" in found
    flat = " ".join(found.split())
    assert "reported for 2 of 3, as predicted for the rest" in flat
    assert "not a measurement" in flat


def test_one_session_can_be_asked_for(run: Run, log_file: Path) -> None:
    """An unknown one is told with those that there are."""
    found = json.loads(run("ledger", log_file, "--session", "s", "--json").stdout)
    assert (found["session"], found["total"]["decisions"]) == ("s", 2)
    assert "by_tier" not in found

    missing = run("ledger", log_file, "--session", "x")
    assert missing.exit_code == 2
    assert "session 'x' is not in the ledger" in missing.stderr
    assert "the last used are s, t" in missing.stderr


@pytest.mark.parametrize("state", ["s.json", "s.db"])
def test_a_state_keeps_the_ledger(run: Run, artifact: Path, state: str) -> None:
    """Routed and reported by command; the same sums from both kinds of store."""
    args = ("route", artifact, "--text", "Prove it.", "--state", state, "--session", "s", "--json")
    decision = json.loads(run(*args).stdout)
    run("feedback", state, decision["decision_id"], "--quality", "8", "--cost-usd", "0.5")
    total = json.loads(run("ledger", state, "--session", "s", "--json").stdout)["total"]

    assert (total["decisions"], total["n_cost"], total["spend_usd"]) == (1, 1, 0.5)
    is_dear = decision["tier"] == "opus"
    expected = 0.5 if is_dear else decision["scores"]["opus"]["cost_usd"]
    assert total["dear_usd"] == pytest.approx(expected)
    assert "1 decision for $0.5; always opus" in run("ledger", state).stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{}\n", "line 1: "),
        (b'{"kind":"feedback"', "is no line of a decision log: give a router's state"),
        (b"\n", "holds no decision"),
    ],
)
def test_what_is_no_ledger_is_told(run: Run, content: bytes, told: str) -> None:
    """With the line."""
    Path("x.jsonl").write_bytes(content)
    found = run("ledger", "x.jsonl")

    assert (found.exit_code, found.stdout) == (2, "")
    assert told in found.stderr


def test_two_filters_are_one_too_many(run: Run, log_file: Path) -> None:
    """A session and a tenant."""
    found = run("ledger", log_file, "--session", "s", "--tenant", "acme")

    assert found.exit_code == 2
    assert "give one of them" in found.stderr
