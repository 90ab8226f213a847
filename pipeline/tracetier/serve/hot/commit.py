"""Reports of many requests, stored by one write.

    request ─┐
    request ─┼─▶ waiting ──▶ one thread: feedback_many ──▶ each its own receipts
    request ─┘

While one write is under way the next group gathers, so a slow disk makes groups larger and not
the queue longer. A group is stored before any of its requests is answered. One wrong report must
not cost the others: what can be wrong is looked at before, and a group that is refused all the
same is given one by one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from tracetier.errors import FeedbackError, TracetierError
from tracetier.records import Feedback
from tracetier.route.outcome import Receipt
from tracetier.serve.problems import overloaded
from tracetier.serve.service import Service

MAX_GROUP = 2_000
"""Reports of one write; more than that would keep the first of them waiting."""

MAX_WAITING = 20_000
"""Reports that may wait; beyond it the service says that it is overloaded."""

T = TypeVar("T")


class _Given(NamedTuple):
    reports: Sequence[Feedback]
    receipts: "asyncio.Future[list[Receipt]]"


class GroupCommit:
    """Stores reports in groups, in a thread of its own."""

    def __init__(self, service: Service, *, source: str = "api") -> None:
        self._service = service
        self._source = source
        self._waiting: deque[_Given] = deque()
        self._n_waiting = 0
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tracetier-feedback")

    async def give(self, reports: Sequence[Feedback]) -> list[Receipt]:
        """Return the receipts of one request's reports, once they are stored.

        Raises
        ------
        FeedbackError
            If one of them is wrong; then none of this request is learned from.
        StorageError, StateError
            If they could not be stored; they can be given again.
        ProblemError
            If too much waits already.
        """
        if self._n_waiting + len(reports) > MAX_WAITING:
            raise overloaded("reports")
        given = _Given(reports, asyncio.get_running_loop().create_future())
        self._waiting.append(given)
        self._n_waiting += len(reports)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        try:
            return await given.receipts
        finally:
            del given  # an error holds on to this frame, and it would on the error

    async def call(self, function: Callable[[], T]) -> T:
        """Run something else that writes to the store, in turn with the groups."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def close(self) -> None:
        """Store what waits, and end."""
        if self._writer is not None:
            await self._writer
        self._thread.shutdown()

    async def _write(self) -> None:
        try:
            while self._waiting:
                group = self._group()
                results = await self.call(partial(self._stored, group))
                for given, result in zip(group, results, strict=True):
                    if given.receipts.done():  # its request was given up
                        continue
                    if isinstance(result, Exception):
                        given.receipts.set_exception(result)
                    else:
                        given.receipts.set_result(result)
        finally:
            self._writer = None

    def _group(self) -> list[_Given]:
        group: list[_Given] = []
        n = 0
        while self._waiting and (not group or n + len(self._waiting[0].reports) <= MAX_GROUP):
            group.append(self._waiting.popleft())
            n += len(group[-1].reports)
        self._n_waiting -= n
        return group

    def _stored(self, group: Sequence[_Given]) -> list[list[Receipt] | Exception]:
        """Return for each request its receipts, or what was wrong; never raises."""
        everything = [report for given in group for report in given.reports]
        try:
            receipts = iter(self._service.feedback_many(everything, source=self._source))
            return [[next(receipts) for _ in given.reports] for given in group]
        except FeedbackError as error:
            if len(group) == 1:
                return [error.with_traceback(None)]
        except TracetierError as error:
            # Refused by the thousand while the store is away: with the frames that it came by, each
            # would hold on to its group until a collection.
            return [error.with_traceback(None)] * len(group)
        except Exception as error:  # noqa: BLE001 - handed to the requests that wait for it
            return [error] * len(group)
        return [result for given in group for result in self._stored([given])]
