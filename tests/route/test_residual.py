"""The default strategy: two channels joined at choice time, and what can be promised of it."""

from random import Random
from typing import Any

import numpy as np
import pytest

from tracetier.errors import SettingsError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.channel import ChannelParams
from tracetier.route.choice import Report
from tracetier.route.residual import (
    ResidualParams,
    ResidualStrategy,
    explore_probability,
    near_tie,
    start_residual,
)
from tracetier.route.tally import Tally

ALL = [0, 1, 2]
LIKE_THE_RULE: dict[str, Any] = {
    "sd_weight": 0.0,
    "tie_weight": 0.0,
    "explore_min": 0.1,
    "explore_max": 0.1,
}
"""No optimism, no near-ties, a constant epsilon."""


def _strategy(prior: PriorStats, params: ResidualParams | None = None) -> ResidualStrategy:
    return ResidualStrategy(start_residual(prior, params or ResidualParams()))


def _report(tier: int, *, quality_10: float | None, cost: float | None) -> Report:
    return Report(0, tier, 0.7, 0.2, 0.3, quality_10, cost)


def _mean_prediction(prior: PriorStats, bucket: int) -> Prediction:
    quality, cost = prior.quality_mean[bucket].tolist(), prior.cost_mean[bucket].tolist()
    return Prediction(quality, [0.01 * c for c in cost], cost, bucket)


@pytest.mark.parametrize(
    ("score", "sd", "best", "allowed", "expected"),
    [
        pytest.param([7.0, 7.5, 8.0], [2.0, 0.6, 0.8], 2, ALL, 1, id="gap .5 < .6"),
        pytest.param([7.3, 7.5, 8.0], [2.0, 0.6, 0.8], 2, ALL, 0, id="the cheapest of them"),
        pytest.param([7.0, 7.25, 8.0], [0.5, 0.75, 0.75], 2, ALL, 2, id="a gap of 1 sd is none"),
        pytest.param([7.9, 7.0, 8.0], [0.5, 0.8, 0.8], 2, [1, 2], 2, id="only allowed tiers"),
        pytest.param([8.0, 7.9, 7.9], [0.5, 0.5, 0.5], 0, ALL, 0, id="never the dearer"),
        pytest.param([7.5, 0.0, 8.0], [0.1, 1.0, 9.0], 2, ALL, 2, id="the smaller sd counts"),
    ],
)
def test_a_near_tie_goes_to_the_cheaper_tier(
    score: list[float], sd: list[float], best: int, allowed: list[int], expected: int
) -> None:
    """The gap of the scores is measured against the smaller standard deviation of the two."""
    assert near_tie(score, sd, best, allowed, tie_weight=1.0) == expected


@pytest.mark.parametrize(
    ("n_decisions", "expected"),
    [(0, 0.05), (119, 0.05), (239, 0.025), (1199, 0.005), (10**6, 0.005)],
)
def test_exploration_decays_with_all_decisions(n_decisions: int, expected: float) -> None:
    """max(.005, min(.05, 2 * 3 / (n + 1)))."""
    found = explore_probability(ResidualParams(), n_tiers=3, n_decisions=n_decisions)

    assert found == pytest.approx(expected)


def test_quality_and_cost_are_joined_at_the_lambda_of_the_call(prior: PriorStats) -> None:
    """Without reports: 10 q - lambda c, and sd^2 = 100 var_q + lambda^2 var_c."""
    strategy, tally = _strategy(prior), Tally([[0] * 3] * 2)
    prediction = _mean_prediction(prior, 0)

    near, far = (
        strategy.choose(prediction, lam=lam, allowed=ALL, tally=tally, rng=Random(0))
        for lam in (0.0, 5.0)
    )

    assert near.reward == pytest.approx([6.0, 7.0, 9.0])
    assert far.reward == pytest.approx([5.75, 6.0, 4.0])
    share = 1 / 10 + 0.5 / 9
    assert far.sd == pytest.approx([(100 * 0.09 * share + 25 * 0.01 * share) ** 0.5] * 3)
    assert near.greedy == 2
    assert far.greedy == 0  # mid scores best, but low is within one sd of it and cheaper
    assert far.near_tie_with == 1


