"""Workers that do not start: the end of a service that never served, and of no other."""

import threading
from itertools import pairwise
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
