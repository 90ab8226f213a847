"""The router under rules, caps and goals: what is returned, told, logged and remembered."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from tracetier.errors import CapError, PolicyError, SettingsError
from tracetier.heads.prior import Prediction
from tracetier.records import Decision, Task
from tracetier.route.change import Probe
from tracetier.route.choice import Choice
from tracetier.route.event import Decided
from tracetier.route.late_reasons import settle
from tracetier.route.offline import feedback_to_state
from tracetier.route.router import Router
from tracetier.route.strategy import resume_strategy
from tracetier.settings import Settings
from tracetier.tiers import Tier, TierSet

EDIT, CHAT = Task(task_type="edit", session_id="s"), Task(task_type="chat")
Maker = Callable[..., Router]


def _rules(*entries: dict[str, object], **more: Any) -> Settings:
    return Settings(rules=entries, **more)


def test_a_rule_holds_and_is_told(make_router: Maker) -> None:
    """High would be best; the ceiling is mid, and mid it is."""
    router = make_router(settings=_rules({"name": "thrift", "ceiling": "mid", "explore": False}))
    decision = router.route(EDIT)

    assert (decision.tier, decision.propensity, decision.rules) == ("mid", 1.0, ["thrift"])
    assert decision.propensities == {"low": 0.0, "mid": 1.0, "high": 0.0}
    assert decision.reasons[:2] == ["thrift: no tier above mid", "thrift: no exploration"]
    assert decision.session_id == "s"
    assert not decision.explored


def test_rules_that_leave_nothing_decide_nothing(make_router: Maker) -> None:
    """No decision is counted, and the caller's tiers are part of the message."""
    router = make_router(settings=_rules({"deny": ["high"]}))
    with pytest.raises(PolicyError, match="only high allowed; rule 1: high denied"):
        router.route(EDIT, allowed=["high"])

    assert router.snapshot().counts.decisions == 0


def test_what_a_tier_cannot_do_is_not_asked_of_it(make_router: Maker) -> None:
    """As the settings declare it now, not as it was when the artifact was trained."""
    now = Settings(tiers=(Tier(name="high", context_window=100), Tier(name="mid", tools=False)))
    router = make_router(settings=now)

    assert router.route(Task(prompt_tokens_est=101, tools=["bash"])).tier == "low"
    assert router.route(Task(prompt_tokens_est=100)).propensities["high"] > 0.0


class Rogue:
    """A strategy that takes a denied tier, and says so."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def choose(self, prediction: Prediction, **terms: Any) -> Choice:
        found: Choice = self._real.choose(prediction, **terms)
        return structs.replace(found, tier=2, greedy=2, propensities=[0.1, 0.1, 0.8])


def test_a_strategy_that_breaks_a_rule_is_held_to_it(make_router: Maker) -> None:
    """And the probability is that of what is returned."""
    router = make_router(settings=_rules({"deny": "high"}))
    learner = router._replica.learner
    learner.strategy = Rogue(resume_strategy(learner.strategy.state))
    decision = router.route(EDIT)

    assert decision.tier == "low"
    assert decision.propensities == pytest.approx({"low": 0.9, "mid": 0.1, "high": 0.0})
    assert decision.reasons[-1] == "the learner left the allowed tiers; it is held to low"


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(incumbent="mid", abstain_sd=3.0),
        Settings(incumbent="low", shadow=True),
        Settings(rules=({"deny": "mid"},), incumbent="low"),
        Settings(affinity=True),
    ],
    ids=["plain", "abstain", "shadow", "rule", "affinity"],
)
def test_the_logged_probability_is_the_share_of_decisions(
    make_router: Maker, settings: Settings
) -> None:
    """3,000 decisions, half of them exploring: each tier's share is within 4 standard errors."""
    from tracetier.route.seed import SeedParams

    params = SeedParams(epsilon=0.5)
    router = make_router(settings=settings, strategy="seed", params=params)
    task = Task(task_type="edit", last_tier="mid")
    n, shares, told = 3_000, Counter[str](), Counter[str]()
    for _ in range(n):
        decision = router.route(task)
        shares[decision.tier] += 1
        told.update(decision.propensities)
        assert decision.propensity == decision.propensities[decision.tier] > 0.0

    for name in ("low", "mid", "high"):
        p = told[name] / n
        assert shares[name] / n == pytest.approx(p, abs=4 * (p * (1 - p) / n) ** 0.5)


