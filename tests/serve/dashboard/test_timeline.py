"""The timeline: what the ledger holds more goes to the step of now, and nothing grows for ever."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.records import Task
from tracetier.route.savings import Sums
from tracetier.serve.dashboard.timeline import HOUR_S, KEPT, MINUTE_S, Timeline
from tracetier.serve.recent import DecisionView

if TYPE_CHECKING:
    from tests.serve.conftest import Maker

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
TODAY = "2026-11-24"


class World:
    """A ledger and a clock that a test moves."""

    def __init__(self) -> None:
        self.days: dict[str, dict[str, Sums]] = {}
        self.now_s = NOON
        self.asked: list[str] = []
        self.timeline = Timeline(self.ledger, clock=lambda: self.now_s)

    def ledger(self, since: str) -> dict[str, dict[str, Sums]]:
        self.asked.append(since)
        return {day: dict(tiers) for day, tiers in self.days.items() if day >= since}

    def at(self, seconds: float, **tiers: Sums) -> None:
        """Look at the ledger so many seconds after noon."""
        self.now_s = NOON + seconds
        self.days.setdefault(TODAY, {}).update(tiers)
        self.timeline.sample()


@pytest.fixture
def world() -> World:
    return World()


def test_what_stood_in_the_ledger_before_is_no_news(world: World) -> None:
    """A service that starts on an old state does not show years of traffic in one minute."""
    world.at(0, low=Sums(decisions=1000))
    world.at(1, low=Sums(decisions=1002, spend_usd=0.5))

    ((_, step),) = world.timeline.steps(MINUTE_S, 1)

    assert step.sums["low"].decisions == 2
    assert step.sums["low"].spend_usd == 0.5
    assert world.asked[-1] == "2026-11-23"


def test_each_step_holds_what_came_in_it(world: World) -> None:
    """Two in the first minute, none in the second, three in the third, of another tier."""
    world.at(0)
    world.at(10, low=Sums(decisions=2))
    world.at(130, high=Sums(decisions=3))

    steps = world.timeline.steps(MINUTE_S, 3)

    assert [at - NOON for at, _ in steps] == [0, 60, 120]
    assert [{name: s.decisions for name, s in step.sums.items()} for _, step in steps] == [
        {"low": 2},
        {},
        {"high": 3},
    ]


def test_a_report_moves_the_step_in_which_it_comes(world: World) -> None:
    """.30 was predicted and .10 spent: the later step tells -.20, and the quality."""
    world.at(0)
    world.at(1, low=Sums(decisions=1, spend_usd=0.30))
    world.at(61, low=Sums(decisions=1, spend_usd=0.10, n_cost=1, n_quality=1, quality=8.0))

    (_, first), (_, second) = world.timeline.steps(MINUTE_S, 2)

    assert first.sums["low"].spend_usd == pytest.approx(0.30)
    assert second.sums["low"].spend_usd == pytest.approx(-0.20)
    assert (second.sums["low"].decisions, second.sums["low"].mean_quality) == (0, 8.0)


def test_a_day_that_begins_and_one_that_falls_out_count_once(world: World) -> None:
    """The rows of a new day are new; those of the day before yesterday are no longer looked at."""
    world.at(0, low=Sums(decisions=5))
    world.days["2026-11-25"] = {"low": Sums(decisions=2)}
    world.now_s = NOON + 13 * HOUR_S
    world.timeline.sample()
    world.days["2026-11-26"] = {"low": Sums(decisions=4)}
    world.now_s = NOON + 37 * HOUR_S
    world.timeline.sample()

    steps = world.timeline.steps(HOUR_S, 38)

    assert [s.sums["low"].decisions for _, s in steps if s.sums] == [2, 4]


def test_a_ledger_that_begins_anew_takes_nothing_back(world: World) -> None:
    """A state that was reset has fewer decisions; no step goes below nought."""
    world.at(0, low=Sums(decisions=5))
    world.at(1, low=Sums(decisions=9))
    world.at(2, low=Sums())
    world.at(3, low=Sums(decisions=1))

    ((_, step),) = world.timeline.steps(MINUTE_S, 1)

    assert step.sums["low"].decisions == 5


def test_longer_steps_are_the_sum_of_the_shorter(world: World) -> None:
    """A quarter of an hour of minutes."""
    world.at(0)
    for minute in range(20):
        world.at(60 * minute + 1, low=Sums(decisions=minute + 1))

    steps = world.timeline.steps(15 * MINUTE_S, 2)

    assert [step.sums["low"].decisions for _, step in steps] == [15, 5]


def test_the_number_of_steps_is_bounded(world: World) -> None:
    """The oldest go; a month of minutes takes the room of a day."""
    world.at(0)
    for minute in range(3000):
        world.at(60 * minute, low=Sums(decisions=minute + 1))

    kept = world.timeline.steps(MINUTE_S, 3000)

    assert sum(1 for _, step in kept if step.sums) == KEPT[MINUTE_S]
    assert sum(step.sums["low"].decisions for _, step in kept if step.sums) == KEPT[MINUTE_S]


def test_exploring_and_askers_are_counted_as_told(world: World, make_router: "Maker") -> None:
    """Three decisions for the hook, told to the timeline itself."""
    router = make_router()
    for _ in range(3):
        decision = router.route(Task(task_type="edit"))
        world.timeline.decided(DecisionView(decision=decision, source="hook"), 0.0001)
    world.at(2)

    ((_, step),) = world.timeline.steps(HOUR_S, 1)

    assert (step.n_here, step.sources) == (3, {"hook": 3})
    assert step.explored <= 3


def test_looks_at_the_same_time_count_nothing_twice() -> None:
    """Four threads look while the ledger grows; the steps hold what it holds."""
    n = [0]

    def ledger(since: str) -> dict[str, dict[str, Sums]]:
        seen = n[0]
        time.sleep(0)  # let the others pass, with what they saw
        return {TODAY: {"low": Sums(decisions=seen)}}

    timeline = Timeline(ledger, clock=lambda: NOON)
    timeline.sample()

    def look() -> None:
        for _ in range(500):
            n[0] += 1
            timeline.sample()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    timeline.sample()

    ((_, step),) = timeline.steps(MINUTE_S, 1)
    assert step.sums["low"].decisions == n[0]


amounts = st.integers(min_value=0, max_value=50)


@given(st.lists(st.tuples(st.integers(min_value=0, max_value=400), amounts, amounts), max_size=30))
def test_the_steps_add_up_to_what_came(moves: list[tuple[int, int, int]]) -> None:
    """Whenever one looks: the steps together are the ledger of now less that of the start."""
    world = World()
    world.at(0, low=Sums(decisions=7))
    seconds, low, high = 0.0, 7, 0
    for wait_s, more_low, more_high in moves:
        seconds, low, high = seconds + wait_s, low + more_low, high + more_high
        world.at(seconds, low=Sums(decisions=low), high=Sums(decisions=high, quality=float(high)))

    steps = world.timeline.steps(MINUTE_S, KEPT[MINUTE_S])

    def total(of: Callable[[Sums], float], tier: str) -> float:
        return sum(of(step.sums[tier]) for _, step in steps if tier in step.sums)

    assert total(lambda s: s.decisions, "low") == low - 7
    assert total(lambda s: s.decisions, "high") == high
    assert total(lambda s: s.quality, "high") == pytest.approx(high)
