"""Router, tiers and controls side by side, on tasks that can be counted by hand."""

import numpy as np
import pytest

from tracetier.evaluate.controls import Predictions
from tracetier.evaluate.full import full_result
from tracetier.evaluate.policy_evaluator import FullTasks
from tracetier.evaluate.resampling import Resampling
from tracetier.evaluate.result import FullResult, PolicyOutcome
from tracetier.measures.frontier import Matrix

# 40 tasks, two tiers at 1 and 4 USD. The cheap tier is right on the 30 easy ones (bucket 0), the
# dear one on all: means .75 and 1. Half of the hard ones (bucket 1) are 5 of each ten.
HARD = np.arange(40) % 4 == 3
QUALITY = np.stack([1.0 - HARD, np.ones(40)], axis=1)
COST = np.tile([1.0, 4.0], (40, 1))
TASKS = FullTasks(QUALITY, COST, HARD.astype(np.int64), ("small", "large"), lam=0.4, cost_ref=4.0)
ONCE = Resampling(np.arange(40), n_draws=200, seed=0)


def predictions(quality: Matrix) -> Predictions:
    return Predictions(quality, COST / 4.0)


@pytest.fixture(scope="module")
def found() -> FullResult:
    """Predictions that know which tasks are hard."""
    return full_result(TASKS, predictions(0.5 + 0.4 * (QUALITY - 0.5)), ONCE)


def test_the_fixed_tiers_are_told_by_name_in_order(found: FullResult) -> None:
    """.75 at 1 USD and 1 at 4 USD; rewards 7.5 - .4 / 4 and 10 - .4."""
    small, large = found.fixed["small"], found.fixed["large"]

    assert list(found.fixed) == ["small", "large"]
    assert (small.quality.estimate, small.cost_usd.estimate) == (0.75, 1.0)
    assert small.reward.estimate == pytest.approx(7.4)
    assert large.reward.estimate == pytest.approx(9.6)
    assert (small.quality_kept.estimate, small.saving.estimate) == (0.75, 0.75)
    assert found.reference == "large"


def test_the_router_at_lambda_sends_the_hard_tasks_to_the_dear_tier(found: FullResult) -> None:
    """Cost (30 * 1 + 10 * 4) / 40 = 1.75, all right; reward 10 - .4 * 1.75 / 4."""
    point = found.router.at_lam
    assert point is not None

    assert point.share == {"small": 0.75, "large": 0.25}
    assert (point.quality.estimate, point.cost_usd.estimate) == (1.0, 1.75)
    assert point.reward.estimate == pytest.approx(10 - 0.4 * 1.75 / 4)
    assert (point.cost_share.estimate, point.saving.estimate) == (0.4375, 0.5625)
    assert point.quality_kept.low == point.quality_kept.high == 1.0


def test_a_router_that_is_the_oracle_closes_the_gap(found: FullResult) -> None:
    """Its frontier has the point (1.75, 1): AIQ over 1 to 4 is (.875 * .75 + 2.25) / 3."""
    figures = found.router.frontier
    assert figures is not None

    published = figures.hindsight
    assert published is not None
    assert published.gap_closed == pytest.approx(1.0)
    assert published.aiq == pytest.approx((0.875 * 0.75 + 2.25) / 3)
    assert published.aiq_gain == pytest.approx((0.875 * 0.75 + 2.25) / 3 - 0.875)
    assert published.saving_at_100 == pytest.approx(0.5625)
    # .99 lies at 1 + (.24 / .25) * .75 = 1.72 USD.
    assert published.saving_at_99 == pytest.approx(1 - 1.72 / 4)
    # Chosen on four fifths and told on the last it is the same, but for their unequal shares.
    assert figures.gap_closed.estimate == pytest.approx(1.0, abs=0.05)
    assert figures.aiq_gain.estimate == pytest.approx(published.aiq_gain, abs=0.005)
    assert figures.saving_at_99.estimate == pytest.approx(published.saving_at_99, abs=0.02)
    assert found.gap_at_oracle.estimate == 0.0


def test_the_calibrated_points_keep_what_they_were_set_to_keep(found: FullResult) -> None:
    """All easy and hard tasks look alike, so what holds on four fifths holds on the last."""
    all_of_it, most = found.calibrated["quality_100"], found.calibrated["quality_99"]

    assert all_of_it.quality_kept.estimate == 1.0
    assert all_of_it.cost_usd.estimate == pytest.approx(1.75)
    assert most.quality_kept.estimate == pytest.approx(0.99, abs=0.005)
    assert most.cost_usd.estimate == pytest.approx(1.72, abs=0.01)


def test_the_controls_stand_between_the_fixed_tiers_and_the_oracle(found: FullResult) -> None:
    """Bucket means know the buckets, hence all; shuffled and random predictions know nothing."""
    gap = {
        name: each.frontier.gap_closed.estimate
        for name, each in found.controls.items()
        if each.frontier is not None
    }

    assert list(gap) == [
        "bucket mean",
        "shuffled",
        "random",
        "fixed mixtures",
        "oracle",
    ]
    assert gap["oracle"] == pytest.approx(1.0)
    assert gap["bucket mean"] == pytest.approx(1.0, abs=0.05)
    assert gap["fixed mixtures"] == 0.0
    assert abs(gap["shuffled"]) < 0.2
    assert abs(gap["random"]) < 0.2


def test_predictions_that_know_nothing_close_no_gap(found: FullResult) -> None:
    """The whole way through choosing and telling, 0 is in the interval of both controls."""
    for name in ("shuffled", "random"):
        figures = found.controls[name].frontier
        assert figures is not None
        for each in (figures.gap_closed, figures.aiq_gain):
            assert each.low <= 0.0 <= each.high


