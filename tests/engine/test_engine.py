"""A function over items: the same results in the same order wherever it runs."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest

from tracetier.engine import local
from tracetier.engine.engine import Here, engine_named, windowed
from tracetier.engine.local import Processes
from tracetier.errors import SettingsError, WorkError


def spell(item: int) -> Iterator[str]:
    """Yield an item as often as it says."""
    for i in range(item):
        yield f"{item}.{i}"


def own_pid(item: int) -> Iterator[int]:
    """Yield the number of the process."""
    yield os.getpid()


def leave_sign(path: Path) -> Iterator[str]:
    """Make a file."""
    path.touch()
    yield "done"


def die(item: int) -> Iterator[int]:
    """End the process as the kernel does where memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)
    yield item


ITEMS = (2, 0, 3, 1)
SPELT = ["2.0", "2.1", "3.0", "3.1", "3.2", "1.0"]


def spelt_by(name: str, jobs: int = 1) -> list[str]:
    """Return what an engine makes of the items."""
    with closing(engine_named(name, jobs=jobs)) as engine:
        return list(engine.stream(spell, ITEMS))


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(jobs: int) -> None:
    """One process and two."""
    assert spelt_by("local", jobs=jobs) == SPELT


def test_here_nothing_is_computed_before_it_is_taken() -> None:
    """So that one large file needs no more memory than a batch of it."""
    taken: list[int] = []

    def note(item: int) -> Iterator[int]:
        for i in range(item):
            taken.append(i)
            yield i

    stream = Here().stream(note, [3])
    assert taken == []
    next(stream)
    assert taken == [0]


def test_a_window_holds_no_more_than_its_width() -> None:
    """It is full before anything is taken, however slowly that is; the rest is cancelled."""
    submitted: list[Future[int]] = []

    def submit(item: int) -> Future[int]:
        submitted.append(Future())
        if item < 5:
            submitted[-1].set_result(item)
        return submitted[-1]

    stream = windowed(submit, range(10), width=3)

    assert len(submitted) == 3
    assert [next(stream).result(), next(stream).result()] == [0, 1]
    assert len(submitted) == 4
    assert [next(stream).result() for _ in range(3)] == [2, 3, 4]
    stream.close()
    assert [future.cancelled() for future in submitted] == [False] * 5 + [True] * 2


@pytest.mark.parametrize("is_forking", [False, True])
def test_streams_of_one_engine_share_its_processes(
    is_forking: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is closed, however they were started."""
    monkeypatch.setattr(local, "_may_fork", lambda: is_forking)
    with closing(Processes(2)) as engine:
        first = set(engine.stream(own_pid, range(8)))
        second = set(engine.stream(own_pid, range(8)))
    assert len(first | second) <= 2
    assert os.getpid() not in first | second


def test_a_fork_is_for_one_thread_only() -> None:
    """Beside another thread processes start afresh."""
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        assert not local._may_fork()
    finally:
        stop.set()
        other.join()


def test_a_process_that_is_ended_is_told_with_the_mend() -> None:
    """It is not replaced beside the pool's own threads."""
    with closing(Processes(2)) as engine, pytest.raises(WorkError, match="give fewer --jobs"):
        list(engine.stream(die, [1, 2]))


def test_a_pool_that_was_ended_earlier_is_told_too() -> None:
    """The first items of a stream are handed over before anything is taken from it."""
    with closing(Processes(2)) as engine:
        with pytest.raises(WorkError, match="give fewer --jobs"):
            list(engine.stream(die, [1, 2]))
        with pytest.raises(WorkError, match="give fewer --jobs"):
            engine.stream(own_pid, [1, 2])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dsk://a:1", r"unknown engine 'dsk://a:1'; did you mean dask\? Known are local, dask://"),
        ("ray", "unknown engine 'ray'; Known are local"),
        ("dask://somewhere", "names no scheduler; give dask://HOST:PORT"),
        ("dask://a:port", "names no scheduler; give dask://HOST:PORT"),
        ("dask://local?workers=0", "give dask://local.workers=N with N >= 1"),
        ("dask://local?threads=2", "is not understood"),
    ],
)
def test_a_name_that_is_none_is_told_with_the_mend(name: str, told: str) -> None:
    """Before any file is read."""
    with pytest.raises(SettingsError, match=told):
        engine_named(name)


def test_jobs_below_one_are_refused() -> None:
    """By the number given."""
    with pytest.raises(SettingsError, match="jobs is 0, must be at least 1"):
        engine_named(jobs=0)


def test_a_missing_library_is_told_with_its_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra's name, to be copied."""
    monkeypatch.setitem(sys.modules, "distributed", None)

    with pytest.raises(SettingsError, match=r'pip install "tracetier\[dask\]"'):
        spelt_by("dask://127.0.0.1:8786")


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port on which nobody listens."""
    pytest.importorskip("distributed")
    from tracetier.engine import dask

    monkeypatch.setattr(dask, "_REACH_S", 0.2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        SettingsError, match=rf"no Dask scheduler answers at tcp://127.0.0.1:{port}"
    ):
        spelt_by(f"dask://127.0.0.1:{port}")


@pytest.mark.slow
def test_a_cluster_of_this_machine_gives_the_same() -> None:
    """Two workers, started and ended for it."""
    pytest.importorskip("distributed")

    assert spelt_by("dask://local?workers=2") == SPELT


@pytest.mark.slow
def test_a_scheduler_s_workers_give_the_same_and_none_is_told() -> None:
    """By its address; without a worker nothing would ever come."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, memory_limit=0
    ) as cluster:
        name = cluster.scheduler_address.replace("tcp://", "dask://")
        assert spelt_by(name) == SPELT
        cluster.scale(0)
        with distributed.Client(cluster) as client:
            while client.scheduler_info()["workers"]:
                pass
            with pytest.raises(SettingsError, match="has no workers; start some with `dask worker"):
                spelt_by(name)


def test_processes_begin_before_anything_is_taken(tmp_path: Path) -> None:
    """So that this one may do its own share meanwhile."""
    begun = tmp_path / "begun"
    with closing(engine_named(jobs=2)) as engine:
        stream = engine.stream(leave_sign, [begun])
        end = time.monotonic() + 120  # only where they never begin
        while not begun.exists() and time.monotonic() < end:
            time.sleep(0.005)
        assert begun.exists()
        assert list(stream) == ["done"]
