"""A tier's tokens turn a new price into a new cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import ArtifactError
from tracetier.route.token_mix import TokenMix, token_mixes
from tracetier.tiers import Tier

# 10 USD at the old prices: 1 of plain input, .5 of the 5 M read from the cache, 8.5 of output.
MIX = TokenMix(input=6_000_000, cache_read=5_000_000, output=850_000, cost_usd=10.0)
OLD = Tier(name="a", input_usd_per_mtok=1.0, output_usd_per_mtok=10.0, cache_read_usd_per_mtok=0.1)


def test_each_kind_of_token_moves_the_cost_by_its_own_share() -> None:
    """Output at half: 1 + .5 + 4.25. Without a price of its own the cache is read at that of input:
    6 + 8.5, as it is billed then.
    """
    half = Tier(
        name="a", input_usd_per_mtok=1.0, output_usd_per_mtok=5.0, cache_read_usd_per_mtok=0.1
    )
    no_cache = Tier(name="a", input_usd_per_mtok=1.0, output_usd_per_mtok=10.0)

    assert MIX.price(OLD) == pytest.approx(10.0)
    assert MIX.factor(OLD, half) == pytest.approx(0.575)
    assert MIX.factor(OLD, no_cache) == pytest.approx(1.45)


def test_what_was_billed_stands_for_old_prices_that_were_not_declared() -> None:
    """20 USD came of the price list; at own prices it is 10. New prices are needed in any case."""
    listed = Tier(name="a", models=("gpt-5-nano",))
    billed = TokenMix(input=6_000_000, cache_read=5_000_000, output=850_000, cost_usd=20.0)

    assert billed.factor(listed, OLD) == pytest.approx(0.5)
    assert billed.factor(OLD, listed) is None
    free = Tier(name="a", input_usd_per_mtok=0.0, output_usd_per_mtok=0.0)
    assert billed.factor(free, OLD) is None


@given(st.floats(0.01, 100.0), st.floats(0.01, 100.0), st.floats(0.0, 100.0))
def test_there_and_back_is_one(input_usd: float, output_usd: float, read_usd: float) -> None:
    """Whatever the prices."""
    new = Tier(
        name="a",
        input_usd_per_mtok=input_usd,
        output_usd_per_mtok=output_usd,
        cache_read_usd_per_mtok=read_usd,
    )
    there, back = MIX.factor(OLD, new), MIX.factor(new, OLD)

    assert there is not None
    assert back is not None
    assert there * back == pytest.approx(1.0)


def test_figures_of_an_artifact_are_read_and_checked() -> None:
    """Old artifacts have none; a word for a count is damage."""
    told = {"input": 10, "output": 2, "cache_read": 4, "cache_write": 0, "cost_usd": 0.5}

    assert token_mixes({}) == token_mixes(None) == token_mixes({"tiers": {"a": {"n": 1}}}) == {}
    assert token_mixes({"tiers": {"a": {"n": 1, "tokens": told}}}) == {
        "a": TokenMix(input=10, output=2, cache_read=4, cost_usd=0.5)
    }
    with pytest.raises(ArtifactError, match="tokens of a tier are damaged"):
        token_mixes({"tiers": {"a": {"tokens": {**told, "input": "many"}}}})
