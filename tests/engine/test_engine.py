"""A function over items: the same results in the same order wherever it runs."""

import socket
import sys
from collections.abc import Iterator

import pytest

from tracetier.engine.engine import Here, engine_named, windowed
from tracetier.errors import SettingsError


def spell(item: int) -> Iterator[str]:
    """Yield an item as often as it says."""
    for i in range(item):
        yield f"{item}.{i}"


ITEMS = (2, 0, 3, 1)
SPELT = ["2.0", "2.1", "3.0", "3.1", "3.2", "1.0"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(jobs: int) -> None:
    """One process and two."""
    assert list(engine_named("local", jobs=jobs).stream(spell, ITEMS)) == SPELT


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
    """However slowly results are taken."""
    submitted: list[int] = []

    def submit(item: int) -> int:
        submitted.append(item)
        return item

    stream = windowed(submit, range(10), width=3)

    assert submitted == []
    assert [next(stream), next(stream)] == [0, 1]
    assert submitted == [0, 1, 2, 3]
    assert list(stream) == list(range(2, 10))


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
        list(engine_named("dask://127.0.0.1:8786").stream(spell, ITEMS))


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
        list(engine_named(f"dask://127.0.0.1:{port}").stream(spell, ITEMS))


@pytest.mark.slow
def test_a_cluster_of_this_machine_gives_the_same() -> None:
    """Two workers, started and ended for it."""
    pytest.importorskip("distributed")

    assert list(engine_named("dask://local?workers=2").stream(spell, ITEMS)) == SPELT


@pytest.mark.slow
def test_a_scheduler_s_workers_give_the_same_and_none_is_told() -> None:
    """By its address; without a worker nothing would ever come."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, memory_limit=0
    ) as cluster:
        name = cluster.scheduler_address.replace("tcp://", "dask://")
        assert list(engine_named(name).stream(spell, ITEMS)) == SPELT
        cluster.scale(0)
        with distributed.Client(cluster) as client:
            while client.scheduler_info()["workers"]:
                pass
            with pytest.raises(SettingsError, match="has no workers; start some with `dask worker"):
                list(engine_named(name).stream(spell, ITEMS))
