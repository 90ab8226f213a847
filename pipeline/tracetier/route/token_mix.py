"""Which tokens the calls of a tier were made of, so that a new price becomes a new cost.

A tier's calls are billed for plain input, for input read from and written to the cache, and for
output, each at its own price. Their counts over the training rows turn prices into money:

    factor = sum over kinds of tokens x new price / sum over kinds of tokens x old price

and where the old prices were not declared, what was billed stands below the line. So a new price
of output moves the cost of a tier that writes much more than that of one that reads much.
"""

from msgspec import Struct, ValidationError, convert

from tracetier.errors import ArtifactError
from tracetier.prices import price_usd
from tracetier.tiers import Tier


class TokenMix(Struct, frozen=True, kw_only=True):
    """Totals over the training rows of a tier whose tokens and cost are known.

    Attributes
    ----------
    input, output : int
        All input tokens, those from and to the cache included, and output tokens.
    cache_read, cache_write : int
        The part of the input read from, or written to, the prompt cache.
    cost_usd : float
        What they cost, > 0.
    """

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    cost_usd: float

    def price(self, tier: Tier) -> float | None:
        """Return what these tokens cost at a tier's own prices, USD; ``None`` where it has none.

        Examples
        --------
        >>> mix = TokenMix(input=3_000_000, cache_read=2_000_000, output=100_000, cost_usd=9.0)
        >>> mix.price(Tier(name="a", input_usd_per_mtok=1.0, output_usd_per_mtok=5.0,
        ...                cache_read_usd_per_mtok=0.1))
        1.7
        """
        if not tier.has_own_prices:
            return None
        return price_usd(
            None,
            input_tokens=self.input,
            output_tokens=self.output,
            cache_read_tokens=self.cache_read,
            cache_write_tokens=self.cache_write,
            tier=tier,
        )

    def factor(self, old: Tier, new: Tier) -> float | None:
        """Return the new cost over the old; ``None`` where the new prices are not declared.

        Examples
        --------
        Nine tenths of the cost is output:

        >>> mix = TokenMix(input=1_000_000, output=900_000, cost_usd=10.0)
        >>> old = Tier(name="a", input_usd_per_mtok=1.0, output_usd_per_mtok=10.0)
        >>> mix.factor(old, Tier(name="a", input_usd_per_mtok=1.0, output_usd_per_mtok=5.0))
        0.55
        """
        before, after = self.price(old), self.price(new)
        before = self.cost_usd if before is None else before
        return None if after is None or before <= 0.0 else after / before


def token_mixes(metrics: object) -> dict[str, TokenMix]:
    """Return the token mix by tier that an artifact's figures tell, if any.

    Raises
    ------
    ArtifactError
        If what stands there is no token mix.

    Examples
    --------
    >>> token_mixes({"tiers": {"low": {"n": 90}}})
    {}
    """
    tiers = metrics.get("tiers") if isinstance(metrics, dict) else None
    if not isinstance(tiers, dict):
        return {}
    try:
        return {
            name: convert(figures["tokens"], TokenMix)
            for name, figures in tiers.items()
            if isinstance(figures, dict) and "tokens" in figures
        }
    except ValidationError as error:
        raise ArtifactError(
            f"metrics.json: the tokens of a tier are damaged: {error}; train the artifact again"
        ) from error