def test_the_router_is_compared_with_the_bucket_mean_pair_by_pair(found: FullResult) -> None:
    """Over all lambdas both do the same. At .4 shrunk means find nothing cheap worth its risk.

    All on the dear tier instead of 30 of 40 on the cheap one: .4 * (4 - 1.75) / 4 = .225 of reward.
    """
    versus = found.versus_bucket_mean
    assert versus is not None

    assert versus.reward.estimate == pytest.approx(0.225)
    assert 0.0 < versus.reward.low < 0.225 < versus.reward.high
    assert versus.gap_closed.estimate == pytest.approx(0.0)


def test_neighbours_are_a_control_where_features_are_given() -> None:
    """With the hard tasks apart from the easy ones they know what the buckets know."""
    tasks = TASKS._replace(features=5.0 * HARD[:, None] + 0.01 * np.arange(40)[:, None])
    found = full_result(tasks, predictions(QUALITY), ONCE).controls["kNN"]

    assert found.at_lam is not None
    assert found.at_lam.quality.estimate == pytest.approx(0.75, abs=0.26)
    assert found.frontier is not None


def test_the_curve_is_drawn_by_cost(found: FullResult) -> None:
    """Ascending, from the cheap tier to where more money buys nothing."""
    costs = [point.cost_usd for point in found.router.curve]

    assert costs == sorted(costs)
    assert costs[0] == pytest.approx(1.0)
    assert costs[-1] == pytest.approx(1.75, abs=0.05)
    assert all(point.quality.low <= point.quality.estimate + 1e-9 for point in found.router.curve)


def test_the_majority_tier_and_the_oracle_have_a_point_at_lambda(found: FullResult) -> None:
    """The cheap tier is best on 30 of 40; the oracle is the router here."""
    majority, oracle = found.controls["majority tier"].at_lam, found.controls["oracle"].at_lam
    assert majority is not None
    assert oracle is not None

    assert majority.share == {"small": 1.0, "large": 0.0}
    assert (oracle.quality.estimate, oracle.cost_usd.estimate) == (1.0, 1.75)
    assert found.controls["fixed mixtures"].at_lam is None


def test_the_points_run_from_quality_to_cost(found: FullResult) -> None:
    """Equal predictions go to the cheap tier at once: the hard tasks move last, together."""
    assert [(p.quality, p.cost_usd) for p in found.points] == [(1.0, 1.75), (0.75, 1.0)]
    assert found.points[0].share == {"small": 0.75, "large": 0.25}
    assert found.points[0].lam == 0.0


def test_two_tiers_have_apgr(found: FullResult) -> None:
    """One cut that divides hard from easy: shares 0, .25, 1 and PGR 0, 1, 1: APGR .875."""
    assert found.two_tier is not None

    assert found.two_tier.apgr.estimate == pytest.approx(0.875)
    assert found.two_tier.cpt_50.estimate == pytest.approx(0.125)
    assert found.two_tier.cpt_80.estimate == pytest.approx(0.2)


def test_three_tiers_have_no_apgr() -> None:
    """It is defined for a weak and a strong one."""
    cost = np.tile([1.0, 2.0, 4.0], (40, 1))
    quality = np.hstack([QUALITY, np.ones((40, 1))])
    tasks = FullTasks(quality, cost, TASKS.bucket, ("a", "b", "c"), lam=0.3, cost_ref=4.0)

    assert full_result(tasks, Predictions(quality, cost / 4), ONCE).two_tier is None


def test_predictions_that_mislead_are_shown_as_such() -> None:
    """Easy and hard the wrong way round: at lambda worse than the dear tier, and no gap closed."""
    wrong = full_result(TASKS, predictions(0.5 - 0.4 * (QUALITY - 0.5)), ONCE)
    point: PolicyOutcome | None = wrong.router.at_lam
    assert point is not None
    assert wrong.router.frontier is not None

    assert point.quality.estimate == 0.75
    assert wrong.router.frontier.gap_closed.estimate == pytest.approx(0.0, abs=1e-9)
    # Falling back on the fixed tiers keeps the calibrated point honest.
    assert wrong.calibrated["quality_100"].quality_kept.estimate == 1.0


def test_the_same_seed_gives_the_same_numbers(found: FullResult) -> None:
    """All of them, bit for bit; another seed moves the intervals."""
    quality = 0.5 + 0.4 * (QUALITY - 0.5)
    other = full_result(TASKS, predictions(quality), ONCE._replace(seed=1))

    # As text: what is undefined (nan) is not equal to itself.
    assert repr(full_result(TASKS, predictions(quality), ONCE)) == repr(found)
    assert other.fixed["small"].quality.low != found.fixed["small"].quality.low or (
        other.fixed["small"].quality.high != found.fixed["small"].quality.high
    )


def test_progress_is_a_share() -> None:
    """One step for the router and one for each control with predictions."""
    told: list[float] = []
    full_result(TASKS, predictions(QUALITY), ONCE, progress=told.append)

    assert told == [0.0, 0.25, 0.5, 0.75]


def test_calls_to_the_dear_tier_are_told_from_none_to_the_hard_ones(found: FullResult) -> None:
    """At 0 calls quality .75 at 1 USD, at a quarter of them all of it at 1.75 USD."""
    curve = found.call_share
    assert curve is not None

    assert curve.tier == "large"
    assert [point.calls for point in curve.points] == [0.0, 0.25]
    told = [(point.quality.estimate, point.cost_usd.estimate) for point in curve.points]
    assert told == [(0.75, 1.0), (1.0, 1.75)]
