"""Where a period stands, by the count of requests or by the clock."""

import pytest

from tracetier.route.control.goal import Goal
from tracetier.route.control.horizon import Period, period_of


def _of(goal: Goal, n_decided: int = 0, time_s: float = 0.0, gap_s: float = 1.0) -> Period | None:
    return period_of(goal, n_decided=n_decided, time_s=time_s, gap_s=gap_s)


@pytest.mark.parametrize(
    ("n_decided", "left"), [(0, 500.0), (1, 499.0), (499, 1.0), (500, 500.0), (1_250, 250.0)]
)
def test_requests_are_counted_down_and_begin_anew(n_decided: int, left: float) -> None:
    """A period of 500; the present request is one of those left."""
    goal = Goal(budget_usd=0.01, requests=500)

    assert _of(goal, n_decided) == Period(left, 500.0)


def test_a_day_ends_at_midnight_utc() -> None:
    """At noon of the fourth day, a request each 10 s: 4,320 are left of 8,640; then never none."""
    goal = Goal(budget_usd_per_day=5.0)

    assert _of(goal, time_s=3.5 * 86_400, gap_s=10.0) == Period(4_320.0, 8_640.0)
    assert _of(goal, time_s=86_399.5, gap_s=10.0) == Period(1.0, 8_640.0)


@pytest.mark.parametrize("goal", [Goal(budget_usd=0.01), Goal(saving=0.5), Goal(quality_floor=8.0)])
def test_other_goals_have_no_end(goal: Goal) -> None:
    """Nor has a day as long as nobody knows how often requests come."""
    assert _of(goal) is None
    assert _of(Goal(budget_usd_per_day=5.0), gap_s=0.0) is None


@pytest.mark.parametrize(("length", "reserve"), [(100.0, 1.0), (1_200.0, 12.0), (1e6, 12.0)])
def test_the_reserve_is_a_few_requests(length: float, reserve: float) -> None:
    """1 % of a short period, 12 of a long one."""
    assert Period(50.0, length).reserve == pytest.approx(reserve)
