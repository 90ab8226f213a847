"""Operating points solved on calibration tasks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import SettingsError
from tracetier.measures.frontier import Matrix
from tracetier.measures.hull import fixed_tier_hull, quality_at
from tracetier.measures.operating_point import (
    Calibration,
    OperatingPoint,
    Policy,
    reference_tier,
)

# Four tasks, costs 1 and 5. The predictions know that only task 0 gains from the dear tier and
# that the other three do not; the dear tier's quality is .75, the cheap one's .5.
QUALITY = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
COST = np.tile([1.0, 5.0], (4, 1))
C_HAT = COST / 5.0
Q_HAT = np.array([[0.1, 0.9], [0.9, 0.92], [0.9, 0.91], [0.1, 0.1]])


@pytest.fixture
def calibration() -> Calibration:
    return Calibration.fit(Q_HAT, C_HAT, QUALITY, COST)


def value(point: OperatingPoint, q_hat: Matrix, c_hat: Matrix) -> tuple[float, float]:
    """Mean quality and cost of a point on the four tasks, by its probabilities."""
    p = point.probabilities(q_hat, c_hat)
    return float((p * QUALITY).sum(axis=1).mean()), float((p * COST).sum(axis=1).mean())


def test_the_hull_holds_the_policy_that_sends_one_task_to_the_dear_tier(
    calibration: Calibration,
) -> None:
    """Vertices: all cheap (1, .5) and task 0 dear (2, .75); more calls buy nothing."""
    assert calibration.hull.cost.tolist() == [1.0, 2.0]
    assert calibration.hull.quality.tolist() == [0.5, 0.75]


@pytest.mark.parametrize(
    ("budget", "p_dear", "quality", "spent"),
    [
        pytest.param(1.0, 0.0, 0.5, 1.0, id="the least"),
        pytest.param(1.25, 0.25, 0.5625, 1.25, id="a quarter of the way"),
        pytest.param(2.0, 0.0, 0.75, 2.0, id="a vertex is not mixed"),
        pytest.param(4.0, 0.0, 0.75, 2.0, id="more than is worth spending"),
    ],
)
def test_a_budget_is_met_in_expectation(
    calibration: Calibration, budget: float, p_dear: float, quality: float, spent: float
) -> None:
    """What is stated is what the probabilities give on the calibration tasks."""
    point = calibration.at_cost(budget)

    assert point.p_dear == pytest.approx(p_dear)
    assert (point.quality, point.cost_usd) == pytest.approx((quality, spent))
    assert value(point, Q_HAT, C_HAT) == pytest.approx((quality, spent))


def test_a_floor_a_fraction_and_a_saving_name_the_same_point(calibration: Calibration) -> None:
    """.6 is 80 % of the dear tier's .75; it costs 1.4, which is a saving of .72 on 5."""
    for point in (
        calibration.at_quality(0.6),
        calibration.at_fraction(0.8),
        calibration.at_saving(0.72),
    ):
        assert (point.quality, point.cost_usd) == pytest.approx((0.6, 1.4))
        assert point.p_dear == pytest.approx(0.4)


def test_a_budget_below_the_cheapest_policy_is_told(calibration: Calibration) -> None:
    """The message names the budget, the least that is possible, and the mend."""
    with pytest.raises(SettingsError, match=r"0\.5 USD per task is below 1 USD.*raise the budget"):
        calibration.at_cost(0.5)
    with pytest.raises(SettingsError, match="a budget of nan USD"):
        calibration.at_cost(float("nan"))


def test_a_floor_above_the_best_policy_is_told(calibration: Calibration) -> None:
    """The message names the floor and the best that can be had."""
    with pytest.raises(SettingsError, match=r"floor of 0\.900 \(of 1\) is above 0\.750"):
        calibration.at_quality(0.9)


def test_predictions_that_mislead_fall_back_on_the_fixed_tiers() -> None:
    """With the ranking upside down every sweep policy is worse than mixing the two tiers."""
    calibration = Calibration.fit(1.0 - Q_HAT, C_HAT, QUALITY, COST)
    point = calibration.at_cost(3.0)

    assert (point.cheap, point.dear) == (Policy(tier=0), Policy(tier=1))
    assert (point.p_dear, point.quality) == pytest.approx((0.5, 0.625))


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_never_below_the_fixed_tier_hull_on_the_calibration_tasks(seed: int, part: float) -> None:
    """Whatever the predictions and the budget."""
    rng = np.random.default_rng(seed)
    q_hat, quality, cost = rng.random((3, 20, 3))
    cost *= np.array([0.1, 0.3, 1.0])
    calibration = Calibration.fit(q_hat, cost, quality, cost, n_points=9)
    fixed = fixed_tier_hull(quality, cost)
    budget = float(fixed.cost[0] + part * (fixed.cost[-1] - fixed.cost[0]))
    point = calibration.at_cost(budget)
    p = point.probabilities(q_hat, cost)

    assert (p * quality).sum(axis=1).mean() >= quality_at(fixed, budget) - 1e-9
    assert (p * cost).sum(axis=1).mean() <= budget + 1e-9
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


def test_draws_follow_the_stated_probabilities() -> None:
    """40,000 draws at .3: within five standard errors (.0115), and the same under one seed."""
    point = OperatingPoint(
        cheap=Policy(tier=0), dear=Policy(tier=1), p_dear=0.3, quality=0.0, cost_usd=0.0
    )
    none = np.zeros((40_000, 2))
    drawn = point.choose(none, none, np.random.default_rng(7))

    assert drawn.mean() == pytest.approx(0.3, abs=0.0115)
    assert (drawn == point.choose(none, none, np.random.default_rng(7))).all()


def test_a_point_that_is_not_mixed_draws_no_other_tier(calibration: Calibration) -> None:
    """At a vertex the draw is the policy itself."""
    drawn = calibration.at_cost(2.0).choose(Q_HAT, C_HAT, np.random.default_rng(0))

    assert drawn.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("quality", "cost", "expected"),
    [
        ([0.5, 0.9, 0.8], [1.0, 2.0, 9.0], 1),
        ([0.5, 0.9, 0.9], [1.0, 3.0, 2.0], 2),
        ([0.9, 0.9, 0.9], [1.0, 2.0, 3.0], 0),
    ],
    ids=["the best", "of equals the cheaper", "all equal"],
)
def test_savings_are_told_against_the_best_fixed_tier(
    quality: list[float], cost: list[float], expected: int
) -> None:
    """Not the dearest: a dear tier that is worse would flatter any router."""
    assert reference_tier(np.array(quality), np.array(cost)) == expected
