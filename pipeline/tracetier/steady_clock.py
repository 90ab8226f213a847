"""The time of day, from a clock that may be set wrong: a jump is believed only after it has stood.

Machines are set to another year by a typing error, a dead battery or a bad time server, and are
mended an hour later. What was deleted or given up meanwhile does not come back. So whoever deletes
by age asks this clock: it goes on as it went, by the clock that nobody can set, until a jump has
lasted.
"""

import time
from collections.abc import Callable
from typing import Final

JUMP_S: Final = 86_400.0
"""What the clock may be set by and be followed at once; by more, it has to stand."""

STANDS_S: Final = 3_600.0
"""Time after which a jump is believed."""


def elapsed_s() -> float:
    """Return seconds since some moment, those in which the machine slept included."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SteadyClock:
    """Seconds since 1970; ask it now and then, so that it sees jumps. Safe between threads.

    Parameters
    ----------
    clock : callable
        Seconds since 1970, as the machine has them.
    elapsed : callable
        Seconds that only ever grow by what passed.
    start_s : float, optional
        What it should be about now, from elsewhere; by default the clock is believed at first.

    Examples
    --------
    >>> start_s, passed_s = [1000.0], [0.0]
    >>> steady = SteadyClock(lambda: start_s[0] + passed_s[0], elapsed=lambda: passed_s[0])
    >>> start_s[0], passed_s[0] = 1e9, 10.0
    >>> steady()
    1010.0
    >>> passed_s[0] += STANDS_S
    >>> steady()
    1000003610.0
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        *,
        elapsed: Callable[[], float] = elapsed_s,
        start_s: float | None = None,
    ) -> None:
        self._clock, self._elapsed = clock, elapsed
        # Each is put in place as one, so no thread ever sees half of it.
        self._seen = clock() if start_s is None else start_s, elapsed()
        self._jump: tuple[float, float] | None = None

    def __call__(self) -> float:
        """Return the time."""
        now, at = self._clock(), self._elapsed()
        seen, seen_at = self._seen
        expected = seen + at - seen_at
        by = now - expected
        if abs(by) >= JUMP_S:
            jump = self._jump
            if jump is None or abs(by - jump[0]) >= JUMP_S:
                jump = self._jump = by, at
            if at - jump[1] < STANDS_S:
                return expected
        self._seen, self._jump = (now, at), None
        return now
