"""Thompson sampling: shares that are sums, checked against draws of the rewards themselves."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import SettingsError
from tracetier.heads.prior import Prediction, PriorStats
from tracetier.route.residual import ResidualParams
from tracetier.route.strategy import start_strategy
from tracetier.route.tally import Tally
from tracetier.route.thompson import (
    ThompsonParams,
    ThompsonStrategy,
    best_shares,
    start_thompson,
)


@pytest.mark.parametrize(
    ("mean", "sd", "most"),
    [
        pytest.param([0.0, 0.3, 0.1], [0.1, 0.5, 1.0], 0.002, id="tenfold"),
        pytest.param(
            [1.0, 1.1, 0.9, 1.0, 1.05, 0.2], [0.3, 0.2, 0.6, 0.3, 0.4, 1.0], 0.002, id="6"
        ),
        pytest.param([0.0, 0.03, 0.1], [0.02, 0.5, 0.9], 0.01, id="fiftyfold"),
    ],
)
def test_shares_agree_with_drawn_rewards(mean: list[float], sd: list[float], most: float) -> None:
    """400,000 draws of all rewards; five standard errors of a share are .004 at most."""
    drawn = np.random.default_rng(1).normal(mean, sd, (400_000, len(mean))).argmax(axis=1)
    shares = np.bincount(drawn, minlength=len(mean)) / 400_000

    found = best_shares(mean, sd)

    for ours, theirs in zip(found, shares.tolist(), strict=True):
        assert abs(ours - theirs) <= most + 5 * (theirs * (1 - theirs) / 400_000) ** 0.5


def test_two_tiers_by_hand() -> None:
    """P(X > Y) = Phi((1 - .5) / sqrt(.3^2 + .4^2)) = Phi(1) = .8413."""
    assert best_shares([1.0, 0.5], [0.3, 0.4]) == pytest.approx([0.8413, 0.1587], abs=1e-4)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e3)), min_size=1, max_size=6))
def test_shares_are_a_distribution(tiers: list[tuple[float, float]]) -> None:
    """Also with deviations of 0, and means far apart."""
    found = best_shares([mean for mean, _ in tiers], [sd for _, sd in tiers])

    assert sum(found) == pytest.approx(1.0)
    assert min(found) >= 0.0


def test_it_is_sure_where_nothing_is_uncertain(prior: PriorStats) -> None:
    """With no sampling and no exploring the best mean is taken for certain, under any price."""
    params = ThompsonParams(sd_weight=0.0, sd_weight_priced=0.0, explore_min=0.0)
    strategy = ThompsonStrategy(start_thompson(prior, params))
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)

    free, priced = (
        strategy.choose(
            prediction,
            lam=0.0,
            allowed=[0, 1, 2],
            tally=Tally([[0] * 3] * 2),
            rng=Random(0),
            price=price,
        )
        for price in (0.0, 20.0)
    )

    assert (free.tier, priced.tier) == (2, 0)
    assert free.propensities[2] == pytest.approx(1.0)
    assert priced.propensities[0] == pytest.approx(1.0)


def test_it_draws_once_whatever_happens(prior: PriorStats) -> None:
    """A second generator that draws one number for every choice stays in step."""
    strategy = ThompsonStrategy(start_thompson(prior, ThompsonParams()))
    ours, theirs, tally = Random(3), Random(3), Tally([[0] * 3] * 2)
    prediction = Prediction([0.6, 0.7, 0.9], [0.001, 0.004, 0.02], [0.05, 0.2, 1.0], 0)

    for _ in range(20):
        strategy.choose(prediction, lam=0.3, allowed=[0, 2], tally=tally, rng=ours)
        theirs.random()

    assert ours.random() == theirs.random()


def test_settings_of_the_default_strategy_are_not_taken_for_its_own(prior: PriorStats) -> None:
    """Nor the other way round, though the one is made of the other."""
    with pytest.raises(SettingsError, match="'thompson' was given ResidualParams"):
        start_strategy("thompson", prior, params=ResidualParams(), lam=0.3)
    with pytest.raises(SettingsError, match="'residual' was given ThompsonParams"):
        start_strategy("residual", prior, params=ThompsonParams(), lam=0.3)
