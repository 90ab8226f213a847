"""One suite of laws for every strategy in the table."""

import math
from collections import Counter
from random import Random
from typing import get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tracetier.errors import SettingsError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.choice import Choice, Report
from tracetier.route.control.contexts import Contexts
from tracetier.route.greedy import GreedyParams
from tracetier.route.seed import SeedParams
from tracetier.route.strategy import (
    STRATEGIES,
    Strategy,
    StrategyName,
    resume_strategy,
    start_strategy,
    strategy_name,
)
from tracetier.route.tally import Tally

ALL = [0, 1, 2]
every_strategy = pytest.mark.parametrize("name", list(STRATEGIES))


def _start(name: str, prior: PriorStats) -> Strategy:
    return start_strategy(name, prior, params=None, lam=0.3)


def _prediction(rng: Random) -> Prediction:
    cost = sorted(rng.random() for _ in ALL)
    return Prediction([rng.random() for _ in ALL], [0.01 * c for c in cost], cost, rng.randrange(2))


def _report(prediction: Prediction, tier: int, rng: Random) -> Report:
    return Report(
        bucket=prediction.bucket,
        tier=tier,
        predicted_quality=prediction.quality[tier],
        predicted_cost=prediction.cost[tier],
        lam=0.3,
        quality_10=10 * rng.random() if rng.random() < 0.9 else None,
        cost=rng.random() if rng.random() < 0.9 else None,
    )


def _live(strategy: Strategy, tally: Tally, world: Random, draws: Random, n: int) -> list[Choice]:
    """Decide ``n`` times; four out of five decisions are reported on at once."""
    made = []
    for _ in range(n):
        prediction = _prediction(world)
        choice = strategy.choose(prediction, lam=0.3, allowed=ALL, tally=tally, rng=draws)
        strategy.observe(prediction)
        tally.decided(prediction.bucket, choice.tier)
        if world.random() < 0.8:
            tally.settled(prediction.bucket, choice.tier)
            strategy.update(_report(prediction, choice.tier, world))
        made.append(choice)
    return made


def test_the_table_holds_every_declared_name() -> None:
    """And nothing else."""
    assert tuple(STRATEGIES) == get_args(StrategyName)


def test_an_unknown_name_lists_the_known_ones(prior: PriorStats) -> None:
    """So does a name of a later version."""
    with pytest.raises(SettingsError, match="known: residual, seed, seed-warm, greedy"):
        _start("ucb", prior)


@every_strategy
def test_settings_of_another_strategy_are_refused(name: str, prior: PriorStats) -> None:
    """The message names both."""
    other = GreedyParams() if name != "greedy" else SeedParams()

    with pytest.raises(SettingsError, match=f"'{name}' was given {type(other).__name__}"):
        start_strategy(name, prior, params=other, lam=0.3)


@every_strategy
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # prior is not changed
@given(
    seed=st.integers(0, 2**32),
    n_before=st.integers(0, 40),
    allowed=st.sets(st.sampled_from(ALL), min_size=1),
    explored=st.none() | st.sets(st.sampled_from(ALL)),
    lam=st.floats(0, 20),
    price=st.floats(-0.5, 1e4),
)
def test_propensities_are_exact(
    name: str,
    prior: PriorStats,
    seed: int,
    n_before: int,
    allowed: set[int],
    explored: set[int] | None,
    lam: float,
    price: float,
) -> None:
    """They sum to 1, never fall below epsilon / |explored| there, and are 0 where not allowed."""
    rng = Random(seed)
    strategy, tally = _start(name, prior), Tally([[0] * 3] * 2)
    _live(strategy, tally, rng, rng, n_before)
    explore = None if explored is None else sorted(explored & allowed)

    choice = strategy.choose(
        _prediction(rng),
        lam=lam,
        allowed=sorted(allowed),
        tally=tally,
        rng=rng,
        price=price,
        explore=explore,
    )

    assert math.fsum(choice.propensities) == pytest.approx(1.0, abs=1e-12)
    drawn = sorted(allowed) if explore is None else explore
    for a in ALL:
        least = choice.epsilon / len(drawn) if a in drawn else 0.0
        assert choice.propensities[a] >= least - 1e-15
        assert a in allowed or choice.propensities[a] == 0.0
    assert choice.tier in allowed
    assert choice.greedy in allowed
    assert choice.propensities[choice.tier] > 0.0
    assert choice.explored or choice.tier == choice.greedy


