"""What an invocation cost, in USD: the user's own prices first, else the bundled price list.

Nothing is asked of the network, and a price that nobody knows is ``None``, never 0: a free
invocation would look like the best of all tiers.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tracetier.errors import RecordError
from tracetier.tiers import Tier, normalize_model, without_provider

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

_TOKENS_PER_PRICE = 1_000_000
_HOUR = "cache_write_1h_mtok"
# What gateways write before a model, where the price list calls the provider otherwise.
_PROVIDER_NAMES = {"bedrock": "aws", "vertex_ai": "google", "gemini": "google", "xai": "x-ai"}


def price_usd(
    model: str | None,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
    cache_write_1h_tokens: int = 0,
    timestamp: datetime | None = None,
    tier: Tier | None = None,
) -> float | None:
    """Return the cost of one invocation, or ``None`` where no price is known.

    ``cost = (input - cache_read - cache_write) * p_in + cache_read * p_read
    + cache_write * p_write + output * p_out``, each price per token; of the tokens written, those
    that are kept for an hour have a price of their own where the list knows one. The list
    (``genai-prices``) holds prices by date and, for some models, by the size of the input.

    Parameters
    ----------
    model : str or None
        As the provider answered it, in any spelling that `normalize_model` understands.
    input_tokens : int
        All input tokens, those from and to the cache included.
    output_tokens : int
        Output tokens, reasoning included.
    cache_read_tokens, cache_write_tokens : int
        The part of the input read from, or written to, the prompt cache.
    cache_write_1h_tokens : int
        The part of those written that is kept for an hour, not for minutes.
    timestamp : datetime, optional
        When it ran, without a zone in UTC; today's price where it is unknown.
    tier : Tier, optional
        The tier it belongs to; own prices of it replace the list.

    Returns
    -------
    float or None
        In USD, >= 0. ``None`` also where the list prices the used tokens at 0, which stands for
        "not known" there; an own price of 0 is taken at its word.

    Raises
    ------
    RecordError
        If a count is negative, or the cached tokens exceed the input.

    Examples
    --------
    >>> price_usd("claude-haiku-4-5-20251001", input_tokens=1_000_000, output_tokens=0)
    1.0
    >>> price_usd("a-model-of-our-own", input_tokens=1, output_tokens=1) is None
    True
    """
    counts = (input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)
    _check(model, *counts)
    if tier is not None and tier.has_own_prices:
        return _own_price(tier, *counts)
    n_hour = min(max(cache_write_1h_tokens, 0), cache_write_tokens)
    return _list_price(model, (*counts, n_hour), timestamp) if model else None


def _check(model: str | None, n_input: int, n_output: int, n_read: int, n_write: int) -> None:
    if min(n_input, n_output, n_read, n_write) < 0:
        raise RecordError(
            f"negative token count for model {model!r}: input {n_input}, output {n_output}, "
            f"cache read {n_read}, cache write {n_write}; counts must be >= 0"
        )
    if n_read + n_write > n_input:
        raise RecordError(
            f"model {model!r}: {n_read} tokens read from and {n_write} written to the cache exceed "
            f"{n_input} input tokens; give all input tokens, cached ones included"
        )


def _own_price(tier: Tier, n_input: int, n_output: int, n_read: int, n_write: int) -> float:
    input_price = tier.input_usd_per_mtok or 0.0
    read, write = tier.cache_read_usd_per_mtok, tier.cache_write_usd_per_mtok
    cost = (
        (n_input - n_read - n_write) * input_price
        + n_read * (input_price if read is None else read)
        + n_write * (input_price if write is None else write)
        + n_output * (tier.output_usd_per_mtok or 0.0)
    )
    return cost / _TOKENS_PER_PRICE


def _list_price(
    model: str, counts: tuple[int, int, int, int, int], timestamp: datetime | None
) -> float | None:
    listed = _listed(model)
    if listed is None:
        return None
    if timestamp is None:
        timestamp = datetime.now(UTC)
    elif timestamp.tzinfo is None:
        timestamp = timestamp.replace(tzinfo=UTC)
    n_input, n_output, n_read, n_write, n_hour = counts
    rates = _rates_of(listed.get_prices(timestamp)).for_size(n_input)
    parts = (n_input - n_read - n_write, n_read, n_write - n_hour, n_output, n_hour)
    cost = float(sum(n * rate for n, rate in zip(parts, rates, strict=True)))
    return cost if cost > 0 or n_input + n_output == 0 else None


class _Rates(NamedTuple):
    """USD per plain input, read, written, output and for an hour written token, by input size.

    The list works out one price in 150 microseconds, which is more than all else that is done for
    a call. It is linear in the tokens, but for steps at some input sizes, so a few of its answers
    tell the rest.

    Attributes
    ----------
    steps : list of int
        Inputs larger than this are of another rate.
    of_step : list of tuple
        Up to the first step, and beyond each.
    """

    steps: list[int]
    of_step: list[tuple[Decimal, ...]]

    def for_size(self, n_input: int) -> tuple[Decimal, ...]:
        return self.of_step[bisect_left(self.steps, n_input)]


_KNOWN_RATES: dict[int, tuple["ModelPrice", _Rates]] = {}  # by identity, which the pair keeps alive


def _rates_of(price: "ModelPrice") -> _Rates:
    known = _KNOWN_RATES.get(id(price))
    if known is None:
        known = _KNOWN_RATES[id(price)] = (price, _asked(price))
    return known[1]


def _asked(price: "ModelPrice") -> _Rates:
    from genai_prices.types import TieredPrices

    tiered = (value for value in vars(price).values() if isinstance(value, TieredPrices))
    steps = sorted({step.start for value in tiered for step in value.tiers})
    return _Rates(steps, [_asked_at(price, n_input) for n_input in (1, *(n + 1 for n in steps))])


def _asked_at(price: "ModelPrice", n_input: int) -> tuple[Decimal, ...]:
    """Return the rates for an input of some size."""
    from genai_prices import Usage

    def cost(**counts: int) -> Decimal:
        usage = Usage(
            **{"output_tokens": 0, "cache_read_tokens": 0, "cache_write_tokens": 0} | counts
        )
        return price.calc_price(usage)["total_price"]

    plain = cost(input_tokens=n_input)
    written = cost(input_tokens=n_input, cache_write_tokens=n_input) / n_input
    hour = dict.fromkeys(("input_tokens", "cache_write_tokens", "cache_write_1h_tokens"), n_input)
    return (
        plain / n_input,
        cost(input_tokens=n_input, cache_read_tokens=n_input) / n_input,
        written,
        (cost(input_tokens=n_input, output_tokens=_TOKENS_PER_PRICE) - plain) / _TOKENS_PER_PRICE,
        written if getattr(price, _HOUR, None) is None else cost(**hour) / n_input,
    )


@lru_cache(maxsize=4096)
def _listed(model: str) -> "ModelInfo | None":
    """Return the model that the list knows under any spelling of a name."""
    from genai_prices import Usage, calc_price

    for name, provider in _candidates(model):
        try:
            return calc_price(Usage(), name, provider_id=provider).model
        except LookupError:
            continue
    return None


def _candidates(model: str) -> Iterator[tuple[str, str | None]]:
    """Yield spellings to look up: at the provider that the path names, then at the maker."""
    name = model.strip().lower()
    while "/" in name:
        head, _, name = name.partition("/")
        yield name, _PROVIDER_NAMES.get(head, head)
    for spelling in (name, without_provider(model), normalize_model(model)):
        if spelling:
            yield spelling, None
