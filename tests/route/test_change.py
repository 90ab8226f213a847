"""A tier joins, leaves, is renamed or repriced: columns to columns."""

import numpy as np
import pytest

from tracetier.errors import TierError
from tracetier.heads.prior import PriorStats
from tracetier.route.change import price_factor, with_name, with_price, with_tier, without_tier
from tracetier.route.columns import plain_columns, tiers_of
from tracetier.route.token_mix import TokenMix
from tracetier.tiers import Tier, TierSet

CHEAP = Tier(name="low", input_usd_per_mtok=1.0, output_usd_per_mtok=5.0)
COLUMNS = plain_columns(TierSet((CHEAP, Tier(name="high"))))
TWO = np.full(2, 0.04)
PRIOR = PriorStats(
    buckets=("a",),
    n=np.array([10.0]),
    quality_mean=np.array([[0.4, 0.8]]),
    cost_mean=np.array([[0.01, 1.0]]),
    quality_var=TWO,
    cost_var=TWO,
    quality_tau2=TWO,
    cost_tau2=TWO,
)


def test_a_tier_joins_at_its_place_by_cost() -> None:
    """Between a cent and a dollar; from both sides nothing is lost."""
    got = with_tier(COLUMNS, Tier(name="mid"), prior=PRIOR, cost_ref=1.0, cost_usd=0.1)

    assert tiers_of(got.columns).names == ("low", "mid", "high")
    assert (got.tiers_from, got.cost_scale) == ([0, -1, 1], [1.0, 1.0, 1.0])
    assert got.columns[1].weight == pytest.approx(0.5)
    dear = with_tier(COLUMNS, Tier(name="x"), prior=PRIOR, cost_ref=1.0, cost_usd=9.0)
    assert tiers_of(dear.columns).names == ("low", "high", "x")


def test_its_cost_follows_from_prices_and_its_quality_from_a_guess() -> None:
    """Ten times the price of low is ten cents; 9 of 10 is .3 above the neighbours' .6."""
    new = Tier(name="mid", input_usd_per_mtok=10.0, output_usd_per_mtok=50.0)
    (_, column, _) = with_tier(COLUMNS, new, prior=PRIOR, cost_ref=1.0, quality=9.0).columns

    assert column.cost_factor == pytest.approx(10.0)
    assert column.shift == pytest.approx(0.3)


def test_the_cost_of_a_new_tier_follows_from_the_tokens_of_a_present_one() -> None:
    """Nine tenths of a call of low is output, which costs new twice as much: .1 + 1.8 cents."""
    new = Tier(name="mid", input_usd_per_mtok=1.0, output_usd_per_mtok=10.0)
    mix = TokenMix(input=1_000_000, output=1_800_000, cost_usd=10.0)
    (_, column, _) = with_tier(COLUMNS, new, prior=PRIOR, cost_ref=1.0, tokens=[mix, None]).columns

    assert column.cost_factor == pytest.approx(1.9)


def test_a_tier_leaves() -> None:
    """But not the last one."""
    got = without_tier(COLUMNS, "low")

    assert (tiers_of(got.columns).names, got.tiers_from) == (("high",), [1])
    with pytest.raises(TierError, match="'high' is the only one left"):
        without_tier(got.columns, "high")


def test_a_tier_is_renamed_in_its_place() -> None:
    """Its prices stay."""
    got = with_name(COLUMNS, "low", "tiny")

    assert tiers_of(got.columns).names == ("tiny", "high")
    assert got.columns[0].tier.input_usd_per_mtok == 1.0
    assert got.tiers_from == [0, 1]


def test_a_price_is_a_factor_that_adds_up() -> None:
    """To 1/100 and back."""
    down = with_price(COLUMNS, "high", 0.01, None)
    back = with_price(down.columns, "high", 100.0, None)

    assert (down.columns[1].cost_factor, down.cost_scale) == (0.01, [1.0, 0.01])
    assert back.columns[1].cost_factor == 1.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda: with_name(COLUMNS, "low", "high"), "'high' is there already, so 'low'"),
        (lambda: with_name(COLUMNS, "lwo", "x"), "did you mean 'low'"),
        (lambda: with_name(COLUMNS, "low", " "), "is empty or has spaces"),
        (lambda: without_tier(COLUMNS, "x"), "tier 'x' is not declared"),
        (lambda: with_price(COLUMNS, "low", 0.0, None), "repriced by 0, must be finite and > 0"),
        (
            lambda: with_tier(COLUMNS, CHEAP, prior=PRIOR, cost_ref=1.0),
            "'low' is there already; give another name",
        ),
        (
            lambda: with_tier(COLUMNS, Tier(name="x"), prior=PRIOR, cost_ref=1.0),
            "nothing tells what tier 'x' costs: give cost_usd",
        ),
        (
            lambda: with_tier(COLUMNS, Tier(name="x"), prior=PRIOR, cost_ref=1.0, cost_usd=-1.0),
            "cost_usd of tier 'x' is -1",
        ),
        (
            lambda: with_tier(COLUMNS, Tier(name="x"), prior=PRIOR, cost_ref=1.0, quality=11.0),
            "quality of tier 'x' is 11",
        ),
        (lambda: price_factor(CHEAP, Tier(name="low")), "give factor="),
    ],
)
def test_a_wrong_change_is_told(change: object, told: str) -> None:
    """And nothing was changed."""
    assert callable(change)
    with pytest.raises(TierError, match=told):
        change()
