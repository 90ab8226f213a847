"""Reports of many requests stored by one write, and each told what became of its own."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tracetier.errors import FeedbackError, StorageError
from tracetier.records import Feedback, Task
from tracetier.route.outcome import Receipt
from tracetier.route.state.memory import MemoryStore
from tracetier.serve.hot import commit as module
from tracetier.serve.hot.commit import GroupCommit
from tracetier.serve.problems import ProblemError
from tracetier.serve.service import Service

MakeRouter = Callable[..., Any]


class Counting(Service):
    """Counts the writes, and holds the first one up until it is let go."""

    def __init__(self, router: Any) -> None:
        super().__init__(router)
        self.groups: list[int] = []
        self.is_let_go = threading.Event()

    def feedback_many(self, reports: Sequence[Feedback], *, source: str = "api") -> list[Receipt]:
        self.groups.append(len(reports))
        if len(self.groups) == 1:
            assert self.is_let_go.wait(20)
        return super().feedback_many(reports, source=source)


def _reports(service: Service, n: int) -> list[Feedback]:
    return [Feedback(decision_id=service.route(Task()).decision_id, quality=5.0) for _ in range(n)]


async def _while_one_is_written(
    service: Counting, commit: GroupCommit, rest: Sequence[Feedback]
) -> list[Any]:
    """Give one report, and while it is being written all the others."""
    first = asyncio.create_task(commit.give(_reports(service, 1)))
    while not service.groups:
        await asyncio.sleep(0.001)
    others = [asyncio.create_task(commit.give([report])) for report in rest]
    await asyncio.sleep(0)
    service.is_let_go.set()
    found = await asyncio.gather(first, *others, return_exceptions=True)
    await commit.close()
    return list(found)


def test_what_comes_during_a_write_is_one_write(make_router: MakeRouter) -> None:
    """One report alone, the fifty after it together; each gets its own receipt."""
    service = Counting(make_router())
    reports = _reports(service, 50)

    found = asyncio.run(_while_one_is_written(service, GroupCommit(service), reports))

    assert service.groups == [1, 50]
    assert [receipt.new for (receipt,) in found] == [("quality",)] * 51


def test_a_wrong_report_costs_the_others_nothing(make_router: MakeRouter) -> None:
    """The group is refused as a whole, so it is given one by one."""
    service = Counting(make_router())
    reports = _reports(service, 3)
    reports[1] = Feedback(decision_id="nobody", quality=5.0)

    found = asyncio.run(_while_one_is_written(service, GroupCommit(service), reports))

    assert isinstance(found[2], FeedbackError)
    assert [each[0].new for each in (found[1], found[3])] == [("quality",)] * 2
    assert service.groups == [1, 3, 1, 1, 1]


def test_a_store_that_refuses_is_told_to_all_who_wait(make_router: MakeRouter) -> None:
    """And to nobody that it was stored."""

    class Refusing(Service):
        def feedback_many(self, reports: Any, *, source: str = "api") -> list[Receipt]:
            raise StorageError("no")

    async def job() -> list[Any]:
        commit = GroupCommit(Refusing(make_router()))
        given = [commit.give([Feedback(decision_id="x", quality=1.0)]) for _ in range(5)]
        found = await asyncio.gather(*given, return_exceptions=True)
        await commit.close()
        return list(found)

    assert [type(each) for each in asyncio.run(job())] == [StorageError] * 5


class _Away(MemoryStore):
    """A store that can be away, and knows which of its errors are still held by anybody."""

    is_durable = True

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.errors: list[weakref.ref[StorageError]] = []

    def append(self, *given: Any, **named: Any) -> Any:
        self._ask()
        return super().append(*given, **named)

    def read(self, mark: Any) -> Any:
        self._ask()
        return super().read(mark)

    def _ask(self) -> None:
        if self.is_away:
            error = StorageError("away")
            self.errors.append(weakref.ref(error))
            try:
                raise error
            finally:
                del error


def test_refusals_leave_nothing_for_the_collector(make_router: MakeRouter) -> None:
    """It comes rarely, and they come by the thousand: each would hold its frames until then."""
    store = _Away()
    service = Service(make_router(state=store))
    reports = _reports(service, 30)
    service.router.save()
    store.is_away = True

    async def job() -> None:
        commit = GroupCommit(service)
        for report in reports[:10]:
            with pytest.raises(StorageError):
                await commit.give([report])
        found = await asyncio.gather(
            *(commit.give([report]) for report in reports[10:]), return_exceptions=True
        )
        assert {type(each) for each in found} == {StorageError}
        await commit.close()

    gc.collect()
    gc.disable()
    try:
        asyncio.run(job())
        for report in reports[:10]:
            with pytest.raises(StorageError):
                service.feedback(report)
        held = [error() for error in store.errors if error() is not None]
    finally:
        gc.enable()
        store.is_away = False
        service.close()

    assert len(store.errors) > 20
    assert len(held) <= 1  # the present trouble


def test_more_than_may_wait_is_refused_at_once(
    make_router: MakeRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten may wait; the eleventh is told to come again."""
    monkeypatch.setattr(module, "MAX_WAITING", 10)
    service = Counting(make_router())
    reports = _reports(service, 11)

    found = asyncio.run(_while_one_is_written(service, GroupCommit(service), reports))

    assert [type(each) for each in found].count(list) == 11
    assert isinstance(found[-1], ProblemError)
    assert found[-1].status == 503


def test_a_request_that_was_given_up_does_not_hold_up_the_rest(make_router: MakeRouter) -> None:
    """Its report may be stored; it is known to be learned from once."""

    async def job(service: Counting) -> Any:
        commit = GroupCommit(service)
        first = asyncio.create_task(commit.give(_reports(service, 1)))
        while not service.groups:
            await asyncio.sleep(0.001)
        gone = asyncio.create_task(commit.give(_reports(service, 1)))
        last = asyncio.create_task(commit.give(_reports(service, 1)))
        await asyncio.sleep(0)
        gone.cancel()
        service.is_let_go.set()
        await first
        found = await last
        await commit.close()
        return found

    assert asyncio.run(job(Counting(make_router())))[0].new == ("quality",)
