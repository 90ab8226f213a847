"""Guesses at quality: named, weighed, and only where the log tells anything."""

from collections.abc import Callable
from typing import Any

import pytest

from tracetier.errors import SettingsError
from tracetier.ingest.assemble.assemble import assemble
from tracetier.ingest.assemble.judge import Judges
from tracetier.ingest.assemble.proxy import RULES, Proxies, Signs, read_proxies
from tracetier.ingest.assemble.score_map import Quality, ScoreMap
from tracetier.ingest.span import Score, Span

Step = Callable[..., Span]


def _signs(step: Step, **fields: Any) -> Signs:
    blank: dict[str, Any] = {
        "span": step("agent", "r"),
        "failed": None,
        "tools": [],
        "calls": [],
        "text": "",
        "next_text": "",
    }
    return Signs(**blank | fields)


def _steps(step: Step, *outcomes: str | None) -> list[Span]:
    return [step("tool", str(i), outcome=outcome) for i, outcome in enumerate(outcomes)]


@pytest.mark.parametrize(
    ("rule", "fields", "trouble"),
    [
        pytest.param("error_status", {"failed": True}, 1.0, id="failed"),
        pytest.param("error_status", {"failed": False}, 0.0, id="did not fail"),
        pytest.param("failed_tools", {"tools": ("ok", "error", None)}, 0.5, id="one of two tools"),
        pytest.param(
            "retries", {"calls": ("error", "error", "ok")}, 1.0, id="two tries, then good"
        ),
        pytest.param("retries", {"calls": ("ok", "error")}, 0.0, id="the last is the status"),
        pytest.param(
            "rephrased",
            {"text": "Fix the failing test", "next_text": "fix the failing test!"},
            1.0,
            id="asked again",
        ),
        pytest.param(
            "rephrased", {"text": "Fix the failing test", "next_text": "Thanks"}, 0.0, id="went on"
        ),
    ],
)
def test_each_rule_finds_its_trouble(
    step: Step, rule: str, fields: dict[str, Any], trouble: float
) -> None:
    """From 0 to 1, whatever its weight."""
    for name in ("tools", "calls"):
        if name in fields:
            fields = fields | {name: _steps(step, *fields[name])}

    assert RULES[rule][0](_signs(step, **fields)) == trouble


@pytest.mark.parametrize(
    ("outcomes", "trouble"),
    [
        pytest.param(["error", "ok"], 0.0, id="mended"),
        pytest.param(["ok", "error"], 1.0, id="broken in the end"),
        pytest.param(["ok", None], 0.0, id="the last one that is known"),
    ],
)
def test_tests_count_as_they_came_out_last(step: Step, outcomes: list[Any], trouble: float) -> None:
    """By when they ended, whatever their order; other tools do not count."""
    runs = [
        step("tool", str(i), None, i, i + 1.0, outcome=outcome, is_test=True)
        for i, outcome in enumerate(outcomes)
    ]
    other = step("tool", "x", None, 8, 9, outcome="error")

    assert RULES["tests"][0](_signs(step, tools=[other, *reversed(runs)])) == trouble
    assert RULES["tests"][0](_signs(step, tools=[other])) is None


def test_a_summary_tells_of_tests_whose_command_ended_well(step: Step) -> None:
    """Piped on, a command that failed is ``ok``; of an unknown end the summary alone tells."""
    failed = step("tool", "a", None, 1, 2, outcome="ok", is_test=True, have_passed=False)
    passed = step("tool", "b", None, 3, 4, is_test=True, have_passed=True)

    assert RULES["tests"][0](_signs(step, tools=[failed])) == 1.0
    assert RULES["tests"][0](_signs(step, tools=[failed, passed])) == 0.0


@pytest.mark.parametrize("rule", RULES)
def test_where_the_log_tells_nothing_a_rule_says_nothing(step: Step, rule: str) -> None:
    """And without any rule that speaks there is no quality."""
    assert RULES[rule][0](_signs(step)) is None
    assert Proxies({rule: 1.0}).quality(_signs(step)) is None


def test_troubles_are_weighed_and_named(step: Step) -> None:
    """1 - (0.5 * 0.5 + 0.5 * 1): half of the tools failed, and the user stopped it."""
    span = step("agent", "r", outcome="cancelled")
    signs = _signs(step, span=span, tools=_steps(step, "ok", "error"))
    proxies = Proxies({"failed_tools": 0.5, "interrupted": 0.5, "rephrased": 0.5})

    assert proxies.quality(signs) == Quality(0.25, "proxy", "failed_tools+interrupted", None)


def test_quality_does_not_fall_below_0(step: Step) -> None:
    """However much went wrong."""
    span = step("agent", "r", outcome="cancelled")
    found = Proxies({"error_status": 1.0, "interrupted": 1.0}).quality(
        _signs(step, span=span, failed=True)
    )

    assert found is not None
    assert found.value == 0.0


def test_a_known_outcome_is_never_replaced_by_a_guess(step: Step) -> None:
    """Nor is a guess made of a broken service; by default none is made at all."""
    score = Score(name="reward", value=0.5, low=0, high=1, better="high")
    spans = [
        step("agent", "scored", None, 0, 1, outcome="ok", model_asked="m", scores=(score,)),
        step("agent", "bare", None, 0, 1, outcome="ok", model_asked="m"),
        step(
            "agent",
            "full",
            None,
            0,
            1,
            outcome="error",
            is_infrastructure_error=True,
            model_asked="m",
        ),
    ]
    guessing = Judges(ScoreMap({}), proxies=read_proxies("proxy:error_status"))
    rows = {row.span_id: row for row in assemble(spans, "agent_run", judges=guessing).rows}

    assert (rows["scored"].y_quality, rows["scored"].y_quality_source) == (0.5, "given")
    assert (rows["bare"].y_quality, rows["bare"].y_quality_source) == (1.0, "proxy")
    assert rows["full"].y_quality is None
    assert {row.y_quality for row in assemble(spans, "agent_run").rows} == {0.5, None}


def test_what_the_user_asks_next_is_seen(step: Step) -> None:
    """The next turn beside it, not the sub-agent below it; tools are those of the run itself."""
    spans = [
        step("turn", "1", None, 0, 9, text="Fix the bug", model_asked="m"),
        step("tool", "task", "1", 1, 5, outcome="ok"),
        step("agent", "sub", "task", 2, 4, text="Look around", model_asked="m"),
        step("tool", "grep", "sub", 3, 4, outcome="error"),
        step("turn", "2", None, 10, 19, text="fix the bug", model_asked="m"),
    ]
    guessing = Judges(ScoreMap({}), proxies=read_proxies("proxy:rephrased=0.5,failed_tools=0.25"))
    rows = {row.span_id: row for row in assemble(spans, "agent_run", judges=guessing).rows}

    assert {key: row.y_quality for key, row in rows.items()} == {"1": 0.5, "sub": 0.75, "2": None}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("error_status", "write proxy:all or proxy:RULE"),
        ("proxy:", "write proxy:all"),
        ("proxy:eror_status", "did you mean 'error_status'"),
        ("proxy:retries=2", r"'2', must be in \(0, 1\]"),
        ("proxy:retries=much", r"'much', must be in \(0, 1\]"),
    ],
)
def test_a_rule_that_is_not_understood_is_told(spec: str, words: str) -> None:
    """With what would be."""
    with pytest.raises(SettingsError, match=words):
        read_proxies(spec)


def test_all_rules_come_with_their_usual_weights() -> None:
    """``proxy:all``."""
    assert read_proxies("proxy:all").weights.keys() == RULES.keys()
