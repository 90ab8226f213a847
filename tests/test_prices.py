"""Prices: hand-worked sums, own prices, and what is not known."""

import socket
from datetime import UTC, datetime

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import RecordError
from tracetier.prices import price_usd
from tracetier.tiers import Tier

OWN = Tier(name="own", input_usd_per_mtok=2.0, output_usd_per_mtok=10.0)
CACHED = Tier(
    name="cached",
    input_usd_per_mtok=2.0,
    output_usd_per_mtok=10.0,
    cache_read_usd_per_mtok=0.5,
    cache_write_usd_per_mtok=4.0,
)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "model",
    [
        "claude-haiku-4-5-20251001",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "openrouter/anthropic/claude-haiku-4.5",
        "openai/Claude-Haiku-4.5",
        "anthropic:claude-haiku-4-5",
        "claude-4-5-haiku",
    ],
)
def test_the_list_prices_every_spelling_of_a_model(model: str) -> None:
    """700 plain, 200 read and 100 written at 1, 0.1 and 1.25 USD/M, 100 out at 5 USD/M."""
    got = price_usd(
        model,
        input_tokens=1000,
        output_tokens=100,
        cache_read_tokens=200,
        cache_write_tokens=100,
        timestamp=NEW_YEAR,
    )

    assert got == pytest.approx((700 * 1 + 200 * 0.1 + 100 * 1.25 + 100 * 5) / 1e6)


@pytest.mark.parametrize(
    ("tier", "usd_per_mtok"),
    [
        pytest.param(OWN, (1000 * 2 + 100 * 10), id="no cache price: as plain input"),
        pytest.param(CACHED, (700 * 2 + 200 * 0.5 + 100 * 4 + 100 * 10), id="all four"),
    ],
)
def test_own_prices_replace_the_list(tier: Tier, usd_per_mtok: float) -> None:
    """Also for a model that the list knows, and for one that has no name."""
    for model in ("gpt-4o-mini", None):
        got = price_usd(
            model,
            input_tokens=1000,
            output_tokens=100,
            cache_read_tokens=200,
            cache_write_tokens=100,
            tier=tier,
        )

        assert got == pytest.approx(usd_per_mtok / 1e6)


def test_an_own_price_of_zero_is_a_price() -> None:
    """A model on the user's own machine may cost nothing."""
    free = Tier(name="local", input_usd_per_mtok=0.0, output_usd_per_mtok=0.0)

    assert price_usd("llama", input_tokens=10, output_tokens=1, tier=free) == 0.0


@pytest.mark.parametrize(
    "model",
    [
        pytest.param("a-model-of-our-own", id="not in the list"),
        pytest.param("claude-fx-1", id="a known provider's unknown model"),
        pytest.param("<synthetic>", id="no model"),
        pytest.param("", id="empty"),
        pytest.param(None, id="none"),
        pytest.param("openrouter/deepseek/deepseek-r1:free", id="listed at nothing"),
    ],
)
def test_an_unknown_price_is_none_and_never_zero(model: str | None) -> None:
    """A free invocation would look like the best of all tiers."""
    assert price_usd(model, input_tokens=10, output_tokens=1) is None


def test_a_tier_without_own_prices_uses_the_list() -> None:
    """Naming a tier alone changes no price."""
    plain = price_usd("gpt-4o-mini", input_tokens=1000, output_tokens=0)

    assert plain is not None
    assert (
        price_usd("gpt-4o-mini", input_tokens=1000, output_tokens=0, tier=Tier(name="a")) == plain
    )


def test_no_tokens_cost_nothing_where_the_price_is_known() -> None:
    """0 is the true cost then."""
    assert price_usd("gpt-4o-mini", input_tokens=0, output_tokens=0) == 0.0


def test_the_price_is_that_of_the_day_and_a_time_without_zone_is_utc() -> None:
    """The list cut o3 from 10 to 2 USD/M input on 2025-06-10."""
    before, after = datetime(2025, 5, 1), datetime(2025, 7, 1, tzinfo=UTC)  # noqa: DTZ001

    assert price_usd("o3", input_tokens=1000, output_tokens=0, timestamp=before) == 0.01
    assert price_usd("o3", input_tokens=1000, output_tokens=0, timestamp=after) == 0.002


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        pytest.param((10, 1, 6, 5), "6 tokens read from and 5 written", id="cache over input"),
        pytest.param((-1, 1, 0, 0), "negative token count.*input -1", id="negative"),
    ],
)
@pytest.mark.parametrize("tier", [None, OWN])
def test_impossible_counts_are_refused(
    counts: tuple[int, int, int, int], words: str, tier: Tier | None
) -> None:
    """With the list and with own prices alike; the model and the counts are named."""
    with pytest.raises(RecordError, match=words):
        price_usd(
            "gpt-4o-mini",
            input_tokens=counts[0],
            output_tokens=counts[1],
            cache_read_tokens=counts[2],
            cache_write_tokens=counts[3],
            tier=tier,
        )


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 5))
def test_own_prices_are_linear_in_the_tokens(n_input: int, n_output: int, times: int) -> None:
    """Twice the tokens cost twice as much."""
    once = price_usd(None, input_tokens=n_input, output_tokens=n_output, tier=OWN)
    more = price_usd(None, input_tokens=n_input * times, output_tokens=n_output * times, tier=OWN)

    assert once is not None
    assert more == pytest.approx(once * times)


def test_pricing_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is the one bundled with its package."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    assert price_usd("gpt-5-nano", input_tokens=1000, output_tokens=1) is not None
    assert price_usd("never-heard-of", input_tokens=1000, output_tokens=1) is None


@given(
    model=st.sampled_from(
        ["claude-haiku-4-5", "claude-sonnet-4-5", "gpt-4o-mini", "gemini-2.5-pro", "deepseek-chat"]
    ),
    n_input=st.integers(1, 1_200_000) | st.sampled_from([199_999, 200_000, 200_001, 272_000]),
    n_output=st.integers(0, 100_000),
    shares=st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)),
    at=st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 - given below
)
def test_prices_are_those_of_the_list_at_any_size_and_time(
    model: str, n_input: int, n_output: int, shares: tuple[float, float], at: datetime
) -> None:
    """Asked slowly, one call at a time: with its steps by size, by date and by time of day."""
    n_read, n_written = (int(share * n_input) for share in shares)
    usage = Usage(
        input_tokens=n_input,
        output_tokens=n_output,
        cache_read_tokens=n_read,
        cache_write_tokens=n_written,
    )
    time = at.replace(tzinfo=UTC)
    slow = calc_price(usage, model, genai_request_timestamp=time).total_price

    assert price_usd(
        model,
        input_tokens=n_input,
        output_tokens=n_output,
        cache_read_tokens=n_read,
        cache_write_tokens=n_written,
        timestamp=time,
    ) == float(slow)


def test_what_is_kept_for_an_hour_costs_twice_the_input() -> None:
    """Written for minutes 1.25 of it; a million tokens of a model at 1 USD a million."""
    cost = {
        n: price_usd(
            "claude-haiku-4-5",
            input_tokens=1_000_000,
            output_tokens=0,
            cache_write_tokens=1_000_000,
            cache_write_1h_tokens=n,
        )
        for n in (0, 500_000, 1_000_000)
    }

    assert cost == pytest.approx({0: 1.25, 500_000: 1.625, 1_000_000: 2.0})