def test_an_unreported_outcome_leaves_its_channel_as_it_is(prior: PriorStats) -> None:
    """Quality alone moves quality, cost alone moves cost."""
    strategy = _strategy(prior)

    strategy.update(_report(1, quality_10=9.0, cost=None))
    assert strategy.state.quality.cell_reports[0] == [0, 1, 0]
    assert strategy.state.cost.n_reports == 0
    strategy.update(_report(1, quality_10=None, cost=0.4))
    assert strategy.state.quality.n_reports == 1
    assert strategy.state.cost.cell_reports[0] == [0, 1, 0]
    assert strategy.n_reports(0) == [0, 1, 0]


def test_q_moves_towards_the_outcomes(prior: PriorStats) -> None:
    """Forty outcomes of 3 of 10 at full cost pull mid from 6.94 to near 10 * .3 - .3."""
    strategy = _strategy(prior)

    for _ in range(40):
        strategy.update(_report(1, quality_10=3.0, cost=1.0))

    assert strategy.prior_q(0, 0.3)[1] == pytest.approx(6.94)
    assert strategy.q(0, 0.3)[1] == pytest.approx(2.7, abs=0.5)
    assert strategy.q(0, 0.3)[2] == pytest.approx(8.7)


def test_mean_predictions_start_from_the_training_table(prior: PriorStats) -> None:
    """Bucket "edit" has 60 training tasks; one live prediction weighs 1/61."""
    strategy = _strategy(prior)

    strategy.observe(Prediction([0.0, 0.7, 0.9], [0.1] * 3, [0.05, 0.2, 1.0], 0))

    assert strategy.state.quality.cell_mean[0] == pytest.approx([0.6 * 60 / 61, 0.7, 0.9])
    assert strategy.state.mean_n == [61.0, 40.0]


def _run_beside_the_rule(
    prior: PriorStats, channel: ChannelParams, *, q_start: list[list[float]], is_corrected: bool
) -> None:
    """Run 10,000 decisions beside the published rule on the same draws and outcomes.

    ``is_corrected`` gives the rule the step 1, 1/(1 + .9), ... -> .1 in place of .1.
    """
    params = ResidualParams(channel=channel, **LIKE_THE_RULE)
    strategy, tally = _strategy(prior, params), Tally([[0] * 3] * 2)
    ours, theirs, world = Random(1), Random(1), Random(2)
    q = [list(row) for row in q_start]
    weight = [[0.0] * 3 for _ in q]
    for _ in range(10_000):
        bucket = world.randrange(2)
        prediction = _mean_prediction(prior, bucket)
        choice = strategy.choose(prediction, lam=0.3, allowed=ALL, tally=tally, rng=ours)
        expected = (
            theirs.randrange(3) if theirs.random() < 0.1 else max(ALL, key=q[bucket].__getitem__)
        )
        assert choice.tier == expected
        quality_10 = 10 * world.random() ** (1 + (expected + bucket) % 3)
        cost = world.random() * (expected + 1) / 3
        tally.decided(bucket, expected)
        strategy.update(
            Report(
                bucket,
                expected,
                prediction.quality[expected],
                prediction.cost[expected],
                0.3,
                quality_10,
                cost,
            )
        )
        weight[bucket][expected] = 0.9 * weight[bucket][expected] + 1
        step = 1 / weight[bucket][expected] if is_corrected else 0.1
        q[bucket][expected] += step * (quality_10 - 0.3 * cost - q[bucket][expected])
    for bucket in (0, 1):
        assert strategy.q(bucket, 0.3) == pytest.approx(q[bucket], abs=1e-9)


def _flat(prior: PriorStats) -> PriorStats:
    zeros = np.zeros((2, 3))
    return PriorStats(
        buckets=prior.buckets,
        n=prior.n,
        quality_mean=zeros,
        cost_mean=zeros,
        quality_var=prior.quality_var,
        cost_var=prior.cost_var,
        quality_tau2=prior.quality_tau2,
        cost_tau2=prior.cost_tau2,
    )


