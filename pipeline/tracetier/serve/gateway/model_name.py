"""The model that a request names: ours, with what it asks of the router, or another's.

tracetier                          the router's own choice
tracetier:lam=1.0                  with another weight of cost
tracetier:floor=mid,lam=0.1        and no tier below mid
"""

import math
from typing import Final

from msgspec import Struct

from tracetier.errors import SettingsError, TierError
from tracetier.tiers import TierSet

OURS: Final = "tracetier"
OPTIONS: Final = ("lam", "floor")


class Asked(Struct, frozen=True):
    """What a model's name asks of the router: lambda, and the cheapest tier."""

    lam: float | None = None
    floor: str | None = None

    def tiers(self, tiers: TierSet) -> tuple[str, ...]:
        """Return the tiers that may be taken, cheap to dear.

        Raises
        ------
        TierError
            If the floor is no tier of the set.
        """
        return tiers.names if self.floor is None else tiers.names[tiers.index(self.floor) :]


def read_model(name: str) -> Asked | None:
    """Return what one of our names asks, ``None`` for the name of any other model.

    Raises
    ------
    SettingsError, TierError
        For an option that is unknown, given twice, or without a good value.

    Examples
    --------
    >>> read_model("tracetier:floor=mid,lam=0.5")
    Asked(lam=0.5, floor='mid')
    >>> read_model("gpt-5-mini") is None
    True
    """
    head, _, options = name.partition(":")
    if head.strip().lower() != OURS:
        return None
    found: dict[str, str] = {}
    for option in filter(None, (part.strip() for part in options.split(","))):
        key, _, value = (part.strip() for part in option.partition("="))
        if key not in OPTIONS or key in found:
            what = "is given twice" if key in found else f"is not one of {', '.join(OPTIONS)}"
            raise SettingsError(f"option {key[:40]!r} of the model {what}; {_FORM}")
        found[key] = value
    floor = found.get("floor")
    if floor == "":
        raise TierError(f"floor names no tier; {_FORM}")
    return Asked(_lam(found["lam"]) if "lam" in found else None, floor)


_FORM: Final = f"write {OURS}, {OURS}:lam=1.0 or {OURS}:floor=TIER,lam=1.0"


def _lam(value: str) -> float:
    try:
        lam = float(value)
    except ValueError:
        lam = math.nan
    if not 0.0 <= lam <= 1e6:
        raise SettingsError(f"lam is {value[:40]!r}, must be a number from 0 to 1e6; {_FORM}")
    return lam
