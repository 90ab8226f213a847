"""Routers that share a store: the same state to the bit, and routing goes on without the store."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tracetier.errors import FeedbackError, StateError, StorageError
from tracetier.records import Task
from tracetier.route.event import Decided, Event
from tracetier.route.learner import Learner
from tracetier.route.offline import export_state
from tracetier.route.router import Router
from tracetier.route.state import appender, follower, replica
from tracetier.route.state.document import decode_document, pack_document
from tracetier.route.state.mark import Mark, Page
from tracetier.route.state.memory import MemoryStore
from tracetier.route.state.store import StateStore

if TYPE_CHECKING:
    from tests.route.state.conftest import Place, RedisServer

Maker = Callable[..., Router]
EDIT, CHAT = Task(task_type="edit"), Task(task_type="chat")


class Flaky(MemoryStore):
    """A durable store that can be out of reach, before or after it did what was asked."""

    name = "flaky://"
    is_durable = True

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.answers_are_lost = False

    def append(self, events: Any, mark: Mark, *, durable: bool = True) -> Page:
        if self.is_down:
            raise StorageError("flaky:// is out of reach")
        page = super().append(events, mark)
        if self.answers_are_lost:
            raise StorageError("flaky:// hung up")
        return page

    def read(self, mark: Mark) -> Page:
        if self.is_down or self.answers_are_lost:
            raise StorageError("flaky:// is out of reach")
        return super().read(mark)


def _state(router: Router) -> bytes:
    """The router's state, in step with its store."""
    router._replica.flush()
    with router._replica.lock:
        return pack_document(router._replica.learner.document())


