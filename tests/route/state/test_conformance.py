"""What every store promises, asked of each: one order for all, nothing lost, nothing twice."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tracetier.route.event import Event, Reported
from tracetier.route.state.mark import Mark, Page, Stored
from tracetier.route.state.store import StateStore

if TYPE_CHECKING:
    from tests.route.state.conftest import Place

START = Mark("e", 0)


def _document(mark: Mark, **more: object) -> bytes:
    return msgspec.json.encode({"format": 2, "epoch": mark.epoch, "position": mark.position} | more)


def _event(name: str, number: int = 0) -> Reported:
    return Reported(name, None, float(number), 0.1 + number)


def _started(place: "Place") -> StateStore:
    store = place.open()
    assert store.replace(_document(START), START, expected=None)
    return store


def _all(store: StateStore) -> Stored:
    stored = store.load()
    assert stored is not None
    return stored


def _content(stored: Stored) -> Any:
    return msgspec.json.decode(stored.document)


def test_an_empty_place_holds_nothing_and_says_so(place: "Place", tmp_path: Path) -> None:
    """Looking, or appending to what is not there, makes no file."""
    store = place.open()

    assert store.load() is None
    assert store.read(START) == Page(is_behind=True)
    assert store.append([_event("a")], START) == Page(is_behind=True)
    assert store.load() is None
    assert [entry.name for entry in tmp_path.iterdir() if not entry.name.endswith("lock")] == []


def test_a_state_is_begun_once(place: "Place") -> None:
    """Of two that begin it the first is heard; the other is told, and can read it."""
    store, other = place.open(), place.open()

    assert store.replace(_document(START, by="one"), START, expected=None)
    assert not other.replace(_document(Mark("f", 0), by="other"), Mark("f", 0), expected=None)

    stored = _all(other)
    assert (stored.mark, list(stored.events)) == (START, [])
    assert _content(stored)["by"] == "one"
    assert other.read(Mark("f", 0)).is_elsewhere


def test_an_append_returns_what_others_appended_in_the_order_of_the_log(place: "Place") -> None:
    """And floats keep their bits."""
    one, other = _started(place), place.open()
    a, b, c = (_event(name, number) for number, name in enumerate("abc"))

    assert not one.append([a, b], START).events
    page = other.append([c], START)
    assert list(page.events) == [a, b]
    assert list(one.read(Mark("e", 2)).events) == [c]
    assert not one.read(Mark("e", 3)).events

    assert list(_all(place.open()).events) == [a, b, c]


def test_an_append_of_nothing_is_a_look(place: "Place") -> None:
    """It makes durable what was appended without that."""
    one, other = _started(place), place.open()
    one.append([_event("a")], START, durable=False)

    assert list(other.append([], START).events) == [_event("a")]
    assert not one.append([], Mark("e", 1)).events
    assert list(_all(place.open()).events) == [_event("a")]


@pytest.mark.parametrize("seed", range(3))
def test_writers_that_take_turns_see_one_log(place: "Place", seed: int) -> None:
    """Three at random, with folding and replacing in between: all agree with a list."""
    world, stores = Random(seed), [_started(place), place.open(), place.open()]
    log: list[Event] = []
    seen: list[list[Event]] = [[], [], []]
    for step in range(60):
        who = world.randrange(3)
        store, mark = stores[who], Mark("e", len(seen[who]))
        act = world.random()
        if act < 0.6:
            events = [_event(f"{who}", step) for _ in range(world.randrange(4))]
            page = store.append(events, mark, durable=act < 0.3)
            assert not page.is_behind
            if not page.is_elsewhere:
                seen[who] += [*page.events, *events]
                log += events
        elif act < 0.85:
            page = store.read(mark)
            seen[who] += page.events
        elif act < 0.95:
            store.compact(_document(mark, n=mark.position), mark)
        else:
            store.close()
        if _is_elsewhere(store, seen[who]):
            stored = _all(store)
            assert _content(stored).get("n", 0) == stored.mark.position
            assert list(stored.events) == log[stored.mark.position :]
            seen[who] = list(log)
        assert seen[who] == log[: len(seen[who])]
    for store, known in zip(stores, seen, strict=True):
        page = store.read(Mark("e", len(known)))
        assert known + list(page.events) == log
    stored = _all(place.open())
    assert list(stored.events) == log[stored.mark.position :]


def _is_elsewhere(store: StateStore, known: Sequence[Event]) -> bool:
    """Whether a reader fell behind the log's beginning, and has to load."""
    return store.read(Mark("e", len(known))).is_elsewhere


def test_folding_puts_the_document_in_place_of_the_log(place: "Place") -> None:
    """Events that came after its mark stay; an older one, or one of another epoch, does nothing."""
    one, other = _started(place), place.open()
    events = [_event("a", number) for number in range(5)]
    one.append(events, START)

    other.compact(_document(Mark("e", 3), n=3), Mark("e", 3))
    one.compact(_document(Mark("e", 2), n=2), Mark("e", 2))
    one.compact(_document(Mark("f", 5), n=5), Mark("f", 5))

    stored = _all(place.open())
    assert (_content(stored)["n"], stored.mark) == (3, Mark("e", 3))
    assert list(stored.events) == events[3:]
    assert one.append([_event("b")], Mark("e", 5)).folded == 3
    assert list(other.read(Mark("e", 3)).events) == [*events[3:], _event("b")]