@every_strategy
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    scale=st.sampled_from([0.0, 1e-300, 1.0, 1e6, 1e12]),
    lam=st.sampled_from([0.0, 0.3, 1e9]),
    price=st.sampled_from([0.0, -0.5, 1e4]),
)
def test_extreme_inputs_leave_every_number_finite(
    name: str, prior: PriorStats, seed: int, scale: float, lam: float, price: float
) -> None:
    """Predictions and outcomes of any size, ties everywhere, a lambda without bounds."""
    rng = Random(seed)
    strategy, tally = _start(name, prior), Tally([[0] * 3] * 2)
    for _ in range(30):
        row = [scale * rng.choice([-1.0, 0.0, 1.0]) for _ in ALL]
        prediction = Prediction(row, row, row, rng.randrange(2))
        choice = strategy.choose(
            prediction, lam=lam, allowed=ALL, tally=tally, rng=rng, price=price
        )
        strategy.observe(prediction)
        tally.decided(prediction.bucket, choice.tier)
        report = _report(prediction, choice.tier, rng)
        strategy.update(structs.replace(report, quality_10=row[0], lam=lam))
        assert math.fsum(choice.propensities) == pytest.approx(1.0, abs=1e-9)
        assert all(map(math.isfinite, [*choice.reward, *choice.sd, *choice.propensities]))
    assert all(map(math.isfinite, strategy.q(0, lam)))


@every_strategy
def test_nothing_is_explored_where_nothing_may_be(name: str, prior: PriorStats) -> None:
    """One tier is left, and it is taken with certainty, but by a strategy that samples."""
    strategy, tally, rng = _start(name, prior), Tally([[0] * 3] * 2), Random(1)
    _live(strategy, tally, Random(1), Random(2), 30)

    made = [
        strategy.choose(
            _prediction(Random(3)), lam=0.3, allowed=ALL, tally=tally, rng=rng, explore=()
        )
        for _ in range(200)
    ]

    assert {choice.epsilon for choice in made} == {0.0}
    if name != "thompson":
        assert {max(choice.propensities) for choice in made} == {1.0}
        assert len({choice.tier for choice in made}) == 1


@every_strategy
def test_a_pacer_sees_the_rewards_that_choices_go_by(name: str, prior: PriorStats) -> None:
    """Task for task, once reports have come; pending ones aside."""
    strategy, tally = _start(name, prior), Tally([[0] * 3] * 2)
    _live(strategy, tally, Random(1), Random(2), 60)
    tally = Tally(tally.decisions)
    rng, contexts = Random(5), Contexts(50)
    predictions = [_prediction(rng) for _ in range(20)]
    for prediction in predictions:
        contexts.add(prediction)
    contexts.refresh()

    found = strategy.score_many(contexts, 0.3)

    for row, prediction in enumerate(predictions):
        choice = strategy.choose(prediction, lam=0.3, allowed=ALL, tally=tally, rng=Random(0))
        assert found.reward[row] == pytest.approx(choice.reward)
        assert found.sd[row] == pytest.approx(choice.sd)
        assert found.cost[row] == pytest.approx(choice.cost)


@every_strategy
@pytest.mark.parametrize("allowed", [[0, 1, 2], [0, 2]], ids=["all", "two"])
def test_simulated_shares_agree_with_the_propensities(
    name: str, allowed: list[int], prior: PriorStats
) -> None:
    """4,000 seeded choices from one state lie within 4 binomial standard deviations."""
    strategy, tally = _start(name, prior), Tally([[0] * 3] * 2)
    _live(strategy, tally, Random(1), Random(2), 30)
    prediction, draws, n = _prediction(Random(3)), Random(4), 4_000

    made = [
        strategy.choose(prediction, lam=0.3, allowed=allowed, tally=tally, rng=draws)
        for _ in range(n)
    ]

    shares = Counter(choice.tier for choice in made)
    for tier, p in enumerate(made[0].propensities):
        assert abs(shares[tier] - n * p) <= 4 * math.sqrt(n * p * (1 - p))


