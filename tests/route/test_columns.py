"""Tiers as columns over a model: predictions, priors, and where a new tier starts."""

import numpy as np
import pytest

from tracetier.errors import StateError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.records import Task
from tracetier.route.columns import (
    Column,
    ColumnPredictor,
    column_prior,
    is_unchanged,
    joined_column,
    mean_costs_usd,
    plain_columns,
    tiers_of,
)
from tracetier.tiers import Tier, TierSet

LOW, HIGH, NEW = Tier(name="low"), Tier(name="high"), Tier(name="new")
PLAIN = plain_columns(TierSet((LOW, HIGH)))
MIXED = Column(tier=NEW, low=0, high=1, weight=0.5, cost_factor=4.0, has_joined=True)


class Fixed:
    """The same prediction for every task."""

    def predict(self, task: Task) -> Prediction:
        return Prediction([0.4, 0.8], [0.01, 0.16], [0.1, 0.9], 0)


def _prior() -> PriorStats:
    return PriorStats(
        buckets=("a", "b"),
        n=np.array([30.0, 10.0]),
        quality_mean=np.array([[0.4, 0.8], [0.2, 0.4]]),
        cost_mean=np.array([[0.1, 0.8], [0.2, 1.0]]),
        quality_var=np.array([0.08, 0.04]),
        cost_var=np.array([0.02, 0.01]),
        quality_tau2=np.array([0.01, 0.02]),
        cost_tau2=np.array([0.003, 0.004]),
    )


def test_a_column_mixes_two_tiers_and_scales_a_cost() -> None:
    """Half way between .4 and .8, at four times the cost of low; the dear one is not capped."""
    got = ColumnPredictor(Fixed(), (PLAIN[0], MIXED, PLAIN[1])).predict(Task())

    assert got.quality == pytest.approx([0.4, 0.6, 0.8])
    assert got.cost_usd == pytest.approx([0.01, 0.04, 0.16])
    assert got.cost == pytest.approx([0.1, 0.4, 0.9])
    assert got.bucket == 0


def test_a_column_stays_within_the_scales() -> None:
    """Quality in [0, 1], reward cost at most 1."""
    column = Column(tier=NEW, low=1, high=1, shift=0.5, cost_factor=3.0)
    got = ColumnPredictor(Fixed(), (column,)).predict(Task())

    assert (got.quality, got.cost) == ([1.0], [1.0])
    assert got.cost_usd == pytest.approx([0.48])


def test_plain_columns_change_nothing_to_the_bit() -> None:
    """Neither a prediction nor a prior."""
    prior = _prior()
    same = column_prior(prior, PLAIN)

    assert is_unchanged(PLAIN, 2)
    assert ColumnPredictor(Fixed(), PLAIN).predict(Task()) == Fixed().predict(Task())
    for name in ("n", "quality_mean", "cost_mean", "quality_var", "cost_var", "quality_tau2"):
        np.testing.assert_array_equal(getattr(same, name), getattr(prior, name))


@pytest.mark.parametrize("columns", [PLAIN[:1], PLAIN[::-1], (PLAIN[0], MIXED)])
def test_other_columns_are_a_change(columns: tuple[Column, ...]) -> None:
    """One gone, another order, one mixed."""
    assert not is_unchanged(columns, 2)


def test_the_prior_of_a_tier_that_joined_is_trusted_for_four_reports() -> None:
    """sigma2 / tau2 = 4 in both channels; its means lie between those of its neighbours."""
    got = column_prior(_prior(), (PLAIN[0], MIXED))

    assert got.quality_mean[:, 1] == pytest.approx([0.6, 0.3])
    assert got.cost_mean[:, 1] == pytest.approx([0.4, 0.8])
    assert got.quality_var[1] / got.quality_tau2[1] == pytest.approx(4.0)
    assert got.cost_var[1] / got.cost_tau2[1] == pytest.approx(4.0)
    assert got.cost_var[1] == pytest.approx(0.02 * 16)
    assert got.quality_tau2[0] == 0.01


def test_the_mean_cost_weighs_buckets_by_their_tasks() -> None:
    """(30 * .1 + 10 * .2) / 40 of a cost_ref of $2."""
    assert mean_costs_usd(_prior(), PLAIN, 2.0) == pytest.approx([0.25, 1.7])


@pytest.mark.parametrize(
    ("cost_usd", "low", "high", "weight", "factor"),
    [
        pytest.param(0.1, 0, 1, 0.5, 10.0, id="half way in the logarithm"),
        pytest.param(0.001, 0, 0, 0.0, 0.1, id="cheaper than all"),
        pytest.param(10.0, 1, 1, 0.0, 10.0, id="dearer than all"),
        pytest.param(0.01, 0, 1, 0.0, 1.0, id="as dear as one"),
    ],
)
def test_a_new_tier_starts_between_its_neighbours_by_cost(
    cost_usd: float, low: int, high: int, weight: float, factor: float
) -> None:
    """Tiers at one cent and one dollar."""
    got = joined_column(NEW, PLAIN, [0.01, 1.0], cost_usd)

    assert (got.low, got.high, got.has_joined) == (low, high, True)
    assert (got.weight, got.cost_factor) == pytest.approx((weight, factor))


def test_a_tier_that_joined_is_no_neighbour() -> None:
    """Nothing was ever measured of it."""
    got = joined_column(HIGH, (PLAIN[0], MIXED), [0.01, 1.0], 1.0)
    assert (got.low, got.high) == (0, 0)
    with pytest.raises(StateError, match="'high' cannot be added: no present tier has a cost"):
        joined_column(HIGH, (MIXED,), [1.0], 1.0)


def test_the_tiers_are_those_of_the_columns() -> None:
    """In their order."""
    assert tiers_of((PLAIN[0], MIXED, PLAIN[1])).names == ("low", "new", "high")
