"""The thread that looks after a state."""

import gc
import logging
import os
import sys
import threading
import weakref

import pytest

from tracetier.route.state import background as module
from tracetier.route.state.background import Background


class _Tended:
    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.n = 0
        self.is_enough = threading.Event()

    def tend(self) -> bool:
        self.n += 1
        if self.n == 3:
            self.is_enough.set()
        if self.fails:
            raise KeyError("a mistake of ours")
        return True

    def settle(self) -> None:
        """Nothing waits."""


def test_it_is_tended_until_it_is_stopped() -> None:
    """Again and again; not after that."""
    tended = _Tended()
    background = Background(tended, lambda: 0.001)
    assert tended.is_enough.wait(60)
    background.stop()
    n = tended.n
    background.stop()

    assert tended.n == n
    assert not background._thread.is_alive()


def test_one_that_is_rung_for_comes_at_once() -> None:
    """However long it would have waited."""
    tended = _Tended()
    background = Background(tended, lambda: 1e6)
    while not tended.is_enough.wait(0.001):
        background.ring()
    background.stop()

    assert tended.n >= 3
    assert not background._thread.is_alive()


def test_it_does_not_come_sooner_where_the_store_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next try keeps its time, whoever rings; the end comes at once."""
    monkeypatch.setattr(module, "_SLOWEST_S", 1e6)
    tended = _Tended(fails=True)
    background = Background(tended, lambda: 1e6)
    background.ring()
    while tended.n < 1:
        background._thread.join(0.001)
    background.ring()
    background._thread.join(0.05)
    n = tended.n
    background.stop()

    assert n == 1
    assert not background._thread.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_it_stands_back_behind_those_who_answer() -> None:
    """Its thread alone."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    tended = _Tended()
    background = Background(tended, lambda: 0.001)
    assert tended.is_enough.wait(60)
    thread = background._thread.native_id
    assert thread is not None
    niceness = os.getpriority(os.PRIO_PROCESS, thread)
    background.stop()

    assert niceness == min(19, own + 5)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_what_nobody_has_any_more_is_let_go() -> None:
    """The thread keeps nothing alive, and ends by itself."""
    tended = _Tended()
    background = Background(tended, lambda: 0.001)
    assert tended.is_enough.wait(60)
    gone = weakref.ref(tended)
    del tended
    background._thread.join(60)
    gc.collect()

    assert gone() is None
    assert not background._thread.is_alive()


def test_a_mistake_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    """It is written down, and tending goes on: else no later decision would be stored."""
    tended = _Tended(fails=True)
    with caplog.at_level(logging.ERROR, "tracetier.route"):
        background = Background(tended, lambda: 0.001)
        assert tended.is_enough.wait(60)
        background.stop()

    assert "a mistake of ours" in caplog.text
