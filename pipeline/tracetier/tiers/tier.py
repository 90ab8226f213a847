"""Tiers, cheap to dear, and which of them a model belongs to.

The user's own patterns decide first, and the built-in families only where no pattern says anything.
A name that nobody knows stays unknown.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec import Struct

from tracetier.errors import TierError
from tracetier.tiers.model_names import FAMILIES, family_of, normalize_model, without_provider

_PRICES = (
    "input_usd_per_mtok",
    "output_usd_per_mtok",
    "cache_read_usd_per_mtok",
    "cache_write_usd_per_mtok",
)
LIMITS = ("context_window", "tools", "vision")
"""What a tier declares that it can do; a matter of its models, not of any prediction."""


class Tier(Struct, frozen=True, kw_only=True):
    """One arm of the router: a name, the models behind it and, where told, its prices.

    Parameters
    ----------
    name : str
        How decisions, tables and reports call it.
    models : tuple of str
        Names or patterns (``*``, ``?``, ``[...]``, without regard to case) of the models that
        belong to it.
    model : str, optional
        The model a decision for this tier names; else the first of ``models`` that is no pattern.
    input_usd_per_mtok, output_usd_per_mtok : float, optional
        Own prices, USD per million tokens, both or neither; they replace the price list.
    cache_read_usd_per_mtok, cache_write_usd_per_mtok : float, optional
        Own prices of tokens read from and written to the prompt cache; where missing beside an own
        input price, that price.
    context_window : int, optional
        Tokens that a prompt may have, >= 1; by default no limit is known.
    tools, vision : bool, optional
        ``False`` where its models take no tools, or no images.

    Raises
    ------
    TierError
        For an empty name, a price that is negative or not a number, only one of the two prices, or
        a context window below 1.

    Examples
    --------
    >>> Tier(name="small", models=("gpt-5-nano", "claude-*haiku*")).name
    'small'
    """

    name: str
    models: tuple[str, ...] = ()
    model: str | None = None
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cache_read_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    context_window: int | None = None
    tools: bool | None = None
    vision: bool | None = None

    def __post_init__(self) -> None:
        if not self.name or self.name != self.name.strip():
            raise TierError(f"tier name {self.name!r} is empty or has spaces around it")
        for key in _PRICES:
            price = getattr(self, key)
            if price is not None and not 0 <= price < math.inf:
                raise TierError(
                    f"tier {self.name!r}: {key} is {price:g}, must be >= 0 USD per million tokens"
                )
        if (self.input_usd_per_mtok is None) != (self.output_usd_per_mtok is None) or (
            not self.has_own_prices and any(getattr(self, key) is not None for key in _PRICES)
        ):
            raise TierError(
                f"tier {self.name!r} gives some of its prices only; give both input_usd_per_mtok "
                "and output_usd_per_mtok, or no price to use the price list"
            )
        if self.context_window is not None and self.context_window < 1:
            raise TierError(
                f"tier {self.name!r}: context_window is {self.context_window}, must be >= 1 token; "
                "leave it out where no limit is known"
            )

    @property
    def has_own_prices(self) -> bool:
        """Whether the tier is priced by the user and not by the price list."""
        return self.input_usd_per_mtok is not None

    @property
    def plain_models(self) -> tuple[str, ...]:
        """``model`` and those of ``models`` that are names, not patterns."""
        own = () if self.model is None else (self.model,)
        return own + tuple(name for name in self.models if not _is_pattern(name))


class TierSet(Struct, frozen=True):
    """The tiers a router chooses among, cheap to dear.

    Parameters
    ----------
    tiers : tuple of Tier
        At least one, with different names.

    Raises
    ------
    TierError
        If there is no tier, or two have one name.

    Examples
    --------
    >>> tiers = TierSet((Tier(name="low", models=("gpt-5-nano",)), Tier(name="high")))
    >>> tiers.names, tiers.index("high"), tiers.model_of("low"), tiers.match("openai/GPT-5-nano")
    (('low', 'high'), 1, 'gpt-5-nano', 'low')
    """

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        if not self.tiers:
            raise TierError("a tier set needs at least one tier; declare [[tier]] or give tiers")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise TierError(f"tier name {twice[0]!r} is given twice; names must differ")

    def __len__(self) -> int:
        return len(self.tiers)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tiers, cheap to dear."""
        return tuple(tier.name for tier in self.tiers)

    def index(self, name: str) -> int:
        """Return the place of a tier, 0 for the cheapest; `TierError` where it is not declared."""
        try:
            return self.names.index(name)
        except ValueError:
            near = get_close_matches(name, self.names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TierError(
                f"tier {name!r} is not declared, the tiers are {', '.join(self.names)}{hint}"
            ) from None

    def model_of(self, name: str) -> str | None:
        """Return the model that a decision for this tier names, ``None`` where none is told."""
        return next(iter(self.tiers[self.index(name)].plain_models), None)

    def match(self, model: str) -> str | None:
        """Return the name of the tier a model belongs to, ``None`` where nothing tells.

        In this order, and within each step in the order of the tiers: a model named by a tier, as
        written, then without its provider, then in normal form; a tier's own name; a pattern of
        a tier; the built-in family that a tier is named after.

        Examples
        --------
        >>> DEFAULT_TIERS.match("us.anthropic.claude-3-5-haiku-20241022-v1:0")
        'haiku'
        >>> DEFAULT_TIERS.match("claude-fable-5") is None
        True
        """
        return _match(self.tiers, model)


DEFAULT_TIERS = TierSet(tuple(Tier(name=family) for family in FAMILIES))
"""The built-in families as tiers: what is matched where the user declares no tier."""


def order_by_cost(names: Iterable[str], mean_cost: Mapping[str, float]) -> tuple[str, ...]:
    """Return tier names from cheap to dear; equal costs in alphabetical order.

    Parameters
    ----------
    names : iterable of str
        Tiers to order.
    mean_cost : mapping of str to float
        Mean cost per invocation of each tier, in USD.

    Raises
    ------
    TierError
        If the cost of a tier is missing or not a number.

    Examples
    --------
    >>> order_by_cost(["opus", "haiku"], {"haiku": 0.001, "opus": 0.02})
    ('haiku', 'opus')
    """
    names = tuple(names)
    unknown = [name for name in names if not math.isfinite(mean_cost.get(name, math.nan))]
    if unknown:
        raise TierError(
            f"the mean cost of tier {unknown[0]!r} is unknown ({len(unknown)} such tiers), so the "
            "tiers cannot be ordered; declare them cheap to dear as [[tier]] in tracetier.toml"
        )
    return tuple(sorted(names, key=lambda name: (mean_cost[name], name)))


def _is_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


@lru_cache(maxsize=4096)
def _match(tiers: tuple[Tier, ...], model: str) -> str | None:
    raw, bare, normal = model.strip().lower(), without_provider(model), normalize_model(model)
    family = family_of(model)
    claims: tuple[Callable[[Tier], bool], ...] = (
        lambda tier: raw in map(str.lower, tier.plain_models),
        lambda tier: bare in map(str.lower, tier.plain_models),
        lambda tier: normal in map(normalize_model, tier.plain_models),
        lambda tier: tier.name.lower() in (raw, bare, normal),
        lambda tier: _has_pattern_for(tier, (raw, bare, normal)),
        lambda tier: tier.name.lower() == family,
    )
    matches = (tier.name for claim in claims for tier in tiers if claim(tier))
    return next(matches, None) if normal else None


def _has_pattern_for(tier: Tier, forms: tuple[str, ...]) -> bool:
    patterns = [pattern.lower() for pattern in tier.models if _is_pattern(pattern)]
    return any(fnmatchcase(form, pattern) for pattern in patterns for form in forms)
