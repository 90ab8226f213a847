"""The channel's arithmetic: worked by hand, by property, and against data of a known truth."""

import math
from operator import mul
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import SettingsError
from tracetier.route.channel import (
    Channel,
    ChannelParams,
    ChannelState,
    evidence,
    slopes,
    start_channel,
    trust,
)

NO_TIER_OFFSET = 1e300
"""A tier trust so large that the pooled offset and its variance vanish."""

unit = st.floats(0.0, 1.0)


def _channel(
    mean: list[list[float]],
    params: ChannelParams | None = None,
    *,
    sigma2: float = 0.09,
    tau2: float = 0.009,
) -> Channel:
    n_tiers = len(mean[0])
    state = start_channel(mean, sigma2=[sigma2] * n_tiers, tau2=[tau2] * n_tiers)
    return Channel(state, params or ChannelParams())


def _q(channel: Channel, bucket: int, predicted: list[float]) -> list[float]:
    return channel.believe(bucket, predicted, [0] * len(predicted))[0]


def test_without_reports_q_is_the_prediction() -> None:
    """beta starts at 1 and both offsets at 0."""
    channel = _channel([[0.5, 0.8]])

    assert _q(channel, 0, [0.45, 0.9]) == pytest.approx([0.45, 0.9])


def test_one_report_by_hand() -> None:
    """n0 = .09/.009 = 10 and n0g = 9; the prediction is the mean, so d = 0 and e = .8 - .5 = .3.

    After it N = G_N = 1, S = G_S = .3 and pulls 1: cell = .3 / (1 + 10 * .99), tier = .3 / 10.
    """
    channel = _channel([[0.5]])

    channel.update(0, 0, 0.5, 0.8)

    q, var = channel.believe(0, [0.5], [0])
    assert q == pytest.approx([0.5 + 0.3 / 10.9 + 0.03])
    assert var == pytest.approx([0.09 / 10.9 + 0.5 * 0.09 / 10])


def test_two_reports_by_hand() -> None:
    """The second residual is split: the tier learns e - cell, the cell e - tier, both as before."""
    channel = _channel([[0.5]])

    channel.update(0, 0, 0.5, 0.8)
    channel.update(0, 0, 0.5, 0.6)

    cell, tier = 0.3 / 10.9, 0.03
    state = channel.state
    assert state.cell_sum[0][0] == pytest.approx(0.97 * 0.3 + (0.1 - tier))
    assert state.tier_sum[0] == pytest.approx(0.97 * 0.3 + (0.1 - cell))
    assert state.cell_n[0][0] == state.tier_n[0] == pytest.approx(1.97)
    assert state.cell_reports[0][0] == 2


def test_a_tier_offset_reaches_buckets_that_saw_no_report() -> None:
    """What is learned in bucket 0 moves the same tier in bucket 1, and no other tier."""
    channel = _channel([[0.5, 0.5], [0.7, 0.7]])

    for _ in range(50):
        channel.update(0, 1, 0.5, 0.2)

    low, high = _q(channel, 1, [0.7, 0.7])
    assert low == pytest.approx(0.7)
    assert high < 0.65


def test_pending_decisions_narrow_the_spread_but_not_q() -> None:
    """Four reports that are out count as four in the cell's variance: .09 / (10 + 4)."""
    channel = _channel([[0.5]])

    q, var = channel.believe(0, [0.5], [4])

    assert q == pytest.approx([0.5])
    assert var == pytest.approx([0.09 / 14 + 0.5 * 0.09 / 9])


def test_the_trust_in_the_prior_washes_out_with_reports() -> None:
    """After n reports n0 is 10 * .99^n, so a prior of .9 that is wrong is forgotten."""
    params = ChannelParams(tier_trust=NO_TIER_OFFSET, tau2_every=10**9)
    channel = _channel([[0.9]], params)

    for _ in range(300):
        channel.update(0, 0, 0.9, 0.5)

    n, n0 = channel.state.cell_n[0][0], 10 * 0.99**300
    assert _q(channel, 0, [0.9]) == pytest.approx([0.9 - 0.4 * n / (n + n0)])
    assert _q(channel, 0, [0.9])[0] < 0.51


