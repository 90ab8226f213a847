"""Workers that do not start: the end of a service that never served, and of no other."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tracetier.serve.supervisor import FIRST_WAIT_S, MOST_WAIT_S, Supervisor

FAILED = 3
"""Exit code by which the web server's supervisor knows that a worker failed before it served."""


class _Process:
    """A worker that starts, or does not."""

    fails = False

    def __init__(self, *given: Any) -> None:
        self.exitcode: int | None = None
        self.pid = 7

    def start(self) -> None:
        self.exitcode = FAILED if _Process.fails else None

    def is_alive(self, timeout: float) -> bool:
        return self.exitcode is None

    def is_ready(self, timeout: float) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        self.exitcode = -9 if self.exitcode is None else self.exitcode

    def terminate(self) -> None:
        self.exitcode = 0

    def join(self) -> None: ...


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return one with two workers that were just started; it takes no signals."""
    monkeypatch.setattr("uvicorn.supervisors.multiprocess.Process", _Process)
    monkeypatch.setattr(_Process, "fails", False)
    made: Any = Supervisor.__new__(Supervisor)
    made.config, made.sockets = SimpleNamespace(timeout_worker_healthcheck=1.0), []
    made.should_exit, made.processes, made.processes_num = threading.Event(), [], 2
    made.now_s = 100.0
    made.clock = lambda: made.now_s
    made.init_processes()
    return made


def test_a_service_whose_first_workers_fail_ends(supervisor: Any) -> None:
    """They would fail again."""
    supervisor.processes[1].exitcode = FAILED

    supervisor.keep_subprocess_alive()

    assert supervisor.should_exit.is_set()
    assert supervisor.has_failed


def test_a_worker_that_dies_is_replaced_at_once(supervisor: Any) -> None:
    """As the web server does it."""
    supervisor.keep_subprocess_alive()
    supervisor.processes[0].exitcode = -9

    supervisor.keep_subprocess_alive()

    assert [each.exitcode for each in supervisor.processes] == [None, None]


def test_a_later_worker_that_fails_is_tried_again_while_the_other_serves(supervisor: Any) -> None:
    """After a second, after two more, ...; then all is as before."""
    supervisor.keep_subprocess_alive()
    first, second = supervisor.processes
    _Process.fails = True
    second.exitcode = -9
    tries = []
    for _ in range(2 * 127):
        n = len(supervisor.processes)
        supervisor.keep_subprocess_alive()
        if len(supervisor.processes) < n:
            tries.append(supervisor.now_s)
        assert not supervisor.should_exit.is_set()
        assert supervisor.processes[0] is first
        supervisor.now_s += 0.5

    waits = [b - a for a, b in pairwise(tries)]
    assert waits[0] == pytest.approx(FIRST_WAIT_S, abs=1.0)
    assert all(b >= a for a, b in pairwise(waits))
    assert waits[-1] == pytest.approx(MOST_WAIT_S, abs=1.0)

    _Process.fails = False
    supervisor.now_s += MOST_WAIT_S
    for _ in range(2):
        supervisor.keep_subprocess_alive()
    assert [each.exitcode for each in supervisor.processes] == [None, None]
    assert supervisor._wait_s == FIRST_WAIT_S


def test_one_that_is_told_to_end_starts_nobody(supervisor: Any) -> None:
    """Not even in place of one that died."""
    supervisor.keep_subprocess_alive()
    supervisor.processes[0].exitcode = FAILED
    supervisor.should_exit.set()

    supervisor.keep_subprocess_alive()

    assert supervisor.processes[0].exitcode == FAILED
    assert supervisor.should_exit.is_set()
    assert not supervisor.has_failed


def test_fewer_workers_are_those_that_serve(supervisor: Any) -> None:
    """One that is out goes first; the last one stays, and none is tried again in vain."""
    supervisor.keep_subprocess_alive()
    first, second = supervisor.processes
    _Process.fails = True
    second.exitcode = -9
    for _ in range(2):
        supervisor.keep_subprocess_alive()
    assert supervisor.processes == [first]

    for _ in range(2):
        supervisor.handle_ttou()

    assert supervisor.processes == [first]
    assert first.exitcode is None
    assert supervisor.processes_num == 1


def test_one_worker_is_left_to_try_where_none_serves(supervisor: Any) -> None:
    """There is no process to end, and that is no error."""
    supervisor.processes = []

    for _ in range(3):
        supervisor.handle_ttou()

    assert supervisor.processes_num == 1


def test_fewer_workers_where_all_serve(supervisor: Any) -> None:
    """As the web server does it."""
    first, second = supervisor.processes

    supervisor.handle_ttou()

    assert supervisor.processes == [first]
    assert second.exitcode == 0
    assert supervisor.processes_num == 1


_SCRIPT = """
import os, sys
from pathlib import Path
from tracetier.serve import run, supervisor

build = run.build_app

def build_or_fail(config):
    with open("starts", "a") as starts:
        starts.write(f"{os.getpid()}\\n")
    if Path("broken").exists():
        raise RuntimeError("s3cret")
    return build(config)

run.build_app = build_or_fail  # in the workers too, as each runs this first

if __name__ == "__main__":
    turn = supervisor.Supervisor.keep_subprocess_alive

    def turn_and_tell(self):
        turn(self)
        if self._has_served:
            Path("served").touch()

    supervisor.Supervisor.keep_subprocess_alive = turn_and_tell
    config = run.ServeConfig(artifact=sys.argv[1], port=0, workers=2, state="sqlite://state.db")
    with run.listen(config) as listening:
        run.serve(config, listening)
"""
"""A service whose workers fail, by an error of no particular kind, while the file is there."""


@pytest.fixture
def started(golden: Path, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Return a starter of a real service that writes into the folder; it ends with the test."""
    running = []
    (tmp_path / "script.py").write_text(_SCRIPT)
    root = Path(__file__).parents[2]

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "text").open("wb") as text:
            process = subprocess.Popen(
                [sys.executable, "script.py", str(golden)],
                cwd=tmp_path,
                stdout=text,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": str(root / "pipeline")},
            )
        running.append(process)
        return process

    yield start
    for process in running:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_a_real_worker_that_fails_in_whatever_way_is_tried_again_after_a_while(
    started: Callable[[], subprocess.Popen[bytes]], tmp_path: Path, eventually: Callable[..., bool]
) -> None:
    """Each time told without the error's message; once it can start, it serves."""

    def starts() -> list[str]:
        return (tmp_path / "starts").read_text().split()

    def failures() -> int:
        return (tmp_path / "text").read_text().count("a worker did not start")

    process = started()
    assert eventually((tmp_path / "served").exists, within_s=60)
    (tmp_path / "broken").touch()
    os.kill(int(starts()[0]), signal.SIGKILL)

    assert eventually(lambda: failures() == 3, within_s=60)
    assert len(starts()) == 2 + 3
    assert process.poll() is None
    (tmp_path / "broken").unlink()
    assert eventually(lambda: len(starts()) == 2 + 3 + 1, within_s=60)
    process.terminate()
    assert process.wait(60) == 0
    text = (tmp_path / "text").read_text()
    assert text.count("a worker could not start") == 3
    assert "error=RuntimeError" in text
    assert "s3cret" not in text


@pytest.mark.slow
def test_a_real_service_whose_first_workers_fail_in_whatever_way_ends(
    started: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """With an error, not as one that was told to end."""
    (tmp_path / "broken").touch()

    assert started().wait(60) == 1

    assert len((tmp_path / "starts").read_text().split()) <= 2
    assert "ServiceError: a worker did not start" in (tmp_path / "text").read_text()
