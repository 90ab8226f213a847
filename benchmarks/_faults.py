"""What goes wrong, and when: a schedule drawn from a seed.

Each fault begins, lasts, and is mended; then the service has the rest of its turn to be well again.
In the later part of a run the oldest worker is spared, so that one lives long enough to tell
whether its memory grows.
"""

import asyncio
import fcntl
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from _place import Place

DAY_S = 86_400
CALM = "calm"
STALLED = "(stood still)"
"""The whole machine, callers included: as where something else has to be measured on it."""

STALL_S = 3.0


class Phase(NamedTuple):
    """A fault as it was: from when to when, and what it did."""

    name: str
    start_s: float
    end_s: float
    told: str = ""


Fault = Callable[[float], Awaitable[str]]


class Faults:
    """The faults of one place, run one after the other.

    Attributes
    ----------
    phases, stalls : list of Phase
        What was, in order.
    kill_s, away_s : list
        When workers were killed; from when to when the store was away.
    """

    def __init__(self, place: Place, rng: random.Random) -> None:
        self._place, self._rng = place, rng
        self.phases: list[Phase] = []
        self.stalls: list[Phase] = []
        self.kill_s: list[float] = []
        self.away_s: list[tuple[float, float]] = []
        self.wrong: list[str] = []
        self.spares = False
        self._artifact = "first"

    def known(self) -> dict[str, Fault]:
        """Return the faults that this place can have, by name."""
        found: dict[str, Fault] = {
            "worker killed": self._worker_killed,
            "worker hangs": self._worker_hangs,
            "workers renewed": self._workers_renewed,
            "upstream hangs": lambda s: self._upstream("hangs", s),
            "upstream 500": lambda s: self._upstream("500", s),
            "upstream 429": lambda s: self._upstream("429", s),
            "upstream breaks off": lambda s: self._upstream("breaks", s),
            "upstream gone": self._upstream_gone,
            "artifact swapped": self._swapped,
        }
        if self._place.redis is not None:
            found["redis killed"] = self._redis_killed
            found["redis pauses"] = self._redis_pauses
            found["redis and worker killed"] = self._both_killed
        else:
            found["state locked"] = self._locked
        if self._place.log_disk.is_own:
            found["log disk full"] = self._log_full
            found["state disk full"] = self._state_full
            found["disk full, worker killed"] = self._full_and_killed
        if self._place.can_move_clocks:
            found["clocks a day ahead"] = lambda s: self._clocks(DAY_S, s, all_=True)
            found["a worker starts a year ahead"] = self._starts_ahead
            found["a clock a year ahead"] = lambda s: self._clocks(400 * DAY_S, s)
            found["a clock an hour back"] = lambda s: self._clocks(-3600, s)
        return found

    async def run(
        self, until_s: float, *, turn_s: float, only: list[str] | None, spares: bool
    ) -> None:
        """Run them in turns, shuffled anew in each round."""
        known, self.spares = self.known(), spares
        names = [name for name in known if only is None or name in only]
        while names:
            round_ = self._rng.sample(names, len(names))
            for name in round_:
                end_s = until_s + self.stalled_s
                if time.monotonic() + turn_s > end_s:
                    return
                start_s = time.monotonic()
                told = await known[name](self._rng.uniform(0.3, 0.45) * turn_s)
                self.phases.append(Phase(name, start_s, time.monotonic(), told))
                await asyncio.sleep(max(0.0, start_s + turn_s - time.monotonic()))

    @property
    def stalled_s(self) -> float:
        """For how long the machine stood still, which is no part of the run."""
        return sum(stall.end_s - stall.start_s for stall in self.stalls)

    async def watch_stalls(self) -> None:
        """Note when nothing here went on for a while."""
        last_s = time.monotonic()
        while True:
            await asyncio.sleep(0.25)
            now_s = time.monotonic()
            if now_s - last_s > STALL_S:
                self.stalls.append(Phase(STALLED, last_s, now_s, f"{now_s - last_s:.1f} s"))
                self.kill_s.append(now_s)  # a master may take its worker for dead
            last_s = now_s

    def explains(self, decided_s: float, refused_s: float) -> bool:
        """Whether a fault may have cost a decision that was taken at one time.

        A killed worker takes what it had not stored yet: of the last tenth of a second, or of all
        the time that the store was away.
        """
        for kill_s in self.kill_s:
            if decided_s - 0.5 <= kill_s <= min(refused_s, decided_s + 1.0):
                return True
            for start_s, end_s in self.away_s:
                is_away = start_s - 1.0 <= decided_s <= end_s + 3.0
                if is_away and decided_s - 0.5 <= kill_s <= min(refused_s, end_s + 3.0):
                    return True
        return False

    def _victim(self) -> int | None:
        workers = self._place.workers()
        if self.spares:
            return workers[-1] if len(workers) > 1 else None
        return self._rng.choice(workers) if workers else None

    def _kill(self) -> str:
        pid = self._victim()
        if pid is None:
            return "none to spare"
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.kill_s.append(time.monotonic())
        return f"worker {pid}"

    async def _worker_killed(self, seconds: float) -> str:
        return self._kill()

    async def _worker_hangs(self, seconds: float) -> str:
        """Stop it for longer than its master waits for it: then it is killed and replaced."""
        pid = self._victim()
        if pid is None:
            return "none to spare"
        os.kill(pid, signal.SIGSTOP)
        start_s = time.monotonic()
        while pid in self._place.workers() and time.monotonic() < start_s + 25.0:
            await asyncio.sleep(0.2)
            self.kill_s.append(time.monotonic())
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        return f"worker {pid}, replaced after {time.monotonic() - start_s:.1f} s"

    async def _workers_renewed(self, seconds: float) -> str:
        if self.spares:
            return "spared"
        before = self._place.workers()
        assert self._place.process is not None
        self._place.process.send_signal(signal.SIGHUP)
        start_s = time.monotonic()
        while set(before) & set(self._place.workers()) and time.monotonic() < start_s + 30.0:
            await asyncio.sleep(0.2)
        return f"in {time.monotonic() - start_s:.1f} s"

    async def _upstream(self, mode: str, seconds: float) -> str:
        await asyncio.to_thread(self._place.upstream.mode, mode)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self._place.upstream.mode, "ok")
        return ""

    async def _upstream_gone(self, seconds: float) -> str:
        self._place.upstream.stop()
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self._place.upstream.start)
        return ""

    async def _redis_killed(self, seconds: float, *, and_worker: bool = False) -> str:
        redis, start_s = self._place.redis, time.monotonic()
        assert redis is not None
        assert redis.process is not None
        redis.send(signal.SIGKILL)
        redis.process.wait()
        told = ""
        if and_worker:
            await asyncio.sleep(seconds / 3.0)
            told = self._kill()
        await asyncio.sleep(seconds)
        redis.start()
        await asyncio.sleep(0.5)
        self.away_s.append((start_s, time.monotonic()))
        return told

    async def _both_killed(self, seconds: float) -> str:
        return await self._redis_killed(seconds, and_worker=True)

    async def _redis_pauses(self, seconds: float) -> str:
        redis, start_s = self._place.redis, time.monotonic()
        assert redis is not None
        redis.send(signal.SIGSTOP)
        await asyncio.sleep(self._rng.choice((2.0, 6.5)))
        redis.send(signal.SIGCONT)
        self.away_s.append((start_s, time.monotonic()))
        return ""

    async def _locked(self, seconds: float) -> str:
        """Hold the lock that writers queue on, as a process that hangs in a write does."""
        start_s = time.monotonic()
        lock = os.open(Path(self._place.state_disk.path) / "bandit.db-lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            await asyncio.sleep(seconds)
        finally:
            os.close(lock)
        self.away_s.append((start_s, time.monotonic()))
        return ""

    async def _log_full(self, seconds: float) -> str:
        await asyncio.to_thread(self._place.log_disk.fill)
        await asyncio.sleep(seconds)
        self._place.log_disk.free()
        return ""

    async def _state_full(self, seconds: float, *, and_worker: bool = False) -> str:
        start_s, redis = time.monotonic(), self._place.redis
        await asyncio.to_thread(self._place.state_disk.fill)
        told = ""
        if and_worker:
            await asyncio.to_thread(self._place.log_disk.fill)
            await asyncio.sleep(seconds / 3.0)
            told = self._kill()
        await asyncio.sleep(seconds)
        self._place.state_disk.free()
        self._place.log_disk.free()
        if redis is not None:
            redis.see_to()
        await asyncio.sleep(0.5)
        self.away_s.append((start_s, time.monotonic()))
        return told

    async def _full_and_killed(self, seconds: float) -> str:
        return await self._state_full(seconds, and_worker=True)

    async def _swapped(self, seconds: float) -> str:
        """Swap there and back; in between a damaged one, and one that is not there."""
        told = []
        other = "second" if self._artifact == "first" else "first"
        for path, wanted in (("bad", 422), (other, 200), ("nowhere", 422), ("../..", 422)):
            status = await asyncio.to_thread(self._swap, path)
            told.append(f"{path} {status}")
            if status != wanted:
                self.wrong.append(f"swap to {path} was answered by {status}, not {wanted}")
            elif path == other:
                self._artifact = other
        await asyncio.sleep(seconds)
        return ", ".join(told)

    def _swap(self, path: str) -> int:
        url = f"http://127.0.0.1:{self._place.port}/v1/artifact"
        for _ in range(3):
            try:
                return httpx.post(url, json={"path": path}, timeout=60.0).status_code
            except httpx.HTTPError:
                time.sleep(0.5)
        return 0

    async def _starts_ahead(self, seconds: float) -> str:
        """Kill one, and have the one that takes its place start in another year."""
        before, told = self._place.workers(), self._kill()
        moved, until_s = set[int](), time.monotonic() + 20.0
        while not moved and time.monotonic() < until_s:
            await asyncio.sleep(0.01)
            new = set(self._place.workers()) - set(before)
            moved = {pid for pid in new if self._place.move_clock(pid, 400 * DAY_S)}
        await asyncio.sleep(2.0 * seconds)
        for pid in moved:
            self._place.move_clock(pid, 0)
        return f"{told}, then {len(moved)} by {400 * DAY_S:+,} s"

    async def _clocks(self, by_s: int, seconds: float, *, all_: bool = False) -> str:
        workers = self._place.workers()
        moved = workers if all_ else workers[-1:]
        for pid in moved:
            self._place.move_clock(pid, by_s)
        await asyncio.sleep(seconds)
        for pid in moved:
            self._place.move_clock(pid, 0)
        return f"{len(moved)} of {len(workers)} workers by {by_s:+,} s"


def phase_of(phases: list[Phase], at_s: float, grace_s: float) -> tuple[str, Any]:
    """Return the fault that a time belongs to, up to a while after it was mended; else calm."""
    for phase in reversed(phases):
        if phase.start_s <= at_s:
            return (phase.name, phase) if at_s <= phase.end_s + grace_s else (CALM, None)
    return CALM, None