@pytest.mark.parametrize(
    ("sigma2", "tau2", "expected"),
    [
        pytest.param(0.09, 0.009, 10.0, id="ratio"),
        pytest.param(0.09, 1.0, 1.0, id="at least 1"),
        pytest.param(0.09, 0.0, 40.0, id="no spread of the buckets"),
        pytest.param(1e-8, 0.0, 40.0, id="neither"),
    ],
)
def test_trust_is_the_clipped_ratio_of_variances(
    sigma2: float, tau2: float, expected: float
) -> None:
    """n0 = clip(sigma^2 / tau^2, 1, 40)."""
    assert trust(sigma2, tau2, least=1.0, most=40.0) == pytest.approx(expected)


def test_no_trust_at_all_is_the_bias_corrected_mean() -> None:
    """With n0 = 0 the first report replaces the prior, and the second weighs 1 / 1.97."""
    params = ChannelParams(trust_min=0, trust_max=0, tier_trust=NO_TIER_OFFSET)
    channel = _channel([[0.9]], params)

    assert _q(channel, 0, [0.9]) == [0.9]
    channel.update(0, 0, 0.9, 0.2)
    assert _q(channel, 0, [0.9]) == pytest.approx([0.2])
    channel.update(0, 0, 0.9, 0.6)
    assert _q(channel, 0, [0.9]) == pytest.approx([(0.97 * 0.2 + 0.6) / 1.97])


def test_evidence_by_hand() -> None:
    """Nothing without data; else w ((S/N)^2 / sigma^2 - 1/N), capped at 4 w."""
    assert evidence(0.0, 0.0, sigma2=0.09) == (0.0, 0.0)
    assert evidence(2.0, 5.0, sigma2=0.08) == pytest.approx((0.5, 0.5 * (0.16 / 0.08 - 0.2)))
    assert evidence(1e6, 5.0, sigma2=1e-8) == (0.5, 2.0)


def test_tau2_is_learned_every_ten_reports_by_the_formula() -> None:
    """With one sigma^2 for all: (nu0 tau0^2 + sum w ((S/N)^2 - sigma^2/N)) / (nu0 + sum w)."""
    channel = _channel([[0.5, 0.5], [0.5, 0.5]])
    rng = Random(5)

    for step in range(9):
        channel.update(step % 2, step % 3 % 2, 0.5, 0.5 + 0.3 * rng.random())
    assert channel.state.tau2 == [0.009, 0.009]
    channel.update(0, 0, 0.5, 0.7)

    above, below = 4.0 * 0.009, 4.0
    for sums, counts in zip(channel.state.cell_sum, channel.state.cell_n, strict=True):
        for total, n in zip(sums, counts, strict=True):
            if n > 0:
                weight = n / (n + 5)
                above += weight * ((total / n) ** 2 - 0.09 / n)
                below += weight
    assert channel.state.tau2 == pytest.approx([above / below] * 2)


def test_a_wrong_prior_loses_its_trust_and_a_right_one_gains_it() -> None:
    """Bucket means that are off by .4 raise tau^2 / sigma^2; exact ones lower it."""
    wrong, right = _channel([[0.9], [0.1]]), _channel([[0.5], [0.5]])

    for step in range(100):
        bucket = step % 2
        wrong.update(bucket, 0, [0.9, 0.1][bucket], 0.5)
        right.update(bucket, 0, 0.5, 0.5)

    assert wrong.state.tau2[0] > 0.03
    assert right.state.tau2[0] < 0.009


@given(st.lists(unit, min_size=1, max_size=60), unit, st.floats(0.5, 40), st.floats(0, 0.2))
def test_the_influence_of_the_prior_vanishes_as_promised(
    outcomes: list[float], prior: float, n0: float, alpha: float
) -> None:
    """|Q - Q without prior| <= n0 / (N + n0) |prior error|, for a cell without a tier offset.

    Here with equality: Q without the prior is the discounted mean itself.
    """
    with_prior, without = (
        _channel(
            [[prior]],
            ChannelParams(
                alpha=alpha, trust_min=trusted, trust_max=trusted, tier_trust=NO_TIER_OFFSET
            ),
        )
        for trusted in (n0, 0.0)
    )

    for outcome in outcomes:
        with_prior.update(0, 0, prior, outcome)
        without.update(0, 0, prior, outcome)

    n = with_prior.state.cell_n[0][0]
    left = n0 * 0.99 ** len(outcomes)
    q_with, q_without = _q(with_prior, 0, [prior])[0], _q(without, 0, [prior])[0]
    bound = left / (n + left) * abs(prior - q_without)
    assert abs(q_with - q_without) <= bound + 1e-12
    assert abs(q_with - q_without) == pytest.approx(bound, abs=1e-9)
    assert left / (n + left) <= n0 / (n + n0)