def test_the_probability_in_the_log_is_that_of_the_tier_returned(make_router: Maker) -> None:
    """Shadow mode: 1, for the incumbent, to which the report will belong."""
    router = make_router(settings=Settings(incumbent="low", shadow=True))
    events: list[Decided] = []
    submit = router._replica.submit

    def noted(decided: Decided) -> None:
        events.append(decided)
        submit(decided)

    router._replica.submit = noted  # type: ignore[method-assign]
    decision = router.route(EDIT)

    assert (events[0].tier, events[0].propensity) == (0, 1.0)
    assert (decision.tier, decision.shadow_tier, decision.propensity) == ("low", "high", 1.0)
    assert "shadow mode: high would be taken, low is" in decision.reasons


def test_a_decision_of_an_earlier_version_can_be_read(make_router: Maker) -> None:
    """The new fields have defaults."""
    decision = make_router().route(EDIT)
    new = ("session_id", "rules", "abstained", "shadow_tier", "price")
    old = {k: v for k, v in msgspec.to_builtins(settle(decision)).items() if k not in new}

    read = msgspec.json.decode(msgspec.json.encode(old), type=Decision)
    assert (read.decision_id, read.rules, read.abstained) == (decision.decision_id, [], False)


def test_a_cap_ends_a_session_at_the_cheapest_tier(make_router: Maker) -> None:
    """Two cents each for high, five cents in all: two of high; then what fits, at last low."""
    cap = {"per": "session", "usd": 0.05}
    router = make_router(settings=Settings(caps=(cap,)), strategy="greedy")
    tiers = [router.route(EDIT).tier for _ in range(30)]

    assert tiers[:2] == ["high", "high"]
    assert tiers[2:4] == ["mid", "mid"]
    assert set(tiers[4:]) == {"low"}
    assert router.route(CHAT).tier == "high"
    assert "cap of $0.05 per session is reached: the cheapest tier" in router.route(EDIT).reasons


@pytest.mark.parametrize("state", ["s.json", "s.db"])
def test_a_cap_outlives_the_process_and_is_set_right_by_reports(
    make_router: Maker, tmp_path: Path, state: str
) -> None:
    """One call costs $1 instead of two cents; after two days of $.50 it has flowed back."""
    cap = {"per": "tenant", "usd": 0.5, "every_s": 86_400, "at_cap": "refuse"}
    task = Task(task_type="edit", attrs={"tenant": "acme"})
    given_ = {"settings": Settings(caps=(cap,)), "state": tmp_path / state}
    with make_router(**given_) as router:
        first = router.route(task)
    feedback_to_state(
        tmp_path / state, first.decision_id, cost_usd=1.0, clock=lambda: 1_700_000_000.0
    )

    with (
        make_router(**given_) as router,
        pytest.raises(CapError, match=r"\$0.5 per tenant and 24 h of tenant 'acme' is reached"),
    ):
        router.route(task)
    with make_router(**given_, clock=lambda: 1_700_172_800.0) as router:
        assert router.route(task).tier in ("low", "mid", "high")


def test_explorations_of_a_session_are_capped(make_router: Maker) -> None:
    """Always exploring, three of them in all."""
    from tracetier.route.seed import SeedParams

    cap = {"per": "session", "explorations": 3}
    router = make_router(
        settings=Settings(caps=(cap,)), strategy="seed", params=SeedParams(epsilon=1.0)
    )
    made = [router.route(EDIT) for _ in range(10)]

    assert [decision.explored for decision in made] == [True] * 3 + [False] * 7
    assert made[-1].propensity == 1.0


def test_a_stuck_session_is_escalated_and_let_go_after_a_success(make_router: Maker) -> None:
    """Low fails twice by report; mid is held until it succeeds."""
    settings = _rules({"explore": False}, escalate_after=2)
    router = make_router(settings=settings, lam=50.0)
    tiers = []
    for quality in (1.0, 1.0, 1.0, 9.0, 9.0):
        decision = router.route(EDIT)
        tiers.append(decision.tier)
        router.feedback(decision.decision_id, quality=quality, cost_usd=0.0)

    assert tiers == ["low", "low", "mid", "mid", "low"]


def test_affinity_follows_the_session_and_no_other(make_router: Maker) -> None:
    """What was taken first is taken again, though lambda says low now."""
    router = make_router(settings=Settings(affinity=True), strategy="greedy")
    assert router.route(EDIT).tier == "high"

    second = router.route(EDIT, lam=100.0)
    assert (second.tier, second.reasons[-1]) == ("high", "the session keeps its tier, high")
    assert router.route(Task(task_type="edit", session_id="t"), lam=100.0).tier == "low"


