"""The layers around the learner: no rule is broken, and the told probability is the true one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import CapError, PolicyError
from tracetier.records import Task
from tracetier.route.choice import Choice
from tracetier.route.escalation import Escalation
from tracetier.route.guards import GuardParams, Guards
from tracetier.route.incumbent import Incumbent
from tracetier.route.policy.cap_book import CapBook, Owner
from tracetier.route.policy.caps import AtCap, Cap
from tracetier.route.policy.policy import Policy, read_policy
from tracetier.route.policy.rules import Rule
from tracetier.route.sessions import Session, Sessions
from tracetier.route.stickiness import Stickiness
from tracetier.tiers import Tier, TierSet

TIERS = TierSet((Tier(name="low", context_window=500), Tier(name="mid"), Tier(name="high")))
ALL, COST = [0, 1, 2], [0.01, 0.1, 1.0]
BLANK = [0.0, 0.0, 0.0]


def _choice(
    propensities: list[float],
    tier: int,
    greedy: int,
    reward: list[float] | None = None,
    sd: float = 0.0,
) -> Choice:
    return Choice(
        tier=tier,
        greedy=greedy,
        near_tie_with=-1,
        explored=tier != greedy,
        epsilon=0.1,
        propensities=propensities,
        quality=BLANK,
        cost=BLANK,
        reward=reward or BLANK,
        sd=[sd] * 3,
        prior_reward=BLANK,
        n_reports=[0, 40, 60],
    )


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
    max_size=3,
)
tasks = st.builds(
    Task,
    prompt_tokens_est=st.sampled_from([1, 501]),
    context_tokens=st.none() | st.sampled_from([0, 400, 10**6]),
    n_prior_errors=st.none() | st.integers(0, 5),
    last_failed=st.none() | st.booleans(),
    last_tier=st.none() | st.sampled_from(["low", "high", "gone"]),
    session_id=st.none() | st.just("s"),
)
all_params = st.builds(
    GuardParams,
    policy=rules.map(lambda found: Policy(found, TIERS)),
    escalation=st.none() | st.builds(Escalation, after=st.integers(1, 3)),
    stickiness=st.none()
    | st.builds(
        Stickiness,
        affinity=st.booleans(),
        reread_usd_per_token=st.just((1e-6, 2e-6, 4e-6)),
    ),
    incumbent=st.none()
    | st.builds(
        Incumbent,
        tier=tier,
        shadow=st.booleans(),
        effective=st.sampled_from([(), (9.0, 9.0, 9.0)]),
    ),
)
weights = st.lists(st.integers(0, 4), min_size=3, max_size=3).filter(any)
scores = st.lists(st.integers(0, 4).map(float), min_size=3, max_size=3)


@given(params=all_params, task=tasks, weights=weights, greedy=tier, reward=scores, data=st.data())
def test_no_strategy_can_break_a_rule_and_the_told_probability_is_the_true_one(
    params: GuardParams,
    task: Task,
    weights: list[int],
    greedy: int,
    reward: list[float],
    data: st.DataObject,
) -> None:
    """For any rules, task, layers and output of a strategy, all its draws enumerated."""
    spent = data.draw(st.sampled_from([0.0, 0.4, 1.0]))
    caps = CapBook([Cap(per="session", usd=1.0), Cap(per="session", explorations=0)])
    caps.drawn(Owner("s", None), cost_usd=spent, explored=False, time_s=0.0)
    guards = Guards(params, TIERS, cost_ref=1.0, caps=caps, sessions=Sessions({"s": Session()}))
    try:
        before = guards.before(task, COST, ALL, time_s=0.0)
    except PolicyError:
        return
    assert params.policy is not None
    ruled = params.policy.terms(task, ALL)

    propensities = [weight / sum(weights) for weight in weights]
    ends, told = [0.0] * 3, [list[float]()] * 3
    for drawn in range(3):
        choice = _choice(propensities, drawn, greedy, reward, sd=0.5)
        after = guards.after(choice, task, before, lam=1.0)
        assert after.choice.tier in before.allowed
        assert after.choice.tier in ruled.allowed
        ends[after.choice.tier] += propensities[drawn]
        told[drawn] = after.choice.propensities

    assert told[0] == told[1] == told[2]
    assert told[0] == pytest.approx(ends)
    assert all(p == 0.0 for a, p in enumerate(told[0]) if a not in ruled.allowed)


def _guards(params: GuardParams, **given_: object) -> Guards:
    return Guards(params, TIERS, cost_ref=1.0, **given_)  # type: ignore[arg-type]


def test_without_anything_asked_for_the_choice_is_left_alone() -> None:
    """The same objects come back; of the tiers' own limits nothing is asked without a policy."""
    guards = _guards(GuardParams())
    before = guards.before(Task(prompt_tokens_est=900), COST, ALL, time_s=0.0)
    choice = _choice([0.1, 0.1, 0.8], 0, 2)

    assert before.allowed is ALL
    assert guards.after(choice, Task(), before, lam=1.0).choice is choice


