"""The dashboard's data, put together from router, ledger, timeline and memory; bounded in size."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from tracetier.route.savings import DAY_S, Sums, day_of
from tracetier.serve.dashboard.answer import AlarmView, Overview, StateView, TierView, totals_view
from tracetier.serve.dashboard.goal import goal_view
from tracetier.serve.dashboard.rows import MAX_NAME, MAX_REASON, cell_views, point_view, row_view
from tracetier.serve.dashboard.timeline import HOUR_S, MINUTE_S, Ledger, Step, Timeline
from tracetier.serve.service import Service
from tracetier.serve.standing import Standing
from tracetier.settings import Settings

WINDOWS: Final = {
    "1h": (MINUTE_S, 60),
    "24h": (15 * MINUTE_S, 96),
    "7d": (HOUR_S, 168),
    "30d": (DAY_S, 30),
}
"""Window -> length of its steps in seconds, and their number. Days are taken from the ledger."""

FRESH_S: Final = 0.5
"""Seconds for which an answer is given to whoever asks next."""

MAX_ROWS: Final = 50
MAX_ALARMS: Final = 20


class Overviews:
    """Makes overviews, at most two a second for each window, however many look.

    Parameters
    ----------
    service : Service
    settings : Settings
    timeline : Timeline
        Told of the service's decisions; it is sampled here.
    is_one_of_several : bool
        Whether other workers serve beside this one.
    clock : callable
        Seconds since 1970.
    """

    def __init__(
        self,
        service: Service,
        settings: Settings,
        timeline: Timeline,
        *,
        is_one_of_several: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._settings = settings
        self._timeline = timeline
        self._several = is_one_of_several
        self._clock = clock
        self._standing = Standing(service)
        self._lock = threading.Lock()
        self._made: dict[str, tuple[float, bytes]] = {}

    def packed(self, window: str) -> bytes:
        """Return the overview of one of `WINDOWS` as JSON."""
        with self._lock:
            made_s, packed = self._made.get(window, (0.0, b""))
            now_s = self._clock()
            if not packed or not 0.0 <= now_s - made_s < FRESH_S:
                packed = msgspec.json.encode(self.overview(window))
                self._made[window] = now_s, packed
            return packed

    def overview(self, window: str) -> Overview:
        """Return the overview of one of `WINDOWS`; it may wait for the state store."""
        router, now_s = self._service.router, self._clock()
        snapshot = router.snapshot()
        ledger = router.ledger()
        self._timeline.sample()
        names = router.tiers.names
        step_s, n = WINDOWS[window]
        is_days = step_s == DAY_S
        steps = _days(ledger, n, now_s) if is_days else self._timeline.steps(step_s, n)
        whole = Step()
        for _, step in steps:
            whole.add(step)
        totals = totals_view(sums for day in ledger.values() for sums in day.values())
        today = totals_view(ledger.get(day_of(now_s), {}).values())
        return Overview(
            now_s=now_s,
            since_s=self._timeline.since_s,
            window=window,
            step_s=step_s,
            state=self._state(),
            tiers=[
                TierView(
                    name=name,
                    model=router.tiers.model_of(name),
                    totals=totals_view(day[name] for day in ledger.values() if name in day),
                )
                for name in names
            ],
            totals=totals,
            today=today,
            in_window=totals_view(whole.sums.values()),
            goal=goal_view(self._settings, totals, today),
            points=[point_view(at, step, names, tells_here=not is_days) for at, step in steps],
            sources=whole.sources,
            n_feedback=snapshot.counts.feedback,
            n_duplicates=snapshot.counts.duplicates,
            n_pending=snapshot.n_pending,
            n_expired=snapshot.counts.expired,
            cells=cell_views(snapshot, router.q_sd()),
            n_cells=len(snapshot.cells),
            alarms=[
                AlarmView(
                    kind=alarm.kind,
                    name=alarm.name[:MAX_NAME],
                    text=str(alarm)[:MAX_REASON],
                    at_s=alarm.time_s,
                )
                for alarm in router.alarms()[:MAX_ALARMS]
            ],
            recent=[row_view(view) for view in self._service.recent.last(MAX_ROWS)],
        )

    def _state(self) -> StateView:
        words = self._standing.words
        health, router = self._standing.health, self._service.router
        return StateView(
            status=health.status,
            degraded=words,
            artifact_id=health.artifact_id,
            strategy=router.strategy,
            lam=router.lam,
            state_age_s=health.state_age_s,
            n_queued=health.n_queued,
            n_dropped=health.n_dropped,
            uptime_s=health.uptime_s,
            is_one_of_several=self._several,
        )


def _days(ledger: Ledger, n: int, now_s: float) -> list[tuple[int, Step]]:
    """Return the last ``n`` days of the ledger, the oldest first."""
    today = int(now_s) // DAY_S * DAY_S
    starts = [today - i * DAY_S for i in range(n - 1, -1, -1)]
    return [(at, Step(sums=_copied(ledger.get(day_of(at), {})))) for at in starts]


def _copied(sums: Mapping[str, Sums]) -> dict[str, Sums]:
    return {name: msgspec.structs.replace(each) for name, each in sums.items()}
