"""A disk that fills up: what was acknowledged stays, the rest is refused, and room mends it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracetier.errors import StorageError
from tracetier.records import Task
from tracetier.route.offline import snapshot_of_state
from tracetier.route.router import Router
from tracetier.route.state.store import open_state

Maker = Callable[..., Router]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no small file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"no small file system can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("name", ["s.json", "s.db"])
def test_a_full_disk_refuses_reports_and_loses_none(
    small_disk: Path, make_router: Maker, name: str
) -> None:
    """It fills while reports come in; room is made; the refused ones are given again."""
    ballast, path = small_disk / "ballast", small_disk / name
    router = make_router(state=path)
    refused, n_stored = [], 0
    router.feedback(router.route(Task(task_type="edit")).decision_id, quality=5.0)
    free = os.statvfs(small_disk)
    ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 40_960)))
    n_stored = 1
    for _ in range(3000):
        decision_id = router.route(Task(task_type="edit")).decision_id
        try:
            router.feedback(decision_id, quality=5.0, cost_usd=0.01)
            n_stored += 1
        except StorageError:
            refused.append(decision_id)
            if len(refused) == 3:
                break
    assert len(refused) == 3
    assert not router.health().is_ok
    assert "make room" in str(router.health().reason)
    assert router.route(Task(task_type="edit")).tier
    assert snapshot_of_state(path).counts.feedback == n_stored

    ballast.unlink()
    for decision_id in refused:
        assert router.feedback(decision_id, quality=5.0, cost_usd=0.01)
    assert router.health().is_ok
    router.close()

    counts = snapshot_of_state(path).counts
    assert (counts.feedback, counts.duplicates) == (n_stored + 3, 0)
    assert counts.decisions == n_stored + 4


_FILL = """
import resource, sys
from tracetier.errors import StorageError
from tracetier.route.event import Reported
from tracetier.route.state.mark import Mark
from tracetier.route.state.store import open_state

store = open_state(sys.argv[1])
store.replace(b'{"format": 2, "epoch": "e", "position": 0}', Mark("e", 0), expected=None)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
n = 0
try:
    while n < 20_000:
        store.append([Reported("d", None, float(n), 0.0)] * 50, Mark("e", n), durable=False)
        n += 50
except StorageError:
    print(n)
"""


@pytest.mark.parametrize("name", ["s.json", "s.db"])
def test_a_file_that_may_not_grow_keeps_what_was_taken(
    tmp_path: Path, root: Path, name: str
) -> None:
    """By a limit of the process, which needs no rights: all of an append is there, or nothing."""
    path = tmp_path / name
    done = subprocess.run(
        [sys.executable, "-c", _FILL, str(path)],
        env=os.environ | {"PYTHONPATH": str(root / "pipeline")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    stored: Any = open_state(path).load()

    assert 0 < len(stored.events) == int(done.stdout)
    assert [event.cost_usd for event in stored.events[::50]] == [
        float(n) for n in range(0, len(stored.events), 50)
    ]
