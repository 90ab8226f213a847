"""The router and its state: restarts, durability, full disks, threads and bounds."""

import errno
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tracetier.errors import FeedbackError, SettingsError, StateError, StorageError
from tracetier.records import Decision, Feedback, Task
from tracetier.route.event import Event, Reported
from tracetier.route.outcome import Receipt
from tracetier.route.residual import ResidualParams
from tracetier.route.router import Router
from tracetier.route.seed import SeedParams
from tracetier.route.state.mark import Mark, Page
from tracetier.route.state.memory import MemoryStore
from tracetier.route.strategy import StrategyParams

EDIT, CHAT = Task(task_type="edit"), Task(task_type="chat")
Maker = Callable[..., Router]


class CountingStore(MemoryStore):
    """A durable store that notes each append that holds a report."""

    name = "counting://"
    is_durable = True

    def __init__(self) -> None:
        super().__init__()
        self.appends: list[tuple[int, bool]] = []

    def append(self, events: Sequence[Event], mark: Mark, *, durable: bool = True) -> Page:
        page = super().append(events, mark)
        n_reports = sum(isinstance(event, Reported) for event in events)
        if not page.is_behind and (n_reports or (durable and not events)):
            self.appends.append((n_reports, durable))
        return page

    def n_durable(self) -> int:
        return sum(is_durable for n_reports, is_durable in self.appends if n_reports)


def use_router(router: Router, n: int, seed: int) -> list[Decision]:
    world, made = Random(seed), []
    for _ in range(n):
        task = Task(
            task_type=world.choice(["edit", "chat"]), attrs={"shift": world.uniform(-0.1, 0.1)}
        )
        decision = router.route(task)
        made.append(decision)
        if world.random() < 0.8:
            router.feedback(
                decision.decision_id, quality=10 * world.random(), cost_usd=0.03 * world.random()
            )
    return made


def test_a_restart_gives_the_same_q_and_decisions_to_the_bit(
    make_router: Maker, tmp_path: Path
) -> None:
    """All of the snapshot, and every score and propensity of the next decisions.

    Of two copies: routers that share a file learn from each other.
    """
    path = tmp_path / "state" / "bandit-state.json"
    with make_router(state=path) as first:
        use_router(first, 60, 1)
        expected = first.snapshot()
    before = path.read_bytes()
    copy = tmp_path / "copy.json"
    copy.write_bytes(before)

    second, third = make_router(state=path, seed=9), make_router(state=f"json://{copy}", seed=9)

    assert second.snapshot() == third.snapshot() == expected
    assert path.read_bytes() == before
    assert [second.route(EDIT) for _ in range(20)] == [third.route(EDIT) for _ in range(20)]


@pytest.mark.parametrize(
    ("strategy", "params"),
    [
        ("residual", ResidualParams(explore_min=0.0, explore_max=0.0)),
        ("seed", SeedParams(epsilon=0.0)),
        ("greedy", None),
    ],
)
def test_a_restart_in_the_middle_changes_nothing(
    make_router: Maker, strategy: str, params: StrategyParams | None
) -> None:
    """Learned in one go or with a restart: the same state to the bit (draws play no part here)."""
    one, two = MemoryStore(), MemoryStore()
    shared = {"strategy": strategy, "params": params}
    with make_router(state=one, **shared) as router:
        use_router(router, 37, 1)
        use_router(router, 30, 2)
    with make_router(state=two, **shared) as router:
        use_router(router, 37, 1)
    with make_router(state=two, seed=8, **shared) as router:
        use_router(router, 30, 2)

    assert (
        make_router(state=two, **shared).snapshot() == make_router(state=one, **shared).snapshot()
    )


def test_feedback_after_a_restart_finds_its_decision(make_router: Maker, tmp_path: Path) -> None:
    """Routed by one process, closed, reported to the next."""
    path = tmp_path / "s.json"
    with make_router(state=path) as router:
        decision_id = router.route(EDIT).decision_id

    with make_router(state=path) as router:
        assert router.feedback(decision_id, quality=9.0)
        assert not router.feedback(decision_id, quality=9.0)


def test_a_report_is_stored_before_it_is_answered(make_router: Maker) -> None:
    """With the decisions before it, in one append; several reports together in one too."""
    store = CountingStore()
    router = make_router(state=store)
    first, second, third = (router.route(EDIT).decision_id for _ in range(3))

    router.feedback(first, quality=9.0)
    assert store.appends == [(1, True)]
    reports = [Feedback(decision_id=name, quality=9.0) for name in (second, third)]
    router.feedback_many(reports)
    assert store.appends == [(1, True), (2, True)]
    router.route(EDIT)
    router.close()
    router.close()

    assert make_router(state=store).snapshot().n_pending == 1


def test_a_batch_of_reports_is_forced_to_the_disk_once(make_router: Maker) -> None:
    """Each is learned from at once; also where the block ends with an error."""
    store = CountingStore()
    router = make_router(state=store)
    ids = [router.route(EDIT).decision_id for _ in range(6)]

    with router.batch():
        before = router.q("edit")
        router.feedback(ids[0], quality=0.0)
        assert router.q("edit") != before
        with router.batch():
            router.feedback(ids[1], quality=9.0)
        assert store.n_durable() == 0
        store.appends.clear()
    assert store.appends == [(0, True)]
    with suppress(ZeroDivisionError), router.batch():
        router.feedback(ids[4], quality=9.0)
        raise ZeroDivisionError

    assert store.appends == [(0, True), (1, False), (0, True)]
    assert make_router(state=store).snapshot().counts.feedback == 3


