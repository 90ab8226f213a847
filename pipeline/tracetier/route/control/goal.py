"""What the operator wants held: a spending rate, a spending a day, a saving, or a quality."""

import math

from msgspec import Struct

from tracetier.errors import SettingsError

SECONDS_A_DAY = 86_400.0


class Goal(Struct, frozen=True, kw_only=True):
    """One aim; exactly one field is given.

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

    Raises
    ------
    SettingsError
        For no aim, several, or a value out of its range.
    """

    budget_usd: float | None = None
    budget_usd_per_day: float | None = None
    saving: float | None = None
    quality_floor: float | None = None

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in self.__struct_fields__}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) != 1:
            raise SettingsError(
                f"a goal was given {', '.join(given) or 'nothing'}; give exactly one of "
                f"{', '.join(self.__struct_fields__)}"
            )
        ((name, value),) = given.items()
        most = {"saving": 1.0, "quality_floor": 10.0}.get(name, math.inf)
        if not 0.0 < value < most:
            raise SettingsError(f"{name} is {value!r}, must be above 0 and below {most:g}")