def test_it_abstains_within_the_standard_error_only(make_router: Maker) -> None:
    """High leads mid by 2 +/- .9 of 10 or so: left at one standard error, not at ten."""
    unsure = make_router(settings=_rules({"explore": False}, incumbent="mid", abstain_sd=10.0))
    sure = make_router(settings=_rules({"explore": False}, incumbent="mid", abstain_sd=1.0))

    held = unsure.route(EDIT)
    assert (held.tier, held.abstained) == ("mid", True)
    assert held.reasons[-1].startswith("abstains and stays on mid: high leads by 1.76")
    left = sure.route(EDIT)
    assert (left.tier, left.abstained) == ("high", False)


def test_a_wrong_setting_is_told_before_anything_is_opened(
    make_router: Maker, tmp_path: Path
) -> None:
    """A rule, and two goals."""
    with pytest.raises(SettingsError, match="did you mean 'high'"):
        make_router(settings=_rules({"pin": "hihg"}), state=tmp_path / "s.json")
    with pytest.raises(SettingsError, match="exactly one of"):
        make_router(budget_usd=1.0, saving=0.5)

    assert not list(tmp_path.iterdir())


def test_a_budget_is_held_by_a_price(make_router: Maker) -> None:
    """$.004 a request is what mid costs; greedy by lambda alone would take high at five times that.

    400 requests, reported at the predicted cost: the mean is within 10 % of the budget.
    """
    router = make_router(budget_usd=0.004, settings=Settings())
    spent = 0.0
    for n in range(400):
        decision = router.route(Task(task_type="edit" if n % 2 else "chat"))
        cost = decision.scores[decision.tier].cost_usd
        spent += cost
        router.feedback(decision.decision_id, cost_usd=cost)

    assert spent / 400 == pytest.approx(0.004, rel=0.1)
    assert any(
        decision_reason.startswith("the goal puts a price")
        for decision_reason in router.route(EDIT).reasons
    )


def test_the_account_of_a_goal_is_gone_on_from(make_router: Maker, tmp_path: Path) -> None:
    """After a restart with the same goal; with another one it begins anew."""
    given_ = {"state": tmp_path / "s.json", "budget_usd": 0.004}
    with make_router(**given_) as router:
        for _ in range(20):
            router.feedback(router.route(EDIT).decision_id, cost_usd=0.02)
        assert router._live.control is not None
        over = router._live.control.over
    assert over > 0.1

    with make_router(**given_) as router:
        assert router._live.control is not None
        assert router._live.control.over == pytest.approx(over)
    with make_router(**(given_ | {"budget_usd": 0.01})) as router:
        assert router._live.control is not None
        assert router._live.control.over == 0.0


def test_tiers_need_no_rules_to_route_as_ever(make_router: Maker, tiers: TierSet) -> None:
    """Empty settings decide the same, to the bit, as none."""
    one, two = make_router(), make_router(settings=Settings(tiers=tiers.tiers))

    assert [one.route(EDIT) for _ in range(50)] == [two.route(EDIT) for _ in range(50)]


def test_it_abstains_where_the_logs_hardly_tell_of_a_tier(make_router: Maker) -> None:
    """High was worth 12 outcomes in training: not left for until its own reports make 50."""
    settings = _rules({"explore": False}, incumbent="mid")
    router = make_router(settings=settings, effective={"low": 90.0, "mid": 80.0, "high": 12.0})
    held = router.route(EDIT)
    assert (held.tier, held.abstained) == ("mid", True)
    assert "high was seen 12 times on such tasks, 50 are needed" in held.reasons[-1]

    router.probe("high", [Probe(task=EDIT, quality=9.0, cost_usd=0.02)] * 38)
    assert router.route(EDIT).tier == "high"


def test_a_cap_holds_over_the_processes_that_share_a_state(
    make_router: Maker, tmp_path: Path
) -> None:
    """One takes both calls of the session; the other, once it has heard, takes the cheapest."""
    given_ = {
        "state": tmp_path / "s.db",
        "settings": Settings(caps=({"per": "session", "calls": 2},)),
        "strategy": "greedy",
    }
    with make_router(**given_) as one, make_router(**given_, seed=8) as two:
        assert [one.route(EDIT).tier for _ in range(2)] == ["high", "high"]
        one.snapshot()  # gives the store what waits
        two.snapshot()  # and takes in what others appended

        assert two.route(EDIT).tier == "low"


