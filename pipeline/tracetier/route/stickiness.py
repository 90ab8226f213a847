"""Staying with a session's tier, because a reroute abandons a warm prompt cache.

On another tier the whole context is read at the full price, on the last one at the cached price.
The difference is worth paying only where the other tier is better by more than that:

    switch_usd(a) = context_tokens * (input price of a - cached price of a)
    stay on `last` unless  Q(a) - Q(last) >= lambda * min(1, switch_usd(a) / cost_ref)

A cache that has been idle for longer than it lives is cold, and nothing is abandoned.
"""

from collections.abc import Sequence

from msgspec import Struct

from tracetier.errors import SettingsError
from tracetier.records import Task
from tracetier.route.choice import Choice
from tracetier.route.remap import constant, swapped
from tracetier.tiers import Tier

_TOKENS_PER_PRICE = 1_000_000


class Stickiness(Struct, frozen=True, kw_only=True):
    """How a session sticks to its tier.

    Parameters
    ----------
    affinity : bool
        Keep the tier of the session whatever is believed of the others, and explore no more.
    reread_usd_per_token : tuple of float, length K
        Per tier, the price of an input token less that of a cached one, >= 0; all 0 where a switch
        costs nothing.
    cache_lives_s : float
        Seconds after the session's last step in which its cache is warm.
    """

    affinity: bool = False
    reread_usd_per_token: tuple[float, ...] = ()
    cache_lives_s: float = 300.0


def reread_prices(tiers: Sequence[Tier]) -> tuple[float, ...]:
    """Return, per tier, USD per token that reading the context anew costs more than the cache.

    Raises
    ------
    SettingsError
        If a tier declares no price of its own for input and for cached input.

    Examples
    --------
    >>> small = Tier(name="small", input_usd_per_mtok=1.0, output_usd_per_mtok=5.0,
    ...              cache_read_usd_per_mtok=0.1)
    >>> reread_prices([small])
    (9e-07,)
    """
    prices = []
    for tier in tiers:
        full, cached = tier.input_usd_per_mtok, tier.cache_read_usd_per_mtok
        if full is None or cached is None:
            raise SettingsError(
                f"switch_cost needs to know what a cached token costs, tier {tier.name!r} does not "
                "say: give input_usd_per_mtok, output_usd_per_mtok and cache_read_usd_per_mtok in "
                "its [[tier]], or leave switch_cost out"
            )
        prices.append(max(0.0, full - cached) / _TOKENS_PER_PRICE)
    return tuple(prices)


def stick(
    choice: Choice,
    task: Task,
    last: int,
    *,
    stickiness: Stickiness,
    lam: float,
    cost_ref: float,
    names: Sequence[str],
) -> tuple[Choice, str]:
    """Return the choice with the session's tier kept where that is worth it, and why.

    Parameters
    ----------
    choice : Choice
        Made among tiers that hold ``last``.
    task : Task
        Its ``context_tokens`` and ``idle_s`` are read.
    last : int
        Tier of the session's previous decision.
    stickiness : Stickiness
    lam, cost_ref : float
        Turn USD into reward: ``lam * min(1, usd / cost_ref)``.
    names : sequence of str, length K

    Returns
    -------
    choice : Choice
        The same object where nothing is held.
    reason : str
        ``""`` where nothing is held.
    """
    best = choice.greedy
    if stickiness.affinity:
        if choice.propensities[last] == 1.0:
            return choice, ""
        return constant(choice, last), f"the session keeps its tier, {names[last]}"
    if best == last or not stickiness.reread_usd_per_token:
        return choice, ""
    if task.idle_s is not None and task.idle_s > stickiness.cache_lives_s:
        return choice, ""
    usd = (task.context_tokens or 0) * stickiness.reread_usd_per_token[best]
    if usd <= 0.0:
        return choice, ""
    penalty = lam * (min(1.0, usd / cost_ref) if cost_ref > 0.0 else 1.0)
    gain = choice.reward[best] - choice.reward[last]
    if gain >= penalty:
        return choice, ""
    return swapped(choice, last), (
        f"stays on {names[last]}, whose cache is warm: {names[best]} scores {gain:+.2f}, reading "
        f"{task.context_tokens:,} tokens anew costs ${usd:.2g} or {penalty:.2f}"
    )
