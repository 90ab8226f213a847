"""Leaving a tier that works only on evidence: abstaining, and shadow mode.

With an incumbent declared, the router takes another tier only where its lead is larger than
the lead's standard error, and where outcomes of both tiers were seen. Else it abstains and stays
with the incumbent, while it goes on exploring as before. In shadow mode it decides and tells what
it would have taken, and returns the incumbent.
"""

import math
from collections.abc import Sequence

from msgspec import Struct

from tracetier.errors import SettingsError
from tracetier.route.choice import Choice
from tracetier.route.remap import constant, swapped

MIN_EFFECTIVE = 50.0
"""Effective outcomes of a tier below which nothing is claimed of it."""


class Incumbent(Struct, frozen=True, kw_only=True):
    """The tier that is in use, and what it takes to leave it.

    Parameters
    ----------
    tier : int
        Its index.
    abstain_sd : float
        Standard errors that the lead of another tier must exceed, >= 0; 0 never abstains for a
        lead above 0.
    shadow : bool
        Return the incumbent whatever is decided.
    effective : tuple of float, length K
        Effective training outcomes per tier, where the artifact tells them; else empty.

    Raises
    ------
    SettingsError
        For a number of standard errors that is negative or not finite.
    """

    tier: int
    abstain_sd: float = 1.0
    shadow: bool = False
    effective: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.abstain_sd < math.inf:
            raise SettingsError(f"abstain_sd is {self.abstain_sd:g}, must be finite and >= 0")


def abstain(choice: Choice, incumbent: Incumbent, names: Sequence[str]) -> tuple[Choice, str]:
    """Return the choice, with the incumbent in place of a tier that the evidence does not support.

    ``Q(a) - Q(i) > abstain_sd * sqrt(sd(a)^2 + sd(i)^2)``, both with 50 effective outcomes, in
    training or in this bucket's reports.

    Parameters
    ----------
    choice : Choice
        Made among tiers that hold the incumbent.
    incumbent : Incumbent
    names : sequence of str, length K

    Returns
    -------
    choice : Choice
        The same object where it does not abstain.
    reason : str
        ``""`` where it does not abstain.
    """
    best, own = choice.greedy, incumbent.tier
    if best == own:
        return choice, ""
    for tier in (best, own) if incumbent.effective else ():
        seen = incumbent.effective[tier] + choice.n_reports[tier]
        if seen < MIN_EFFECTIVE:
            return swapped(choice, own), (
                f"abstains and stays on {names[own]}: {names[tier]} was seen {seen:.0f} times on "
                f"such tasks, {MIN_EFFECTIVE:.0f} are needed"
            )
    lead = choice.reward[best] - choice.reward[own]
    needed = incumbent.abstain_sd * math.hypot(choice.sd[best], choice.sd[own])
    if lead > needed:
        return choice, ""
    return swapped(choice, own), (
        f"abstains and stays on {names[own]}: {names[best]} leads by {lead:.2f}, "
        f"which must exceed {needed:.2f}"
    )


def shadow(
    choice: Choice, incumbent: Incumbent, allowed: Sequence[int], names: Sequence[str]
) -> tuple[Choice, str]:
    """Return the choice with the incumbent for certain, and what it would have been.

    Where the rules do not allow the incumbent, the allowed tier next to it is returned, the dearer
    of two.
    """
    tier = min(allowed, key=lambda a: (abs(a - incumbent.tier), -a))
    instead = "" if tier == incumbent.tier else f", since {names[incumbent.tier]} is ruled out"
    return constant(choice, tier), (
        f"shadow mode: {names[choice.tier]} would be taken, {names[tier]} is{instead}"
    )