@every_strategy
def test_choosing_changes_no_state_and_no_input(name: str, prior: PriorStats) -> None:
    """What a choice hands out may be changed by the caller without effect either."""
    strategy, tally, allowed = _start(name, prior), Tally([[0] * 3] * 2), [0, 2]
    _live(strategy, tally, Random(1), Random(2), 30)
    prediction = _prediction(Random(3))
    before = msgspec.json.encode((strategy.state, tally.decisions, tally.pending, prediction))

    choice = strategy.choose(prediction, lam=0.3, allowed=allowed, tally=tally, rng=Random(0))
    choice.reward[0] = choice.sd[0] = 1e9
    choice.n_reports[0] = -1

    after = msgspec.json.encode((strategy.state, tally.decisions, tally.pending, prediction))
    assert after == before
    assert allowed == [0, 2]


@every_strategy
def test_the_same_draws_give_the_same_decisions(name: str, prior: PriorStats) -> None:
    """Nothing draws from anywhere but the generator that is passed in."""
    one, two = (
        _live(_start(name, prior), Tally([[0] * 3] * 2), Random(1), Random(2), 200)
        for _ in range(2)
    )

    assert one == two


@every_strategy
def test_a_resumed_strategy_goes_on_to_the_bit(name: str, prior: PriorStats) -> None:
    """Through JSON and back, then 100 more decisions: the same choices and the same state."""
    first, tally = _start(name, prior), Tally([[0] * 3] * 2)
    _live(first, tally, Random(1), Random(2), 137)
    data = msgspec.json.encode(first.state)
    second = resume_strategy(msgspec.json.decode(data, type=type(first.state)))
    other = Tally(tally.decisions)
    other.pending = [list(row) for row in tally.pending]

    made = _live(first, tally, Random(5), Random(6), 100)
    again = _live(second, other, Random(5), Random(6), 100)

    assert again == made
    assert msgspec.json.encode(second.state) == msgspec.json.encode(first.state)
    assert strategy_name(second.state) == name


@every_strategy
def test_what_it_knows_has_a_number_for_every_tier(name: str, prior: PriorStats) -> None:
    """Q, Q without reports and counts; without reports the first two are equal."""
    strategy, tally = _start(name, prior), Tally([[0] * 3] * 2)

    assert strategy.q(0, 0.3) == pytest.approx(strategy.prior_q(0, 0.3))
    _live(strategy, tally, Random(1), Random(2), 60)

    for bucket in (0, 1):
        known = (strategy.q(bucket, 0.3), strategy.prior_q(bucket, 0.3))
        assert all(len(row) == 3 and all(map(math.isfinite, row)) for row in known)
        assert all(
            0 <= n <= d
            for n, d in zip(strategy.n_reports(bucket), tally.decisions[bucket], strict=True)
        )
    assert sum(strategy.n_reports(0) + strategy.n_reports(1)) > 20


@every_strategy
def test_a_tier_that_is_not_allowed_is_never_taken(name: str, prior: PriorStats) -> None:
    """Also where it is by far the best, and while exploring."""
    strategy, tally, draws = _start(name, prior), Tally([[0] * 3] * 2), Random(8)
    best = Prediction([0.1, 0.2, 1.0], [0.01] * 3, [0.1] * 3, 0)
    for _ in range(30):
        strategy.update(Report(0, 2, 1.0, 0.1, 0.3, 10.0, 0.0))

    taken = {
        strategy.choose(best, lam=0.3, allowed=[0, 1], tally=tally, rng=draws).tier
        for _ in range(500)
    }

    assert taken <= {0, 1}


def test_greedy_learns_nothing_and_takes_the_cheapest_of_equals(prior: PriorStats) -> None:
    """Reports are counted, Q stays."""
    strategy, tally = _start("greedy", prior), Tally([[0] * 3] * 2)
    even = Prediction([0.5] * 3, [0.01] * 3, [0.1] * 3, 0)
    before = strategy.q(0, 0.3)

    strategy.update(Report(0, 2, 0.5, 0.1, 0.3, 10.0, 0.0))

    choice = strategy.choose(even, lam=0.3, allowed=ALL, tally=tally, rng=Random(0))
    assert (choice.tier, choice.propensities) == (0, [1.0, 0.0, 0.0])
    assert strategy.q(0, 0.3) == before
    assert strategy.n_reports(0) == [0, 0, 1]