def test_a_batch_holds_back_the_disk_of_its_own_thread_only(make_router: Maker) -> None:
    """Another thread's report is on the disk before its call returns."""
    store = CountingStore()
    router = make_router(state=store)
    ids = [router.route(EDIT).decision_id for _ in range(2)]

    with router.batch():
        router.feedback(ids[0], quality=9.0)
        other = threading.Thread(target=router.feedback, args=(ids[1],), kwargs={"quality": 9.0})
        other.start()
        other.join()
        assert store.appends == [(1, False), (1, True)]

    assert make_router(state=store).snapshot().counts.feedback == 2


def test_a_full_disk_loses_nothing(
    make_router: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that is not stored is not learned either, and can be given again."""
    path = tmp_path / "s.json"
    router = make_router(state=path)
    first, second = router.route(EDIT), router.route(EDIT)
    router.feedback(first.decision_id, quality=9.0)
    before = [entry.read_bytes() for entry in sorted(tmp_path.glob("s.json*"))]

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        patch.setattr(os, "fsync", full)
        for _ in range(2):
            with pytest.raises(StorageError, match=r"No space left.*make room.*try again"):
                router.feedback(second.decision_id, quality=9.0)
        health = router.health()
        assert not health.is_ok
        assert "No space left" in (health.reason or "")
        assert [entry.read_bytes() for entry in sorted(tmp_path.glob("s.json*"))] == before
        assert router.snapshot().counts.feedback == 1
        assert router.route(EDIT).tier == "high"
        with pytest.raises(StorageError):
            router.close()

    assert router.feedback(second.decision_id, quality=9.0)
    assert router.health().is_ok
    assert make_router(state=path).snapshot().counts.feedback == 2


def test_a_closed_router_says_so(make_router: Maker) -> None:
    """It would take decisions that nobody saves."""
    router = make_router()
    decision_id = router.route(EDIT).decision_id
    router.close()

    with pytest.raises(StateError, match="closed; load it again"):
        router.route(EDIT)
    with pytest.raises(StateError, match="closed; load it again"):
        router.feedback(decision_id, quality=5.0)


def test_a_state_of_another_artifact_is_refused_by_both_names(
    make_router: Maker, tmp_path: Path
) -> None:
    """And the file is left as it is."""
    path = tmp_path / "s.json"
    with make_router(state=path) as router:
        router.route(EDIT)
    before = path.read_bytes()

    with pytest.raises(
        StateError, match=r"s\.json' belongs to artifact 'artifact-1'.*'artifact-2'"
    ):
        make_router(state=path, artifact_id="artifact-2")

    assert path.read_bytes() == before


def test_a_store_that_cannot_be_is_refused(make_router: Maker) -> None:
    """Before anything is decided."""
    with pytest.raises(StateError, match="not in this version"):
        make_router(state="ftp://here")


def test_threads_share_a_router_without_losing_a_report(make_router: Maker) -> None:
    """Eight threads decide and report; each decision is counted, each report learned once."""
    store = CountingStore()
    router = make_router(state=store)
    answers: list[Receipt] = []

    def work(number: int) -> None:
        for step in range(50):
            decision = router.route(EDIT if (number + step) % 2 else CHAT)
            answers.append(router.feedback(decision.decision_id, quality=8.0, cost_usd=0.001))
            answers.append(router.feedback(decision.decision_id, quality=0.0))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    snapshot = router.snapshot()
    assert (snapshot.counts.decisions, snapshot.counts.feedback) == (400, 400)
    assert sum(map(bool, answers)) == 400
    assert snapshot.n_pending == sum(cell.n_pending for cell in snapshot.cells) == 0
    assert sum(cell.n_decisions for cell in snapshot.cells) == 400
    assert make_router(state=store).snapshot().cells == snapshot.cells


def test_pending_decisions_are_bounded(make_router: Maker) -> None:
    """The oldest expire, are counted, and can no longer be reported on."""
    router = make_router(max_pending=5)
    ids = [router.route(EDIT).decision_id for _ in range(8)]

    assert (router.snapshot().n_pending, router.snapshot().counts.expired) == (5, 3)
    with pytest.raises(FeedbackError, match="3 expired"):
        router.feedback(ids[0], quality=5.0)
    assert router.feedback(ids[3], quality=5.0)


def test_decisions_are_waited_for_as_long_as_the_state_says(
    make_router: Maker, tmp_path: Path
) -> None:
    """The time is kept with the state, until another is asked for."""
    now = [0.0]
    path = tmp_path / "s.json"
    with make_router(state=path, pending_ttl_s=100.0, clock=lambda: now[0]) as router:
        early = router.route(EDIT).decision_id
    with make_router(state=path, clock=lambda: now[0]) as router:
        now[0] = 101.0
        late = router.route(EDIT).decision_id
        router.save()
        with pytest.raises(FeedbackError, match="1 expired unreported"):
            router.feedback(early, quality=5.0)
    with make_router(state=path, pending_ttl_s=1000.0, clock=lambda: now[0]) as router:
        now[0] = 900.0
        assert router.feedback(late, quality=5.0)

    with pytest.raises(SettingsError, match="pending_ttl_s is 0, must be finite and > 0"):
        make_router(pending_ttl_s=0)
    with pytest.raises(SettingsError, match="max_pending is 0, must be at least 1"):
        make_router(max_pending=0)
