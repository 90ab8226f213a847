"""The thread that looks after a state."""

import gc
import threading
import weakref

from tracetier.route.state.background import Background


class _Tended:
    def __init__(self, *, answers: bool = True) -> None:
        self.answers = answers
        self.n = 0
        self.is_enough = threading.Event()

    def tend(self) -> bool:
        self.n += 1
        if self.n == 3:
            self.is_enough.set()
        return self.answers

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
