"""Calls that cost many requests' worth: when one may be made, and what it is taken to cost.

A tier beyond four grants for one request cannot be paced by a price alone: a single call moves the
account further than dozens of others. So one is made only where there is room for it:

    end unknown    twice what was saved, so that the account swings around 0; but no more than half
                   of what leads to an overdraft of 1 % of all that was granted so far
    end known      half of  left (B - base) - over - reserve,  what all other tiers are not
                   expected to need until the end; half, since such calls cost up to ten times
                   their prediction, and what one takes too much must be saved until then

A call is taken to cost its prediction or, where the tier's last calls were cheaper, as much as
they: each lowers the share by a fifth of the difference, and one that cost more restores it at
once. So a price that falls is used after a few calls, and one that returns is paid once.
"""

from collections.abc import Sequence

from tracetier.route.control.horizon import Period

LUMPY = 4.0
"""Grants for one request beyond which a tier is not explored, nor taken where there is no room."""

_ROOM, _SAVED = 0.5, 2.0
_OVERDRAFT = 0.01
_SEEN_WEIGHT = 0.2


def room(
    over: float, *, grant: float, base: float, period: Period | None, n_decided: int = 0
) -> float:
    """Return what one call may cost, in the unit of the arguments.

    Parameters
    ----------
    over : float
        What is overdrawn, below 0 what was saved.
    grant, base : float
        Granted per request, and expected per request where no lumpy tier is taken.
    period : Period or None
        Where the end is known.
    n_decided : int
        Requests so far; they count where it is not.

    Examples
    --------
    >>> [room(-3.0, grant=1.0, base=0.8, period=None, n_decided=n) for n in (0, 500, 5_000)]
    [1.5, 4.0, 6.0]
    >>> room(10.0, grant=1.0, base=0.8, period=Period(left=500.0, length=2_000.0))  # 100 - 10 - 12
    39.0
    """
    if period is None:
        return min(-_SAVED * over, _ROOM * (_OVERDRAFT * n_decided * grant - over))
    return _ROOM * (period.left * (grant - base) - over - period.reserve * grant)


def seen_share(seen: Sequence[float], tier: int) -> float:
    """Return the share of its predicted cost that a tier's calls are taken to cost, at most 1."""
    return seen[tier] if tier < len(seen) else 1.0


def see(seen: list[float], tier: int, *, cost_usd: float, predicted_usd: float) -> None:
    """Take note of what a call cost: believe slowly that it is less, and at once that it is not.

    Examples
    --------
    >>> seen = []
    >>> see(seen, 1, cost_usd=0.0, predicted_usd=2.0)
    >>> seen
    [1.0, 0.8]
    >>> see(seen, 1, cost_usd=2.0, predicted_usd=2.0)
    >>> seen
    [1.0, 1.0]
    """
    seen.extend([1.0] * (tier + 1 - len(seen)))
    share = min(1.0, cost_usd / max(predicted_usd, 1e-12))
    seen[tier] = max(share, seen[tier] + _SEEN_WEIGHT * (share - seen[tier]))
