"""Decisions and reports, written down as they come: JSON Lines in parts, one file a process.

    decided, reported -> lines in memory -> a thread, every half second -> the open part
                                                                  full or old -> closed, the next

Routing never waits for the disk and never hears of its troubles. Lines that cannot be written wait
in memory, up to a bound; beyond it the oldest are lost and counted, and ``trouble`` says so until
the disk takes lines again. A part holds whole lines only, whatever fails between.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tracetier.decision_log.line import decision_line, feedback_line
from tracetier.decision_log.part import OpenPart
from tracetier.decision_log.retention import newest_s, pack, prune
from tracetier.decision_log.schema import DecisionLine, FeedbackLine
from tracetier.decision_log.text_hash import hash_key
from tracetier.errors import SettingsError
from tracetier.records import Decision, Feedback, Task
from tracetier.settings import Settings
from tracetier.steady_clock import STANDS_S, SteadyClock

_JOIN_S: Final = 10.0
"""Seconds that the last lines are given when a log is closed."""


class LogRules(Struct, frozen=True, kw_only=True):
    """What is written, how it is parted, and how long it is kept.

    Parameters
    ----------
    store_text : bool
        Whether texts of tasks may be written.
    hash_key : bytes, optional
        For the hash that stands for a text. By default a random one that nobody learns: texts can
        then be told apart within one process's lines, and not be compared with anything else.
    with_features : bool
        Whether the features of a withheld text are written.
    part_bytes : int
        A part that has reached so many bytes is closed.
    part_s : float
        So is one that was begun so many seconds ago.
    flush_s : float
        Seconds that a line waits in memory at most.
    keep_days, keep_bytes : optional
        How long closed parts are kept, and how many bytes all parts may have; ``None`` is
        without bound.
    packs : bool
        Whether closed parts are compressed by gzip.
    waiting_bytes : int
        Lines that wait for the disk, in bytes.
    """

    store_text: bool = False
    hash_key: bytes | None = None
    with_features: bool = True
    part_bytes: int = 64 << 20
    part_s: float = 86_400.0
    flush_s: float = 0.5
    keep_days: float | None = None
    keep_bytes: int | None = None
    packs: bool = False
    waiting_bytes: int = 32 << 20


def open_log(folder: str | Path, settings: Settings) -> "LogWriter":
    """Return the log in a folder, as the settings want it.

    Raises
    ------
    SettingsError
        If the path is no folder, or the key for hashes is too short.
    """
    rules = LogRules(
        store_text=settings.store_text,
        hash_key=None if settings.store_text else hash_key(),
        with_features=settings.log_features,
        keep_days=settings.log_keep_days,
        keep_bytes=settings.log_keep_bytes,
        packs=settings.log_gzip,
    )
    return LogWriter(folder, rules)


class LogWriter:
    """Writes a decision log; safe between threads. It is the service's ``DecisionLog``.

    Parameters
    ----------
    folder : path
        Made where it is missing. Several processes may write to one.
    rules : LogRules
    clock : callable
        Seconds since 1970.

    Attributes
    ----------
    n_written, n_lost : int
        Lines.

    Raises
    ------
    SettingsError
        If something else than a folder is at the path. A disk that refuses is no reason not to
        start: see ``trouble``.
    """

    def __init__(
        self,
        folder: str | Path,
        rules: LogRules | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder, self._rules, self._clock = Path(folder), rules or LogRules(), clock
        if self._folder.exists() and not self._folder.is_dir():
            raise SettingsError(
                f"decision log {str(self._folder)!r} is a file, and a log is a folder of parts; "
                "give a folder"
            )
        self.n_written = self.n_lost = 0
        self._key = self._rules.hash_key or os.urandom(32)
        self._encode = msgspec.json.Encoder().encode
        self._waiting: deque[bytes] = deque()
        self._n_bytes = 0
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._wake, self._is_closed = threading.Event(), False
        self._trouble: str | None = None
        self._part: OpenPart | None = None
        self._n_parts = 0
        self._packing: threading.Thread | None = None
        self._steady = SteadyClock(clock, start_s=self._credible())
        self._thread = threading.Thread(target=self._run, name="tracetier-log", daemon=True)
        self._tidy()
        self._thread.start()

    def decided(self, task: Task, decision: Decision, source: str) -> None:
        """Write a decision down; at once in memory, soon on the disk."""
        rules = self._rules
        try:
            line = decision_line(
                task,
                decision,
                source=source,
                store_text=rules.store_text,
                key=self._key,
                with_features=rules.with_features,
            )
            self._take(line)
        except Exception:  # noqa: BLE001 - routing goes on without its log
            self._lose(1)

    def reported(self, report: Feedback, source: str) -> None:
        """Write a report down."""
        try:
            self._take(feedback_line(report, source=source, now_s=self._clock()))
        except Exception:  # noqa: BLE001 - learning goes on without its log
            self._lose(1)

    @property
    def trouble(self) -> str | None:
        """Why lines wait or are lost, ``None`` where all is well."""
        trouble = self._trouble
        if trouble is None:
            return None
        told = f"{trouble}; {len(self._waiting):,} lines wait"
        return told if not self.n_lost else f"{told}, {self.n_lost:,} are lost"

    def flush(self) -> bool:
        """Write what waits, and return whether nothing waits any more."""
        with self._writing:
            try:
                self._write()
                self._trouble = None
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may do
                reason = getattr(error, "strerror", None) or error
                self._trouble = f"cannot write to {self._folder}: {reason}"
            return not self._waiting

    def close(self) -> None:
        """Write what waits, and end; later lines are lost. Closing twice does nothing."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._wake.set()
        self._thread.join(_JOIN_S)
        if not self.flush():
            self._lose(len(self._waiting))
        with self._writing:
            self._end_part(is_last=True)
        if self._packing is not None:
            self._packing.join()

    def _credible(self) -> float | None:
        """Return the time to begin with: the newest line's where the clock is far ahead of it.

        Lines of the last hour say nothing: a process that ended may have had the same clock.
        """
        now_s = self._clock()
        newest = newest_s(self._folder, before_s=now_s - STANDS_S)
        return newest if newest is not None and now_s - newest > _CREDIBLE_S else None

    def _take(self, line: DecisionLine | FeedbackLine) -> None:
        encoded = self._encode(line) + b"\n"
        with self._lock:
            if self._is_closed:
                self.n_lost += 1
                return
            self._waiting.append(encoded)
            self._n_bytes += len(encoded)
            while self._n_bytes > self._rules.waiting_bytes:
                self._n_bytes -= len(self._waiting.popleft())
                self.n_lost += 1
        if self._n_bytes > _MANY_BYTES:
            self._wake.set()

    def _lose(self, n: int) -> None:
        with self._lock:
            self.n_lost += n

    def _run(self) -> None:
        while not self._is_closed:
            self._wake.wait(self._rules.flush_s if self._trouble is None else _RETRY_S)
            self._wake.clear()
            self.flush()

    def _write(self) -> None:
        """Put all that waits into the part; what was not written whole waits again."""
        self._rotate()
        while self._waiting:
            with self._lock:
                lines = list(self._waiting)
                n_bytes, self._n_bytes = self._n_bytes, 0
                self._waiting.clear()
            try:
                if self._part is None:
                    self._part = self._new_part()
                self._part.append(b"".join(lines))
            except OSError:
                with self._lock:
                    self._waiting.extendleft(reversed(lines))
                    self._n_bytes += n_bytes
                raise
            self.n_written += len(lines)
            self._rotate()

    def _rotate(self) -> None:
        part, rules = self._part, self._rules
        self._steady()  # so that it sees a jump when it is
        if part is None:
            return
        is_full = part.n_bytes >= rules.part_bytes
        is_old = self._clock() - part.begun_s >= rules.part_s
        if is_full or is_old or part.is_torn or not part.is_there():
            self._end_part()

    def _new_part(self) -> OpenPart:
        self._folder.mkdir(parents=True, exist_ok=True)
        now_s = self._clock()
        time_ = datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%dT%H%M%SZ")
        while True:
            self._n_parts += 1
            name = f"decisions-{time_}-{os.getpid()}-{self._n_parts}.jsonl"
            with suppress(FileExistsError):
                return OpenPart(self._folder / name, now_s)

    def _end_part(self, *, is_last: bool = False) -> None:
        part, self._part = self._part, None
        if part is None:
            return
        with suppress(OSError):
            part.close()
        if part.n_bytes == 0:  # a disk that took the file and no line
            part.path.unlink(missing_ok=True)
            return
        self._tidy(part.path if self._rules.packs else None, waits=is_last)

    def _tidy(self, finished: Path | None = None, *, waits: bool = False) -> None:
        """Pack a finished part and prune the folder, beside the writing: both may take long."""
        if self._packing is not None:
            self._packing.join()
        # By the steady clock: a machine whose clock is set a year ahead must not lose its log.
        args = (finished, self._steady())
        self._packing = threading.Thread(target=self._pack_and_prune, args=args, daemon=True)
        self._packing.start()
        if waits:
            self._packing.join()

    def _pack_and_prune(self, finished: Path | None, now_s: float) -> None:
        rules = self._rules
        if finished is not None:
            with suppress(OSError):  # it then stays as it is, which is as good to read
                pack(finished)
        prune(
            self._folder,
            keep_days=rules.keep_days,
            keep_bytes=rules.keep_bytes,
            now_s=now_s,
        )


_MANY_BYTES: Final = 1 << 20
"""Bytes that wait, at which the writer is woken early."""

_CREDIBLE_S: Final = 2 * 86_400.0
"""What a clock may be ahead of the newest line when a log is opened, to be believed at once."""

_RETRY_S: Final = 1.0
"""Seconds between two tries of a disk that refuses."""