def test_without_trust_it_is_the_published_rule_with_bias_correction(prior: PriorStats) -> None:
    """Prior off, n0 = 0, no sd, epsilon = alpha = .1: the same decisions, the same Q."""
    channel = ChannelParams(alpha=0.1, trust_min=0, trust_max=0, tier_trust=1e300)

    _run_beside_the_rule(_flat(prior), channel, q_start=[[0.0] * 3] * 2, is_corrected=True)


@pytest.mark.parametrize("is_warm", [False, True], ids=["cold", "warm"])
def test_a_trust_of_ten_that_washes_out_at_alpha_is_the_published_rule(
    prior: PriorStats, is_warm: bool
) -> None:
    """N + n0 = (1 - .9^n) / .1 + 10 * .9^n = 10 for every n, so S / (N + n0) has the step .1.

    Cold is a prior of zero; warm is the prior of the bucket means.
    """
    channel = ChannelParams(
        alpha=0.1, trust_decay=0.1, trust_min=10, trust_max=10, tier_trust=1e300
    )
    own = prior if is_warm else _flat(prior)
    start = (10 * own.quality_mean - 0.3 * own.cost_mean).tolist()

    _run_beside_the_rule(own, channel, q_start=start, is_corrected=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"explore_min": 0.2, "explore_max": 0.1}, "explore_min is 0.2 and explore_max 0.1"),
        ({"explore_max": 1.5}, "explore_max 1.5"),
        ({"sd_weight": float("nan")}, "sd_weight is nan, must be finite"),
        ({"tie_weight": -1.0}, "tie_weight is -1"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, float], message: str) -> None:
    """Each with its value and what is allowed."""
    with pytest.raises(SettingsError, match=message):
        ResidualParams(**settings)  # type: ignore[arg-type]


def test_a_price_is_paid_for_believed_cost_and_ends_near_ties(prior: PriorStats) -> None:
    """At price 2 the scores are 5.9, 6.6 and 7.0, at price 9 5.55, 5.2 and 0, sd aside."""
    strategy = _strategy(prior, ResidualParams(sd_weight=0, sd_weight_priced=0))

    free, cheap, dear = (
        strategy.choose(
            _mean_prediction(prior, 0),
            lam=0.0,
            allowed=ALL,
            tally=Tally([[0] * 3] * 2),
            rng=Random(0),
            price=price,
            explore=(),
        )
        for price in (0.0, 2.0, 9.0)
    )

    assert (free.greedy, cheap.greedy, dear.greedy) == (2, 2, 0)
    assert cheap.near_tie_with == -1
    assert cheap.reward == free.reward == pytest.approx([6.0, 7.0, 9.0])


def _with_newcomer(prior: PriorStats) -> ResidualStrategy:
    state = start_residual(prior, ResidualParams())
    state.quality.trust_most = [40.0, 4.0, 40.0]
    return ResidualStrategy(state)


def test_a_tier_that_joined_is_taken_every_other_time_until_it_is_known(
    prior: PriorStats,
) -> None:
    """Its propensity is 1/2 and half the others' exploring; after 20 decisions it is as any."""
    strategy, tally, rng = _with_newcomer(prior), Tally([[0] * 3] * 2), Random(4)
    prediction = _mean_prediction(prior, 0)
    n = 0
    while tally.n_tier[1] < 20:
        choice = strategy.choose(prediction, lam=0.0, allowed=ALL, tally=tally, rng=rng)
        assert choice.propensities == pytest.approx([0.025 / 3, 0.5 + 0.025 / 3, 0.5 - 0.05 / 3])
        tally.decided(0, choice.tier)
        n += 1

    after = strategy.choose(prediction, lam=0.0, allowed=ALL, tally=tally, rng=rng)

    assert 25 <= n <= 60
    assert after.propensities[1] == pytest.approx(after.epsilon / 3)


def test_a_newcomer_that_may_not_be_explored_is_not_burnt_in(prior: PriorStats) -> None:
    """It is beyond the budget, or a rule says so."""
    choice = _with_newcomer(prior).choose(
        _mean_prediction(prior, 0),
        lam=0.0,
        allowed=ALL,
        tally=Tally([[0] * 3] * 2),
        rng=Random(0),
        explore=[0],
    )

    assert choice.propensities[1] == 0.0
