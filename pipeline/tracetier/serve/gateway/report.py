"""Outcomes of answers, reported by a thread of their own: the cost at once, guesses later.

    answer -> queue -> thread: price, group -> Service.feedback_many
                       guesses wait until an explicit report had its time

A group is stored by one write; what the store refuses is tried again for a while. Nothing of this
keeps an answer waiting.
"""

import heapq
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from tracetier.errors import FeedbackError, RecordError, TracetierError
from tracetier.records import Feedback
from tracetier.serve.gateway.answer import Outcome
from tracetier.serve.gateway.proxies import SOURCE, Seen, quality_of
from tracetier.serve.logs import error_facts, tell
from tracetier.serve.service import Service
from tracetier.tiers import Tier

MAX_WAITING: Final = 20_000
"""Outcomes that may wait; beyond it new ones are left out, and counted."""

MAX_GROUP: Final = 1_000
GATHER_S: Final = 0.02
"""Seconds for which a group gathers: long enough for the answer it is of to have left by then."""

MAX_TRIES: Final = 6
"""Tries to store a group, a second apart at first and twice as long each time."""

_COST_SOURCE: Final = "gateway"


class Ended(Struct, frozen=True, kw_only=True):
    """An answer that ended.

    Attributes
    ----------
    decision_id : str
        Of the decision that it was for.
    model : str
        Asked for; the one that answered, where that is told, gives the price.
    tier : Tier, optional
        As declared, for its own prices.
    outcome : Outcome
    seen : callable, optional
        Tells the signs of trouble, where they count.
    """

    decision_id: str
    model: str
    tier: Tier | None
    outcome: Outcome
    seen: Callable[[], Seen] | None = None


class Retried(Struct, frozen=True):
    """The request of an earlier decision came again."""

    decision_id: str


class _Due(NamedTuple):
    """Something to do at a time; ``order`` settles what is due at once."""

    at_s: float
    order: int
    reports: list[Feedback]
    source: str
    n_tries: int
    guess_for: str | None


