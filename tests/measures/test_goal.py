"""Lambda for a goal, beside the fixed tiers and the incumbent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import SettingsError
from tracetier.measures.goal import Goal, GoalAnswer, InUse, Outcomes, solve_goal
from tracetier.measures.hull import fixed_tier_hull, quality_at

# 40 tasks, a quarter of them hard. The cheap tier (1 USD) does the easy ones, the dear one (5 USD)
# all: means .75 and 1. Who knows which are hard gets all for 1 + 4 / 4 = 2 USD.
HARD = np.arange(40) % 4 == 0
QUALITY = np.stack([1.0 - HARD, np.ones(40)], axis=1)
COST = np.tile([1.0, 5.0], (40, 1))
KNOWS = Outcomes(0.5 + 0.4 * (QUALITY - 0.5), COST / 5.0, QUALITY, COST, np.arange(40) // 4 % 5)
BLIND = KNOWS._replace(q_hat=np.tile([0.5, 0.6], (40, 1)))
TIERS = ("low", "high")


def standing(found: GoalAnswer) -> dict[str, tuple[float, float]]:
    """Quality and cost of each candidate."""
    return {each.name: (each.quality, each.cost_usd) for each in found.candidates}


@pytest.mark.parametrize("goal", [Goal(budget_usd=2.0), Goal(quality_floor=10.0), Goal(saving=0.6)])
def test_a_router_that_knows_beats_the_mixture_and_the_incumbent(goal: Goal) -> None:
    """All of the quality at 2 USD; the tiers at random give .75 + .25 / 4 there."""
    found = solve_goal(KNOWS, goal, TIERS, incumbent=InUse("what the logs did", 0.9, 3.0))

    assert found.best == "router"
    assert standing(found)["router"] == (1.0, 2.0)
    assert "nothing else does better" in found.sentence
    if goal.quality_floor is None:
        assert standing(found)["75 % low, 25 % high at random"] == pytest.approx((0.8125, 2.0))
    else:
        assert standing(found)["always high"] == (1.0, 5.0)


def test_an_incumbent_that_does_better_within_the_budget_is_said_to_win() -> None:
    """The router has no point between 1 and 5 USD; the logs did .9 at 2."""
    found = solve_goal(
        BLIND, Goal(budget_usd=2.0), TIERS, incumbent=InUse("what the logs did", 0.9, 2.0)
    )

    assert found.best == "what the logs did"
    assert "but what the logs did does better: 9.00 at 2 USD" in found.sentence


@pytest.mark.parametrize(
    ("goal", "incumbent"),
    [
        (Goal(budget_usd=2.0), InUse("the incumbent high", 1.0, 2.01)),
        (Goal(quality_floor=8.0), InUse("the incumbent low", 0.79, 0.1)),
    ],
)
def test_an_incumbent_that_misses_the_goal_does_not_win(goal: Goal, incumbent: InUse) -> None:
    """However good or cheap it is; the mixture does win over a router that knows nothing."""
    found = solve_goal(BLIND, goal, TIERS, incumbent=incumbent)

    assert not found.candidates[-1].meets
    assert found.best.endswith("at random")


def test_a_declared_tier_is_told_by_its_own_outcomes() -> None:
    """Of the dear tier: 1 at 5 USD."""
    assert InUse.of_tier(1, "high", KNOWS) == ("the incumbent high", 1.0, 5.0)


def test_of_equals_the_router_is_named() -> None:
    """At 5 USD a blind router takes the dear tier always, which is what the mixture is."""
    found = solve_goal(BLIND, Goal(budget_usd=5.0), TIERS)

    assert found.best == "router"
    assert standing(found) == {"router": (1.0, 5.0), "always high": (1.0, 5.0)}


@pytest.mark.parametrize(
    ("goal", "told"),
    [
        (Goal(budget_usd=0.9), "budget of 0.9 USD per task is below 1 USD"),
        (Goal(saving=0.9), "budget of 0.5 USD per task is below 1 USD"),
        (Goal(quality_floor=10.1), r"quality floor of 10.1 \(of 10\) is above 10"),
    ],
)
def test_a_goal_that_nothing_meets_is_refused(goal: Goal, told: str) -> None:
    """With what could be met."""
    with pytest.raises(SettingsError, match=told):
        solve_goal(KNOWS, goal, TIERS)


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_the_best_is_never_below_the_fixed_tiers_at_its_cost(seed: int, part: float) -> None:
    """Of any predictions and outcomes, at any budget between the cheapest tier and the dearest."""
    rng = np.random.default_rng(seed)
    q_hat, quality = rng.random((30, 3)), rng.random((30, 3))
    usd = np.sort(rng.random((30, 3)) + 0.1, axis=1)
    outcomes = Outcomes(q_hat, usd, quality, usd, np.arange(30) % 5)
    low, high = usd.mean(axis=0).min(), usd.mean(axis=0).max()
    budget = Goal(budget_usd=float(low + part * (high - low)))

    found = solve_goal(outcomes, budget, ("low", "mid", "high"))

    best = next(each for each in found.candidates if each.name == found.best)
    fixed = float(quality_at(fixed_tier_hull(quality, usd), best.cost_usd))
    assert np.isnan(fixed) or best.quality >= fixed - 1e-9
