"""Counts of workers that died: one sum, which stays, and one file, however many died."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from tracetier.serve.dead_counts import without_dead

_Numbers: Any = MmapedDict  # the library tells no types


def _dead() -> int:
    """Return the id of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def _write(folder: Path, pid: int, n: float) -> None:
    """Have a process count n requests, n values in a bucket, and stand at n."""
    for file, name, sample, labels in (
        ("counter", "hits", "hits_total", {"route": "/a"}),
        ("histogram", "seconds", "seconds_bucket", {"le": "1.0"}),
        ("gauge_livesum", "queued", "queued", {}),
        ("gauge_max", "since", "since", {}),
    ):
        values: Any = _Numbers(str(folder / f"{file}_{pid}.db"))
        key = mmap_key(name, sample, list(labels), list(labels.values()), "Some.")
        values.write_value(key, n, 0.0)
        values.close()


def _page(folder: Path) -> dict[str, float]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    lines = generate_latest(registry).decode().splitlines()
    return {k: float(v) for k, _, v in (line.rpartition(" ") for line in lines if line[0] != "#")}


@pytest.mark.parametrize("times", [1, 2])
def test_what_the_dead_counted_stays_in_one_file(tmp_path: Path, times: int) -> None:
    """2 and 3 and 4 of the dead beside 5 of one that lives, whether asked once or again."""
    _write(tmp_path, os.getpid(), 5.0)
    found: dict[str, float] = {}
    for n in (2.0, 3.0, 4.0):
        _write(tmp_path, _dead(), n)
        for _ in range(times):
            with without_dead(tmp_path):
                found = _page(tmp_path)

    assert found['hits_total{route="/a"}'] == 14.0
    assert found['seconds_bucket{le="1.0"}'] == 14.0
    names = sorted(path.name for path in tmp_path.glob("*.db"))
    mine = [f"{kind}_{os.getpid()}.db" for kind in ("counter", "gauge_livesum", "gauge_max")]
    assert names == sorted(["counter_0.db", "histogram_0.db", f"histogram_{os.getpid()}.db", *mine])


def test_gauges_of_the_dead_are_of_what_was_then(tmp_path: Path) -> None:
    """Nothing waits in a process that is no more."""
    _write(tmp_path, os.getpid(), 5.0)
    _write(tmp_path, _dead(), 7.0)

    with without_dead(tmp_path):
        found = _page(tmp_path)

    assert (found["queued"], found["since"]) == (5.0, 5.0)


_STEPS = [(shutil, "copyfile"), (_Numbers, "close"), (Path, "replace"), (Path, "unlink")]


@pytest.mark.parametrize(("owner", "name"), _STEPS)
@pytest.mark.parametrize("is_before", [True, False])
@pytest.mark.parametrize("nth", [1, 2])
def test_nothing_counts_twice_whenever_one_that_sums_is_killed(
    tmp_path: Path, owner: Any, name: str, is_before: bool, nth: int
) -> None:
    """Before or after any of its steps; the page is 5 of the sums, and 2 more or, at worst, not."""
    _write(tmp_path, _dead(), 5.0)
    with without_dead(tmp_path):
        pass
    _write(tmp_path, _dead(), 2.0)
    real, calls = getattr(owner, name), 0

    def step(*args: Any, **given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and is_before:
            os.kill(os.getpid(), signal.SIGKILL)
        made = real(*args, **given)
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    pid = os.fork()
    if pid == 0:
        setattr(owner, name, step)
        with without_dead(tmp_path):
            os._exit(0)
    os.waitpid(pid, 0)

    with without_dead(tmp_path):
        found = _page(tmp_path)
    assert found['hits_total{route="/a"}'] in (5.0, 7.0)
    assert found['seconds_bucket{le="1.0"}'] in (5.0, 7.0)
    _write(tmp_path, _dead(), 1.0)
    with without_dead(tmp_path):
        again = _page(tmp_path)
    assert again['hits_total{route="/a"}'] == found['hits_total{route="/a"}'] + 1.0


@pytest.mark.parametrize("torn", ["empty", "short", "long"])
def test_a_broken_file_of_a_dead_process_costs_its_counts_and_no_page(
    tmp_path: Path, torn: str
) -> None:
    """As of a process that was killed as it began, or of a disk that was full."""
    _write(tmp_path, _dead(), 5.0)
    with without_dead(tmp_path):
        pass
    pid = _dead()
    _write(tmp_path, pid, 2.0)
    path = tmp_path / f"counter_{pid}.db"
    whole = path.read_bytes()
    key_length = (1 << 20).to_bytes(4, sys.byteorder)
    path.write_bytes(
        {"empty": b"", "short": whole[:30], "long": whole[:8] + key_length + whole[12:]}[torn]
    )

    with without_dead(tmp_path):
        found = _page(tmp_path)

    assert not path.exists()
    assert found['hits_total{route="/a"}'] == 5.0
    assert found['seconds_bucket{le="1.0"}'] == 7.0