class Reporter:
    """Reports what answers cost, and what their signs say of quality.

    Parameters
    ----------
    service : Service
    weights : mapping of str to float
        Of the signs that count; by default none does.
    wait_s : float
        Seconds for which a guess waits for an explicit report.
    clock : callable
        Seconds.
    """

    def __init__(
        self,
        service: Service,
        *,
        weights: dict[str, float] | None = None,
        wait_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._weights = weights or {}
        self._wait_s = wait_s
        self._clock = clock
        self._queue: queue.Queue[Ended | Retried | None] = queue.Queue(MAX_WAITING)
        self._due: list[_Due] = []
        self._signs: dict[str, set[str]] = {}
        self._n_due = 0
        self._n_lost = 0
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._lock = threading.Lock()

    @property
    def trouble(self) -> str | None:
        """Why outcomes are lost, ``None`` while none is."""
        return f"{self._n_lost} outcomes were not reported" if self._n_lost else None

    def give(self, what: Ended | Retried) -> None:
        """Take an outcome; returns at once."""
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closing.is_set():
                    self._thread = threading.Thread(
                        target=self._run, name="tracetier-gateway", daemon=True
                    )
                    self._thread.start()
        try:
            self._queue.put_nowait(what)
        except queue.Full:
            self._n_lost += 1

    def close(self) -> None:
        """Report what waits, guesses included, and end."""
        with self._lock:
            self._closing.set()
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            group, is_open = self._next_group()
            try:
                self._work(group, is_last=not is_open)
            except Exception as error:  # noqa: BLE001 - a thread's edge: told, and it goes on
                self._n_lost += len(group)
                tell("outcomes lost", level=logging.ERROR, **error_facts(error))  # type: ignore[arg-type]

    def _next_group(self) -> tuple[list[Ended | Retried], bool]:
        """Return what waits, once there is some or something is due; and whether to go on."""
        wait_s = max(0.0, self._due[0].at_s - self._clock()) if self._due else None
        group: list[Ended | Retried] = []
        try:
            found = self._queue.get(timeout=wait_s)
            self._closing.wait(GATHER_S)
            while found is not None:
                group.append(found)
                if len(group) == MAX_GROUP:
                    return group, True
                found = self._queue.get_nowait()
            return group, False
        except queue.Empty:
            return group, True

    def _work(self, group: Sequence[Ended | Retried], *, is_last: bool) -> None:
        costs = []
        for each in group:
            if isinstance(each, Retried):
                self._signs.setdefault(each.decision_id, set()).add("retry")
                continue
            cost_usd = _cost_usd(each)
            if cost_usd is not None:
                costs.append(Feedback(decision_id=each.decision_id, cost_usd=cost_usd))
            if self._weights and each.seen is not None:
                self._guess_later(each.decision_id, each.seen())
        self._report(costs, _COST_SOURCE, 0, is_last=is_last)
        now_s = self._clock()
        while self._due and (is_last or self._due[0].at_s <= now_s):
            due = heapq.heappop(self._due)
            reports = due.reports
            if due.guess_for is not None:
                reports = self._guessed(due.guess_for)
            self._report(reports, due.source, due.n_tries, is_last=is_last)

    def _guess_later(self, decision_id: str, seen: Seen) -> None:
        signs = self._signs.setdefault(decision_id, set())
        signs.update(name for name in Seen.__struct_fields__ if getattr(seen, name))
        self._push(self._wait_s, [], SOURCE, 0, decision_id)

    def _guessed(self, decision_id: str) -> list[Feedback]:
        """Return the guess at a decision's quality, none where somebody has said it."""
        seen = Seen(**dict.fromkeys(self._signs.pop(decision_id, ()), True))
        view = self._service.decision(decision_id)
        if view is not None and view.quality is not None:
            return []
        return [Feedback(decision_id=decision_id, quality=quality_of(seen, self._weights))]

    def _push(
        self, in_s: float, reports: list[Feedback], source: str, n_tries: int, guess: str | None
    ) -> None:
        self._n_due += 1
        due = _Due(self._clock() + in_s, self._n_due, reports, source, n_tries, guess)
        heapq.heappush(self._due, due)
        if len(self._due) > MAX_WAITING:
            self._due.remove(max(self._due))
            heapq.heapify(self._due)
            self._n_lost += 1

    def _report(self, reports: list[Feedback], source: str, n_tries: int, *, is_last: bool) -> None:
        if not reports:
            return
        try:
            self._service.feedback_many(reports, source=source)
        except FeedbackError:
            # One decision has expired: the others must not suffer.
            for report in reports if len(reports) > 1 else ():
                self._report([report], source, n_tries, is_last=is_last)
        except TracetierError as error:
            if is_last or n_tries + 1 >= MAX_TRIES:
                self._n_lost += len(reports)
                tell("outcomes lost", level=logging.ERROR, n=len(reports), reason=str(error))
            else:
                self._push(2.0**n_tries, reports, source, n_tries + 1, None)


def _cost_usd(ended: Ended) -> float | None:
    """Return what an answer cost, at today's prices; ``None`` where nobody knows."""
    # The price list is large and read when it is first asked, by this thread.
    from tracetier.prices import price_usd

    outcome, tokens = ended.outcome, ended.outcome.tokens
    if outcome.cost_usd is not None:
        return outcome.cost_usd if outcome.cost_usd >= 0 else None
    if tokens.input is None or tokens.output is None:
        return None
    try:
        cost_usd = price_usd(
            outcome.model or ended.model,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cache_read_tokens=tokens.cache_read or 0,
            cache_write_tokens=tokens.cache_write or 0,
            cache_write_1h_tokens=tokens.cache_write_1h or 0,
            tier=ended.tier,
        )
    except RecordError:
        return None
    return None if cost_usd is None else cost_usd * outcome.price_factor
