"""The pacer in small worlds whose costs are known: what it holds, and what it accounts for."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.choice import Report
from tracetier.route.control.contexts import prior_contexts
from tracetier.route.control.goal import Goal
from tracetier.route.control.pacer import Pacer
from tracetier.route.control.state import ControlState
from tracetier.route.residual import ResidualParams
from tracetier.route.strategy import Strategy, start_strategy
from tracetier.route.tally import Tally

ALL = [0, 1, 2]
REF = 0.02
"""USD; the tiers of the prior cost .001, .004 and .02 in "edit", .001, .004 and .018 elsewhere."""

World = Callable[[int, int], tuple[float, float]]
"""Step and tier to quality 0-1 and USD."""


def _pacer(prior: PriorStats, **goal: Any) -> Pacer:
    state = ControlState(goal=Goal(**goal))
    return Pacer(state, cost_ref_usd=REF, contexts=prior_contexts(prior, REF))


def _start(prior: PriorStats) -> Strategy:
    return start_strategy("residual", prior, params=ResidualParams(), lam=0.0)


def _prediction(prior: PriorStats, rng: Random) -> Prediction:
    bucket = rng.randrange(2)
    shift = [rng.gauss(0, 0.1) for _ in ALL]
    quality = [q + s for q, s in zip(prior.quality_mean[bucket].tolist(), shift, strict=True)]
    cost = prior.cost_mean[bucket].tolist()
    return Prediction(quality, [REF * c for c in cost], cost, bucket)


class Live:
    """Decides and reports at once, in a world that may differ from the predictions."""

    def __init__(self, prior: PriorStats, pacer: Pacer, seed: int = 0) -> None:
        self.prior, self.pacer, self.strategy = prior, pacer, _start(prior)
        self.rng, self.draws = Random(seed), Random(seed + 1)
        self.tally = Tally([[0] * 3] * 2)
        self.step = 0

    def run(self, n: int, world: World | None = None, gap_s: float = 1.0) -> np.ndarray:
        """Return the quality, USD and tier of n decisions, ``(n, 3)``."""
        made = []
        for _ in range(n):
            p = _prediction(self.prior, self.rng)
            terms = self.pacer.terms(
                self.strategy, p, lam=0.0, allowed=ALL, time_s=1.0 + gap_s * self.step
            )
            choice = self.strategy.choose(
                p,
                lam=0.0,
                allowed=terms.allowed,
                tally=self.tally,
                rng=self.draws,
                price=terms.price,
                explore=terms.explore,
            )
            self.strategy.observe(p)
            a = choice.tier
            self.tally.decided(p.bucket, a)
            self.tally.settled(p.bucket, a)
            self.pacer.decided(p, a, choice.quality, choice.cost)
            quality, usd = (p.quality[a], p.cost_usd[a]) if world is None else world(self.step, a)
            self.pacer.settled(cost_usd=usd, quality=quality)
            self.strategy.update(
                Report(p.bucket, a, p.quality[a], p.cost[a], 0.0, 10 * quality, min(1.0, usd / REF))
            )
            made.append((quality, usd, a))
            self.step += 1
        return np.array(made)


@pytest.mark.parametrize("budget", [0.0025, 0.005, 0.012])
def test_a_budget_per_request_is_held(prior: PriorStats, budget: float) -> None:
    """Over 1,500 requests within 1.5 %, whichever tiers it takes."""
    made = Live(prior, _pacer(prior, budget_usd=budget)).run(1_500)

    assert made[:, 1].mean() / budget == pytest.approx(1.0, abs=0.015)


def test_a_price_that_doubles_unannounced_does_not_break_the_budget(prior: PriorStats) -> None:
    """From request 500 on every call costs twice what is predicted."""
    usd = [0.001, 0.004, 0.02]
    live = Live(prior, _pacer(prior, budget_usd=0.005))
    live.run(500)
    made = live.run(1_000, lambda step, a: (0.7, 2 * usd[a]))

    assert made[:, 1].mean() / 0.005 == pytest.approx(1.0, abs=0.03)


def test_a_loose_budget_is_not_burnt_on_tiers_that_are_worse(prior: PriorStats) -> None:
    """The dear tier turns out useless: it gets next to nothing, and the budget is left."""
    live = Live(prior, _pacer(prior, budget_usd=0.05))
    made = live.run(800, lambda step, a: ((0.8, 0.8, 0.1)[a], (0.001, 0.004, 0.02)[a]))

    assert (made[200:, 2] == 2).mean() < 0.03


def test_a_time_without_wishes_does_not_end_in_a_burst(prior: PriorStats) -> None:
    """500 requests at a hundredth of the price, then the price is back: no phase beyond 1.05."""
    cheap = [0.00001, 0.00004, 0.0002]
    live = Live(prior, _pacer(prior, budget_usd=0.005))
    live.run(300)
    low = live.run(500, lambda step, a: ((0.6, 0.7, 0.9)[a], cheap[a]))
    back = live.run(500, lambda step, a: ((0.6, 0.7, 0.9)[a], (0.001, 0.004, 0.02)[a]))

    assert (low[100:, 2] == 2).mean() > 0.8
    assert back[:, 1].mean() / 0.005 < 1.05


def test_a_budget_per_day_follows_the_clock(prior: PriorStats) -> None:
    """$8.64 a day is $1e-4 a second, so at a request per 50 s $.005 a request."""
    live = Live(prior, _pacer(prior, budget_usd_per_day=8.64))
    made = live.run(1_500, gap_s=50.0)

    assert made[:, 1].mean() == pytest.approx(0.005, rel=0.02)


def test_a_saving_is_counted_against_always_the_dearest(prior: PriorStats) -> None:
    """60 % less than $.019 on average leaves $.0076."""
    made = Live(prior, _pacer(prior, saving=0.6)).run(1_500)

    assert made[200:, 1].mean() == pytest.approx(0.4 * 0.019, rel=0.03)


@pytest.mark.parametrize("floor", [6.5, 7.2])
def test_a_quality_floor_is_kept_and_not_overshot(prior: PriorStats, floor: float) -> None:
    """Qualities as predicted: within .1 of 10; always-dear would give .9 more or so."""
    made = Live(prior, _pacer(prior, quality_floor=floor)).run(1_500)

    assert 10 * made[200:, 0].mean() == pytest.approx(floor, abs=0.1)


def test_dear_tiers_are_not_explored_and_not_taken_while_overdrawn(prior: PriorStats) -> None:
    """At $.004 four grants are $.016, less than the dear tier costs in "edit"."""
    pacer = _pacer(prior, budget_usd=0.004)
    strategy, prediction = _start(prior), prior_contexts(prior, REF)[0]
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)

    pacer.state.n_decided = 10_000
    pacer.state.over = -0.01
    calm = pacer.terms(strategy, prediction, lam=0.0, allowed=ALL)
    pacer.decided(prediction, 2, prediction.quality, prediction.cost)
    overdrawn = pacer.terms(strategy, prediction, lam=0.0, allowed=ALL)
    only_dear = pacer.terms(strategy, prediction, lam=0.0, allowed=[2])

    assert (list(calm.allowed), list(calm.explore)) == (ALL, [0, 1])
    assert (list(overdrawn.allowed), list(overdrawn.explore)) == ([0, 1], [0, 1])
    assert (list(only_dear.allowed), list(only_dear.explore)) == ([2], [])


@pytest.mark.parametrize("n", [400, 1_500])
@pytest.mark.parametrize("budget", [0.0025, 0.005, 0.012])
def test_a_budget_for_a_known_number_of_requests_ends_on_it(
    prior: PriorStats, budget: float, n: int
) -> None:
    """Calls cost up to double or nothing of what is predicted; never over, and little under."""
    rng, usd = Random(7), [0.001, 0.004, 0.019]
    live = Live(prior, _pacer(prior, budget_usd=budget, requests=n))
    made = live.run(n, lambda step, a: ((0.6, 0.7, 0.9)[a], usd[a] * rng.uniform(0.0, 2.0)))

    assert (0.98 if n > 400 else 0.96) <= made[:, 1].mean() / budget <= 1.005


def test_an_early_overdraft_is_evened_out_over_all_that_is_left(prior: PriorStats) -> None:
    """One call of 40 grants: 1,000 requests that are left give up 4 % each, no more."""
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)
    prices = {}
    for requests in (None, 1_000):
        calm = _pacer(prior, budget_usd=0.004, requests=requests)
        calm.terms(_start(prior), prediction, lam=0.0, allowed=ALL)
        before = calm.price
        calm.decided(prediction, 1, prediction.quality, prediction.cost)
        calm.settled(cost_usd=0.16)
        prices[requests] = calm.price / before

    assert prices[1_000] < prices[None]


def test_a_dear_tier_waits_until_half_of_it_is_saved(prior: PriorStats) -> None:
    """At $.004 a call of $.02 needs $.01 of rest; a tier that became cheap needs less at once."""
    pacer, strategy = _pacer(prior, budget_usd=0.004), _start(prior)
    pacer.state.n_decided = 10_000
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)
    may = []
    for rest in (0.009, 0.011):
        pacer.state.over = -rest
        may.append(2 in pacer.terms(strategy, prediction, lam=0.0, allowed=ALL).allowed)
    for _ in range(10):
        pacer.decided(prediction, 2, prediction.quality, prediction.cost)
        pacer.settled(cost_usd=0.0002, tier=2, predicted_usd=0.02)
    pacer.state.over = -0.002
    may.append(2 in pacer.terms(strategy, prediction, lam=0.0, allowed=ALL).allowed)
    pacer.decided(prediction, 2, prediction.quality, prediction.cost)
    pacer.settled(cost_usd=0.02, tier=2, predicted_usd=0.02)
    pacer.state.over = -0.009
    may.append(2 in pacer.terms(strategy, prediction, lam=0.0, allowed=ALL).allowed)

    assert may == [False, True, True, False]


@pytest.mark.parametrize(("n_decided", "rest"), [(0, 0.04), (500, 0.02)])
def test_a_dear_call_may_cost_twice_its_prediction_within_one_percent_of_all_grants(
    prior: PriorStats, n_decided: int, rest: float
) -> None:
    """$.02 twice is $.04: what was saved, and 1 % of 500 times $.004, which is $.02."""
    pacer, strategy = _pacer(prior, budget_usd=0.004), _start(prior)
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)
    pacer.state.n_decided = n_decided
    may = []
    for saved in (rest - 0.0001, rest + 0.0001):
        pacer.state.over = -saved
        may.append(2 in pacer.terms(strategy, prediction, lam=0.0, allowed=ALL).allowed)

    assert may == [False, True]


def test_an_end_that_is_not_known_finds_a_reserve(prior: PriorStats) -> None:
    """After 1,200 requests at prices that err by a third, 12 grants or so are left at any time."""
    rng = Random(5)
    pacer = _pacer(prior, budget_usd=0.003)

    made = Live(prior, pacer).run(
        2_400, lambda _, a: (prior.quality_mean[0, a], (0.001, 0.004, 0.02)[a] * rng.gauss(1, 0.3))
    )

    left = 0.003 * np.arange(1, 2_401) - made[:, 1].cumsum()
    assert left[1_200:].mean() / 0.003 == pytest.approx(12.0, abs=8.0)
    assert left[1_200:].min() > -0.01 * 1_200 * 0.003


def test_a_day_that_was_just_begun_has_no_room_that_others_will_need(prior: PriorStats) -> None:
    """A minute and 60 requests before midnight, what the other tiers need is known at once."""
    pacer, strategy = _pacer(prior, budget_usd_per_day=0.004 * 86_400), _start(prior)
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)
    pacer.terms(strategy, prediction, lam=0.0, allowed=ALL, time_s=86_339.0)
    pacer.decided(prediction, 0, prediction.quality, prediction.cost)
    terms = pacer.terms(strategy, prediction, lam=0.0, allowed=ALL, time_s=86_340.0)

    assert list(terms.allowed) == [0, 1]


def test_open_decisions_count_as_expected_until_reported(prior: PriorStats) -> None:
    """Budget $.004: three open calls of $.02 are $.048 over; reported at $.01 each, $.018."""
    pacer = _pacer(prior, budget_usd=0.004)
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)
    pacer.terms(_start(prior), prediction, lam=0.0, allowed=ALL)

    for _ in range(3):
        pacer.decided(prediction, 2, prediction.quality, prediction.cost)
    assert pacer.over == pytest.approx(0.048)
    for _ in range(3):
        pacer.settled(cost_usd=0.01)
    assert pacer.over == pytest.approx(0.018)


def test_a_decision_that_is_told_again_counts_once(prior: PriorStats) -> None:
    """Taken back and told again, the account is as it was; what is not there, stays away."""
    pacer = _pacer(prior, budget_usd=0.004)
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)
    pacer.terms(_start(prior), prediction, lam=0.0, allowed=ALL)
    pacer.taken_back()
    pacer.decided(prediction, 2, prediction.quality, prediction.cost)

    pacer.taken_back()
    assert (pacer.state.n_open, pacer.state.n_decided, pacer.over) == (0, 0, 0.0)
    pacer.decided(prediction, 2, prediction.quality, prediction.cost)

    assert (pacer.state.n_open, pacer.state.n_decided) == (1, 1)
    assert pacer.over == pytest.approx(0.016)


def test_a_report_that_never_comes_counts_as_expected(prior: PriorStats) -> None:
    """Also one that comes without its cost; one more than was decided for changes nothing."""
    pacer = _pacer(prior, budget_usd=0.004)
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)
    pacer.terms(_start(prior), prediction, lam=0.0, allowed=ALL)
    for _ in range(2):
        pacer.decided(prediction, 2, prediction.quality, prediction.cost)

    pacer.lost()
    pacer.settled(quality=0.5)
    pacer.lost()

    assert pacer.over == pytest.approx(0.032)
    assert pacer.state.n_open == 0


def test_the_account_goes_on_from_its_state(prior: PriorStats) -> None:
    """Through JSON: the same price and account, before any new curve is solved."""
    live = Live(prior, _pacer(prior, budget_usd=0.005))
    live.run(130)
    data = msgspec.json.encode(live.pacer.state)

    again = Pacer(msgspec.json.decode(data, type=ControlState), cost_ref_usd=REF, contexts=())

    assert (again.price, again.over) == (live.pacer.price, live.pacer.over)