@given(st.lists(unit, min_size=1, max_size=60), unit, st.floats(0.5, 40), st.floats(0, 0.2))
def test_with_offsets_as_clear_as_they_are_it_vanishes_to_within_a_standard_error(
    outcomes: list[float], prior: float, n0: float, alpha: float
) -> None:
    """|Q - mean of the reports| <= n0 / (N + n0) |prior error| + sigma sqrt(sum w^2) / N."""
    channel = _channel(
        [[prior]],
        ChannelParams(
            alpha=alpha, trust_min=n0, trust_max=n0, tier_trust=NO_TIER_OFFSET, cell_noise=1.0
        ),
    )

    for outcome in outcomes:
        channel.update(0, 0, prior, outcome)

    weights = [(1 - alpha) ** age for age in range(len(outcomes))]
    n, left = sum(weights), n0 * 0.99 ** len(outcomes)
    mean = sum(map(mul, weights, reversed(outcomes))) / n
    error = 0.3 * math.sqrt(sum(w * w for w in weights)) / n
    bound = left / (n + left) * abs(prior - mean) + error
    assert abs(_q(channel, 0, [prior])[0] - mean) <= bound + 1e-9


def test_a_cell_that_may_be_noise_leaves_the_prior_alone() -> None:
    """sigma^2 = .09, alpha = 0, n0 = 10: sums .2, then .8, against 1 and 2 reports' noise.

    z^2 is .04 / .09 < 1, so nothing is believed; then .64 / .18, so 1 - .18 / .64 of
    .8 / (2 + 9.801).
    """
    params = ChannelParams(alpha=0.0, tier_trust=NO_TIER_OFFSET, cell_noise=1.0)
    channel = _channel([[0.2]], params)

    channel.update(0, 0, 0.2, 0.4)
    assert _q(channel, 0, [0.2]) == [0.2]
    channel.update(0, 0, 0.2, 0.8)
    assert _q(channel, 0, [0.2])[0] == pytest.approx(0.2 + 0.8 / 11.801 * (1 - 0.18 / 0.64))


def test_no_more_than_a_newcomers_share_of_the_noise_is_taken_off_any_tier() -> None:
    """Its prior counts for 4 reports of 40: a tenth, for the tier it is compared with as well."""
    params = ChannelParams(alpha=0.0, tier_trust=NO_TIER_OFFSET, cell_noise=1.0)
    channel = _channel([[0.2, 0.2]], params)
    channel.state.trust_most = [40.0, 4.0]
    channel = Channel(channel.state, params)

    channel.update(0, 0, 0.2, 0.4)

    assert _q(channel, 0, [0.2, 0.2])[0] == pytest.approx(
        0.2 + 0.2 / 10.9 * (1 - 0.1 * 0.09 / 0.04)
    )
    q, _ = channel.believe_many(np.array([0]), np.array([[0.2, 0.2]]))
    assert q[0] == pytest.approx(_q(channel, 0, [0.2, 0.2]))


def _slopes(
    xy: list[float], xx: list[float], n: list[float], *, sigma2: float = 0.09
) -> list[float]:
    return slopes(xy, xx, n, sigma2=sigma2, slope_trust=20, slope_pool=30)


def test_the_slope_is_1_without_reports_and_shrunk_towards_1_with_them() -> None:
    """k = 20 v, v = xx / n: 20 reports that say 0 against 20 that say 1 give 1/2."""
    assert _slopes([0.0], [0.0], [0.0]) == [1.0]
    # The common slope is 2 / 4; the tier's own 20 reports against 30 at it: 3 * .5 / 5.
    assert _slopes([0.0], [2.0], [20.0]) == pytest.approx([0.3])
    assert _slopes([9.0], [2.0], [20.0]) == [1.0]
    assert _slopes([-90.0], [2.0], [20.0]) == [-1.0]


