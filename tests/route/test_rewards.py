"""Rewards by name become one quality, by the user's map and by nothing else."""

import math
from collections.abc import Callable

import pytest

from tracetier.errors import FeedbackError, SettingsError
from tracetier.records import Task
from tracetier.route.rewards import RewardMap, RewardRule
from tracetier.route.router import Router

MAP = {
    "tests_passed": RewardRule(weight=3.0),
    "complaints": RewardRule(better="low", low=0.0, high=4.0),
}


def test_each_reward_counts_on_its_scale_with_its_weight() -> None:
    """(3 * .5 + 1 * .75) / 4 of 10; what is missing has no weight."""
    rewards = RewardMap(MAP)

    assert rewards.join("d", {"complaints": 1, "tests_passed": 0.5}) == (5.625, ())
    assert rewards.join("d", {"complaints": 1}) == (7.5, ())
    assert rewards.join("d", {"tests_passed": True}) == (10.0, ())


def test_unknown_names_are_listed_and_not_averaged() -> None:
    """Nobody knows whether a high "hallucination" is good."""
    assert RewardMap(MAP).join("d", {"hallucination": 1.0, "tests_passed": 1.0}) == (
        10.0,
        ("hallucination",),
    )
    assert RewardMap(MAP).join("d", {"hallucination": 1.0}) == (None, ("hallucination",))


@pytest.mark.parametrize("value", [4.5, -1, math.nan, "2", None])
def test_a_reward_off_its_scale_is_refused(value: float) -> None:
    """By name, with the scale."""
    with pytest.raises(FeedbackError, match=r"'d': reward 'complaints' is .*from 0 to 4"):
        RewardMap(MAP).join("d", {"complaints": value})


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (RewardRule(low=1.0), "goes from low = 1 to high = 1"),
        (RewardRule(high=math.inf), "goes from low = 0 to high = inf"),
        (RewardRule(weight=0.0), "has weight 0"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rule: RewardRule, message: str) -> None:
    """When the map is made."""
    with pytest.raises(SettingsError, match=f"reward 'x' {message}"):
        RewardMap({"x": rule})


def test_a_router_learns_from_rewards_as_from_their_quality(
    make_router: Callable[..., Router],
) -> None:
    """And lists what it did not use."""
    by_name, plain = make_router(rewards=MAP), make_router()
    task = Task(task_type="edit")

    receipt = by_name.feedback(
        by_name.route(task).decision_id, cost_usd=0.01, rewards={"tests_passed": 0.5, "mood": 1}
    )
    plain.feedback(plain.route(task).decision_id, cost_usd=0.01, quality=5.0)

    assert (receipt.new, receipt.unused) == (("quality", "cost_usd"), ("mood",))
    assert by_name.q() == plain.q()


def test_rewards_that_say_nothing_are_refused_unless_a_cost_is_told(
    make_router: Callable[..., Router],
) -> None:
    """The known names are listed; a quality beside them would be a second opinion."""
    router = make_router(rewards=MAP)
    decision_id = router.route(Task(task_type="edit")).decision_id

    with pytest.raises(FeedbackError, match="rewards mood, known are tests_passed, complaints"):
        router.feedback(decision_id, rewards={"mood": 1.0})
    with pytest.raises(FeedbackError, match="rewards and a quality; give one"):
        router.feedback(decision_id, quality=3.0, rewards={"tests_passed": 1.0})
    receipt = router.feedback(decision_id, cost_usd=0.01, rewards={"mood": 1.0})

    assert (receipt.new, receipt.unused) == (("cost_usd",), ("mood",))
