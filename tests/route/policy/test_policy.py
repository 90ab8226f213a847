"""The policy: how rules combine, and what gives way to what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import PolicyError
from tracetier.records import Task
from tracetier.route.policy.policy import Policy, read_policy
from tracetier.route.policy.rules import Rule
from tracetier.tiers import DEFAULT_TIERS, Tier, TierSet

ALL = [0, 1, 2]


def _allowed(*entries: dict[str, object], allowed: list[int] | None = None) -> list[int]:
    return list(read_policy(entries, DEFAULT_TIERS).terms(Task(), allowed or ALL).allowed)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([{"pin": "sonnet"}], [1], id="pin"),
        pytest.param([{"floor": "sonnet"}], [1, 2], id="floor"),
        pytest.param([{"ceiling": "sonnet"}], [0, 1], id="ceiling"),
        pytest.param([{"deny": ["haiku", "opus"]}], [1], id="deny"),
        pytest.param([{"floor": "sonnet"}, {"floor": "opus"}], [2], id="the highest floor"),
        pytest.param([{"ceiling": "sonnet"}, {"ceiling": "haiku"}], [0], id="the lowest ceiling"),
        pytest.param([{"pin": "opus"}, {"pin": "haiku"}], [2], id="the first pin"),
        pytest.param([{"ceiling": "haiku"}, {"pin": "opus"}], [2], id="pin before ceiling"),
        pytest.param([{"pin": "haiku"}, {"deny": "haiku"}], [1, 2], id="deny before pin"),
        pytest.param(
            [{"pin": "haiku"}, {"deny": "haiku"}, {"pin": "opus"}], [2], id="the next pin that can"
        ),
        pytest.param([{"floor": "opus"}, {"ceiling": "haiku"}], [2], id="floor before ceiling"),
        pytest.param([{"floor": "opus"}, {"deny": "opus"}], [1], id="floor gives way: dearest"),
        pytest.param([{"ceiling": "haiku"}, {"deny": "haiku"}], [1], id="ceiling: cheapest"),
    ],
)
def test_rules_combine_as_documented(entries: list[dict[str, object]], expected: list[int]) -> None:
    """Deny, then the first pin, then the highest floor, then the lowest ceiling."""
    assert _allowed(*entries) == expected


def test_the_tiers_that_the_caller_allows_are_a_hard_limit() -> None:
    """A pin outside of them gives way."""
    assert _allowed({"pin": "opus"}, allowed=[0, 1]) == [0, 1]
    assert _allowed({"floor": "opus"}, allowed=[0, 1]) == [1]


def test_every_rule_that_was_for_the_task_is_told() -> None:
    """By name, with what it did, and what gave way."""
    policy = read_policy(
        [
            {"name": "no small talk", "deny": "haiku"},
            {"name": "cheap chat", "task_type": "chat", "pin": "haiku"},
            {"name": "quiet", "task_type": "chat", "explore": False},
            {"name": "other", "task_type": "other", "pin": "opus"},
        ],
        DEFAULT_TIERS,
    )
    terms = policy.terms(Task(task_type="chat"), ALL)

    assert terms.rules == ("no small talk", "cheap chat", "quiet")
    assert terms.reasons == (
        "no small talk: haiku denied",
        "cheap chat: haiku pinned, but it is ruled out, so the pin gives way",
        "quiet: no exploration",
    )
    assert (terms.allowed, terms.explore) == ([1, 2], False)


def test_hard_limits_that_leave_nothing_are_an_error_that_names_them() -> None:
    """A capability, a denial and the caller's own limit."""
    tiers = TierSet((Tier(name="low", context_window=10), Tier(name="mid"), Tier(name="high")))
    policy = read_policy([{"name": "frugal", "deny": "high"}], tiers)

    with pytest.raises(PolicyError) as caught:
        policy.terms(Task(prompt_tokens_est=11), [0, 2])

    assert str(caught.value).startswith(
        "no tier is left for this task: only low, high allowed; low holds 10 tokens, the task "
        "brings 11; frugal: high denied; change a rule"
    )


def test_a_policy_without_rules_and_limits_is_empty() -> None:
    """And hands back what it was given."""
    assert read_policy([], DEFAULT_TIERS).is_empty
    assert not read_policy([{"pin": "opus"}], DEFAULT_TIERS).is_empty
    assert not read_policy([], TierSet((Tier(name="a", tools=False),))).is_empty
    assert read_policy([], DEFAULT_TIERS).terms(Task(), ALL).allowed is ALL


tier = st.integers(0, 2)
rules = st.lists(
    st.builds(
        Rule,
        name=st.just("r"),
        pin=st.none() | tier,
        floor=st.none() | tier,
        ceiling=st.none() | tier,
        deny=st.frozensets(tier, max_size=2).map(lambda found: tuple(sorted(found))),
        explore=st.booleans(),
    ),
    max_size=4,
)


@given(rules=rules, allowed=st.frozensets(tier, min_size=1).map(sorted))
def test_hard_limits_hold_and_something_is_always_left_or_told(
    rules: list[Rule], allowed: list[int]
) -> None:
    """For all rules: no denied tier, none the caller leaves out, ascending, never empty."""
    denied = {a for rule in rules for a in rule.deny}
    try:
        terms = Policy(rules, DEFAULT_TIERS).terms(Task(), allowed)
    except PolicyError:
        assert set(allowed) <= denied
        return

    left = list(terms.allowed)
    assert left == sorted(set(left))
    assert left
    assert set(left) <= set(allowed) - denied
    pins = [rule.pin for rule in rules if rule.pin in set(allowed) - denied]
    assert not pins or left == pins[:1]
    assert terms.explore == all(rule.explore for rule in rules)
