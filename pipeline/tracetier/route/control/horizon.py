"""The period that a budget is for, where it has an end, and how to come out even there.

A budget for a known number of requests, or for a day, has an end. The best price on cost is then
the one that is expected to spend *what is left over what is left* (re-solving: Jasin & Kumar 2012,
doi:10.1287/moor.1120.0537; with learned rewards Wu et al. 2015, arXiv 1504.06937):

    target = (B n - reserve - spent) / (n - t) = B - (over + reserve) / left       left = n - t

So an early overdraft, as one dear call is, costs next to nothing at any time, since it is evened
out over all that is still to come, and towards the end what is left is spent as exactly as single
requests can be. The reserve, 12 requests' worth but no more than 1 % of the period, is for the
last requests: what they cost more than expected nobody can save any more.

Where no end is known, ``left`` is a fixed window instead, and the reserve that of the requests so
far: any one may be the last (see `pacer`).
"""

from typing import NamedTuple

from tracetier.route.control.goal import SECONDS_A_DAY, Goal

_LEAST_LEFT = 1.0
_RESERVE, _RESERVE_SHARE = 12.0, 0.01


class Period(NamedTuple):
    """Where a budget's period stands.

    Attributes
    ----------
    left, length : float
        Requests that are left, the present one included (>= 1), and those of the whole period.
    """

    left: float
    length: float

    @property
    def reserve(self) -> float:
        """Grants that are kept for surprises at the end.

        Examples
        --------
        >>> Period(50.0, 100.0).reserve, Period(50.0, 10_000.0).reserve
        (1.0, 12.0)
        """
        return reserve(self.length)


def reserve(requests: float) -> float:
    """Return the grants that are kept for surprises, of a budget for that many requests."""
    return min(_RESERVE, _RESERVE_SHARE * requests)


def period_of(goal: Goal, *, n_decided: int, time_s: float, gap_s: float) -> Period | None:
    """Return where the period stands, ``None`` where no end is known.

    Parameters
    ----------
    goal : Goal
        With ``requests``, or with a budget a day: a day ends at midnight UTC.
    n_decided : int
        Requests so far; after the period's last one, another period begins.
    time_s : float
        Now, in seconds since 1970.
    gap_s : float
        Mean time between two requests, in seconds; 0 while unknown.

    Examples
    --------
    >>> goal = Goal(budget_usd=0.01, requests=100)
    >>> [period_of(goal, n_decided=n, time_s=0.0, gap_s=0.0).left for n in (0, 99, 100)]
    [100.0, 1.0, 100.0]
    >>> daily = Goal(budget_usd_per_day=5.0)  # an hour before midnight, a request a minute
    >>> period_of(daily, n_decided=7, time_s=23 * 3600.0, gap_s=60.0)
    Period(left=60.0, length=1440.0)
    """
    if goal.requests is not None:
        return Period(float(goal.requests - n_decided % goal.requests), float(goal.requests))
    if goal.budget_usd_per_day is None or gap_s <= 0.0:
        return None
    left_s = SECONDS_A_DAY - time_s % SECONDS_A_DAY
    return Period(max(_LEAST_LEFT, left_s / gap_s), SECONDS_A_DAY / gap_s)