def test_a_tier_without_reports_takes_the_slope_of_the_others() -> None:
    """200 reports of one tier that say -1: common (2 - 20) / (2 + 20), and so the other tier's."""
    own, other = _slopes([-20.0, 0.0], [20.0, 0.0], [200.0, 0.0], sigma2=0.01)

    assert other == pytest.approx(-18 / 22)
    assert own == pytest.approx((3 * -18 / 22 - 20) / 23)


def test_one_report_at_a_tiny_deviation_does_not_throw_the_slope() -> None:
    """d = .001 and a residual of -.5: k is sigma^2 = .09, not 20 d^2 = .00002."""
    assert _slopes([-0.0005], [1e-6], [1.0]) == pytest.approx([0.989], abs=1e-3)


@pytest.mark.parametrize("truth", [-0.8, 0.0, 0.5, 1.0])
def test_the_slope_finds_how_much_of_the_variation_holds(truth: float) -> None:
    """4,000 reports with noise of .1 in four buckets; the slope comes within .1 of the truth.

    A regression on what Q *with* its slope term leaves over would settle a truth of 1 at 1/2.
    """
    rng = Random(2)
    channel = _channel([[0.5], [0.6], [0.4], [0.7]], sigma2=0.01)

    for step in range(4_000):
        bucket = step % 4
        mean = channel.state.cell_mean[bucket][0]
        d = rng.gauss(0, 0.1)
        channel.update(bucket, 0, mean + d, mean + 0.05 + truth * d + rng.gauss(0, 0.1))

    state = channel.state
    (found,) = _slopes(state.slope_xy, state.slope_xx, state.slope_n, sigma2=0.01)
    assert found == pytest.approx(truth, abs=0.1)
    low, high = (channel.believe(0, [m], [0])[0][0] for m in (0.4, 0.6))
    assert high - low == pytest.approx(0.2 * found)


@given(st.permutations(list(range(8))), st.lists(unit, min_size=8, max_size=8))
def test_the_order_of_reports_matters_only_through_discounting(
    order: list[int], outcomes: list[float]
) -> None:
    """With (almost) no discount, and one level, any order of the reports gives the same sums."""
    params = ChannelParams(alpha=0.0, tier_trust=NO_TIER_OFFSET, slope_keep=1.0)
    prompt, late = _channel([[0.5], [0.4]], params), _channel([[0.5], [0.4]], params)

    for index, outcome in enumerate(outcomes):
        prompt.update(index % 2, 0, [0.5, 0.4][index % 2], outcome)
    for index in order:
        late.update(index % 2, 0, [0.5, 0.4][index % 2], outcomes[index])

    for bucket in (0, 1):
        assert late.state.cell_n[bucket] == prompt.state.cell_n[bucket]
        assert late.state.cell_sum[bucket] == pytest.approx(prompt.state.cell_sum[bucket])