def _eventually(is_so: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to be so")


def test_routers_that_share_a_store_agree_to_the_bit(place: "Place", make_router: Maker) -> None:
    """Three take turns; each reports on decisions of all of them; then all are the fold."""
    world = Random(1)
    routers = [make_router(state=place.open(), seed=seed) for seed in range(3)]
    waiting: list[str] = []
    for _ in range(60):
        router = world.choice(routers)
        waiting.append(router.route(world.choice([EDIT, CHAT])).decision_id)
        if world.random() < 0.7:
            router._replica.flush()
            decision_id = waiting.pop(world.randrange(len(waiting)))
            for owner in routers:
                owner._replica.flush()
            router.feedback(decision_id, quality=10 * world.random(), cost_usd=0.01)

    states = [_state(router) for router in routers]
    assert states[0] == states[1] == states[2]
    stored = place.open().load()
    assert stored is not None
    alone = Learner(decode_document(stored.document, where="here"))
    for event in stored.events:
        alone.fold(event)
    assert pack_document(alone.document()) == states[0]
    assert alone.counts.decisions == 60
    for router in routers:
        router.close()


def test_what_others_report_comes_by_itself(durable_place: "Place", make_router: Maker) -> None:
    """To a process that only routes, and its decisions to others, without any call for it."""
    with (
        make_router(state=durable_place.open()) as one,
        make_router(state=durable_place.open(), seed=1) as other,
    ):
        decision_id = one.route(EDIT).decision_id
        _eventually(lambda: other._replica.learner.is_known(decision_id))
        other.feedback(decision_id, quality=1.0)
        _eventually(lambda: one._replica.learner.counts.feedback == 1)
        assert one.health().is_ok
        assert one.health().age_s < 60


def test_a_decision_made_a_moment_ago_elsewhere_is_waited_for(
    durable_place: "Place", make_router: Maker
) -> None:
    """Routed by one process, reported at once to another; one that nobody made is refused."""
    with (
        make_router(state=durable_place.open()) as one,
        make_router(state=durable_place.open(), seed=1) as other,
    ):
        first = one.route(EDIT)
        one.feedback(first.decision_id, quality=5.0)
        decision = one.route(EDIT)

        assert other.feedback(decision.decision_id, quality=1.0)
        with pytest.raises(FeedbackError, match="no decision 'nobody'"):
            other.feedback("nobody", quality=1.0)


def test_a_router_that_fell_behind_reads_the_state_anew(
    durable_place: "Place", make_router: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that slept while the log was folded many times."""
    monkeypatch.setattr(replica, "FLUSH_S", 1e6)
    slow = make_router(state=durable_place.open())
    busy = make_router(state=durable_place.open(), seed=1)
    sleeper = slow.route(EDIT).decision_id
    slow._replica.flush()
    for _ in range(3):
        for _ in range(500):
            busy.route(CHAT)
        busy.save()
    late = slow.route(EDIT).decision_id

    assert slow.feedback(sleeper, quality=2.0)
    assert slow.feedback(late, quality=2.0)

    assert _state(slow) == _state(busy)
    assert slow.snapshot().counts.decisions == 1502
    slow.close()
    busy.close()


def test_a_rollback_reaches_routers_that_run(place: "Place", make_router: Maker) -> None:
    """They go on from what was put in place, and their own decisions underway with them."""
    store = place.open()
    with make_router(state=store) as router:
        router.feedback(router.route(EDIT).decision_id, quality=1.0)
        early = decode_document(export_state(place.open()), where="here")
        for _ in range(3):
            router.feedback(router.route(EDIT).decision_id, quality=1.0)
        stored = place.open().load()
        assert stored is not None
        end = stored.mark._replace(position=stored.mark.position + len(stored.events))
        early.epoch = "another"
        mark = Mark("another", early.position)
        assert place.open().replace(pack_document(early), mark, expected=end)

        decision_id = router.route(EDIT).decision_id
        assert router.feedback(decision_id, quality=1.0)
        assert router.snapshot().counts.feedback == 2


def test_a_state_of_another_artifact_put_in_place_is_refused(
    place: "Place", make_router: Maker
) -> None:
    """Nothing of this router gets into it; routing goes on, and health says why."""
    router = make_router(state=place.open())
    decision_id = router.route(EDIT).decision_id
    router.feedback(decision_id, quality=1.0)
    other = make_router(state=place.open(), artifact_id="artifact-2", reset=True)
    other.feedback(other.route(EDIT).decision_id, quality=9.0)

    if place.kind != "memory":
        assert router.route(EDIT).tier
    with pytest.raises(StateError, match="belongs to artifact 'artifact-2'"):
        router.feedback(decision_id, quality=1.0)

    if place.kind != "memory":
        assert "artifact-2" in (router.health().reason or "")
    assert other.snapshot().counts.decisions == 1
    other.close()


def test_a_store_that_lost_its_state_is_given_that_of_a_router(make_router: Maker) -> None:
    """A server without a disk was restarted: what is known here is put there, and said."""
    store = Flaky()
    router = make_router(state=store)
    router.feedback(router.route(EDIT).decision_id, quality=1.0)
    store.__init__()  # type: ignore[misc]

    router.feedback(router.route(EDIT).decision_id, quality=1.0)

    assert router.health().n_restored == 1
    assert make_router(state=store).snapshot().counts.feedback == 2


@pytest.fixture
def flaky(make_router: Maker) -> Iterator[tuple[Flaky, Router]]:
    """A store that holds a router's first decision and report, and the router."""
    store = Flaky()
    router = make_router(state=store)
    router.feedback(router.route(EDIT).decision_id, quality=5.0)
    yield store, router
    router._replica.stop()


def test_routing_goes_on_without_the_store_and_health_says_so(
    flaky: tuple[Flaky, Router], make_router: Maker
) -> None:
    """Decisions wait, a report is refused and can be given again; nothing is lost or doubled."""
    store, router = flaky
    store.is_down = True
    decisions = [router.route(EDIT) for _ in range(3)]

    with pytest.raises(StorageError, match="out of reach"):
        router.feedback(decisions[0].decision_id, quality=1.0)
    health = router.health()
    assert (health.is_ok, health.n_queued) == (False, 3)
    assert health.reason == "flaky:// is out of reach"
    assert router.snapshot().counts.feedback == 1

    store.is_down = False
    assert router.feedback(decisions[0].decision_id, quality=1.0)
    health = router.health()
    assert (health.is_ok, health.reason, health.n_queued) == (True, None, 0)
    counts = make_router(state=store).snapshot().counts
    assert (counts.decisions, counts.feedback, counts.duplicates) == (4, 2, 0)


def test_a_report_whose_answer_was_lost_is_not_learned_twice(
    flaky: tuple[Flaky, Router], make_router: Maker
) -> None:
    """The store had taken it, with its decision: given again it is known as a second report."""
    store, router = flaky
    decision_id = router.route(EDIT).decision_id
    store.answers_are_lost = True
    with pytest.raises(StorageError, match="hung up"):
        router.feedback(decision_id, quality=1.0)
    store.answers_are_lost = False

    assert not router.feedback(decision_id, quality=1.0)

    counts = make_router(state=store).snapshot().counts
    assert (counts.decisions, counts.feedback, counts.duplicates) == (2, 2, 1)
    assert router.snapshot().n_pending == 0


def test_decisions_that_wait_too_many_are_dropped_the_oldest_first(
    flaky: tuple[Flaky, Router], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are counted, no longer waited for, and cannot be reported on."""
    store, router = flaky
    monkeypatch.setattr(replica, "MAX_QUEUED", 5)
    store.is_down = True
    ids = [router.route(EDIT).decision_id for _ in range(8)]
    health = router.health()
    assert (health.n_queued, health.n_dropped) == (5, 3)
    assert router.snapshot().n_pending == 5
    store.is_down = False

    with pytest.raises(FeedbackError, match="no decision"):
        router.feedback(ids[2], quality=1.0)
    assert router.feedback(ids[3], quality=1.0)


def test_reports_of_many_threads_are_stored_together(make_router: Maker) -> None:
    """While one append is underway those that come wait, and go with the next."""

    class Slow(Flaky):
        def __init__(self) -> None:
            super().__init__()
            self.sizes: list[int] = []

        def append(self, events: Any, mark: Mark, *, durable: bool = True) -> Page:
            self.sizes.append(sum(not isinstance(event, Decided) for event in events))
            time.sleep(0.02)
            return super().append(events, mark)

    store = Slow()
    router = make_router(state=store)
    ids = [router.route(EDIT).decision_id for _ in range(16)]
    router._replica.flush()
    threads = [
        threading.Thread(target=router.feedback, args=(name,), kwargs={"quality": 5.0})
        for name in ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert router.snapshot().counts.feedback == 16
    assert max(store.sizes) > 4
    router._replica.stop()


def test_the_log_is_folded_every_so_often(
    place: "Place", make_router: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever gets there first; the state stays what it is."""
    store = place.open()
    monkeypatch.setattr(type(store), "compact_every", 50)
    with make_router(state=store) as router:
        for _ in range(70):
            router.feedback(router.route(EDIT).decision_id, quality=5.0)

        def is_folded() -> bool:
            stored = place.open().load()
            return stored is not None and stored.mark.position >= 50

        _eventually(is_folded)
        expected = _state(router)
    assert pack_document(decode_document(export_state(place.open()), where="here")) == expected


def test_the_more_is_open_the_longer_the_log_grows_before_it_is_folded(make_router: Maker) -> None:
    """So that an event pays for no more than half of an open decision, and not for all of them."""

    class Counting(MemoryStore):
        compact_every = 100

        def __init__(self) -> None:
            super().__init__()
            self.marks: list[int] = []

        def compact(self, document: bytes, mark: Mark, pause: Any = None) -> None:
            self.marks.append(mark.position)
            super().compact(document, mark, pause)

    store = Counting()
    router = make_router(state=store)
    for _ in range(5_000):
        router.route(EDIT)

    gaps = [later - earlier for earlier, later in itertools.pairwise([0, *store.marks])]
    opens = [0, *store.marks]
    assert len(store.marks) >= 3
    for gap, n_open in zip(gaps, opens, strict=False):
        least = max(100, 2 * n_open)
        assert least <= gap <= 1.3 * least + 2


def test_many_decisions_go_to_the_store_before_their_time(
    make_router: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that there are never very many to store and fold at once."""
    monkeypatch.setattr(replica, "FLUSH_S", 1e6)
    monkeypatch.setattr(replica, "FLUSH_N", 10)
    router = make_router(state=Flaky())
    for _ in range(9):
        router.route(EDIT)
    assert router.health().n_queued == 9
    router.route(EDIT)

    _eventually(lambda: router.health().n_queued == 0)
    router._replica.stop()


def test_reports_are_stored_while_the_log_is_folded(
    durable_place: "Place", make_router: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document stands where it was taken; what came meanwhile follows it in the log."""
    monkeypatch.setattr(replica, "FLUSH_S", 1e6)
    router = make_router(state=durable_place.open())
    decisions = [router.route(EDIT).decision_id for _ in range(3)]
    router._replica.flush()
    before = router._replica.learner.mark.position

    def reporting_pause() -> None:
        if router.snapshot().counts.feedback == 0:
            assert router.feedback(decisions[0], quality=4.0, cost_usd=0.01)
            router.route(CHAT)
            monkeypatch.setattr(appender, "FLUSH_N", 1)
        router._replica._pause()

    router._replica._compact(reporting_pause)

    stored = durable_place.open().load()
    assert stored is not None
    document = decode_document(stored.document, where="here")
    assert list(document.pending) == decisions
    assert document.position == stored.mark.position == before
    assert len(stored.events) == 2
    expected = _state(router)
    router._replica.stop()
    assert pack_document(decode_document(export_state(durable_place.open()), where="h")) == expected


def test_what_waits_is_stored_while_the_log_is_folded_in_the_background(
    durable_place: "Place", make_router: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That rests between two steps, which may be long; but not where the router is closed."""
    monkeypatch.setattr(replica, "FLUSH_S", 1e6)
    router = make_router(state=durable_place.open())
    router.route(EDIT)
    router._replica.flush()
    monkeypatch.setattr(replica, "FLUSH_S", 0.0)
    monkeypatch.setattr(replica, "REST_S", 1e6)
    router.route(CHAT)
    folding = threading.Thread(target=router._replica._compact, args=(router._replica._rest,))
    folding.start()
    _eventually(lambda: router.health().n_queued == 0)
    assert folding.is_alive()

    router.close()
    folding.join(60)
    assert not folding.is_alive()


def test_a_log_that_cannot_be_folded_is_told_and_tried_again(
    make_router: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is well otherwise: reports go on, and its health is good but for that."""

    class Cramped(Flaky):
        compact_every = 1
        is_full = True

        def compact(self, document: bytes, mark: Mark, pause: Any = None) -> None:
            if self.is_full:
                raise StorageError("flaky:// is full")
            super().compact(document, mark, pause)

    monkeypatch.setattr(replica, "FLUSH_S", 0.001)
    store = Cramped()
    router = make_router(state=store)
    assert router.feedback(router.route(EDIT).decision_id, quality=5.0)
    _eventually(lambda: router.health().unfolded == "flaky:// is full")
    assert router.feedback(router.route(EDIT).decision_id, quality=5.0)
    assert router.health().is_ok

    store.is_full = False
    monkeypatch.setattr(router._replica, "_retry_s", 0.0)
    _eventually(lambda: router.health().unfolded is None)
    router._replica.stop()


def test_a_log_that_another_folded_is_no_trouble_any_more(
    make_router: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is as good as folded here."""
    monkeypatch.setattr(replica, "FLUSH_S", 1e6)
    store = Flaky()
    one, other = make_router(state=store), make_router(state=store, seed=1)
    one.route(EDIT)
    one._replica.flush()
    monkeypatch.setattr(one._replica, "_unfolded", StorageError("flaky:// is full"))
    assert one.health().unfolded
    other.save()
    one._replica.flush()

    assert one.health().unfolded is None
    one._replica.stop()
    other._replica.stop()


def test_many_events_are_folded_in_turns_with_those_who_wait_for_the_lock(
    make_router: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not under one hold of it."""
    monkeypatch.setattr(replica, "FLUSH_S", 1e6)
    monkeypatch.setattr(follower, "_AT_ONCE", 10)
    router = make_router(state=Flaky())
    for _ in range(95):
        router.route(EDIT)
    folded_at: list[int] = []

    class Noted:
        def __init__(self, lock: Any) -> None:
            self._lock = lock

        def __enter__(self) -> None:
            folded_at.append(router._replica.learner.mark.position)
            self._lock.acquire()

        def __exit__(self, *_: object) -> None:
            self._lock.release()

    monkeypatch.setattr(router._replica, "lock", Noted(router._replica.lock))
    router._replica.flush()

    assert set(range(0, 95, 10)) <= set(folded_at)
    assert router._replica.learner.mark.position == 95
    router._replica.stop()


def test_a_server_that_dies_and_comes_back_is_found_again(
    own_redis_server: "RedisServer", make_router: Maker
) -> None:
    """Killed and restarted over its log: routing went on, and no acknowledged report is lost."""
    server = own_redis_server
    router = make_router(state=server.url("a"))
    for _ in range(5):
        router.feedback(router.route(EDIT).decision_id, quality=5.0)
    server.kill()
    decision = router.route(EDIT)
    with pytest.raises(StorageError, match=r"does not answer.*see that the server runs"):
        router.feedback(decision.decision_id, quality=1.0)
    assert not router.health().is_ok
    server.start()

    assert router.feedback(decision.decision_id, quality=1.0)
    assert router.health().is_ok
    assert router.health().n_restored == 0
    counts = make_router(state=server.url("a")).snapshot().counts
    assert (counts.decisions, counts.feedback) == (6, 6)
    router.close()


def test_events_of_a_newer_version_in_the_log_are_refused_by_name(
    durable_place: "Place", make_router: Maker
) -> None:
    """Learning on without them would part from those who can read them."""
    store = durable_place.open()
    with make_router(state=store) as router:
        router.route(EDIT)
    stored = store.load()
    assert stored is not None

    class Future(Decided, frozen=True, array_like=True, tag="future"):
        pass

    event: Event = Future("d", 0, 0, [], [], 0.0, 1.0, 0.0)
    durable_place.open().append([event], stored.mark)

    with pytest.raises(StateError, match=r"cannot read .*future.*upgrade tracetier"):
        make_router(state=durable_place.open())


def test_a_store_is_asked_by_one_thread_at_a_time(make_router: Maker) -> None:
    """Stores need not be safe to share."""

    class Watchful(Flaky):
        busy = 0

        def append(self, events: Any, mark: Mark, *, durable: bool = True) -> Page:
            self.busy += 1
            assert self.busy == 1
            time.sleep(0.001)
            page = super().append(events, mark)
            self.busy -= 1
            return page

    store: StateStore = Watchful()
    router = make_router(state=store)

    def work() -> None:
        for _ in range(10):
            router.feedback(router.route(EDIT).decision_id, quality=5.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert router.snapshot().counts.feedback == 40
    router._replica.stop()