def test_a_rule_against_exploring_takes_the_greedy_tier_for_certain() -> None:
    """Although another was drawn."""
    guards = _guards(GuardParams(policy=read_policy([{"explore": False}], TIERS)))
    before = guards.before(Task(), COST, ALL, time_s=0.0)
    after = guards.after(_choice([0.1, 0.1, 0.8], 0, 2), Task(), before, lam=1.0)

    assert (after.choice.tier, after.choice.propensities) == (2, [0.0, 0.0, 1.0])
    assert not after.choice.explored


def test_a_stuck_session_goes_up_beneath_the_rules() -> None:
    """Escalated above high there is nothing; a ceiling stands above the floor of escalation."""
    stuck = Task(n_prior_errors=3, last_tier="low", session_id="s")
    params = GuardParams(escalation=Escalation(after=3))
    before = _guards(params).before(stuck, COST, ALL, time_s=0.0)
    assert list(before.allowed) == [1, 2]
    assert before.reasons == ("the session is stuck: no tier below mid",)

    ceiling = read_policy([{"ceiling": "low"}], TIERS)
    params = GuardParams(escalation=Escalation(after=3), policy=ceiling)
    before = _guards(params).before(stuck, COST, ALL, time_s=0.0)
    assert list(before.allowed) == [0]


def test_the_last_tier_is_what_the_task_says_before_what_is_remembered() -> None:
    """A name that is not declared says nothing."""
    guards = _guards(GuardParams(), sessions=Sessions({"s": Session(last=1)}))

    def last(task: Task) -> int:
        return guards.before(task, COST, ALL, time_s=0.0).last

    assert last(Task(session_id="s")) == 1
    assert last(Task(session_id="s", last_tier="high")) == 2
    assert last(Task(session_id="s", last_tier="gone")) == 1
    assert last(Task(session_id="new")) == last(Task()) == -1


@pytest.mark.parametrize("at_cap", ["cheapest", "refuse"])
def test_a_cap_takes_the_cheapest_that_the_rules_allow_or_refuses(at_cap: AtCap) -> None:
    """A floor at mid: mid."""
    caps = CapBook([Cap(per="tenant", usd=0.05, at_cap=at_cap)])
    policy = read_policy([{"name": "f", "floor": "mid"}], TIERS)
    guards = _guards(GuardParams(policy=policy, tenant_attr="team"), caps=caps)
    task = Task(attrs={"team": 7})
    assert guards.owner(task) == Owner(None, "7")
    if at_cap == "refuse":
        with pytest.raises(CapError, match="of tenant '7' is reached"):
            guards.before(task, COST, ALL, time_s=0.0)
        return

    before = guards.before(task, COST, ALL, time_s=0.0)
    assert (list(before.allowed), before.explore, before.rules) == ([1], False, ("f",))
    assert before.reasons == (
        "f: no tier below mid",
        "cap of $0.05 per tenant is reached: the cheapest tier",
    )


def test_abstaining_and_the_shadow_are_told() -> None:
    """It abstains (gap 1, standard error sqrt(2)); the shadow is what would have been taken."""
    guards = _guards(GuardParams(incumbent=Incumbent(tier=2, shadow=True)))
    before = guards.before(Task(), COST, ALL, time_s=0.0)
    unsure = guards.after(_choice([0.9, 0.1, 0.0], 0, 0, [9.0, 0, 8.0], 1.0), Task(), before, lam=1)
    sure = guards.after(_choice([0.9, 0.1, 0.0], 0, 0, [9.5, 0, 8.0], 1.0), Task(), before, lam=1)

    assert (unsure.choice.tier, unsure.abstained, unsure.shadow_of) == (2, True, 2)
    assert (sure.choice.tier, sure.abstained, sure.shadow_of) == (2, False, 0)
    assert sure.choice.propensities == [0.0, 0.0, 1.0]