def test_delayed_and_shuffled_reports_end_close_to_prompt_ones() -> None:
    """Default settings, 600 reports, windows of 100 shuffled: Q differs by less than 2 sd / 3."""
    rng = Random(9)
    prompt, late = _channel([[0.5, 0.7], [0.6, 0.8]]), _channel([[0.5, 0.7], [0.6, 0.8]])
    means = [[0.5, 0.7], [0.6, 0.8]]
    stream = [(i % 2, i // 2 % 2, rng.gauss(0.4 + 0.1 * (i % 2), 0.3)) for i in range(600)]

    for bucket, tier, outcome in stream:
        prompt.update(bucket, tier, means[bucket][tier], outcome)
    for start in range(0, 600, 100):
        window = stream[start : start + 100]
        rng.shuffle(window)
        for bucket, tier, outcome in window:
            late.update(bucket, tier, means[bucket][tier], outcome)

    for bucket in (0, 1):
        q, var = prompt.believe(bucket, means[bucket], [0, 0])
        for a, other in enumerate(_q(late, bucket, means[bucket])):
            assert abs(other - q[a]) < 0.67 * math.sqrt(var[a])


def test_the_running_mean_follows_the_predictions() -> None:
    """mean += weight (m - mean)."""
    channel = _channel([[0.5, 0.2]])

    channel.observe(0, [0.9, 0.2], 0.25)

    assert channel.state.cell_mean == [pytest.approx([0.6, 0.2])]


def test_a_resumed_channel_believes_the_same_to_the_bit() -> None:
    """Whatever is derived from the state is derived again in the same way."""
    rng = Random(4)
    first = _channel([[0.5, 0.7], [0.6, 0.8]])
    for _ in range(137):
        bucket, tier = rng.randrange(2), rng.randrange(2)
        first.update(bucket, tier, rng.random(), rng.random())

    second = Channel(first.state, ChannelParams())

    assert second.believe(1, [0.3, 0.9], [2, 0]) == first.believe(1, [0.3, 0.9], [2, 0])


def test_start_copies_its_input_and_floors_the_variance() -> None:
    """A cost that never varied in training still leaves room for surprise."""
    mean = [[0.1]]
    state = start_channel(mean, sigma2=[0.0], tau2=[0.0])
    mean[0][0] = 9.0

    assert state.cell_mean == [[0.1]]
    assert state.sigma2 == [1e-8]
    assert isinstance(state, ChannelState)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 1.0}, "alpha is 1, must be in"),
        ({"trust_decay": -0.1}, "trust_decay is -0.1"),
        ({"trust_min": 5.0, "trust_max": 4.0}, "trust_min is 5 and trust_max 4"),
        ({"slope_keep": 0.0}, "slope_keep is 0"),
        ({"tier_trust": 0.0}, "tier_trust is 0, must be finite and > 0"),
        ({"tier_trust": math.inf}, "tier_trust is inf"),
        ({"tau2_every": 0}, "tau2_every is 0"),
        ({"slope_trust": -1.0}, "slope_trust is -1"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, float], message: str) -> None:
    """Each with its value and what is allowed."""
    with pytest.raises(SettingsError, match=message):
        ChannelParams(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_many_tasks_at_once_are_believed_as_one_by_one(noise: float) -> None:
    """After 200 reports, over both buckets and random predictions."""
    rng = Random(3)
    channel = _channel([[0.5, 0.7], [0.6, 0.8]], ChannelParams(tier_noise=noise, cell_noise=noise))
    for _ in range(200):
        channel.update(rng.randrange(2), rng.randrange(2), rng.random(), rng.random())
    buckets = [rng.randrange(2) for _ in range(50)]
    predicted = [[rng.random(), rng.random()] for _ in buckets]

    q, var = channel.believe_many(np.array(buckets), np.array(predicted))

    for row, (bucket, each) in enumerate(zip(buckets, predicted, strict=True)):
        one_q, one_var = channel.believe(bucket, each, [0, 0])
        assert q[row] == pytest.approx(one_q, abs=1e-12)
        assert var[row] == pytest.approx(one_var, abs=1e-12)


def test_an_update_tells_what_was_not_believed() -> None:
    """Outcome less Q before the report, and the tier offset that was part of Q."""
    channel = _channel([[0.5]])
    channel.update(0, 0, 0.5, 0.8)
    believed = _q(channel, 0, [0.55])[0]

    told = channel.update(0, 0, 0.55, 0.2)

    assert told.error == pytest.approx(0.2 - believed)
    assert told.offset == pytest.approx(0.03)
    assert (told.tier, told.sigma2) == (0, 0.09)


def test_a_tier_that_joined_is_trusted_little_whatever_is_learned_of_the_others() -> None:
    """n0 of the second tier stays at 4, where the first, whose prior proves right, gets 40."""
    channel = _channel([[0.5, 0.5]])
    channel.state.trust_most = [40.0, 4.0]
    channel = Channel(channel.state, ChannelParams())
    for _ in range(200):
        channel.update(0, 0, 0.5, 0.5)

    var = channel.believe(0, [0.5, 0.5], [0, 0])[1]

    assert var[1] == pytest.approx(0.09 / 4 + 0.5 * 0.09 / 9)
    assert channel.state.tau2[0] < 0.009