def test_a_decision_that_never_reaches_the_log_is_given_back(
    make_router: Maker, tmp_path: Path
) -> None:
    """Its dollars; another decision fits again."""
    cap = {"per": "all", "usd": 0.025}
    router = make_router(state=tmp_path / "s.db", settings=Settings(caps=(cap,)), strategy="greedy")
    first = router.route(EDIT)
    assert (first.tier, router.route(EDIT).tier) == ("high", "mid")
    with router._replica.lock:
        router._replica.learner.forget(first.decision_id)

    assert router.route(EDIT).tier == "high"
    router.close()


def test_leads_are_compared_at_the_price_of_the_goal(make_router: Maker) -> None:
    """High leads mid by 1.76 without a price; under a tight budget there is no such lead."""
    settings = Settings(incumbent="mid", abstain_sd=0.0, rules=({"explore": False},))
    router = make_router(settings=settings, budget_usd=0.001)
    decision = router.route(EDIT)

    assert decision.price > 3.0
    assert decision.tier == "low"
    assert not decision.abstained
    assert decision.scores["high"].reward == pytest.approx(8.7)


def test_a_pacer_no_longer_waits_for_what_is_given_up(make_router: Maker) -> None:
    """Three decisions: one reported, one by quality alone, one never; a day later none is open."""
    now = [1.7e9]
    router = make_router(budget_usd=0.01, pending_ttl_s=3_600.0, clock=lambda: now[0])
    ids = [router.route(EDIT).decision_id for _ in range(3)]
    router.feedback(ids[0], quality=7.0, cost_usd=0.01)
    router.feedback(ids[1], quality=7.0)
    assert router._live.pacer is not None
    assert router._live.pacer.state.n_open == 2

    now[0] += 86_400.0
    router.route(EDIT)

    assert router._live.pacer.state.n_open == 1


def test_a_quality_floor_waits_for_qualities_only(make_router: Maker) -> None:
    """A cost alone closes nothing; a decision whose quality came is not closed twice."""
    now = [1.7e9]
    router = make_router(quality_floor=7.0, pending_ttl_s=3_600.0, clock=lambda: now[0])
    ids = [router.route(EDIT).decision_id for _ in range(3)]
    router.feedback(ids[0], cost_usd=0.01)
    router.feedback(ids[1], quality=7.0)
    assert router._live.pacer is not None
    assert router._live.pacer.state.n_open == 2

    now[0] += 86_400.0
    router.route(EDIT)

    assert router._live.pacer.state.n_open == 1


def test_a_budget_in_the_settings_may_say_for_how_many_requests(make_router: Maker) -> None:
    """So the price looks as far as its end; the number alone is refused."""
    router = make_router(settings=Settings(budget_usd=0.004, budget_requests=500))
    assert router._live.control is not None
    goal = router._live.control.goal
    assert (goal.budget_usd, goal.requests) == (0.004, 500)

    router = make_router(budget_usd=0.004, budget_requests=500)
    assert router._live.control is not None
    assert router._live.control.goal == goal

    with pytest.raises(SettingsError, match="are 500: give a number >= 1, and budget_usd"):
        make_router(settings=Settings(saving=0.5, budget_requests=500))


def test_a_session_outlives_the_process(make_router: Maker, tmp_path: Path) -> None:
    """Its tier, and the floor that it was escalated to."""
    settings = Settings(affinity=True, escalate_after=2)
    task = Task(task_type="edit", session_id="s", n_prior_errors=2, last_failed=True)
    with make_router(state=tmp_path / "s.db", settings=settings) as router:
        router.route(Task(task_type="edit", session_id="s"), allowed=["low"])
        assert router.route(task, allowed=["low", "mid"]).tier == "mid"

    with make_router(state=tmp_path / "s.db", settings=settings) as later:
        decision = later.route(Task(task_type="edit", session_id="s"))

    assert decision.tier == "mid"
    assert "the session keeps its tier, mid" in decision.reasons


def test_a_session_follows_its_tier_to_another_place(make_router: Maker) -> None:
    """A cheaper tier is removed: the session's tier is one place lower then, and still its own."""
    router = make_router(settings=Settings(affinity=True))
    router.route(Task(task_type="edit", session_id="s"), allowed=["mid"])
    router.remove_tier("low")

    decision = router.route(Task(task_type="edit", session_id="s"))

    assert decision.tier == "mid"
