"""Counts of workers that died: one sum, which stays, and one file, however many died."""

import os
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
