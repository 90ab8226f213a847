"""What the operator wants held: a spending rate, a spending a day, a saving, or a quality."""

import math

from msgspec import Struct

from tracetier.errors import SettingsError

SECONDS_A_DAY = 86_400.0

_AIMS = ("budget_usd", "budget_usd_per_day", "saving", "quality_floor")


class Goal(Struct, frozen=True, kw_only=True):
    """One aim; exactly one is given.

    Parameters
    ----------
    budget_usd : float
        Mean USD per request, > 0.
    budget_usd_per_day : float
        USD per 24 hours, > 0, whatever the number of requests.
    saving : float
        Share of the spending of "always the dearest tier" that is to be saved, in (0, 1).
    quality_floor : float
        Mean quality to be kept at the least cost, 0-10.
    requests : int
        How many requests ``budget_usd`` is for, >= 1, where that is known: then the sum is met
        after as many. Another period of as many follows. (A day ends at midnight UTC, known
        without it.)

    Raises
    ------
    SettingsError
        For no aim, several, a value out of its range, or ``requests`` without ``budget_usd``.
    """

    budget_usd: float | None = None
    budget_usd_per_day: float | None = None
    saving: float | None = None
    quality_floor: float | None = None
    requests: int | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _AIMS}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) != 1:
            raise SettingsError(
                f"a goal was given {', '.join(given) or 'nothing'}; give exactly one of "
                f"{', '.join(_AIMS)}"
            )
        ((name, value),) = given.items()
        most = {"saving": 1.0, "quality_floor": 10.0}.get(name, math.inf)
        if not 0.0 < value < most:
            raise SettingsError(f"{name} is {value!r}, must be above 0 and below {most:g}")
        if self.requests is not None and (self.budget_usd is None or self.requests < 1):
            raise SettingsError(
                f"the requests that a budget is for are {self.requests!r}: give a number >= 1, and "
                "budget_usd beside it"
            )
