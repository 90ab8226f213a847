"""Maps from tier to tier: where the probability goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.route.choice import Choice
from tracetier.route.remap import confined, constant, remap, swapped


def choice_of(propensities: list[float], tier: int, greedy: int = 0) -> Choice:
    """A choice with nothing believed."""
    blank = [0.0] * len(propensities)
    return Choice(
        tier=tier,
        greedy=greedy,
        near_tie_with=-1,
        explored=tier != greedy,
        epsilon=0.1,
        propensities=propensities,
        quality=blank,
        cost=blank,
        reward=blank,
        sd=blank,
        prior_reward=blank,
        n_reports=[0] * len(propensities),
    )


def test_the_probability_follows_the_tier() -> None:
    """Tiers 0 and 1 lead to 1, tier 2 to 0."""
    got = remap(choice_of([0.25, 0.25, 0.5], tier=2), [1, 1, 0])

    assert (got.tier, got.greedy, got.propensities) == (0, 1, [0.5, 0.5, 0.0])


def test_a_swap_explores_as_before() -> None:
    """Greedy 2 and 0 change places; 1 stays. The greedy tier itself changes nothing."""
    before = choice_of([0.05, 0.05, 0.9], tier=2, greedy=2)

    assert swapped(before, 0).propensities == [0.9, 0.05, 0.05]
    assert swapped(before, 0).tier == 0
    assert swapped(before, 2) is before


def test_a_constant_is_certain_and_no_exploration() -> None:
    """Whatever was drawn."""
    got = constant(choice_of([0.5, 0.5], tier=1), 0)

    assert (got.tier, got.greedy, got.propensities) == (0, 0, [1.0, 0.0])
    assert (got.explored, got.epsilon) == (False, 0.0)


def test_a_choice_is_confined_to_the_allowed_tiers() -> None:
    """What lies outside goes to the fallback."""
    got = confined(choice_of([0.5, 0.3, 0.2], tier=0), [1, 2], 1)

    assert (got.tier, got.propensities) == (1, [0.0, 0.8, 0.2])


@given(
    weights=st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any),
    maps=st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), max_size=3),
)
def test_any_chain_of_maps_keeps_the_probabilities_exact(
    weights: list[int], maps: list[list[int]]
) -> None:
    """The told probability is the share of draws that end there, counted over all draws."""
    total = sum(weights)
    propensities = [weight / total for weight in weights]
    ends, told = [0.0] * 3, [0.0] * 3
    for drawn in range(3):
        choice = choice_of(propensities, tier=drawn)
        for to in maps:
            choice = remap(choice, to)
        ends[choice.tier] += propensities[drawn]
        told = choice.propensities

    assert told == pytest.approx(ends)
    assert sum(told) == pytest.approx(1.0)
