"""What happened when: a bounded number of steps of time, filled from two sides.

    shared state's ledger, looked at every second -> the difference goes to the present step
    decisions of this worker, told one by one     -> exploring and who asked

Money, tiers and quality are those of everybody who shares the state, whichever worker is asked;
exploring and askers are this worker's alone. A report counts when it came, so a step's spending
may go down where less was spent than had been predicted. Nothing survives the process: what must,
is in the ledger itself.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from tracetier.records import Feedback
from tracetier.route.outcome import Receipt
from tracetier.route.savings import DAY_S, Sums, day_of
from tracetier.serve.recent import DecisionView

MINUTE_S: Final = 60
HOUR_S: Final = 3_600
KEPT: Final = {MINUTE_S: 24 * 60, HOUR_S: 8 * 24}
"""Length of a step in seconds -> how many are kept."""

Ledger = Mapping[str, Mapping[str, Sums]]
"""Day -> tier -> sums."""

_FIELDS = Sums.__struct_fields__


class Step(Struct, kw_only=True):
    """What came in one step of time.

    ``sums`` are by tier and of all who share the state; the rest is of this worker: decisions,
    those of them that were drawn to explore, and who asked.
    """

    sums: dict[str, Sums] = {}
    n_here: int = 0
    explored: int = 0
    sources: dict[str, int] = {}

    def add(self, other: "Step") -> None:
        """Add another step to this one."""
        for tier, sums in other.sums.items():
            self.sums.setdefault(tier, Sums()).add(sums)
        self.n_here += other.n_here
        self.explored += other.explored
        for source, n in other.sources.items():
            self.sources[source] = self.sources.get(source, 0) + n


class Timeline:
    """Listens to a service, and looks at the ledger of its state; safe between threads.

    Parameters
    ----------
    ledger : callable
        Given a day, returns the ledger from that day on, as `Router.ledger` does.
    clock : callable
        Seconds since 1970.

    Examples
    --------
    >>> book = {"1970-01-01": {"low": Sums()}}
    >>> timeline = Timeline(lambda since: book, clock=lambda: 90.0)
    >>> timeline.sample()
    >>> book = {"1970-01-01": {"low": Sums(decisions=3, spend_usd=0.5)}}
    >>> timeline.sample()
    >>> [(at, step.sums["low"].decisions) for at, step in timeline.steps(60, 2)[1:]]
    [(60, 3)]
    """

    def __init__(
        self, ledger: Callable[[str], Ledger], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._rings: dict[int, dict[int, Step]] = {length: {} for length in KEPT}
        self._seen: dict[tuple[str, str], Sums] | None = None
        self._here = Step()
        self.since_s = clock()

    def decided(self, view: DecisionView, seconds: float) -> None:
        """Take note of a decision of this worker; it counts in the step of the next look."""
        source = view.source
        with self._lock:
            here = self._here
            here.n_here += 1
            here.explored += view.decision.explored
            here.sources[source] = here.sources.get(source, 0) + 1

    def reported(self, report: Feedback, receipt: Receipt, view: DecisionView | None) -> None:
        """Do nothing: what was reported is in the ledger."""

    def sample(self) -> None:
        """Add what came since the last time to the present step, by the ledger and by word."""
        with self._looking:  # one at a time, else an older look might end last
            now_s = self._clock()
            ledger = self._ledger(day_of(now_s - DAY_S))
            now = {(day, tier): sums for day, rows in ledger.items() for tier, sums in rows.items()}
            seen, self._seen = self._seen, now
            with self._lock:
                more, self._here = self._here, Step()
                if seen is not None:
                    for key, sums in now.items():
                        came = _difference(sums, seen.get(key))
                        if came is not None:
                            more.sums.setdefault(key[1], Sums()).add(came)
                if more.sums or more.n_here:
                    for step in self._present(now_s):
                        step.add(more)

    def steps(self, length_s: int, n: int) -> list[tuple[int, Step]]:
        """Return the last ``n`` steps with their starts, the oldest first, the present one last.

        Parameters
        ----------
        length_s : int
            A multiple of a minute up to an hour, or of an hour.
        n : int
        """
        base = HOUR_S if length_s % HOUR_S == 0 else MINUTE_S
        last = int(self._clock()) // length_s * length_s
        found = {last - i * length_s: Step() for i in range(n - 1, -1, -1)}
        with self._lock:
            for at, step in self._rings[base].items():
                into = found.get(at // length_s * length_s)
                if into is not None:
                    into.add(step)
        return list(found.items())

    def _present(self, now_s: float) -> list[Step]:
        """Return the steps of now, one of each length; the lock must be held."""
        found = []
        for length, ring in self._rings.items():
            at = int(now_s) // length * length
            step = ring.get(at)
            if step is None:
                step = ring[at] = Step()
                if len(ring) > KEPT[length]:
                    del ring[min(ring)]
            found.append(step)
        return found


def _difference(now: Sums, before: Sums | None) -> Sums | None:
    """Return what came; ``None`` where nothing did, or where the ledger began anew."""
    if before is None:
        return now if now.decisions or now.n_cost or now.n_quality else None
    if now == before or now.decisions < before.decisions:
        return None
    return Sums(**{name: getattr(now, name) - getattr(before, name) for name in _FIELDS})
