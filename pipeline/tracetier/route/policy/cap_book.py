"""All caps together, asked before a decision and drawn on after it.

A task without a session, or without a tenant, is under no cap of that kind.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from tracetier.errors import CapError
from tracetier.route.policy.caps import Buckets, Cap, Debt, Per

_ROUNDING: Final = 1e-9
"""Share of a cap that sums of many floats may be off by."""


class Owner(NamedTuple):
    """Whose buckets a decision draws on."""

    session: str | None
    tenant: str | None

    def key(self, per: Per) -> str | None:
        """Return the key of the bucket of a cap, ``None`` where the cap does not apply."""
        if per == "all":
            return ""
        return self.session if per == "session" else self.tenant


class CapTerms(NamedTuple):
    """What the caps leave: tiers (ascending, at least one), whether to explore, and why."""

    allowed: Sequence[int]
    explore: bool
    reasons: tuple[str, ...]


class CapBook:
    """The buckets of every cap; not thread-safe by itself.

    Parameters
    ----------
    caps : sequence of Cap
    debts : mapping of str to mapping of str to Debt, optional
        What is owed, by the cap in words and by key, to go on from.

    Examples
    --------
    >>> book = CapBook([Cap(per="session", usd=1.0)])
    >>> book.drawn(Owner("s", None), cost_usd=0.9, explored=False, time_s=0.0)
    >>> book.terms(Owner("s", None), [0, 1], [0.05, 0.5], time_s=0.0).allowed
    [0]
    """

    def __init__(
        self, caps: Sequence[Cap], debts: Mapping[str, Mapping[str, Debt]] | None = None
    ) -> None:
        kept = debts or {}
        self.buckets = [Buckets(cap, kept.get(cap.told)) for cap in caps]

    @property
    def debts(self) -> dict[str, dict[str, Debt]]:
        """What is owed, by the cap in words and by key."""
        return {each.cap.told: dict(each.debts) for each in self.buckets}

    def terms(
        self, owner: Owner, allowed: Sequence[int], cost_usd: Sequence[float], *, time_s: float
    ) -> CapTerms:
        """Return what the caps leave of the allowed tiers; nothing is drawn yet.

        Parameters
        ----------
        owner : Owner
        allowed : sequence of int
            Tiers that the policy allows, ascending, at least one.
        cost_usd : sequence of float, length K
            Predicted cost per tier.
        time_s : float
            Seconds since 1970.

        Raises
        ------
        CapError
            If a cap that refuses has no room for the cheapest of them.
        """
        left, explore, reasons = allowed, True, []
        for buckets in self.buckets:
            cap, key = buckets.cap, owner.key(buckets.cap.per)
            if key is None:
                continue
            room = buckets.left(key, time_s) + _ROUNDING * cap.amount
            if cap.unit == "explorations":
                if room < 1.0:
                    explore = False
                    reasons.append(f"cap of {cap.told} is reached: no exploration")
                continue
            fit = [a for a in left if (cost_usd[a] if cap.unit == "usd" else 1.0) <= room]
            if len(fit) == len(left):
                continue
            if not fit:
                if cap.at_cap == "refuse":
                    wanted = min(cost_usd[a] for a in left) if cap.unit == "usd" else 1.0
                    raise _refusal(cap, key, buckets.left(key, time_s), wanted)
                fit = [min(left, key=lambda a: (cost_usd[a], a))]
                explore = False
                reasons.append(f"cap of {cap.told} is reached: the cheapest tier")
            else:
                reasons.append(f"cap of {cap.told}: ${room:.3g} left, dearer tiers do not fit")
            left = fit
        return CapTerms(left, explore, tuple(reasons))

    def drawn(
        self, owner: Owner, *, cost_usd: float, explored: bool, time_s: float, times: float = 1.0
    ) -> None:
        """Draw a decision: its predicted cost, one call, and one exploration if it was one.

        With ``times`` -1 it is given back.
        """
        for buckets in self.buckets:
            key = owner.key(buckets.cap.per)
            if key is None:
                continue
            if buckets.cap.unit == "usd":
                buckets.draw(key, times * cost_usd, time_s)
            elif buckets.cap.unit == "calls" or explored:
                buckets.draw(key, times, time_s)

    def reported(self, owner: Owner, *, more_usd: float, time_s: float) -> None:
        """Set a decision's cost right, once it is reported: actual less predicted USD."""
        for buckets in self.buckets:
            key = owner.key(buckets.cap.per)
            if key is not None and buckets.cap.unit == "usd":
                buckets.draw(key, more_usd, time_s)


def _refusal(cap: Cap, key: str, left: float, wanted: float) -> CapError:
    whose = f" of {cap.per} {key!r}" if key else ""
    room = f"${max(0.0, left):.3g}" if cap.unit == "usd" else f"{max(0.0, left):.3g}"
    if cap.every_s is None:
        when = "it never flows back"
    else:
        when = f"there is room again in {(wanted - left) * cap.every_s / cap.amount:.3g} s"
    return CapError(
        f"the cap of {cap.told}{whose} is reached ({room} of it is left, {when}), and at_cap = "
        "'refuse'; wait, raise the cap in tracetier.toml, or set at_cap = 'cheapest'"
    )
