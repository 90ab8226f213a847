"""The dashboard's data: the same numbers as the router's and the ledger's, within bounds."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tracetier.records import Feedback, Task
from tracetier.route.snapshot import Cell, Snapshot
from tracetier.route.tally import Counts
from tracetier.serve.dashboard.answer import Overview
from tracetier.serve.dashboard.overview import MAX_ROWS, WINDOWS, Overviews
from tracetier.serve.dashboard.rows import MAX_CELLS, MAX_NAME, cell_views
from tracetier.serve.dashboard.timeline import Timeline
from tracetier.serve.service import Service
from tracetier.settings import Settings

if TYPE_CHECKING:
    from tests.serve.conftest import Maker

SECRET = "a text that nobody may read on a page"


def watched(service: Service, settings: Settings | None = None, **given: Any) -> Overviews:
    """Return the overviews of a service from now on."""
    timeline = Timeline(lambda since: service.router.ledger(since=since))
    timeline.sample()
    service.listen(timeline)
    return Overviews(service, settings or Settings(), timeline, **given)


def work(service: Service, n: int, *, reported: int = 0) -> None:
    """Decide, and report the first: quality 6, 4 tenths of a cent."""
    for i in range(n):
        task = Task(text=SECRET, task_type="edit" if i % 3 else "x", agent_name="planner")
        decision = service.route(task, source="hook" if i % 2 else "api")
        if i < reported:
            service.feedback(
                Feedback(decision_id=decision.decision_id, quality=6.0, cost_usd=0.004)
            )


def test_the_totals_are_those_of_the_ledger(service: Service) -> None:
    """And so are the window's and the points', of what came while it looked."""
    overviews = watched(service)
    work(service, 12, reported=5)

    seen = overviews.overview("1h")

    total = service.router.ledger()
    sums = [row for day in total.values() for row in day.values()]
    assert seen.totals.decisions == seen.in_window.decisions == 12
    assert seen.totals.spend_usd == pytest.approx(sum(row.spend_usd for row in sums))
    assert seen.in_window.dear_usd == pytest.approx(sum(row.dear_usd for row in sums))
    assert (seen.totals.n_quality, seen.totals.quality) == (5, 6.0)
    assert sum(sum(point.decisions) for point in seen.points) == 12
    assert [tier.name for tier in seen.tiers] == ["low", "high"]
    assert sum(tier.totals.decisions for tier in seen.tiers) == 12
    assert (seen.n_feedback, seen.n_pending) == (5, 7)
    assert seen.sources == {"api": 6, "hook": 6}


@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_has_its_steps(service: Service, window: str) -> None:
    """The present one is the last; all that came is in it, or in the one before."""
    overviews = watched(service)
    work(service, 4)

    seen = overviews.overview(window)

    step_s, n = WINDOWS[window]
    assert len(seen.points) == n
    assert {b.at_s - a.at_s for a, b in zip(seen.points, seen.points[1:], strict=False)} == {step_s}
    assert 0 <= seen.now_s - seen.points[-1].at_s < step_s + 1
    assert sum(sum(point.decisions) for point in seen.points[-2:]) == 4


def test_the_days_outlast_the_service(tmp_path: Path, make_router: "Maker") -> None:
    """They come from the state; the minutes of a service that has just started are empty."""
    first = Service(make_router(state=tmp_path / "state.json"))
    work(first, 3, reported=1)
    first.close()
    second = Service(make_router(state=tmp_path / "state.json"))

    overviews = watched(second)
    by_day, by_minute = overviews.overview("30d"), overviews.overview("1h")
    second.close()

    assert (by_day.in_window.decisions, by_minute.in_window.decisions) == (3, 0)
    assert by_minute.totals.decisions == 3
    assert by_day.points[-1].explored is None


def test_q_has_the_spread_that_decisions_go_by(make_router: "Maker") -> None:
    """A first decision, with none open, tells the same standard deviation."""
    service = Service(make_router())
    sds = service.router.q_sd()
    decision = service.route(Task(task_type="edit"))
    cells = {(c.bucket, c.tier): c for c in watched(service).overview("1h").cells}
    service.close()

    for tier, score in decision.scores.items():
        assert sds["edit"][tier] == pytest.approx(score.sd)
        assert cells["edit", tier].sd == pytest.approx(score.sd)
    assert cells["edit", decision.tier].n_pending == 1


def test_a_strategy_without_a_spread_shows_none(make_router: "Maker") -> None:
    """The published rule keeps no standard deviation: that is not one of 0."""
    service = Service(make_router(strategy="seed"))

    cells = watched(service).overview("1h").cells
    service.close()

    assert len(cells) == 4
    assert {cell.sd for cell in cells} == {None}


@pytest.mark.parametrize(
    ("settings", "actual", "is_held"),
    [
        (Settings(budget_usd=0.005), 0.004, True),
        (Settings(budget_usd_per_day=0.01), 0.012, False),
        (Settings(quality_floor=5.0), 6.0, True),
        (Settings(saving=0.999), None, False),
    ],
)
def test_the_goal_is_held_against_what_came(
    service: Service, settings: Settings, actual: float | None, is_held: bool
) -> None:
    """Three decisions, each reported at .4 cents and quality 6."""
    overviews = watched(service, settings)
    work(service, 3, reported=3)

    goal = overviews.overview("1h").goal

    assert goal is not None
    assert goal.is_held is is_held
    if actual is not None:
        assert goal.actual == pytest.approx(actual)


def test_without_decisions_nothing_is_made_up(service: Service) -> None:
    """Means and shares of nothing are not known; a budget a day has 0 spent."""
    seen = watched(service, Settings(budget_usd=0.005)).overview("24h")

    assert (seen.totals.decisions, seen.totals.saved_share, seen.totals.quality) == (0, None, None)
    assert seen.goal is not None
    assert (seen.goal.actual, seen.goal.is_held) == (None, None)
    assert seen.recent == []
    assert seen.cells[0].q == seen.cells[0].prior_q


def test_the_answer_is_bounded_and_holds_no_task_text(service: Service) -> None:
    """Names and reasons are cut, and so is the number of rows."""
    overviews = watched(service)
    work(service, 70)
    service.route(Task(text=SECRET, agent_name="n" * 5000))

    packed = overviews.packed("1h")

    seen = msgspec.json.decode(packed, type=Overview)
    assert len(seen.recent) == MAX_ROWS
    assert len(seen.recent[0].agent_name or "") == MAX_NAME
    assert SECRET.encode() not in packed
    assert len(packed) < 200_000


def test_the_busiest_buckets_come_first_and_whole(service: Service) -> None:
    """Of 200 buckets with 3 tiers, 100 fit, each with all of its tiers in their order."""
    cells = [Cell(f"b{b}", tier, 1.0, 1.0, b, 0, 0) for b in range(200) for tier in ("x", "y", "z")]
    snapshot = Snapshot("residual", "a", 0.3, Counts(), 0, cells)

    views = cell_views(snapshot, {})

    assert len(views) == MAX_CELLS
    assert [(v.bucket, v.tier) for v in views[:3]] == [("b199", t) for t in ("x", "y", "z")]
    assert views[-1].bucket == "b100"


def test_many_lookers_make_one_overview(service: Service) -> None:
    """Within half a second all get the same bytes; another window, or later, is made anew."""
    now = [1000.0]
    overviews = watched(service, clock=lambda: now[0])
    first = overviews.packed("1h")
    work(service, 1)

    assert overviews.packed("1h") is first
    assert overviews.packed("24h") is not first
    now[0] += 1.0
    assert overviews.packed("1h") is not first


def test_what_is_missing_is_said_without_addresses(service: Service) -> None:
    """The words are those of answers and /readyz."""
    service.watch("upstream", lambda: "connection to 10.0.0.7 refused")

    state = watched(service).overview("1h").state

    assert state.status == "degraded"
    assert state.degraded == ["upstream: a part does not answer"]


def test_alarms_are_told_in_words(service: Service) -> None:
    """100 outcomes as usual, then 60 that are far worse."""
    overviews = watched(service)
    for quality in [6.0] * 100 + [0.5] * 60:
        decision = service.route(Task(task_type="edit"), allowed=["low"])
        service.feedback(Feedback(decision_id=decision.decision_id, quality=quality))

    alarms = [alarm for alarm in overviews.overview("1h").alarms if alarm.kind == "outcomes"]

    assert alarms
    assert alarms[-1].name == "low"
    assert "low became worse" in alarms[0].text
    assert alarms[0].at_s is not None