def test_a_state_that_was_replaced_takes_nothing_from_those_who_do_not_know_it(
    place: "Place",
) -> None:
    """They are told, and nothing of theirs is appended."""
    one, other = _started(place), place.open()
    one.append([_event("a")], START)
    new = Mark("f", 0)

    assert not other.replace(_document(new), new, expected=START)
    assert other.replace(_document(new), new, expected=Mark("e", 1))
    assert one.append([_event("b")], Mark("e", 1)).is_elsewhere
    assert one.read(Mark("e", 1)).is_elsewhere

    assert (_all(one).mark, list(_all(one).events)) == (new, [])
    assert not other.append([_event("c")], new).is_elsewhere
    third = Mark("g", 7)
    assert one.replace(_document(third), third, expected="any")
    assert _all(other).mark == third


def test_a_store_that_holds_less_than_its_reader_says_so(place: "Place") -> None:
    """As after a restore from an old copy; and takes nothing, so that no event can be missing."""
    store = _started(place)
    store.append([_event("a")], START)

    page = store.append([_event("b")], Mark("e", 5))

    assert (page.is_behind, page.found) == (True, Mark("e", 1))
    assert store.read(Mark("e", 2)).is_behind
    assert len(_all(store).events) == 1


def test_documents_are_kept_by_name(place: "Place") -> None:
    """Beside the state, and whatever becomes of it."""
    store = _started(place)
    assert store.kept() == {}

    store.keep("monday", _document(START, day=1))
    store.keep("friday", _document(START, day=5))
    store.replace(_document(Mark("f", 0)), Mark("f", 0), expected=START)

    kept = place.open().kept()
    assert {name: msgspec.json.decode(data)["day"] for name, data in kept.items()} == {
        "friday": 5,
        "monday": 1,
    }


def test_a_closed_store_opens_again(place: "Place") -> None:
    """As after a fork, or an idle day."""
    store = _started(place)
    store.append([_event("a")], START)
    store.close()
    store.close()

    assert list(store.read(START).events) == [_event("a")]


def _append_all(store: StateStore, name: str, n: int) -> None:
    with closing(store):
        position = 0
        for number in range(n):
            page = store.append([_event(name, number)], Mark("e", position), durable=False)
            position += len(page.events) + 1


def test_threads_append_side_by_side(place: "Place") -> None:
    """Each event once, those of a thread in their order."""
    _started(place)
    threads = [
        threading.Thread(target=_append_all, args=(place.open(), name, 40)) for name in "abcd"
    ]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    _check_streams(_all(place.open()).events, dict.fromkeys("abcd", 40))


def _check_streams(events: Sequence[Event], expected: dict[str, int]) -> None:
    streams: dict[str, list[float | None]] = {}
    for event in events:
        assert isinstance(event, Reported)
        streams.setdefault(event.decision_id, []).append(event.cost_usd)
    assert streams == {name: [float(i) for i in range(n)] for name, n in expected.items()}


def _appender(place: "Place", name: str, n: int, root: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("appender.py")), place.url, name, str(n)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root / "pipeline")},
    )


@pytest.mark.slow
def test_processes_append_side_by_side(durable_place: "Place", root: Path) -> None:
    """Each event once, those of a process in their order."""
    _started(durable_place).close()
    workers = [_appender(durable_place, name, 60, root) for name in "abc"]
    for worker in workers:
        worker.communicate(timeout=60)
        assert worker.returncode == 0

    _check_streams(_all(durable_place.open()).events, dict.fromkeys("abc", 60))


def _kill_in_a_loop(place: "Place", root: Path, n_kills: int) -> None:
    """Kill an appender n times at a random moment; compare what it said with what is there."""
    _started(place).close()
    world, n_there = Random(n_kills), 0
    for _ in range(n_kills):
        worker = _appender(place, "a", 1_000_000, root)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        for _ in range(world.randrange(1, 30)):
            worker.stdout.readline()
        worker.kill()
        rest = worker.stdout.read().splitlines()
        worker.wait()
        worker.stdout.close()
        events = _all(place.open()).events
        _check_streams(events, {"a": len(events)})
        # The line that says so may be cut, and the last event may be stored and not yet said.
        said = [int(line) for line in rest[:-1]]
        assert len(events) >= (max(said) + 1 if said else n_there)
        assert len(events) > n_there
        n_there = len(events)


def test_a_kill_loses_nothing_that_was_acknowledged(durable_place: "Place", root: Path) -> None:
    """kill -9 at any moment; the next process goes on from there."""
    _kill_in_a_loop(durable_place, root, 2)


@pytest.mark.slow
def test_many_kills_lose_nothing_that_was_acknowledged(durable_place: "Place", root: Path) -> None:
    """The same, 25 times."""
    _kill_in_a_loop(durable_place, root, 25)
