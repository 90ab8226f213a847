"""The draw of a tier: exact propensities, and an order of draws that a replay can count on."""

import math
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import TierError
from tracetier.route.choice import allowed_indices, argmax, epsilon_greedy
from tracetier.tiers import TierSet


@st.composite
def draws(draw: st.DrawFn) -> tuple[int, list[int], float, int]:
    """A greedy tier, the allowed ones, epsilon and the number of tiers."""
    n_tiers = draw(st.integers(1, 6))
    allowed = sorted(draw(st.sets(st.integers(0, n_tiers - 1), min_size=1)))
    return draw(st.sampled_from(allowed)), allowed, draw(st.floats(0, 1)), n_tiers


@given(draws(), st.integers(0, 2**32))
def test_propensities_are_a_distribution_over_the_allowed(
    case: tuple[int, list[int], float, int], seed: int
) -> None:
    """They sum to 1, are at least epsilon / |allowed| where allowed, and 0 elsewhere."""
    greedy, allowed, epsilon, n_tiers = case

    draw = epsilon_greedy(greedy, allowed, epsilon=epsilon, n_tiers=n_tiers, rng=Random(seed))

    assert math.fsum(draw.propensities) == pytest.approx(1.0, abs=1e-12)
    assert all(draw.propensities[a] >= epsilon / len(allowed) - 1e-15 for a in allowed)
    assert all(draw.propensities[a] == 0.0 for a in set(range(n_tiers)) - set(allowed))
    assert draw.tier in allowed
    assert draw.explored or draw.tier == greedy


@pytest.mark.parametrize("allowed", [[0, 1, 2], [0, 2], [2]], ids=["all", "two", "one"])
def test_simulated_shares_agree_with_the_propensities(allowed: list[int]) -> None:
    """20,000 seeded draws; each share lies within 4 binomial standard deviations."""
    rng, n = Random(11), 20_000

    made = [epsilon_greedy(2, allowed, epsilon=0.3, n_tiers=3, rng=rng) for _ in range(n)]

    shares = Counter(draw.tier for draw in made)
    for tier, p in enumerate(made[0].propensities):
        assert abs(shares[tier] - n * p) <= 4 * math.sqrt(n * p * (1 - p))


def test_the_stream_is_one_uniform_then_one_integer_only_when_exploring() -> None:
    """A second generator that draws by the documented order stays in step."""
    ours, theirs = Random(3), Random(3)
    allowed, n_explored = [0, 2, 3], 0

    for _ in range(500):
        draw = epsilon_greedy(2, allowed, epsilon=0.4, n_tiers=4, rng=ours)
        expected = allowed[theirs.randrange(3)] if theirs.random() < 0.4 else 2
        assert draw.tier == expected
        n_explored += draw.explored

    assert 150 < n_explored < 250


def test_equal_values_go_to_the_cheapest_allowed_tier() -> None:
    """The lowest index wins a tie."""
    assert argmax([1.0, 5.0, 5.0], [0, 1, 2]) == 1
    assert argmax([5.0, 5.0, 5.0], [1, 2]) == 1


def test_allowed_names_become_ascending_indices(tiers: TierSet) -> None:
    """Order and repetition of the names do not matter."""
    assert allowed_indices(tiers, ["high", "low", "high"]) == [0, 2]


@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        pytest.param(["low", "hihg"], "'hihg' is not declared.*did you mean 'high'", id="typo"),
        pytest.param([], "allowed is empty.*low, mid, high", id="empty"),
        pytest.param("low", r"allowed is the string 'low'.*write \['low'\]", id="string"),
    ],
)
def test_wrong_allowed_sets_say_what_is_wrong(
    tiers: TierSet, allowed: list[str] | str, message: str
) -> None:
    """A typo, nothing, and a bare string."""
    with pytest.raises(TierError, match=message):
        allowed_indices(tiers, allowed)
